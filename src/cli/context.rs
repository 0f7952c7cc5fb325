//! What every verb begins with: the caller's environment, the Engine, the session of a directory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::docker::{Endpoint, Engine};
use crate::domain::container::{Container, without_twins};
use crate::domain::environment::{Environment, scrubbed};
use crate::domain::header::Header;
use crate::domain::name::{ServiceName, SessionId};
use crate::error::{self, Failure, Kind};
use crate::lock::Lock;
use crate::output::Output;
use crate::session::up::{self, Options};
use crate::session::{self, Session, warm};

/// What a verb works with.
#[derive(Debug)]
pub(super) struct Context {
    /// Where it speaks.
    pub(super) output: Output,
    /// The environment without anything that an outer prism set.
    pub(super) environment: Environment,
}

/// A session by its directory, whether or not that still has a Compose file, or exists at all.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) directory: PathBuf,
    pub(super) id: SessionId,
}

/// A session as it is, without starting anything.
#[derive(Debug)]
pub(super) struct Present {
    pub(super) session: Session,
    pub(super) endpoint: Endpoint,
    pub(super) engine: Engine,
    pub(super) header: Option<Header>,
    pub(super) containers: Vec<Container>,
}

impl Context {
    pub(super) fn new(output: Output) -> Self {
        Self { output, environment: scrubbed(std::env::vars_os().collect()) }
    }

    /// Finds the Engine.
    pub(super) fn engine(&self) -> anyhow::Result<(Endpoint, Engine)> {
        let endpoint = Endpoint::discover(&self.environment)?;
        let engine = Engine::new(&endpoint)?;
        Ok((endpoint, engine))
    }

    /// Finds the session of the working directory.
    pub(super) fn session(&self, endpoint: &Endpoint) -> anyhow::Result<Session> {
        Session::find(endpoint, self.environment.clone())
    }

    /// Finds a session that has containers.
    ///
    /// # Errors
    /// [`Kind::NoSession`] if it has none.
    pub(super) fn present(self) -> anyhow::Result<Present> {
        let (endpoint, mut engine) = self.engine()?;
        let session = self.session(&endpoint)?;
        let containers = without_twins(engine.session(&session.id)?);
        if containers.is_empty() {
            return Err(up::no_session(&session).into());
        }
        Ok(Present { header: warm::read_header(&session), session, endpoint, engine, containers })
    }

    /// Finds what a directory argument means: the session that it lies in, else itself.
    pub(super) fn target(&self, endpoint: &Endpoint, directory: Option<&Path>) -> anyhow::Result<Target> {
        if let Some(directory) = directory {
            if !directory.exists() {
                let absolute = std::path::absolute(directory)?;
                return Ok(Target { id: session_id(&absolute, endpoint)?, directory: absolute });
            }
            enter(directory)?;
        }
        match self.session(endpoint) {
            Ok(session) => Ok(Target { directory: session.path().to_path_buf(), id: session.id }),
            Err(error) if error::kind(&error) == Kind::NoProject => {
                let here = std::env::current_dir()?;
                Ok(Target { id: session_id(&here, endpoint)?, directory: here })
            }
            Err(error) => Err(error),
        }
    }
}

/// Makes a directory argument the working directory.
pub(super) fn enter(directory: &Path) -> anyhow::Result<()> {
    std::env::set_current_dir(directory).map_err(|error| {
        Failure::new(format!("cannot go to `{}`", directory.display()))
            .kind(Kind::Usage)
            .caused_by(error)
            .into()
    })
}

fn session_id(directory: &Path, endpoint: &Endpoint) -> anyhow::Result<SessionId> {
    let text = directory.to_str().ok_or_else(|| Failure::new("the directory's name is not UTF-8"))?;
    let machine = endpoint.shared.then(crate::docker::machine);
    Ok(SessionId::new(text, machine.as_deref()))
}

/// Takes a session's lock, waiting for whoever has it.
pub(super) fn lock(id: &SessionId, output: Output) -> anyhow::Result<Lock> {
    let mut told = false;
    Lock::acquire(&session::lock_name(id), || {
        if !std::mem::replace(&mut told, true) {
            output.note("waiting for another prism that works on this session");
        }
        std::thread::park_timeout(Duration::from_millis(50));
        Ok(())
    })
}

/// Builds the options of everything that starts a stack.
pub(super) fn options(output: Output, start: bool, services: &[String], wait_timeout: u64) -> Options {
    Options {
        start,
        selection: None,
        profiles: Vec::new(),
        services: services.iter().map(|name| ServiceName(name.clone())).collect(),
        wait_timeout: Duration::from_secs(wait_timeout),
        output,
    }
}
