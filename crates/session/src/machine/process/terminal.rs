//! The controlling terminal, as far as a supervisor has to know it.

use std::fs::File;

use nix::sys::signal::{SigSet, SigmaskHow};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

/// Says whether there is one: only then somebody continues what was stopped.
pub fn is_there() -> bool {
    open().is_some()
}

/// Says whether prism's process group is in front there.
pub fn is_in_front() -> bool {
    open().is_some_and(|terminal| tcgetpgrp(&terminal) == Ok(getpgrp()))
}

/// Brings prism's process group to the front again if a child's own group has ended there.
pub fn reclaim_from(child: Pid) {
    let Some(terminal) = open().filter(|terminal| tcgetpgrp(terminal) == Ok(child)) else { return };
    // Who is in the background gets SIGTTOU for this, unless it is blocked.
    if let Ok(mask) = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK) {
        let _ = tcsetpgrp(&terminal, getpgrp());
        let _ = mask.thread_set_mask();
    }
}

fn open() -> Option<File> {
    File::open("/dev/tty").ok()
}
