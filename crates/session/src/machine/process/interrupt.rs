//! Ctrl-C, TERM, HUP and their like while a stack is starting: noticed between two steps, and during every wait.

use std::cell::{Cell, OnceCell, RefCell};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context;
use domain::failure::{Code, Failure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, raise};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use signal_hook::{SigId, flag, low_level};

use super::inherited;
use crate::machine::signal;

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
pub struct Interrupt(Rc<Heard>);

#[derive(Debug, Default)]
struct Heard {
    delivery: OnceCell<RefCell<SignalDelivery<UnixStream, SignalOnly>>>,
    /// What lets those know who wait for another program.
    noted: RefCell<Vec<SigId>>,
    first: Cell<Option<(Signal, Instant)>>,
    /// When prism looked last whether something has come, as it does every moment while it waits.
    looked: Cell<Option<Instant>>,
    /// How long prism was stopped, as by Ctrl-Z.
    stopped: Cell<Duration>,
}

impl Drop for Heard {
    fn drop(&mut self) {
        for noted in self.noted.take() {
            low_level::unregister(noted);
        }
    }
}

impl Interrupt {
    /// Starts to listen, if it does not yet: the warm path has nothing to be interrupted.
    pub fn listen(&self) -> anyhow::Result<()> {
        if self.0.delivery.get().is_some() {
            return Ok(());
        }
        let listen = || {
            let (read, write) = UnixStream::pair()?;
            SignalDelivery::with_pipe(read, write, SignalOnly, heard())
        };
        let delivery = listen().context("cannot listen for signals")?;
        for signal in heard().filter(|signal| *signal != Signal::SIGCONT as i32) {
            let noted = flag::register(signal, signal::flag()).context("cannot listen for signals")?;
            self.0.noted.borrow_mut().push(noted);
        }
        let _ = self.0.delivery.set(RefCell::new(delivery));
        self.0.looked.set(Some(Instant::now()));
        Ok(())
    }

    /// Stops to listen, right before another program takes prism's place: what comes from here on does what it does to
    /// a program that just began.
    ///
    /// # Errors
    /// As [`Interrupt::check`].
    pub fn release(&self) -> anyhow::Result<()> {
        self.check()?;
        if self.0.delivery.get().is_none() {
            return Ok(());
        }
        let heard: Vec<i32> = heard().collect();
        let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        // What comes while signals are blocked waits, and finds no handler that would swallow it.
        let checked = self.check();
        if checked.is_ok() {
            for signal in heard.into_iter().filter_map(|signal| Signal::try_from(signal).ok()) {
                inherited::make_default(signal);
            }
        }
        mask.thread_set_mask()?;
        Ok(checked?)
    }

    /// Returns the time, on a clock that stands still while prism is stopped: nobody could do anything meanwhile.
    pub fn now(&self) -> Instant {
        let now = Instant::now();
        now.checked_sub(self.0.stopped.get()).unwrap_or(now)
    }

    /// Waits for `duration`, or fails at once when a signal arrives.
    ///
    /// # Errors
    /// [`Code::Interrupted`] with the signal.
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
        let Some(delivery) = self.0.delivery.get() else { return Ok(()) };
        let now = Instant::now();
        let looked = self.0.looked.replace(Some(now)).unwrap_or(now);
        for signal in delivery.borrow_mut().pending().filter_map(|signal| Signal::try_from(signal).ok()) {
            if signal == Signal::SIGCONT {
                self.0.stopped.set(self.0.stopped.get() + (now - looked));
                continue;
            }
            self.0.first.set(self.0.first.get().or_else(|| Some((signal, self.now()))));
            return Err(interrupted(signal));
        }
        Ok(())
    }

    /// Says whether a signal has ever arrived.
    pub fn has_come(&self) -> bool {
        self.check().is_err() || self.0.first.get().is_some()
    }

    /// Fails if a signal has arrived, or did so too long ago to be still at work.
    pub fn check_patience(&self) -> Result<(), Failure> {
        self.check()?;
        let late =
            self.0.first.get().filter(|(_, since)| self.now().saturating_duration_since(*since) > FAREWELL);
        late.map_or(Ok(()), |(signal, _)| Err(interrupted(signal)))
    }
}

/// Lists what is listened to: also how prism learns that it was stopped.
fn heard() -> impl Iterator<Item = i32> {
    let signals = ENDING.into_iter().chain([Signal::SIGCONT]).map(|signal| signal as i32);
    signals.filter(|signal| !is_ignored(*signal))
}

fn interrupted(signal: Signal) -> Failure {
    Failure::new(format!("interrupted by {signal} before the stack was ready"))
        .code(Code::Interrupted(signal as i32))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The signals of a mask in this process's status.
    fn mask(name: &str) -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
        let text = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        u64::from_str_radix(text.trim_start_matches(':').trim(), 16).expect("a mask")
    }

    /// One test, as what a signal does is the whole process's matter.
    #[test]
    fn signals_count_until_the_release_and_the_clock_stands_still_while_stopped() {
        if !std::path::Path::new("/proc/self/status").exists() {
            return;
        }
        let ending: u64 = heard().map(|signal| 1 << (signal - 1)).sum();
        let (caught, blocked) = (mask("SigCgt"), mask("SigBlk"));
        let interrupt = Interrupt::default();
        interrupt.listen().expect("listening");
        assert_eq!(mask("SigCgt") & ending, ending);

        raise(Signal::SIGUSR1).expect("raise");
        assert!(interrupt.release().is_err());
        raise(Signal::SIGUSR1).expect("raise");
        assert!(interrupt.check().is_err(), "it goes on listening, to end properly");

        let began = interrupt.now();
        let long_ago = Instant::now().checked_sub(Duration::from_secs(10)).expect("the machine runs");
        interrupt.0.looked.set(Some(long_ago));
        raise(Signal::SIGCONT).expect("raise");
        interrupt.check().expect("no interruption");
        assert!(interrupt.now() < began, "what was not lived is not counted");

        interrupt.release().expect("no signal");
        assert_eq!((mask("SigCgt"), mask("SigBlk")), (caught, blocked), "nothing is swallowed any more");
    }
}
