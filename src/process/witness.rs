//! A process beside prism that blocks every signal: what was sent to the whole process group is pending there.

use std::ffi::CString;
use std::fs;
use std::io::PipeWriter;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::OFlag;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::exec;

/// What is pending in a process stays so, and then says nothing of a second signal of that kind. So a witness that has
/// told something gets a successor; both are asked, as a signal may have come before the younger one did.
#[derive(Debug)]
pub struct Witness {
    members: Vec<Member>,
}

/// It reads from a pipe, and so ends by itself when prism is killed.
#[derive(Debug)]
struct Member {
    process: Pid,
    _pipe: PipeWriter,
    /// What it has told already.
    told: Vec<Signal>,
}

impl Witness {
    /// Starts one. Where that is impossible, nothing is known to have reached the group.
    pub fn call() -> Self {
        Self { members: spawn().into_iter().collect() }
    }

    /// Says whether there is one, and the system tells what is pending.
    pub fn is_present(&self) -> bool {
        !self.members.is_empty() && cfg!(target_os = "linux")
    }

    /// Says which of these signals the whole group got.
    pub fn saw(&mut self, signals: &[Signal]) -> Vec<Signal> {
        let mut seen = Vec::new();
        for member in &mut self.members {
            let pending = pending(member.process);
            member.told.retain(|signal| pending.contains(signal));
            let is_new = |signal: &Signal| pending.contains(signal) && !member.told.contains(signal);
            let new: Vec<Signal> = signals.iter().copied().filter(is_new).collect();
            seen.extend(
                signals
                    .iter()
                    .filter(|signal| is_new(signal) || opposite(**signal).is_some_and(|it| is_new(&it))),
            );
            member.told.extend(new);
        }
        if self.members.last().is_some_and(|member| !member.told.is_empty()) {
            self.members.extend(spawn());
            let old = self.members.len().saturating_sub(2);
            self.members.drain(..old);
        }
        seen
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // It may be stopped, and then does not see the end of its pipe.
        let _ = kill(self.process, Signal::SIGKILL);
        let _ = waitpid(self.process, None);
    }
}

/// What takes a signal back while it is pending.
fn opposite(signal: Signal) -> Option<Signal> {
    match signal {
        Signal::SIGTSTP => Some(Signal::SIGCONT),
        Signal::SIGCONT => Some(Signal::SIGTSTP),
        _ => None,
    }
}

fn spawn() -> Option<Member> {
    let program = exec::find("cat".as_ref(), std::env::var_os("PATH").as_deref())
        .or_else(|_| exec::find("cat".as_ref(), None))
        .ok()?;
    let program = CString::new(program.as_os_str().as_bytes()).ok()?;
    let (read, write) = std::io::pipe().ok()?;
    let mut actions = PosixSpawnFileActions::init().ok()?;
    actions.add_dup2(read.as_raw_fd(), 0).ok()?;
    // It must not keep the end of a pipe open that somebody waits for.
    for stream in [1, 2] {
        actions.add_open(stream, "/dev/null", OFlag::O_WRONLY, Mode::empty()).ok()?;
    }
    let mut attributes = PosixSpawnAttr::init().ok()?;
    attributes.set_sigmask(&SigSet::all()).ok()?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK).ok()?;
    let nothing: [CString; 0] = [];
    let process = posix_spawn(program.as_c_str(), &actions, &attributes, &[c"cat"], &nothing).ok()?;
    Some(Member { process, _pipe: write, told: Vec::new() })
}

/// Reads which signals are pending for a process; none where the system has no `/proc`.
fn pending(process: Pid) -> Vec<Signal> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
    let mask = mask.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()).unwrap_or(0);
    Signal::iterator().filter(|signal| mask & (1 << (*signal as i32 - 1)) != 0).collect()
}
