//! The end of a session for one command.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use domain::failure::Failure;
use domain::identity::name::{SessionId, Suffix};

use crate::docker::Engine;
use crate::end::remove::{Remains, Volumes};
use crate::find::ephemeral::PROCESS;
use crate::find::{Session, lock_name};
use crate::machine::lock::{self, Lock};
use crate::machine::process::identity;

/// So often nothing new is to be seen before nobody is believed to make anything, and how long after one another. Looks,
/// not seconds: a busy Engine takes longer for both.
const QUIET_LOOKS: u32 = 30;
const QUIET_POLL: Duration = Duration::from_millis(50);

/// After so long, what is there cannot be removed at all.
const PATIENCE: Duration = Duration::from_secs(15);

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
        std::thread::park_timeout(crate::find::LOCK_POLL);
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
