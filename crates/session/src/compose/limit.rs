//! How many processes this user may have: Compose needs many, and says strange things where they are denied to it.

use std::fs;
use std::os::unix::fs::MetadataExt;

use domain::failure::Failure;
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::geteuid;

/// With fewer than these left, `docker compose` may not get to its end: each of its threads counts, and it has one for
/// nearly everything that it does at once.
const ENOUGH: u64 = 64;

/// Gives a failure of Compose another hint if there are too few processes left for it.
pub fn blame(failure: Failure) -> Failure {
    let limit = getrlimit(Resource::RLIMIT_NPROC).map_or(u64::MAX, |(soft, _)| soft);
    // It does not count for root.
    if geteuid().is_root() || !is_short(limit, running) {
        return failure;
    }
    let hint = format!(
        "end some processes, or allow more: `ulimit -u` is {limit}, and Docker Compose needs some {ENOUGH} for itself"
    );
    failure.hint_there(hint.clone()).hint(hint)
}

/// Where nobody tells how many run, only a limit that is too low for Compose alone is known to be short.
fn is_short(limit: u64, running: impl Fn() -> u64) -> bool {
    limit < ENOUGH || (limit < u64::MAX && limit.saturating_sub(running()) < ENOUGH)
}

/// Counts the threads of this user.
fn running() -> u64 {
    let user = geteuid().as_raw();
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let own = processes.filter(|process| process.metadata().is_ok_and(|found| found.uid() == user));
    own.map(|process| fs::read_dir(process.path().join("task")).map_or(0, |tasks| tasks.count() as u64)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_short_by_what_is_left_of_it() {
        assert!(is_short(10, || 0));
        assert!(!is_short(64, || 0));
        assert!(is_short(1000, || 950));
        assert!(is_short(1000, || 2000));
        assert!(!is_short(1000, || 900));
        assert!(!is_short(u64::MAX, || 9000), "there is none");
        assert!(running() > 0 || !cfg!(target_os = "linux"));
    }
}
