//! An interactive shell on a terminal of its own, typed into line by line.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::unistd::{Pid, tcgetpgrp};

use super::{Sandbox, eventually};

/// Writes down its environment and its arguments, all at once.
const SNAP: &str = "#!/bin/sh\nfile=$1; shift\n{ env -0; printf '=%s\\0' \"$@\"; } >\"$file.new\" && mv \"$file.new\" \"$file\"\n";

/// A shell on a pseudo-terminal.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    snaps: PathBuf,
    count: usize,
    /// How much was shown when the last line was typed.
    typed_at: usize,
}

/// What every prompt of the tests shows: whoever types before it is there may be overheard.
pub const PROMPT: &str = "ready>";

/// What a shell gives its children at some moment.
#[derive(Debug)]
pub struct Snap {
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// The arguments that the shell expanded.
    pub arguments: Vec<String>,
}

impl Terminal {
    /// Starts a program in a session of its own whose terminal is a new one.
    ///
    /// `bin` of the sandbox comes first in its PATH, prism second.
    pub fn start(sandbox: &Sandbox, directory: &Path, program: &[&str], env: &[(&str, &str)]) -> Self {
        let bin = sandbox.root().join("bin");
        let snaps = sandbox.root().join("snaps");
        for directory in [&bin, &snaps] {
            fs::create_dir_all(directory).expect("directory");
        }
        let snap = bin.join("snap");
        if !snap.exists() {
            fs::write(&snap, SNAP).expect("snap");
            Command::new("chmod").arg("755").arg(&snap).status().expect("chmod");
        }
        let size = Winsize { ws_row: 50, ws_col: 400, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).expect("a terminal");
        let prism = Path::new(env!("CARGO_BIN_EXE_prism")).parent().expect("target").to_path_buf();
        let path = std::env::var("PATH").expect("PATH");
        let path = format!("{}:{}:{path}", bin.display(), prism.display());
        // Some shells outlive their terminal, and spin: they end with the test, however that ends.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "setsid", "--ctty", "--wait"])
            .args(program)
            .current_dir(directory)
            .env_clear();
        if let Some(host) = std::env::var_os("DOCKER_HOST") {
            command.env("DOCKER_HOST", host);
        }
        command
            .env("PATH", path)
            .env("HOME", sandbox.root().join("home"))
            .env("XDG_RUNTIME_DIR", sandbox.root().join("run"))
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "dumb")
            .envs(env.iter().copied());
        let stream = |fd: &OwnedFd| fd.try_clone().expect("descriptor");
        command.stdin(stream(&pty.slave)).stdout(stream(&pty.slave)).stderr(stream(&pty.slave));
        let child = command.spawn().expect("setsid");
        drop((command, pty.slave));
        let screen: Arc<Mutex<Vec<u8>>> = Arc::default();
        let shown = Arc::clone(&screen);
        let (mut reader, mut answers) = (File::from(stream(&pty.master)), File::from(stream(&pty.master)));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal whose last user is gone answers with an error.
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                let bytes = &bytes[..length];
                // Line editors ask where the cursor is, or what terminal this is, and wait.
                for (question, answer) in [(&b"\x1b[6n"[..], &b"\x1b[1;1R"[..]), (b"\x1b[c", b"\x1b[?62c")] {
                    if bytes.windows(question.len()).any(|window| window == question) {
                        let _ = answers.write_all(answer);
                    }
                }
                shown.lock().expect("screen").extend_from_slice(bytes);
            }
        });
        Self { child, keyboard: File::from(pty.master), screen, snaps, count: 0, typed_at: 0 }
    }

    /// Types a line as soon as there is a prompt.
    pub fn line(&mut self, text: &str) {
        let (screen, typed_at) = (Arc::clone(&self.screen), self.typed_at);
        eventually(&format!("a prompt for {text}"), || {
            let screen = screen.lock().expect("screen");
            let new = String::from_utf8_lossy(&screen[typed_at..]).into_owned();
            // Line editors show the old prompt again with each key: the new one is on a line of its own.
            let after_line =
                if typed_at == 0 { Some(new.as_str()) } else { new.split_once('\n').map(|(_, rest)| rest) };
            after_line.is_some_and(|text| text.contains(PROMPT))
        });
        self.typed_at = self.screen.lock().expect("screen").len();
        self.keyboard.write_all(format!("{text}\r").as_bytes()).expect("typed");
    }

    /// Types keys at once, whether or not there is a prompt.
    pub fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("typed");
    }

    /// Waits until `text` was shown `count` times.
    pub fn shows(&self, text: &str, count: usize) {
        eventually(&format!("{text} {count} times"), || self.screen().matches(text).count() >= count);
        assert_eq!(self.screen().matches(text).count(), count, "{text}");
    }

    /// Waits for a line that begins with `word` and ends with a process's number.
    pub fn number_after(&self, word: &str) -> Pid {
        let number = || {
            let screen = self.screen();
            let (_, after) = screen.split_once(&format!("\n{word}"))?;
            after.split_once('\r')?.0.parse().ok().map(Pid::from_raw)
        };
        eventually(&format!("a number after {word}"), || number().is_some());
        number().expect("a number")
    }

    /// Returns the process group that what is typed goes to.
    pub fn in_front(&self) -> Pid {
        tcgetpgrp(&self.keyboard).expect("a foreground group")
    }

    /// Changes the height of the window, at one stroke: `stty` would change height and width one after the other.
    pub fn resize(&self, rows: u16) {
        let device = fs::read_link(format!("/proc/{}/fd/0", self.child.id())).expect("a terminal");
        let set = Command::new("stty").arg("-F").arg(device).args(["rows", &rows.to_string()]).status();
        assert!(set.expect("stty").success());
    }

    /// Closes the terminal's window.
    pub fn close(self) {
        let _ = nix::sys::signal::kill(
            Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")),
            nix::sys::signal::Signal::SIGHUP,
        );
    }

    /// Returns all that was shown so far.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().expect("screen")).into_owned()
    }

    /// Passes the prompt that is shown already, and looks at the shell's environment after the next one.
    pub fn next(&mut self) -> Snap {
        self.line("true");
        self.snap("")
    }

    /// Waits for a prompt at which a variable has this value. On a busy machine the Engine may miss its budget, and
    /// then half a minute passes before it is asked again.
    pub fn sees(&mut self, name: &str, value: Option<&str>) -> Snap {
        let deadline = Instant::now() + Duration::from_secs(130);
        loop {
            let snap = self.snap("");
            if snap.get(name) == value {
                return snap;
            }
            assert!(Instant::now() < deadline, "{name} is {:?}, not {value:?}", snap.get(name));
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// Looks at the shell's environment. `arguments` are for the shell to expand.
    pub fn snap(&mut self, arguments: &str) -> Snap {
        self.count += 1;
        let file = self.snaps.join(format!("{}-{}", self.child.id(), self.count));
        self.line(&format!("snap {} {arguments}", file.display()));
        let screen = Arc::clone(&self.screen);
        let shown = || String::from_utf8_lossy(&screen.lock().expect("screen")).into_owned();
        eventually(&format!("snap {}", self.count), || {
            if file.exists() {
                true
            } else {
                assert!(!shown().contains("command not found"), "{}", shown());
                false
            }
        });
        let text = fs::read(&file).expect("snap");
        let mut snap = Snap { env: BTreeMap::new(), arguments: Vec::new() };
        for entry in text.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let entry = String::from_utf8_lossy(entry);
            match entry.split_once('=') {
                Some(("", argument)) => snap.arguments.push(argument.to_owned()),
                Some((name, value)) => drop(snap.env.insert(name.to_owned(), value.to_owned())),
                None => panic!("{entry}"),
            }
        }
        snap
    }
}

impl Snap {
    /// Returns a variable's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str)
    }
}

impl Drop for Terminal {
    #[expect(clippy::print_stderr, reason = "what was shown tells why the test failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("-- the terminal showed:\n{}", self.screen());
        }
        // Hanging up ends most shells; nushell outlives its terminal, and the script that started it. All of the session.
        let _ = Command::new("pkill").args(["-KILL", "-s", &self.child.id().to_string()]).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
