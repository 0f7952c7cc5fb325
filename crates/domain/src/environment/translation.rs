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

pub use self::answer::{Answer, answers, apply, untold};
pub use self::beside::is_of_another;
pub use self::target::{LeftAlone, Targets, is_of_origins, is_of_server};
