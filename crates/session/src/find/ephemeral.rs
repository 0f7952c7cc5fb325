//! A session for one command: a stack of its own beside the directory's, removed with its volumes when that ends.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use domain::failure::{Code, Failure};
use domain::identity::name::{SessionId, Suffix};

use crate::find::{Caller, Session};
use crate::machine::lock;
use crate::machine::process::identity;

/// The file that says for which process the session is.
pub(crate) const PROCESS: &str = "process";

/// What tells an ephemeral session from the directory's own.
#[derive(Debug, Clone)]
pub struct Ephemeral {
    /// The process that it is for, as the label `dev-prism.process` names it.
    pub process: String,
    /// What its identity ends with.
    pub suffix: Suffix,
    /// Where its override goes: several may run in one directory.
    pub scratch: PathBuf,
}

impl Session {
    /// Turns the directory's session into a new ephemeral one.
    pub fn into_ephemeral(self) -> anyhow::Result<Self> {
        let directory = lock::directory()?;
        let scratch = tempfile::Builder::new()
            .prefix(&format!("{}-", std::process::id()))
            .rand_bytes(Suffix::RANDOM)
            .tempdir_in(&directory)
            .with_context(|| format!("cannot make a directory in `{}`", directory.display()))?
            .keep();
        let process = identity::own();
        fs::write(scratch.join(PROCESS), &process)
            .with_context(|| format!("cannot write into `{}`", scratch.display()))?;
        let name = scratch.file_name().and_then(|name| name.to_str());
        let suffix = name.and_then(Suffix::parse).context("a scratch directory has a strange name")?;
        Ok(self.with(Ephemeral { process, suffix, scratch }))
    }

    /// Joins the ephemeral session that this process was started for, if `PRISM_SESSION` names one of this directory.
    ///
    /// # Errors
    /// It names one that is gone: the directory's own is not meant.
    pub(super) fn joined(self, named: Option<&str>) -> Result<Self, Failure> {
        Ok(match named.map(|named| Ephemeral::find(&self.id, named)).transpose()?.flatten() {
            Some(ephemeral) => self.with(ephemeral),
            None => self,
        })
    }

    fn with(mut self, ephemeral: Ephemeral) -> Self {
        self.id = ephemeral.id(&self.id);
        self.ephemeral = Some(ephemeral);
        self
    }
}

impl Ephemeral {
    /// Finds the ephemeral session `named` of a directory whose own session is `id`; `None` if that is another one's.
    ///
    /// # Errors
    /// It is gone: who was started for it means nothing else.
    pub fn find(id: &SessionId, named: &str) -> Result<Option<Self>, Failure> {
        let suffix = named.strip_prefix(id.as_str()).and_then(|rest| rest.strip_prefix('+'));
        let Some(suffix) = suffix.and_then(Suffix::parse) else { return Ok(None) };
        let scratch = lock::directory().map(|directory| directory.join(suffix.as_str()));
        let read = |scratch: &PathBuf| fs::read_to_string(scratch.join(PROCESS)).ok();
        match scratch.ok().and_then(|scratch| Some((read(&scratch)?, scratch))) {
            Some((process, scratch)) => Ok(Some(Self { process, suffix, scratch })),
            None => Err(is_gone(named)),
        }
    }

    /// Fails if the caller was started for an ephemeral session that is gone, whosever: it means no other one.
    pub fn check_caller(caller: &Caller) -> Result<(), Failure> {
        let named = caller.session.as_deref().unwrap_or_default();
        let Some((directory, _)) = named.rsplit_once('+') else { return Ok(()) };
        Self::find(&SessionId::new(directory, None), named).map(drop)
    }

    /// Returns its identity: the directory's, with a suffix.
    pub fn id(&self, directory: &SessionId) -> SessionId {
        directory.ephemeral(&self.suffix)
    }

    /// Fails if it was removed meanwhile: nothing may be started for it again.
    pub fn check(&self, id: &SessionId) -> Result<(), Failure> {
        if self.scratch.join(PROCESS).exists() { Ok(()) } else { Err(is_gone(id.as_str())) }
    }
}

fn is_gone(named: &str) -> Failure {
    Failure::new(format!("the ephemeral session `{named}`, for which this was started, is gone"))
        .code(Code::NoSession)
        .hint("`unset PRISM_SESSION` first, if the directory's own session is meant")
}
