//! A process beside prism, in its process group, that reports every signal it gets: what it got, the whole group got.
//!
//! It is prism itself, started as [`NAME`]. It blocks every signal, also those that would stop it, and reads them one by
//! one from a descriptor, with their senders. So two signals of one kind are two reports, unless the second one came
//! before the system gave it the time to read the first.

use std::ffi::CString;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

/// The name by which prism is started as a witness.
pub const NAME: &str = "prism-witness";

/// How long a report answers for its signal, and for more of the same: signals of one kind are one while they wait to be
/// read, and prism may have been quicker than the witness.
const FRESH: Duration = Duration::from_millis(10);

/// A signal, and who sent it; 0 for the kernel.
pub type Report = (Signal, Pid);

/// Bytes of a report on its way: two numbers.
const LENGTH: usize = 8;

/// A witness, or the lack of one: then nothing is known to have reached the group.
#[derive(Debug)]
pub struct Witness {
    process: Option<Process>,
    /// What came, and when.
    reports: Vec<(Report, Instant)>,
}

/// It waits for the end of its side of the socket, and so ends by itself when prism is killed.
#[derive(Debug)]
struct Process {
    pid: Pid,
    reports: UnixStream,
}

impl Witness {
    /// Starts one, where the system can.
    pub fn call() -> Self {
        Self { process: spawn(), reports: Vec::new() }
    }

    /// Says whether there is one.
    pub fn is_present(&self) -> bool {
        self.process.is_some()
    }

    /// Returns what becomes readable when it has something to report.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.process.as_ref().map(|process| process.reports.as_fd())
    }

    /// Says whether it has got nothing that it has not reported: it sleeps, and no signal waits for it. Where the system
    /// does not tell, it is taken to be so.
    pub fn is_idle(&self) -> bool {
        let Some(process) = &self.process else { return true };
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap_or_default();
        if field(&status, "State:").is_some_and(|state| state.starts_with('T')) {
            // It was stopped with the group, and not continued with prism.
            let _ = kill(process.pid, Signal::SIGCONT);
        }
        sleeps(&status)
    }

    /// Forgets what was reported before this moment, or a little earlier: it has nothing to do with what comes now.
    pub fn begin(&mut self) {
        self.reports.retain(|(_, at)| at.elapsed() < FRESH);
        self.hear();
    }

    /// Says whether the whole group got this signal, too.
    pub fn took(&mut self, (signal, sender): Report) -> bool {
        self.hear();
        let says_so =
            |(other, from): Report| from == sender && (other == signal || Some(other) == opposite(signal));
        self.reports.iter().any(|(report, _)| says_so(*report))
    }

    /// Says whether the whole group got this signal, from whomever.
    pub fn took_any(&mut self, signal: Signal) -> bool {
        self.hear();
        self.reports.iter().any(|((other, _), _)| *other == signal)
    }

    /// Takes what has been reported until now.
    fn hear(&mut self) {
        let Some(process) = &mut self.process else { return };
        let mut bytes = [0; LENGTH];
        loop {
            // A report is written at once, and so is never there in part.
            match process.reports.read(&mut bytes) {
                Ok(LENGTH) => self.reports.extend(decode(bytes).map(|report| (report, Instant::now()))),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                _ => break,
            }
        }
        self.process = None;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be stopped, and then does not see that it is to end.
        let _ = kill(self.pid, Signal::SIGKILL);
        let _ = waitpid(self.pid, None);
    }
}

/// Reads a process's `status`: whether it sleeps, and no signal is pending. What is not there is taken to be so.
fn sleeps(status: &str) -> bool {
    let is_empty = |name: &str| field(status, name).is_none_or(|set| set.bytes().all(|digit| digit == b'0'));
    let is_asleep = field(status, "State:").is_none_or(|state| state.starts_with('S'));
    is_asleep && is_empty("ShdPnd:") && is_empty("SigPnd:")
}

fn field<'s>(status: &'s str, name: &str) -> Option<&'s str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// What takes a signal back that waits to be read.
fn opposite(signal: Signal) -> Option<Signal> {
    match signal {
        Signal::SIGTSTP => Some(Signal::SIGCONT),
        Signal::SIGCONT => Some(Signal::SIGTSTP),
        _ => None,
    }
}

fn encode((signal, sender): Report) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes[..4].copy_from_slice(&(signal as i32).to_ne_bytes());
    bytes[4..].copy_from_slice(&sender.as_raw().to_ne_bytes());
    bytes
}

