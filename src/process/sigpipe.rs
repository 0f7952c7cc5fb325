//! The disposition of SIGPIPE, which Rust's runtime changes before `main` and a child must find as it was.
//!
//! The one module with unsafe code: only a constructor runs early enough to see what the caller had.
#![expect(
    unsafe_code,
    reason = "reading and setting a signal's disposition has no safe interface that runs this early"
)]

use std::sync::atomic::{AtomicBool, Ordering};

use nix::libc;

static WAS_IGNORED: AtomicBool = AtomicBool::new(false);

#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static REMEMBER: extern "C" fn() = remember;

extern "C" fn remember() {
    // SAFETY: `sigaction` with a null new action only reads; an all-zero `sigaction` is a valid place to read
    // into. Nothing of Rust's runtime is used, which is not set up yet.
    let ignored = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGPIPE, std::ptr::null(), &raw mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    };
    WAS_IGNORED.store(ignored, Ordering::Relaxed);
}

/// Gives SIGPIPE the disposition that prism was started with.
pub fn restore() {
    if !WAS_IGNORED.load(Ordering::Relaxed) {
        // SAFETY: SIG_DFL installs no handler, so no code of ours can run in a signal context.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    }
}
