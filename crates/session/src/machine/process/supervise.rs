//! Running a child under supervision: for the one case in which something has to follow it.
//!
//! The child stays in prism's process group, so that the terminal treats it as if prism were not there. A signal that
//! was sent to the whole group has reached it already; one that was sent to prism alone is passed on. Which of the
//! two it was, the signal's origin or a [`Witness`] tells. docs/signals.md has the table.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, dup2_stdin, dup2_stdout, getpgid, getpgrp};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::low_level::siginfo::Cause;

use super::exec::Program;
use super::interrupt::{Interrupt, is_ignored};
use super::witness::Witness;
use super::{inherited, terminal};

/// What is not passed on: what cannot be caught, faults of prism itself, what is about its own children and output,
/// and the stops of a background process that touches its terminal, which reach the whole group.
const OWN: [Signal; 10] = [
    Signal::SIGKILL,
    Signal::SIGSTOP,
    Signal::SIGILL,
    Signal::SIGFPE,
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGPIPE,
    Signal::SIGCHLD,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
];

/// What the terminal itself sends to all of its foreground process group.
const OF_TERMINAL: [Signal; 4] = [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTSTP, Signal::SIGWINCH];

/// How much later than prism the group may get a signal that was sent to both, as `timeout` does.
const DELIVERY: Duration = Duration::from_millis(20);

/// How long a witness may be kept from reporting what it has got: the machine is busy.
const BUSY: Duration = Duration::from_secs(2);

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// With this exit status.
    Exited(u8),
    /// By this signal.
    Killed(Signal),
}

/// A signal that prism got.
#[derive(Debug, Clone, Copy)]
struct Heard {
    signal: Signal,
    /// 0 for the kernel.
    sender: Pid,
    /// The terminal sent it to its whole foreground group.
    of_terminal: bool,
}

/// Notices signals to prism, from its creation on, and keeps them from ending it.
#[derive(Debug)]
pub struct Signals {
    delivery: SignalDelivery<UnixStream, WithOrigin>,
    /// What was heard and not taken yet.
    heard: Vec<Heard>,
    /// What the caller blocked, and the child has to find blocked.
    mask: SigSet,
    /// The caller ignores SIGCONT: it continues prism unheard.
    continues_unheard: bool,
}

impl Signals {
    /// Starts to listen. Signals that the caller ignores stay ignored, for the child too.
    pub fn listen() -> anyhow::Result<Self> {
        let listen = || -> std::io::Result<Self> {
            let (read, write) = UnixStream::pair()?;
            let heard = Signal::iterator().filter(|signal| !OWN.contains(signal));
            let heard = heard.map(|signal| signal as i32).filter(|signal| !is_ignored(*signal));
            let heard = heard.chain([Signal::SIGCHLD as i32]);
            let delivery = SignalDelivery::with_pipe(read, write, WithOrigin::default(), heard)?;
            let mask = SigSet::thread_get_mask()?;
            SigSet::empty().thread_set_mask()?;
            let continues_unheard = is_ignored(Signal::SIGCONT as i32);
            Ok(Self { delivery, heard: Vec::new(), mask, continues_unheard })
        };
        listen().context("cannot listen for signals")
    }

    /// Waits until something is heard, or the witness has something to say.
    fn wait(&self, witness: &Witness) {
        if !self.heard.is_empty() {
            return;
        }
        let descriptors = [Some(self.delivery.get_read().as_fd()), witness.descriptor()];
        let mut descriptors: Vec<PollFd> =
            descriptors.into_iter().flatten().map(|it| PollFd::new(it, PollFlags::POLLIN)).collect();
        // EINTR: what came is in the pipe.
        let _ = poll(&mut descriptors, PollTimeout::NONE);
    }

    /// Takes what was heard.
    fn take(&mut self) -> Vec<Heard> {
        self.hear();
        std::mem::take(&mut self.heard)
    }

    /// Says whether a signal was heard that nobody has taken yet.
    fn has_heard(&mut self, signal: Signal) -> bool {
        self.hear();
        self.heard.iter().any(|heard| heard.signal == signal)
    }

    fn hear(&mut self) {
        let heard = self.delivery.pending().filter_map(|origin| {
            let signal = Signal::try_from(origin.signal).ok()?;
            let sender = Pid::from_raw(origin.process.map_or(0, |process| process.pid));
            let of_terminal = origin.cause == Cause::Kernel && OF_TERMINAL.contains(&signal);
            Some(Heard { signal, sender, of_terminal })
        });
        self.heard.extend(heard.filter(|heard| heard.signal != Signal::SIGCHLD));
    }
}

/// Runs a command to its end, and says how it ended.
///
/// # Errors
/// It cannot be started; or a signal came before.
pub fn run(program: &Program, signals: &mut Signals, interrupt: &Interrupt) -> anyhow::Result<Fate> {
    let mut witness = Witness::call();
    // What came until now reached nobody else.
    interrupt.check()?;
    let child = program.spawn(&signals.mask)?;
    // What came while it was being made may have missed it. It has just begun, and is not told twice by this.
    for Heard { signal, sender, .. } in signals.take() {
        witness.took((signal, sender));
        let _ = kill(child, signal);
    }
    let mut supervision = Supervision { child, signals, witness };
    leave_streams();
    let fate = supervision.run();
    terminal::reclaim_from(child);
    fate
}

