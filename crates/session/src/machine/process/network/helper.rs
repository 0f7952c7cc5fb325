//! What all helpers begin with.

use std::os::fd::{AsFd, OwnedFd};

use nix::sys::prctl;
use nix::unistd::close;

/// The file of which helpers are started.
pub(super) const OWN: &str = "/proc/self/exe";

/// Takes the name that `ps` shows. Where this cannot be said, nothing else depends on it.
pub(super) fn take_name(name: &str) {
    if let Ok(name) = std::ffi::CString::new(name) {
        let _ = prctl::set_name(&name);
    }
}

/// Closes what the caller had open beside the standard streams: whoever is at the other end waits for its end.
pub(super) fn close_inherited() {
    let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<i32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| *number > 2) {
        let _ = close(number);
    }
}

/// Takes a standard stream as a descriptor that no child gets.
pub(super) fn own(stream: impl AsFd) -> Option<OwnedFd> {
    stream.as_fd().try_clone_to_owned().ok()
}
