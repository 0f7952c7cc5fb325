//! Every signal reaches the child once, whoever sends it to whom.

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::{MODES, Mode};
use crate::support::live::{children_of, field, is_alive, is_stopped};
use crate::support::{Live, Project, eventually};

/// Prints each signal that can be caught. It takes them only while it waits: a signal right before that would not end
/// the waiting.
pub const LISTENER: &str = r#"
    use POSIX ();
    $| = 1;
    my $all = POSIX::SigSet->new;
    $all->fillset;
    POSIX::sigprocmask(POSIX::SIG_SETMASK(), $all);
    for my $name (qw(HUP INT QUIT ABRT USR1 USR2 ALRM TERM CONT TSTP URG XCPU VTALRM PROF WINCH IO SYS)) {
        $SIG{$name} = sub { print "$name\n"; };
    }
    print "ready $$\n";
    POSIX::sigsuspend(POSIX::SigSet->new) while 1;
"#;

const CATCHABLE: [Signal; 16] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGABRT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGTERM,
    Signal::SIGCONT,
    Signal::SIGTSTP,
    Signal::SIGURG,
    Signal::SIGXCPU,
    Signal::SIGVTALRM,
    Signal::SIGPROF,
    Signal::SIGWINCH,
    Signal::SIGIO,
];

fn name(signal: Signal) -> &'static str {
    signal.as_str().trim_start_matches("SIG")
}

/// Waits for the `ready` line of a child, and returns its process id.
pub fn ready(live: &Live) -> Pid {
    let said = live.line();
    let pid = said.strip_prefix("ready ").unwrap_or_else(|| panic!("{said}"));
    Pid::from_raw(pid.parse().expect("a pid"))
}

#[test]
fn each_signal_arrives_once() {
    let project = Project::quick();
    for mode in MODES {
        let mut live = mode.run(&project, &["perl", "-e", LISTENER]).live();
        let child = ready(&live);
        assert_eq!(child == live.pid(), mode == Mode::Exec);
        // The next line would be the second time of the one before.
        for signal in CATCHABLE.into_iter().chain(CATCHABLE).chain([Signal::SIGINT; 5]) {
            live.kill(signal);
            live.says(name(signal));
        }
        for signal in CATCHABLE.into_iter().chain(CATCHABLE).chain([Signal::SIGINT; 50]) {
            live.kill_group(signal);
            live.says(name(signal));
        }
        // Now prism has dealt with all of these.
        live.kill(Signal::SIGSYS);
        live.says("SYS");
        for (alone, all) in CATCHABLE.into_iter().zip(CATCHABLE.into_iter().rev()) {
            live.kill_group(all);
            live.says(name(all));
            live.kill(alone);
            live.says(name(alone));
        }
        nix::sys::signal::kill(child, Signal::SIGKILL).expect("kill");
        live.dies_of(Signal::SIGKILL);
    }
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}

#[test]
fn a_witness_that_was_stopped_is_continued_and_waited_for() {
    let project = Project::quick();
    let mut live = Mode::Ephemeral.run(&project, &["perl", "-e", LISTENER]).live();
    let child = ready(&live);
    let witness = children_of(live.pid()).into_iter().find(|pid| *pid != child).expect("a witness");
    nix::sys::signal::kill(witness, Signal::SIGSTOP).expect("kill");
    live.kill_group(Signal::SIGUSR1);
    live.says("USR1");
    live.kill(Signal::SIGHUP);
    live.says("HUP");
    nix::sys::signal::kill(child, Signal::SIGKILL).expect("kill");
    live.dies_of(Signal::SIGKILL);
    project.prism(&["destroy", "--yes"]).succeeds();
}

#[test]
fn supervision_is_one_thread_and_leaves_no_process() {
    let project = Project::quick();
    let mut live = Mode::Ephemeral.run(&project, &["perl", "-e", LISTENER]).live();
    let child = ready(&live);
    assert_eq!(field(live.pid(), "Threads").as_deref(), Some("1"));
    let beside = children_of(live.pid());
    assert!(beside.contains(&child) && beside.len() <= 3, "{beside:?}");
    live.kill_group(Signal::SIGINT);
    live.says("INT");
    live.kill_group(Signal::SIGINT);
    live.says("INT");
    eventually("no zombie", || children_of(live.pid()).into_iter().all(is_alive));
    let beside = children_of(live.pid());
    nix::sys::signal::kill(child, Signal::SIGKILL).expect("kill");
    live.dies_of(Signal::SIGKILL);
    assert!(!beside.into_iter().any(is_alive));
    project.holds_nothing();
}

#[test]
fn a_child_of_its_own_session_or_group_gets_what_the_group_got() {
    let project = Project::quick();
    for leave in ["POSIX::setsid()", "setpgrp"] {
        let script = format!("use POSIX (); {leave}; {LISTENER}");
        let mut live = Mode::Ephemeral.run(&project, &["perl", "-e", &script]).live();
        let child = ready(&live);
        live.kill_group(Signal::SIGINT);
        live.says("INT");
        live.kill(Signal::SIGTERM);
        live.says("TERM");
        live.kill_group(Signal::SIGHUP);
        live.says("HUP");
        nix::sys::signal::kill(child, Signal::SIGKILL).expect("kill");
        live.dies_of(Signal::SIGKILL);
        project.holds_nothing();
    }
}

#[test]
fn a_stop_is_followed_only_where_a_terminal_can_end_it() {
    let project = Project::quick();
    let mut live = Mode::Ephemeral.run(&project, &["perl", "-e", LISTENER]).live();
    let child = ready(&live);
    nix::sys::signal::kill(child, Signal::SIGSTOP).expect("kill");
    eventually("the child to stop", || is_stopped(child));
    live.kill(Signal::SIGCONT);
    live.says("CONT");
    live.kill(Signal::SIGTERM);
    live.says("TERM");
    nix::sys::signal::kill(child, Signal::SIGKILL).expect("kill");
    live.dies_of(Signal::SIGKILL);
    project.holds_nothing();
}

#[test]
fn what_the_caller_blocks_or_ignores_stays_so() {
    let project = Project::quick();
    let prism = env!("CARGO_BIN_EXE_prism");
    for mode in MODES {
        let script =
            "use POSIX (); $| = 1; print \"ready $$\\n\"; POSIX::sigsuspend(POSIX::SigSet->new) while 1";
        // A blocked signal is passed on too, and is pending until the child wants it.
        let mut words = vec!["--block-signal=TERM,CHLD", "--ignore-signal=HUP", prism];
        words.extend(mode.words());
        words.extend(["--", "perl", "-e", script]);
        let mut live = project.sandbox.command("env", &project.directory, &words).live();
        let child = ready(&live);
        live.kill(Signal::SIGHUP);
        live.kill_group(Signal::SIGHUP);
        live.kill(Signal::SIGTERM);
        live.dies_of(Signal::SIGTERM);
        assert!(!is_alive(child));
    }
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}
