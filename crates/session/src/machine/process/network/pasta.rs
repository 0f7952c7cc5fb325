//! `pasta`, which connects a network to the outside: what is not loopback. Loopback is none of its business.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use domain::environment::Environment;
use domain::failure::Failure;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{geteuid, getpid, getppid};

use super::refusal::{Refusal, of_device};
use super::{TAP, helper};
use crate::machine::process::exec;

/// What all versions of it understand, and no more than that.
const OPTIONS: [&str; 14] = [
    "-f",
    "-q",
    "--config-net",
    "--no-map-gw",
    "-t",
    "none",
    "-u",
    "none",
    "-T",
    "none",
    "-U",
    "none",
    "--pid",
    "/proc/self/fd/1",
];

/// How long it may take to be ready.
const PATIENCE: Duration = Duration::from_secs(10);

/// Finds pasta in the `PATH` of an environment, and says whether it can work here.
///
/// # Errors
/// It is not installed, or the device that it needs is closed. The hint can be typed.
pub fn find(environment: &Environment) -> Result<PathBuf, Failure> {
    let path = environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_os_str());
    let found = exec::find(OsStr::new("pasta"), path).map_err(|_| {
        Failure::new("`--localhost` needs `pasta`, which is not installed").hint(install(path))
    })?;
    match of_device().filter(|_| !is_offline()) {
        Some(hint) => Err(Failure::new("`--localhost` needs /dev/net/tun").hint(hint)),
        None => Ok(found),
    }
}

/// Says how it is installed here.
fn install(path: Option<&OsStr>) -> String {
    const WAYS: [(&str, &str); 5] = [
        ("apt-get", "apt-get install passt"),
        ("dnf", "dnf install passt"),
        ("zypper", "zypper install passt"),
        ("pacman", "pacman -S passt"),
        ("apk", "apk add passt"),
    ];
    let known = WAYS.iter().find(|(program, _)| exec::find(OsStr::new(program), path).is_ok());
    let way = known.map_or("apt-get install passt", |(_, way)| *way);
    format!("install it: `{}{way}`", if geteuid().is_root() { "" } else { "sudo " })
}

/// A pasta that is ready, or a machine that has no way out.
#[derive(Debug)]
pub(super) struct Pasta {
    process: Option<Child>,
}

impl Pasta {
    /// Starts it for the network that a process keeps, and waits until it is ready, or until `gone` becomes readable.
    pub(super) fn start(pasta: &Path, keeper: u32, gone: impl AsFd) -> Result<Self, Refusal> {
        // What it writes there blocks nobody.
        let said = tempfile::tempfile().map_err(Refusal::helper)?;
        let mut command = Command::new(helper::OWN);
        command.arg0(TAP).arg(getpid().to_string()).arg(pasta).args(OPTIONS);
        if geteuid().is_root() {
            let namespace = format!("/proc/{keeper}/ns/net");
            command.args(["--netns-only", "--runas", "0:0", "--netns", &namespace]);
        } else {
            command.arg(keeper.to_string());
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(said.try_clone().map_err(Refusal::helper)?);
        let mut process = command.spawn().map_err(Refusal::helper)?;
        if is_ready(&mut process, gone) {
            return Ok(Self { process: Some(process) });
        }
        let _ = process.kill();
        let _ = process.wait();
        if is_offline() { Ok(Self { process: None }) } else { Err(Refusal::Pasta(text(said))) }
    }

    /// Lets go of one that has ended.
    pub(super) fn look(&mut self) {
        if self.process.as_mut().is_some_and(|process| !matches!(process.try_wait(), Ok(None))) {
            self.process = None;
        }
    }
}

impl Drop for Pasta {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn text(mut said: File) -> String {
    let mut text = Vec::new();
    let _ = said.rewind();
    let _ = said.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Waits for it to write its number; the end of the pipe is its own.
fn is_ready(process: &mut Child, gone: impl AsFd) -> bool {
    let Some(number) = &mut process.stdout else { return false };
    let began = Instant::now();
    loop {
        let left = PATIENCE.saturating_sub(began.elapsed());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        let mut descriptors =
            [PollFd::new(number.as_fd(), PollFlags::POLLIN), PollFd::new(gone.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut descriptors, timeout);
        if descriptors[1].any() == Some(true) || left.is_zero() {
            return false;
        }
        if descriptors[0].any() == Some(true) {
            return matches!(number.read(&mut [0; 32]), Ok(length) if length > 0);
        }
    }
}

/// Says whether this machine has no way out: older versions refuse to connect what leads nowhere.
fn is_offline() -> bool {
    let is_default = |line: &str, zeros: [usize; 2]| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_zero = |at: usize| fields.get(at).is_some_and(|it| it.bytes().all(|digit| digit == b'0'));
        zeros.into_iter().all(is_zero) && !fields.contains(&"lo")
    };
    let read = |table: &str| fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
    // Destination and mask; destination and length of the prefix.
    let four = read("route").lines().skip(1).any(|line| is_default(line, [1, 7]));
    let six = read("ipv6_route").lines().any(|line| is_default(line, [0, 1]));
    !four && !six
}

/// Becomes pasta, which ends with the helper that started it. Returns only if that fails.
pub(super) fn become_it(arguments: &mut dyn Iterator<Item = OsString>) -> Failure {
    let parent = arguments.next().and_then(|parent| parent.to_str()?.parse::<i32>().ok());
    let Some(pasta) = arguments.next() else { return Failure::new("there is no pasta to run") };
    if prctl::set_pdeathsig(Signal::SIGKILL).is_err() || Some(getppid().as_raw()) != parent {
        return Failure::new("the helper of the network has ended");
    }
    let error = Command::new(&pasta).arg0("pasta").args(arguments).exec();
    Failure::new(format!("cannot execute `{}`", pasta.to_string_lossy())).caused_by(error)
}
