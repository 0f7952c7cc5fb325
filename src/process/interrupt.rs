//! Ctrl-C, TERM, HUP and their like while a stack is starting: noticed between two steps, and during every wait.

use std::cell::{Cell, OnceCell, RefCell};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal, raise};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

use super::inherited;
use crate::error::{Failure, Kind};

/// What ends a program that does not ask for it, and can be asked for.
const ENDING: [Signal; 10] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGTERM,
    Signal::SIGVTALRM,
    Signal::SIGPROF,
    Signal::SIGXCPU,
];

/// How long after a signal the Engine may take to answer what has to be asked to end properly.
const FAREWELL: Duration = Duration::from_secs(3);

/// Notices the signals that end prism, from [`Interrupt::listen`] on as long as one of its clones lives. Signals that
/// the caller ignores stay ignored.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Rc<State>);

#[derive(Debug, Default)]
struct State {
    delivery: OnceCell<RefCell<SignalDelivery<UnixStream, SignalOnly>>>,
    first: Cell<Option<(Signal, Instant)>>,
}

impl Interrupt {
    /// Starts to listen, if it does not yet: the warm path has nothing to be interrupted.
    pub fn listen(&self) -> anyhow::Result<()> {
        if self.0.delivery.get().is_some() {
            return Ok(());
        }
        let listen = || {
            let (read, write) = UnixStream::pair()?;
            let signals =
                ENDING.map(|signal| signal as i32).into_iter().filter(|signal| !is_ignored(*signal));
            SignalDelivery::with_pipe(read, write, SignalOnly, signals)
        };
        let delivery = listen().context("cannot listen for signals")?;
        let _ = self.0.delivery.set(RefCell::new(delivery));
        Ok(())
    }

    /// Waits for `duration`, or fails at once when a signal arrives.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] with the signal.
    pub fn pause(&self, duration: Duration) -> Result<(), Failure> {
        let timeout = PollTimeout::try_from(duration).unwrap_or(PollTimeout::MAX);
        {
            let delivery = self.0.delivery.get().map(RefCell::borrow);
            let mut descriptors: Vec<PollFd> =
                delivery.iter().map(|it| PollFd::new(it.get_read().as_fd(), PollFlags::POLLIN)).collect();
            // EINTR: a signal came; its byte is in the pipe, which is read below.
            let _ = poll(&mut descriptors, timeout);
        }
        self.check()
    }

    /// Fails if a signal has arrived, each time anew.
    pub fn check(&self) -> Result<(), Failure> {
        let arrived = self.0.delivery.get().and_then(|delivery| delivery.borrow_mut().pending().next());
        let Some(signal) = arrived.and_then(|signal| Signal::try_from(signal).ok()) else { return Ok(()) };
        self.0.first.set(self.0.first.get().or_else(|| Some((signal, Instant::now()))));
        Err(interrupted(signal))
    }

    /// Fails if a signal has arrived, or did so too long ago to be still at work.
    pub fn check_patience(&self) -> Result<(), Failure> {
        self.check()?;
        let late = self.0.first.get().filter(|(_, since)| since.elapsed() > FAREWELL);
        late.map_or(Ok(()), |(signal, _)| Err(interrupted(signal)))
    }
}

fn interrupted(signal: Signal) -> Failure {
    Failure::new(format!("interrupted by {signal} before the stack was ready"))
        .kind(Kind::Interrupted(signal as i32))
}

/// Ends prism by a signal, as whoever waits for it expects of a program that was interrupted: a shell leaves its loop
/// only then. Returns the status for where a signal cannot end it, as in process 1 of a container.
pub fn end_by(signal: i32) -> u8 {
    if let Ok(signal) = Signal::try_from(signal) {
        // The core of interest, if any, is the child's.
        let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
        inherited::make_default(signal);
        let mut only = SigSet::empty();
        only.add(signal);
        let _ = only.thread_unblock();
        let _ = raise(signal);
    }
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// Reads `/proc`, as asking the kernel directly would take unsafe code; where it cannot be read, no signal is
/// taken to be ignored.
pub(super) fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}
