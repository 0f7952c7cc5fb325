//! A program that runs while the test looks at it: its lines as they come, signals, its end.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::eventually;

/// The longest that anything may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running program, the first of a process group of its own. It is killed with its group if the test fails.
#[derive(Debug)]
pub struct Live {
    child: Child,
    lines: Receiver<String>,
    errors: Receiver<String>,
    ended: Option<ExitStatus>,
}

impl Live {
    pub(super) fn new(mut child: Child) -> Self {
        let (send, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("stdout"));
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let (send, errors) = channel();
        let mut stderr = child.stderr.take().expect("stderr");
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            send.send(String::from_utf8_lossy(&bytes).into_owned())
        });
        Self { child, lines, errors, ended: None }
    }

    /// Its process id, which is its group's too.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"))
    }

    /// Waits for its next line on standard output.
    pub fn line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("a line")
    }

    /// Waits for this line, and takes no other.
    pub fn says(&self, expected: &str) {
        assert_eq!(self.line(), expected);
    }

    /// Waits for the end of its standard output, which a child may close before it ends.
    pub fn closes(&self) {
        match self.lines.recv_timeout(DEADLINE) {
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {}
            other => panic!("{other:?}"),
        }
    }

    /// Sends a signal to the program alone.
    pub fn kill(&self, signal: Signal) {
        kill(self.pid(), signal).expect("kill");
    }

    /// Sends a signal to its whole process group.
    pub fn kill_group(&self, signal: Signal) {
        kill(Pid::from_raw(-self.pid().as_raw()), signal).expect("kill");
    }

    /// Says whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.ended = self.ended.or(self.child.try_wait().expect("wait"));
        self.ended.is_none()
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        eventually("the program to end", || !self.is_running());
        self.ended.expect("ended")
    }

    /// Waits for its end, and expects this status as a shell sees it.
    pub fn exits(&mut self, status: i32) {
        let end = self.end();
        let found = end.code().or_else(|| Some(128 + end.signal()?));
        assert_eq!(found, Some(status), "{}", self.errors());
    }

    /// Waits for its end, and expects that this signal ended it.
    pub fn dies_of(&mut self, signal: Signal) {
        let end = self.end();
        assert_eq!(end.signal(), Some(signal as i32), "{end:?} {}", self.errors());
    }

    /// All that it wrote on standard error, when everybody who has it open has ended.
    pub fn errors(&mut self) -> String {
        self.errors.recv_timeout(DEADLINE).expect("the end of standard error")
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if self.is_running() {
            let _ = kill(Pid::from_raw(-self.pid().as_raw()), Signal::SIGKILL);
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The processes whose parent is `parent`.
pub fn children_of(parent: Pid) -> Vec<Pid> {
    let is_child = |pid: &Pid| field(*pid, "PPid") == Some(parent.to_string());
    let entries = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw));
    pids.filter(is_child).collect()
}

/// A line of a process's status.
pub fn field(process: Pid, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim().to_owned())
}

/// Says whether a process is stopped, as by Ctrl-Z.
pub fn is_stopped(process: Pid) -> bool {
    field(process, "State").is_some_and(|state| state.starts_with('T'))
}

/// Says whether a process is there, and no zombie.
pub fn is_alive(process: Pid) -> bool {
    field(process, "State").is_some_and(|state| !state.starts_with('Z'))
}
