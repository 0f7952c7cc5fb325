//! A session for one command: a stack of its own beside the directory's, removed with its volumes when that ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use domain::failure::{Failure, Kind};
use domain::identity::name::{SessionId, Suffix};

use super::remove::{Remains, Volumes};
use super::{Session, lock_name};
use crate::docker::Engine;
use crate::lock::{self, Lock};
use crate::process::identity;

/// The file that says for which process the session is.
const PROCESS: &str = "process";

/// So often nothing new is to be seen before nobody is believed to make anything, and how long after one another. Looks,
/// not seconds: a busy Engine takes longer for both.
const QUIET_LOOKS: u32 = 30;
const QUIET_POLL: Duration = Duration::from_millis(50);

/// After so long, what is there cannot be removed at all.
const PATIENCE: Duration = Duration::from_secs(15);

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

    /// Fails if this process was started for an ephemeral session that is gone, whosever: it means no other one.
    pub fn check_caller() -> Result<(), Failure> {
        let named = std::env::var("PRISM_SESSION").unwrap_or_default();
        let Some((directory, _)) = named.rsplit_once('+') else { return Ok(()) };
        Self::find(&SessionId::new(directory, None), &named).map(drop)
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
        .kind(Kind::NoSession)
        .hint("`unset PRISM_SESSION` first, if the directory's own session is meant")
}

/// Removes an ephemeral session whose start was cut short. The Engine ends what it is at, also when whoever asked for it
/// is gone: what appears now goes as well, until nothing did for a while.
pub fn remove_unfinished(engine: &mut Engine, session: &Session) -> anyhow::Result<()> {
    // Without that file, Compose was never told to make anything.
    if session.override_path().exists() {
        let began = Instant::now();
        let mut quiet = 0;
        while quiet < QUIET_LOOKS && began.elapsed() < PATIENCE {
            let remains = Remains::find(engine, &session.id)?;
            if remains.is_empty() {
                quiet += 1;
                engine.pause(QUIET_POLL);
            } else {
                // A network may get one more container right now: the next look finds that.
                let _ = remains.remove(engine, Volumes::All);
                quiet = 0;
            }
        }
    }
    match &session.ephemeral {
        Some(ephemeral) => remove(engine, &session.id, &ephemeral.suffix),
        None => Ok(()),
    }
}

/// Removes an ephemeral session with everything that was made for it.
pub fn remove(engine: &mut Engine, id: &SessionId, suffix: &Suffix) -> anyhow::Result<()> {
    let name = lock_name(id);
    let lock = Lock::acquire(&name, || {
        std::thread::park_timeout(super::LOCK_POLL);
        Ok(())
    })?;
    let kept = Remains::find(engine, id)?.remove(engine, Volumes::All)?;
    if let Some(kept) = kept.describe().next() {
        return Err(Failure::new(kept).hint("when that is gone: `prism prune`").into());
    }
    let directory = lock::directory()?;
    remove_scratch(&directory.join(suffix.as_str()))?;
    // Nobody else ever asks for it.
    let _ = fs::remove_file(directory.join(format!("{name}.lock")));
    drop(lock);
    Ok(())
}

/// Removes what ended processes left beside Docker: a session of which nothing was ever made has no more than that.
pub fn sweep() -> anyhow::Result<()> {
    for entry in fs::read_dir(lock::directory()?)?.filter_map(Result::ok) {
        if entry.file_name().to_str().and_then(Suffix::parse).is_none() {
            continue;
        }
        let scratch = entry.path();
        if fs::read_to_string(scratch.join(PROCESS)).is_ok_and(|process| identity::has_ended(&process)) {
            remove_scratch(&scratch)?;
        }
    }
    Ok(())
}

fn remove_scratch(scratch: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(scratch) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", scratch.display()))
        }
        _ => Ok(()),
    }
}
