//! A repository that nobody has started, and an Engine that is none: whatever is there, prism answers in time, reads little
//! of it, and does nothing that it says.

mod completion;
mod engine;
mod files;
mod walk;

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crate::support::{Outcome, Run};

/// The most memory that a run may take, in KiB.
const MEMORY: i64 = 300 << 10;

/// Runs it, and expects that it takes neither longer than this nor much memory.
fn within(limit: Duration, run: Run) -> Outcome {
    let began = Instant::now();
    let outcome = run.run();
    let took = began.elapsed();
    assert!(took < limit, "{took:?}: {outcome}");
    // The most of all children of this process, which runs one test.
    let most = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage").max_rss();
    assert!(most < MEMORY, "{most} KiB: {outcome}");
    outcome
}
