//! Waiting for a git that may wait for something itself, such as a pipe in place of a file: a signal ends both.

use std::io::Read;
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::bail;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::machine::signal;

/// How often it is looked whether a signal came.
const LOOK: u16 = 50;

/// How long git may go on after a signal: most often it is at its end, and what it writes is whole then.
const GRACE: Duration = Duration::from_secs(1);

/// How long it may take to end when it was asked to.
const LAST: Duration = Duration::from_secs(2);

/// Runs it to its end, and returns all that it printed.
///
/// # Errors
/// It cannot be started, or a signal came and it went on.
pub(super) fn output(command: &mut Command) -> anyhow::Result<Output> {
    signal::take();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut told = Told::default();
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let (mut printed, mut said) = (Vec::new(), Vec::new());
    while stdout.is_some() || stderr.is_some() {
        let descriptors = [stdout.as_ref().map(AsFd::as_fd), stderr.as_ref().map(AsFd::as_fd)];
        let open = descriptors.into_iter().flatten().map(|it| PollFd::new(it, PollFlags::POLLIN));
        let mut open: Vec<PollFd> = open.collect();
        // EINTR: a signal came, which is looked at below.
        let came = poll(&mut open, PollTimeout::from(LOOK)).unwrap_or_default();
        let mut ready =
            open.iter().map(|it| came > 0 && it.any() == Some(true)).collect::<Vec<_>>().into_iter();
        take(&mut stdout, &mut printed, &mut ready)?;
        take(&mut stderr, &mut said, &mut ready)?;
        told.look(&mut child)?;
    }
    Ok(Output { status: wait(&mut child, &mut told)?, stdout: printed, stderr: said })
}

/// Reads what is there, if anything is; at its end there is no more stream.
fn take<R: Read>(
    stream: &mut Option<R>,
    into: &mut Vec<u8>,
    ready: &mut impl Iterator<Item = bool>,
) -> std::io::Result<()> {
    let Some(reader) = stream else { return Ok(()) };
    if ready.next() != Some(true) {
        return Ok(());
    }
    let mut buffer = [0; 16 * 1024];
    match reader.read(&mut buffer)? {
        0 => *stream = None,
        count => into.extend_from_slice(&buffer[..count]),
    }
    Ok(())
}

fn wait(child: &mut Child, told: &mut Told) -> anyhow::Result<ExitStatus> {
    if told.came.is_none() {
        return Ok(child.wait()?);
    }
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        std::thread::park_timeout(Duration::from_millis(LOOK.into()));
        told.look(child)?;
    }
}

/// When a signal came, and whether git was asked to end since.
#[derive(Default)]
struct Told {
    came: Option<Instant>,
    is_asked: bool,
}

impl Told {
    fn look(&mut self, child: &mut Child) -> anyhow::Result<()> {
        if signal::take() && self.came.is_none() {
            self.came = Some(Instant::now());
        }
        let Some(since) = self.came.map(|came| came.elapsed()) else { return Ok(()) };
        if since > GRACE + LAST {
            child.kill()?;
            child.wait()?;
            bail!("a signal came while git waited for something");
        }
        if since > GRACE && !self.is_asked {
            self.is_asked = true;
            // It may be gone.
            let _ = kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGTERM);
        }
        Ok(())
    }
}
