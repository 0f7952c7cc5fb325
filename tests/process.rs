//! The child, and what prism is to it.

mod clock;
mod ephemeral;
mod exec;
mod fault;
mod fuzz;
pub mod interrupt;
mod limit;
mod localhost;
mod plain;
pub mod signal;

use crate::support::{Project, Run};

/// How prism runs a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It becomes the command.
    Exec,
    /// It supervises the command.
    Ephemeral,
}

/// Both.
pub const MODES: [Mode; 2] = [Mode::Exec, Mode::Ephemeral];

impl Mode {
    /// Prepares a run of a command.
    pub fn run(self, project: &Project, command: &[&str]) -> Run {
        project.prism(self.words()).args(&["--"]).args(command)
    }

    /// Its words on the command line.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Exec => &["exec"],
            Self::Ephemeral => &["exec", "--ephemeral"],
        }
    }
}
