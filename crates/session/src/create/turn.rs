//! One `create` at a time for each place.

use std::fs;
use std::path::{Path, PathBuf};

use domain::text::hash::short_hash;

use crate::find::LOCK_POLL;
use crate::machine::lock::{self, Lock};
use crate::machine::process::identity;
use crate::machine::process::interrupt::Interrupt;
use crate::notice::Notices;

/// The sole right to create at one place, for as long as it lives.
#[derive(Debug)]
pub struct Turn {
    /// Names the setup command that runs.
    pub(super) setup: PathBuf,
    _lock: Lock,
}

impl Turn {
    /// Waits until no other `create` is at work at this place, nor a setup command that a killed one left.
    pub(super) fn wait(place: &Path, notices: Notices, interrupt: &Interrupt) -> anyhow::Result<Self> {
        let turn = Self::take(place, notices, interrupt)?;
        let mut told = false;
        while fs::read_to_string(&turn.setup).is_ok_and(|process| identity::is_running(&process)) {
            if !std::mem::replace(&mut told, true) {
                notices.note("waiting for a setup command that an interrupted `prism create` left");
            }
            interrupt.pause(LOCK_POLL)?;
        }
        Ok(turn)
    }

    /// Waits until no `create` is at work at this place.
    pub fn take(place: &Path, notices: Notices, interrupt: &Interrupt) -> anyhow::Result<Self> {
        let name = format!("create-{}", short_hash(place.as_os_str().as_encoded_bytes()));
        let mut told = false;
        let lock = Lock::acquire(&name, || {
            if !std::mem::replace(&mut told, true) {
                notices.note("waiting for another `prism create` of the same");
            }
            Ok(interrupt.pause(LOCK_POLL)?)
        })?;
        Ok(Self { setup: lock::directory()?.join(format!("{name}.setup")), _lock: lock })
    }
}
