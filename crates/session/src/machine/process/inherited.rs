//! What the caller gave prism, Rust's runtime changes before `main`, and a child must find as it was: whether SIGPIPE
//! and SIGCHLD are ignored, and which of the standard streams are closed.
//!
//! The module with unsafe code: only a constructor runs early enough to see what the caller had.
#![expect(
    unsafe_code,
    reason = "reading and setting a signal's disposition has no safe interface that runs this early"
)]

use std::sync::atomic::{AtomicBool, Ordering};

use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, raise};

static PIPE_WAS_IGNORED: AtomicBool = AtomicBool::new(false);
static CHILD_WAS_IGNORED: AtomicBool = AtomicBool::new(false);
static WAS_CLOSED: [AtomicBool; 3] = [const { AtomicBool::new(false) }; 3];

/// Takes note of it, when nothing of Rust's runtime is there yet: [`platform`](crate::machine::platform) has it called.
pub extern "C" fn remember() {
    // SAFETY: `sigaction` with a null new action only reads; an all-zero `sigaction` is a valid place to read
    // into. Nothing of Rust's runtime is used, which is not set up yet.
    let is_ignored = |signal| unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    };
    PIPE_WAS_IGNORED.store(is_ignored(libc::SIGPIPE), Ordering::Relaxed);
    if is_ignored(libc::SIGCHLD) {
        CHILD_WAS_IGNORED.store(true, Ordering::Relaxed);
        // Nobody learns how a child ended while this is ignored, and prism has to know how Compose did.
        set(Signal::SIGCHLD, libc::SIG_DFL);
    }
    for (descriptor, was_closed) in (0..).zip(&WAS_CLOSED) {
        // SAFETY: asks for flags, and changes nothing.
        was_closed.store(unsafe { libc::fcntl(descriptor, libc::F_GETFD) } == -1, Ordering::Relaxed);
    }
}

/// Restores everything, right before another program takes prism's place.
pub fn restore() {
    restore_pipe();
    if CHILD_WAS_IGNORED.load(Ordering::Relaxed) {
        set(Signal::SIGCHLD, libc::SIG_IGN);
    }
    for descriptor in closed_streams() {
        // SAFETY: it is what Rust's runtime put in place of a closed stream; nobody uses it from here on.
        unsafe { libc::close(descriptor) };
    }
}

/// Gives SIGPIPE the disposition that prism was started with.
pub fn restore_pipe() {
    if !PIPE_WAS_IGNORED.load(Ordering::Relaxed) {
        set(Signal::SIGPIPE, libc::SIG_DFL);
    }
}

/// Ignores SIGPIPE again, as Rust's runtime does: a broken pipe is an error to report.
pub fn ignore_pipe() {
    set(Signal::SIGPIPE, libc::SIG_IGN);
}

/// Lets a signal do again what it does to a program that never asked for it.
pub fn make_default(signal: Signal) {
    set(signal, libc::SIG_DFL);
}

/// Stops this process as `signal` stops a program that never asked for it, if `is_due` still holds when no continuation
/// can be missed any more: one that comes from then on takes back the stop that waits.
pub fn stop_by(signal: Signal, is_due: impl FnOnce() -> bool) -> nix::Result<()> {
    let mut only = SigSet::empty();
    only.add(signal);
    let mask = only.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    // SAFETY: an all-zero `sigaction` is one with SIG_DFL, and a place to read into; what was read is put back as it was.
    let (default, mut before): (libc::sigaction, libc::sigaction) = unsafe { std::mem::zeroed() };
    unsafe { libc::sigaction(signal as i32, &raw const default, &raw mut before) };
    let raised = raise(signal);
    if !is_due() {
        // Forgets one that waits.
        set(signal, libc::SIG_IGN);
    }
    // Here it stops.
    let stopped = raised.and(mask.thread_set_mask());
    // SAFETY: as above.
    unsafe { libc::sigaction(signal as i32, &raw const before, std::ptr::null_mut()) };
    stopped
}

/// Lists the standard streams that were closed.
pub fn closed_streams() -> Vec<i32> {
    let streams = (0..).zip(&WAS_CLOSED);
    streams.filter(|(_, closed)| closed.load(Ordering::Relaxed)).map(|(stream, _)| stream).collect()
}

fn set(signal: Signal, disposition: libc::sighandler_t) {
    // SAFETY: neither SIG_DFL nor SIG_IGN is a handler, so no code of ours can run in a signal context.
    unsafe { libc::signal(signal as i32, disposition) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_that_is_taken_back_in_time_does_not_happen() {
        // Otherwise this test would stop for good.
        stop_by(Signal::SIGTSTP, || false).expect("not due");
        stop_by(Signal::SIGTSTP, || raise(Signal::SIGCONT).is_ok()).expect("continued before it stopped");
        assert!(!SigSet::thread_get_mask().expect("mask").contains(Signal::SIGTSTP));
    }
}
