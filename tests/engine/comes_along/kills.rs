//! prism killed at every step of a copy: the source runs on, and nobody ever uses half a copy.

use std::sync::mpsc::channel;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Two, WRITER, is_paused, lines, says};
use crate::support::{Steps, docker, eventually};

const START: [&str; 3] = ["start", "--data-from", "../source"];

/// Kills a run at a step, alone or with all that it started.
fn kill_at(two: &Two, steps: &Steps, step: usize, is_group: bool) {
    let (told, pid) = channel::<Pid>();
    steps.at(step, move || {
        let pid = pid.recv().expect("a pid");
        let whom = if is_group { Pid::from_raw(-pid.as_raw()) } else { pid };
        kill(whom, Signal::SIGKILL).expect("kill");
        !is_group
    });
    let mut live = steps.count(two.target(&START)).live();
    let _ = told.send(live.pid());
    live.end();
    steps.begin();
}

/// Expects what there is after a kill: any verb thaws the source, and the next start of the copy makes it whole.
fn check(two: &Two, writer: &str, before: usize, number: usize) {
    two.source(&["info"]).succeeds();
    eventually("the source to be thawed", || !is_paused(&two.source));
    let outcome = two.target(&START).run();
    if outcome.status != 0 {
        says(&outcome, "has data already");
        two.target(&["start"]).succeeds();
    }
    two.is_whole_copy(&two.target, writer, before);
    two.writes_on();
    two.target(&["destroy", "--yes"]).succeeds();
    assert!(!is_paused(&two.source), "kill {number}");
}

#[test]
fn a_killed_copy_leaves_the_source_running_and_is_made_anew() {
    let two = Two::new(WRITER);
    let writer = two.writer();
    let steps = Steps::new(&two.sandbox);
    steps.count(two.target(&START)).succeeds();
    let all = steps.seen().len();
    two.target(&["destroy", "--yes"]).succeeds();
    let count = match std::env::var("PRISM_TEST_KILLS").as_deref() {
        Ok("all") => all,
        Ok(count) => count.parse().expect("a number"),
        Err(_) => 3,
    };
    for number in 0..count {
        let step = if count < all { (number * 618 + 309) * all / 1000 % all } else { number };
        let before = lines(&two.sandbox, &two.source, "b", &writer);
        kill_at(&two, &steps, step, number % 2 == 1);
        check(&two, &writer, before, number);
    }
}

#[test]
fn a_source_that_was_left_paused_goes_on_with_the_next_prism() {
    let two = Two::new(WRITER);
    let writer = two.writer();
    let steps = Steps::new(&two.sandbox);
    for verb in [&["list"][..], &["info"], &["exec", "--", "true"]] {
        let (told, pid) = channel::<Pid>();
        steps.when("/unpause", move || {
            kill(pid.recv().expect("a pid"), Signal::SIGKILL).expect("kill");
            false
        });
        let mut live = steps.count(two.target(&START)).live();
        told.send(live.pid()).expect("told");
        live.end();
        steps.begin();
        assert!(is_paused(&two.source), "it was killed before it could thaw: {verb:?}");
        two.source(verb).succeeds();
        assert!(!is_paused(&two.source), "{verb:?}");
        two.target(&["destroy", "--yes"]).succeeds();
    }
    // The copy's own verbs do the same.
    let before = lines(&two.sandbox, &two.source, "b", &writer);
    let (told, pid) = channel::<Pid>();
    steps.when("/unpause", move || {
        kill(pid.recv().expect("a pid"), Signal::SIGKILL).expect("kill");
        false
    });
    let mut live = steps.count(two.target(&START)).live();
    told.send(live.pid()).expect("told");
    live.end();
    steps.begin();
    let outcome = two.target(&["start"]).succeeds();
    says(&outcome, "was interrupted: beginning again");
    two.is_whole_copy(&two.target, &writer, before);
    two.writes_on();
}

#[test]
fn a_signal_thaws_at_once_and_leaves_nothing() {
    let two = Two::new(WRITER);
    let steps = Steps::new(&two.sandbox);
    let (told, pid) = channel::<Pid>();
    steps.when("/pause", move || {
        kill(pid.recv().expect("a pid"), Signal::SIGTERM).expect("kill");
        true
    });
    let mut live = steps.count(two.target(&START)).live();
    told.send(live.pid()).expect("told");
    live.end();
    assert!(!is_paused(&two.source));
    two.writes_on();
    let left = format!("label=dev-prism.working_dir={}", two.target.display());
    assert_eq!(docker(&["volume", "ls", "-q", "--filter", &left]), "");
    assert_eq!(docker(&["ps", "-aq", "--filter", &left]), "");
}
