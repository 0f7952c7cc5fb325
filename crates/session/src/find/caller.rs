//! Who calls: from where, and with what.

use std::path::{Path, PathBuf};

use domain::environment::{Environment, scrubbed};
use domain::failure::Failure;
use domain::shell::original::original;

use crate::compose::anchored;
use crate::docker;

/// Who calls. Nothing below reads the working directory or the environment of the process: a server has many callers.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The working directory, if it can be read.
    pub directory: Option<PathBuf>,
    /// The environment as it was before any prism, for what Compose reads.
    pub environment: Environment,
    /// The environment without anything that an outer prism set, for a command. What a hook replaced stays away.
    pub own: Environment,
    /// The session of the command that calls, as `PRISM_SESSION` names it.
    pub session: Option<String>,
}

impl Caller {
    /// Takes a working directory and an environment as a process has them.
    pub fn new(directory: Option<PathBuf>, whole: Environment) -> Self {
        let session = whole.iter().find(|(name, _)| name == "PRISM_SESSION");
        let session = session.and_then(|(_, value)| value.to_str()).map(str::to_owned);
        let environment = original(whole.clone());
        let environment = match &directory {
            Some(here) => anchored(environment, here),
            None => environment,
        };
        Self { directory, environment, own: scrubbed(whole), session }
    }

    /// Returns the working directory.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn here(&self) -> Result<&Path, Failure> {
        self.directory.as_deref().ok_or_else(|| {
            Failure::new("the working directory cannot be read")
                .hint("it may have been removed: `cd` elsewhere")
        })
    }

    /// Names this user on this machine, as labels do.
    pub fn owner(&self) -> String {
        docker::owner_at(self.directory.as_deref().unwrap_or(Path::new("")))
    }
}