/// A child that runs.
struct Supervision<'a> {
    child: Pid,
    signals: &'a mut Signals,
    witness: Witness,
}

impl Supervision<'_> {
    fn run(&mut self) -> anyhow::Result<Fate> {
        loop {
            match waitpid(self.child, Some(WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED)) {
                Ok(WaitStatus::Exited(_, status)) => {
                    return Ok(Fate::Exited(u8::try_from(status & 0xff)?));
                }
                Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(Fate::Killed(signal)),
                Ok(WaitStatus::Stopped(_, signal)) => self.stop(signal)?,
                Ok(_) | Err(Errno::EINTR) => self.signals.wait(&self.witness),
                Err(errno) => return Err(errno).context("cannot wait for the command"),
            }
            let heard = self.signals.take();
            let unreached = self.unreached(heard);
            self.pass_on(unreached);
        }
    }

    /// Stops with the child, so that the shell sees its job stop. It continues the whole group, or prism alone; and may
    /// have done so already, as after `bg; fg`: then prism must not stop any more.
    fn stop(&mut self, signal: Signal) -> anyhow::Result<()> {
        if !terminal::is_there() {
            return Ok(());
        }
        let signal = if signal == Signal::SIGSTOP { Signal::SIGTSTP } else { signal };
        let heard = self.signals.take();
        self.pass_on_but_stops(heard);
        let mut heard = Vec::new();
        loop {
            let before = heard.len();
            inherited::stop_by(signal, || {
                heard.extend(self.signals.take());
                heard.len() == before && is_stopped(self.child)
            })
            .context("cannot stop")?;
            if heard.len() == before || !is_stopped(self.child) {
                break;
            }
            // What was heard may be a continuation that the child is just about to get, or had before it stopped.
            std::thread::park_timeout(DELIVERY);
        }
        self.pass_on_but_stops(heard);
        let heard = self.signals.take();
        self.pass_on_but_stops(heard);
        if self.signals.continues_unheard {
            let _ = kill(self.child, Signal::SIGCONT);
        }
        Ok(())
    }

    /// The stop that the child has followed must not come a second time.
    fn pass_on_but_stops(&mut self, heard: Vec<Heard>) {
        let mut unreached = self.unreached(heard);
        unreached.retain(|heard| heard.signal != Signal::SIGTSTP);
        self.pass_on(unreached);
    }

    fn pass_on(&self, unreached: Vec<Heard>) {
        for Heard { signal, .. } in unreached {
            // It may have ended just now: it was not waited for, so that the number is not another's.
            let _ = kill(self.child, signal);
        }
    }

    /// Picks what has not reached the child already, and gives the witness the time to say so.
    fn unreached(&mut self, mut heard: Vec<Heard>) -> Vec<Heard> {
        self.witness.begin();
        if getpgid(Some(self.child)) != Ok(getpgrp()) {
            return heard;
        }
        let with_stop = heard.iter().any(|heard| heard.signal == Signal::SIGTSTP);
        self.drop_reached(&mut heard, with_stop);
        if heard.is_empty() {
            return heard;
        }
        // One of the own group may be about to signal all of it, as `timeout` is, and be kept from it for a while.
        let is_own = |heard: &Heard| getpgid(Some(heard.sender)) == Ok(getpgrp());
        let began = Instant::now();
        let delivery = DELIVERY * if heard.iter().any(is_own) { 10 } else { 1 };
        while let Some(reports) = self.witness.descriptor().filter(|_| !heard.is_empty()) {
            let left = delivery.saturating_sub(began.elapsed());
            let has_said_all = left.is_zero() && (self.witness.is_idle() || began.elapsed() > BUSY);
            let left = if has_said_all { Duration::ZERO } else { left + Duration::from_millis(1) };
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            let _ = poll(&mut [PollFd::new(reports, PollFlags::POLLIN)], timeout);
            self.drop_reached(&mut heard, with_stop);
            if has_said_all {
                break;
            }
        }
        if !self.witness.is_present() && terminal::is_in_front() {
            heard.retain(|heard| !OF_TERMINAL.contains(&heard.signal));
        }
        heard
    }

    /// Drops what the group has got. A stop takes back a continuation that the witness had not read, whoever sent the two,
    /// as Ctrl-Z right after `fg`: prism was quicker, and has heard both. A stop of the time before it was itself stopped
    /// it does not hear any more.
    fn drop_reached(&mut self, heard: &mut Vec<Heard>, with_stop: bool) {
        let was_stopped_again =
            (with_stop || self.signals.has_heard(Signal::SIGTSTP)) && self.witness.took_any(Signal::SIGTSTP);
        heard.retain(|heard| {
            let is_taken_back = was_stopped_again && heard.signal == Signal::SIGCONT;
            !heard.of_terminal && !is_taken_back && !self.witness.took((heard.signal, heard.sender))
        });
    }
}

/// Says whether a process is stopped now; where the system does not tell, it is taken to be.
fn is_stopped(process: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).ok();
    status.is_none_or(|status| status.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['T', 't'])))
}

/// Lets go of the child's input and output: whoever is at the other end must see when the child closes them.
fn leave_streams() {
    if let Ok(nowhere) = File::options().read(true).write(true).open("/dev/null") {
        let _ = dup2_stdin(&nowhere);
        let _ = dup2_stdout(&nowhere);
    }
}