fn decode(bytes: [u8; LENGTH]) -> Option<Report> {
    let (signal, sender) = bytes.split_first_chunk()?;
    let signal = Signal::try_from(i32::from_ne_bytes(*signal)).ok()?;
    Some((signal, Pid::from_raw(i32::from_ne_bytes(*sender.first_chunk()?))))
}

fn spawn() -> Option<Process> {
    let program = CString::from(c"/proc/self/exe");
    let (reports, its) = UnixStream::pair().ok()?;
    reports.set_nonblocking(true).ok()?;
    let mut actions = PosixSpawnFileActions::init().ok()?;
    actions.add_dup2(its.as_raw_fd(), 0).ok()?;
    // It must not keep the end of a pipe open that somebody waits for.
    for stream in [1, 2] {
        actions.add_open(stream, "/dev/null", OFlag::O_WRONLY, Mode::empty()).ok()?;
    }
    let mut attributes = PosixSpawnAttr::init().ok()?;
    // From its first moment on: what comes before it reads is pending.
    attributes.set_sigmask(&SigSet::all()).ok()?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK).ok()?;
    let nothing: [CString; 0] = [];
    let name = CString::new(NAME).ok()?;
    let pid = posix_spawn(program.as_c_str(), &actions, &attributes, &[name], &nothing).ok()?;
    Some(Process { pid, reports })
}

/// Is the witness: reports signals to the other end of its standard input, until there is none.
pub fn serve() {
    // `ps` shows the file's name otherwise, which is `exe`. Where this cannot be said, nothing else depends on it.
    let _ = std::fs::write("/proc/self/comm", NAME);
    let Ok(signals) = SignalFd::with_flags(&SigSet::all(), SfdFlags::SFD_NONBLOCK) else { return };
    let Ok(mut prism) = std::io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from) else { return };
    loop {
        let mut descriptors =
            [PollFd::new(signals.as_fd(), PollFlags::POLLIN), PollFd::new(prism.as_fd(), PollFlags::POLLIN)];
        // EINTR: it was stopped and continued.
        let _ = poll(&mut descriptors, PollTimeout::NONE);
        // prism says nothing: what is there to read is the end.
        if descriptors[1].any() == Some(true) {
            return;
        }
        while let Ok(Some(taken)) = signals.read_signal() {
            let signal = i32::try_from(taken.ssi_signo).ok().and_then(|signal| Signal::try_from(signal).ok());
            let sender = i32::try_from(taken.ssi_pid).map_or(Pid::from_raw(0), Pid::from_raw);
            let Some(signal) = signal else { continue };
            if prism.write_all(&encode((signal, sender))).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_come_back() {
        let report = (Signal::SIGWINCH, Pid::from_raw(4_194_304));
        assert_eq!(decode(encode(report)), Some(report));
        assert_eq!(decode([0; LENGTH]), None, "no signal");
    }

    #[test]
    fn one_that_has_something_to_report_is_not_idle() {
        let status = |state, pending| {
            format!("Name:\tprism\nState:\t{state}\nSigPnd:\t0000000000000000\nShdPnd:\t{pending}\n")
        };
        assert!(sleeps(&status("S (sleeping)", "0000000000000000")));
        assert!(!sleeps(&status("S (sleeping)", "0000000010000000")));
        assert!(!sleeps(&status("R (running)", "0000000000000000")));
        assert!(!sleeps(&status("T (stopped)", "0000000000000000")));
    }

    #[test]
    fn a_report_answers_for_what_its_sender_sent_at_the_time() {
        let sent = |signal, sender| (signal, Pid::from_raw(sender));
        let after = |age: Duration, asked| {
            let at = Instant::now().checked_sub(age).expect("a machine that runs for a second");
            let mut witness = Witness { process: None, reports: vec![(sent(Signal::SIGCONT, 7), at)] };
            witness.begin();
            witness.took(asked)
        };
        let now = Duration::ZERO;
        assert!(after(now, sent(Signal::SIGCONT, 7)));
        assert!(after(now, sent(Signal::SIGTSTP, 7)), "the one has taken the other back");
        assert!(!after(now, sent(Signal::SIGCONT, 8)) && !after(now, sent(Signal::SIGINT, 7)));
        assert!(!after(FRESH * 2, sent(Signal::SIGCONT, 7)));
    }
}
