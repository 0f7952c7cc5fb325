//! Ctrl-C, TERM and HUP while a stack is starting: noticed between two steps, and during every wait.

use std::cell::OnceCell;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::Context;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use signal_hook::SigId;

use crate::error::{Failure, Kind};

/// Notices the signals that end prism, from [`Interrupt::listen`] on as long as it lives. Signals that the caller
/// ignores stay ignored.
#[derive(Debug, Default)]
pub struct Interrupt {
    heard: OnceCell<Vec<(i32, UnixStream, SigId)>>,
}

impl Interrupt {
    /// Starts to listen, if it does not yet: the warm path has nothing to be interrupted.
    pub fn listen(&self) -> anyhow::Result<()> {
        if self.heard.get().is_some() {
            return Ok(());
        }
        let mut heard = Vec::new();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].map(|signal| signal as i32) {
            if is_ignored(signal) {
                continue;
            }
            let (read, write) = UnixStream::pair().context("cannot listen for signals")?;
            read.set_nonblocking(true).context("cannot listen for signals")?;
            let id =
                signal_hook::low_level::pipe::register(signal, write).context("cannot listen for signals")?;
            heard.push((signal, read, id));
        }
        let _ = self.heard.set(heard);
        Ok(())
    }

    /// Waits for `duration`, or fails at once when a signal arrives.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] with the signal.
    pub fn pause(&self, duration: Duration) -> Result<(), Failure> {
        let mut descriptors: Vec<PollFd> = self
            .heard
            .get()
            .into_iter()
            .flatten()
            .map(|(_, pipe, _)| PollFd::new(pipe.as_fd(), PollFlags::POLLIN))
            .collect();
        let timeout = PollTimeout::try_from(duration).unwrap_or(PollTimeout::MAX);
        // EINTR: a signal came; its byte is in the pipe, which is read below.
        let _ = poll(&mut descriptors, timeout);
        self.check()
    }

    /// Fails if a signal has arrived.
    pub fn check(&self) -> Result<(), Failure> {
        for (signal, pipe, _) in self.heard.get().into_iter().flatten() {
            if matches!((&mut &*pipe).read(&mut [0]), Ok(1)) {
                let name = Signal::try_from(*signal).map_or("a signal", Signal::as_str);
                return Err(Failure::new(format!("interrupted by {name} before the stack was ready"))
                    .kind(Kind::Interrupted(*signal)));
            }
        }
        Ok(())
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        for (_, _, id) in self.heard.get().into_iter().flatten() {
            signal_hook::low_level::unregister(*id);
        }
    }
}

/// Reads `/proc`, as asking the kernel directly would take unsafe code; where it cannot be read, no signal is
/// taken to be ignored.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}
