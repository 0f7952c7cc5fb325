//! Random signals at random moments: the end fits the child's fate, Docker holds nothing, the lock is free.
//!
//! `PRISM_TEST_FUZZ` is how many seconds this takes, `PRISM_TEST_SEED` repeats a run.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

use super::{MODES, Mode};
use crate::support::Project;

const SIGNALS: [Signal; 9] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGWINCH,
    Signal::SIGTSTP,
    Signal::SIGCONT,
    Signal::SIGURG,
];

/// Numbers that only look random (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect(name))
}

#[test]
#[expect(clippy::print_stderr, reason = "the seed is needed to repeat a failure")]
fn random_signals_at_random_moments() {
    let time = Duration::from_secs(number("PRISM_TEST_FUZZ").unwrap_or(8));
    let clock = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_nanos();
    let seed =
        number("PRISM_TEST_SEED").unwrap_or_else(|| u64::try_from(clock & 0xffff_ffff).expect("small"));
    eprintln!("PRISM_TEST_SEED={seed}");
    let mut random = Random(seed | 1);
    let project = Project::quick();
    let until = Instant::now() + time;
    while Instant::now() < until {
        for mode in MODES {
            round(&project, mode, &mut random);
        }
    }
}

fn round(project: &Project, mode: Mode, random: &mut Random) {
    // It ends by itself after a moment, with a status of its own.
    let script = "echo ran >ran; trap : USR1 WINCH; sleep 0.3 & wait; wait; exit 7";
    let _ = std::fs::remove_file(project.directory.join("ran"));
    let mut live = mode.run(project, &["bash", "-c", script]).live();
    let mut fatal = Vec::new();
    let mut sent = Vec::new();
    for _ in 0..=random.below(4) {
        let pause = Duration::from_millis(random.below(900));
        let deadline = Instant::now() + pause;
        while Instant::now() < deadline && live.is_running() {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        let signal = SIGNALS[usize::try_from(random.below(9)).expect("small")];
        let to_group = random.below(2) == 0;
        if live.is_running() {
            let target = if to_group { -live.pid().as_raw() } else { live.pid().as_raw() };
            kill(nix::unistd::Pid::from_raw(target), signal).expect("kill");
            sent.push((signal, to_group));
            fatal.push(signal as i32);
        }
    }
    // Whatever was stopped goes on.
    while live.is_running() {
        let _ = kill(nix::unistd::Pid::from_raw(-live.pid().as_raw()), Signal::SIGCONT);
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let end = live.end();
    let by = std::os::unix::process::ExitStatusExt::signal(&end);
    let ran = project.directory.join("ran").exists();
    let fits = match (end.code(), by) {
        (Some(7), None) => ran,
        (None, Some(signal)) => fatal.contains(&signal),
        // The shell's own word for a signal that its child got.
        (Some(status), None) => fatal.contains(&(status - 128)),
        _ => false,
    };
    assert!(fits, "{mode:?} {sent:?} {end:?} {}", live.errors());
    if mode == Mode::Exec {
        // What became of the stack is open, but the next run finds its way.
        mode.run(project, &["true"]).succeeds();
        project.prism(&["destroy", "--yes"]).succeeds();
    }
    project.holds_nothing();
}
