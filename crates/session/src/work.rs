//! What a use case works with.

use crate::docker::Engine;
use crate::find::{self, Session};
use crate::machine::lock::Lock;
use crate::machine::process::interrupt::Interrupt;
use crate::notice::Notices;

/// A session, and all that it takes to do something about it.
#[derive(Debug)]
pub struct Work {
    /// The session.
    pub session: Session,
    /// The Engine that has it.
    pub engine: Engine,
    /// What ends the work early: kept until somebody acts on the result, as no signal may be lost in between.
    pub interrupt: Interrupt,
    /// Where what happens meanwhile is told.
    pub notices: Notices,
}

impl Work {
    /// Takes the session's lock, under which alone something of it is made, changed or removed.
    ///
    /// # Errors
    /// A signal came, or the lock cannot be made.
    pub fn lock(&self) -> anyhow::Result<Lock> {
        find::lock(&self.session.id, &self.interrupt, || {
            self.notices.detail("another prism is starting this session: waiting for it");
        })
    }
}
