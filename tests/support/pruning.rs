//! Who may prune when: `prism prune` takes every ended ephemeral session of this user, also another test's.

use std::fs::File;

use nix::fcntl::{Flock, FlockArg};

/// Says that one test prunes, or that no other may.
#[derive(Debug)]
#[must_use = "it holds as long as it is there"]
pub struct Pruning(#[expect(dead_code, reason = "unlocks when it is dropped")] Flock<File>);

impl Pruning {
    /// To be held while pruning: waits for those that leave sessions to be pruned.
    pub fn allowed() -> Self {
        Self::lock(FlockArg::LockShared)
    }

    /// To be held from before a session is left until it was looked at: meanwhile nobody else prunes.
    pub fn mine_alone() -> Self {
        Self::lock(FlockArg::LockExclusive)
    }

    fn lock(how: FlockArg) -> Self {
        let path = std::env::temp_dir().join(format!("prism-test-pruning-{}.lock", nix::unistd::getuid()));
        let file = File::options().create(true).append(true).open(path).expect("a lock file");
        Self(Flock::lock(file, how).map_err(|(_, error)| error).expect("a lock"))
    }
}
