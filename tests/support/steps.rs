//! Counts what prism does to the world, each request to the Engine and each call of git before and after, and lets a test
//! do something at one of these steps.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::{Proxy, Run, Sandbox};

/// What is done at a step; says whether what stands before it goes on.
type Act = Box<dyn FnOnce() -> bool + Send>;

/// Where a run is, and what is to happen when.
#[derive(Clone)]
pub struct Counter(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    seen: Vec<String>,
    act: Option<(Step, Act)>,
}

/// A step.
enum Step {
    /// By its number.
    Number(usize),
    /// The first whose words hold this.
    Saying(&'static str),
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.lock().seen).finish()
    }
}

impl Counter {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("steps")
    }

    /// Comes to a step; says whether what stands before it goes on.
    pub fn pass(&self, step: String) -> bool {
        let mut state = self.lock();
        let reached = state.seen.len();
        let act = state.act.take_if(|(at, _)| match at {
            Step::Number(number) => *number == reached,
            Step::Saying(words) => step.contains(*words),
        });
        state.seen.push(step);
        drop(state);
        act.is_none_or(|(_, act)| act())
    }
}

/// An Engine and a git that count.
#[derive(Debug)]
pub struct Steps {
    counter: Counter,
    proxy: Proxy,
    bin: PathBuf,
}

/// Tells of each call, and waits until it may go on.
const GIT: &str = r#"#!/bin/sh
pass() {
    mkfifo "$steps/$$"
    exec 8<>"$steps/$$"
    echo "$$ $1" >"$steps/calls"
    read -r go <&8
    exec 8<&-
    rm -f "$steps/$$"
    [ "$go" = yes ] || exit 1
}
steps=${0%/bin/git}/steps
PATH=${PATH#*:}
pass "before git $*"
git "$@"
status=$?
pass "after git $*"
exit $status
"#;

impl Steps {
    /// Makes them in the sandbox.
    pub fn new(sandbox: &Sandbox) -> Self {
        let counter = Counter(Arc::default());
        let root = sandbox.root();
        let (bin, steps) = (root.join("bin"), root.join("steps"));
        for directory in [&bin, &steps] {
            fs::create_dir(directory).expect("directory");
        }
        fs::write(bin.join("git"), GIT).expect("script");
        fs::set_permissions(bin.join("git"), Permissions::from_mode(0o755)).expect("mode");
        mkfifo(&steps.join("calls"), Mode::S_IRWXU).expect("a FIFO");
        // Open for writing too: so it never ends.
        let calls = File::options().read(true).write(true).open(steps.join("calls")).expect("a FIFO");
        let passes = counter.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(calls).lines().map_while(Result::ok) {
                let (passes, steps) = (passes.clone(), steps.clone());
                std::thread::spawn(move || answer(&passes, &steps, &line));
            }
        });
        Self { proxy: Proxy::counting(sandbox, counter.clone()), counter, bin }
    }

    /// Lets a run of prism be counted.
    pub fn count(&self, run: Run) -> Run {
        let path = std::env::var("PATH").expect("PATH");
        run.env("PATH", format!("{}:{path}", self.bin.display())).env("DOCKER_HOST", self.proxy.host())
    }

    /// Begins to count anew, and does something at that step, should it come. `act` says whether what stands before the
    /// step goes on.
    pub fn at(&self, step: usize, act: impl FnOnce() -> bool + Send + 'static) {
        *self.counter.lock() = State { seen: Vec::new(), act: Some((Step::Number(step), Box::new(act))) };
    }

    /// As [`Steps::at`], at the first step with these words: `before DELETE`.
    pub fn when(&self, words: &'static str, act: impl FnOnce() -> bool + Send + 'static) {
        *self.counter.lock() = State { seen: Vec::new(), act: Some((Step::Saying(words), Box::new(act))) };
    }

    /// Says whether the step came at which something was to be done.
    pub fn is_reached(&self) -> bool {
        self.counter.lock().act.is_none()
    }

    /// Begins to count anew.
    pub fn begin(&self) {
        *self.counter.lock() = State::default();
    }

    /// The steps since then.
    pub fn seen(&self) -> Vec<String> {
        self.counter.lock().seen.clone()
    }
}

fn answer(counter: &Counter, steps: &std::path::Path, line: &str) {
    let (caller, call) = line.split_once(' ').expect("a call");
    let go = counter.pass(call.to_owned());
    // Nobody reads it if the caller was killed.
    let reply =
        OpenOptions::new().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(steps.join(caller));
    let _ = reply.and_then(|mut reply| reply.write_all(if go { b"yes\n" } else { b"no\n" }));
}
