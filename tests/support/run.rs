//! One run of a program: built step by step, then looked at as a whole.

use std::ffi::OsStr;
use std::fmt;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{Live, Sandbox};

/// A run that is being prepared.
#[derive(Debug)]
pub struct Run {
    command: Command,
    stdin: Vec<u8>,
}

/// What a run left.
#[derive(Debug)]
pub struct Outcome {
    /// The exit status as a shell sees it: 128 + n for a signal.
    pub status: i32,
    /// Everything on standard output.
    pub stdout: String,
    /// Everything on standard error.
    pub stderr: String,
}

impl Run {
    pub(super) fn new(program: &OsStr, sandbox: &Sandbox, directory: &Path) -> Self {
        let mut command = Command::new(program);
        command.current_dir(directory).env_clear();
        for name in ["PATH", "DOCKER_HOST"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("HOME", sandbox.root().join("home"))
            .env("XDG_RUNTIME_DIR", sandbox.root().join("run"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "t")
            .env("GIT_AUTHOR_EMAIL", "t@example.org")
            .env("GIT_COMMITTER_NAME", "t")
            .env("GIT_COMMITTER_EMAIL", "t@example.org")
            .env("LC_ALL", "C.UTF-8");
        Self { command, stdin: Vec::new() }
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: &[S]) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets what it reads from standard input.
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = text.into();
        self
    }

    /// Starts it with its output in pipes, for tests that look at it while it runs.
    pub fn spawn(mut self) -> Child {
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("spawn")
    }

    /// Starts it in a process group of its own, for tests that talk to it.
    pub fn live(mut self) -> Live {
        self.command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Live::new(self.command.spawn().expect("spawn"))
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Outcome {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("spawn");
        let mut stdin = child.stdin.take().expect("stdin");
        // A program that does not read its input may be gone already.
        let _ = stdin.write_all(&self.stdin);
        drop(stdin);
        Outcome::of(child)
    }

    /// Runs it and expects status 0.
    pub fn succeeds(self) -> Outcome {
        self.exits(0)
    }

    /// Runs it and expects this status.
    pub fn exits(self, status: i32) -> Outcome {
        let shown = format!("{:?}", self.command.get_args().collect::<Vec<&OsStr>>());
        let outcome = self.run();
        assert_eq!(outcome.status, status, "{shown}\n{outcome}");
        outcome
    }
}

impl Outcome {
    /// Waits for a child.
    pub fn of(child: Child) -> Self {
        let output = child.wait_with_output().expect("output");
        let status = output.status.code().or_else(|| Some(128 + output.status.signal()?)).expect("a status");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Standard output without the trailing newline.
    pub fn line(&self) -> &str {
        self.stdout.trim_end_matches('\n')
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status: {}\n-- stdout\n{}-- stderr\n{}", self.status, self.stdout, self.stderr)
    }
}
