//! What tests stand on: a hermetic sandbox, projects on the real Engine, and what a run of prism left behind.

pub mod dockerd;
pub mod engine;
pub mod live;
pub mod project;
pub mod proxy;
pub mod pruning;
pub mod run;
pub mod sandbox;
pub mod shell;
pub mod steps;
pub mod terminal;
pub mod without;

pub use self::dockerd::Dockerd;
pub use self::live::Live;
pub use self::project::{Project, WEB, docker};
pub use self::proxy::Proxy;
pub use self::pruning::Pruning;
pub use self::run::{Outcome, Run};
pub use self::sandbox::Sandbox;
pub use self::shell::Shell;
pub use self::steps::Steps;
pub use self::terminal::Terminal;
pub use self::without::without;

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
