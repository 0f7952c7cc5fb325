//! What tests stand on: a hermetic sandbox, projects on the real Engine, and what a run of prism left behind.

pub mod project;
pub mod run;
pub mod sandbox;

pub use self::project::{Project, docker};
pub use self::run::{Outcome, Run};
pub use self::sandbox::Sandbox;

use std::time::{Duration, Instant};

/// Polls until `condition` holds.
///
/// # Panics
/// It does not within 30 s.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "timed out: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
