//! What a project's own dotenv files say of this machine's ports, with the session's in their place: programs find their
//! database under the very names that they read.
//!
//! Readers of such files let the environment win, so that a name that is set there is what the program gets.

mod answer;
mod beside;
mod shell;
mod target;
#[cfg(test)]
mod tests;

pub use self::answer::{answers, apply, untold};
pub use self::beside::is_of_another;
pub use self::target::{LeftAlone, Targets, is_of_origins, is_of_server};
use crate::identity::name::ServiceName;
use crate::port::ContainerPort;

/// A variable that a line gives, and that leads to the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its name, in most cases the line's.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The line.
    pub place: String,
    /// The service; `None` for an app.
    pub service: Option<ServiceName>,
    /// The container port.
    pub port: Option<ContainerPort>,
    /// The ports that stood there, and those that stand there now.
    pub ports: Vec<(u16, u16)>,
}
