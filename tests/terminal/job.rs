//! Job control, as bash and a child see it.

use std::time::{Duration, Instant};

use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpgid};

use crate::process::signal::LISTENER;
use crate::process::{MODES, Mode};
use crate::support::live::{children_of, field, is_alive, is_stopped};
use crate::support::{Project, Terminal, eventually};

fn bash(project: &Project) -> Terminal {
    let env = [("PS1", "ready>"), ("PRISM_BIN", env!("CARGO_BIN_EXE_prism"))];
    project.write("listen.pl", LISTENER);
    project.write("plain.pl", &LISTENER.replace("CONT TSTP ", "CONT "));
    Terminal::start(&project.sandbox, &project.directory, &["bash", "--norc", "--noprofile", "-i"], &env)
}

fn prism(mode: Mode) -> String {
    format!("prism -q {}", mode.words().join(" "))
}

#[test]
fn a_typed_ctrl_c_arrives_once_and_ends_a_child_of_its_own_session() {
    let project = Project::quick();
    for mode in MODES {
        let mut terminal = bash(&project);
        terminal.line(&format!("{} perl listen.pl", prism(mode)));
        terminal.shows("ready ", 1);
        for count in 1..=10 {
            terminal.types("\x03");
            terminal.shows("INT\r\n", count);
        }
        terminal.types("\x1c");
        terminal.shows("QUIT\r\n", 1);
        terminal.resize(30);
        terminal.shows("WINCH\r\n", 1);
        terminal.types("\x03");
        terminal.shows("INT\r\n", 11);
    }
    let mut terminal = bash(&project);
    terminal.line("prism -q exec --ephemeral perl -e 'use POSIX; POSIX::setsid(); $|=1; print \"up\".\"wards\\n\"; sleep 1000'");
    terminal.shows("upwards", 1);
    terminal.types("\x03");
    terminal.line("echo status:$?");
    terminal.shows("status:130", 1);
    drop(terminal);
    project.prune();
}

#[test]
fn stopped_and_continued_fifty_times() {
    let project = Project::quick();
    for mode in MODES {
        let mut terminal = bash(&project);
        terminal.line(&format!("{} perl plain.pl", prism(mode)));
        let group = getpgid(Some(terminal.number_after("ready "))).expect("a group");
        for count in 1..=50 {
            terminal.types("\x1a");
            terminal.shows("Stopped", count);
            terminal.line(if count % 5 == 0 { "bg; fg" } else { "fg" });
            terminal.shows("CONT\r\n", count);
            eventually("the command in front", || terminal.in_front() == group);
        }
        terminal.types("\x03");
        terminal.shows("INT\r\n", 1);
    }
    project.prune();
}

#[test]
fn a_continuation_right_after_the_stop_is_not_missed() {
    let project = Project::quick();
    let script = r#"
        $| = 1;
        print "pid=$$.\n";
        for my $round (1 .. 300) { kill "STOP", $$; print "round $round.\n" }
    "#;
    project.write("stops.pl", script);
    let mut terminal = bash(&project);
    terminal.line("prism -q exec --ephemeral perl stops.pl >rounds");
    let rounds = || std::fs::read_to_string(project.directory.join("rounds")).unwrap_or_default();
    eventually("the child", || rounds().contains(".\n"));
    let said = rounds();
    let pid = said.strip_prefix("pid=").and_then(|text| text.split_once('.')).expect("a pid").0;
    let child = Pid::from_raw(pid.parse().expect("a pid"));
    let group = getpgid(Some(child)).expect("a group");
    // Whenever the child has stopped, before prism or the shell may have seen that.
    eventually("the last round", || {
        for _ in 0..1000 {
            if is_stopped(child) {
                let _ = kill(Pid::from_raw(-group.as_raw()), Signal::SIGCONT);
            }
        }
        rounds().contains("round 300.")
    });
    eventually("prism's end", || !is_alive(group));
    drop(terminal);
    project.holds_nothing();
}

/// Waits, without a pause, until a command in front is continued: what comes next comes right after that.
fn goes_on(terminal: &Terminal, child: Pid, group: Pid) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while is_stopped(child) || terminal.in_front() != group {
        assert!(Instant::now() < deadline, "still stopped");
    }
}

#[test]
fn a_stop_right_after_the_continuation_is_not_undone() {
    let project = Project::quick();
    let mut terminal = bash(&project);
    terminal.line("prism -q exec --ephemeral perl plain.pl");
    let child = terminal.number_after("ready ");
    let group = getpgid(Some(child)).expect("a group");
    for count in 1..=100 {
        terminal.types("\x1a");
        terminal.shows("Stopped", count);
        // Every third time right after another one.
        terminal.line(if count % 3 == 0 { "bg; fg" } else { "fg" });
        goes_on(&terminal, child, group);
    }
    terminal.types("\x03");
    terminal.shows("INT\r\n", 1);
    project.prune();
}

#[test]
fn a_stop_that_the_witness_sees_instead_of_the_continuation_is_not_undone() {
    let project = Project::quick();
    let mut terminal = bash(&project);
    terminal.line("prism -q exec --ephemeral perl plain.pl");
    let child = terminal.number_after("ready ");
    let prism = getpgid(Some(child)).expect("a group");
    let witness = children_of(prism).into_iter().find(|pid| *pid != child).expect("a witness");
    eventually("the witness's own name", || field(witness, "Name").as_deref() == Some("prism-witness"));
    let is_pending = |signal: Signal| {
        let pending = u64::from_str_radix(&field(witness, "ShdPnd").expect("status"), 16).expect("a mask");
        pending & (1 << (signal as i32 - 1)) != 0
    };
    let stops: [&dyn Fn(&mut Terminal); 2] = [&|terminal| terminal.types("\x1a"), &|_| {
        kill(Pid::from_raw(-prism.as_raw()), Signal::SIGTSTP).expect("kill");
    }];
    terminal.types("\x1a");
    terminal.shows("Stopped", 1);
    for (stop, count) in stops.into_iter().cycle().zip(2..=7) {
        // As if the machine were busy, and had no time for it.
        ptrace::seize(witness, ptrace::Options::empty()).expect("a tracer of a descendant");
        ptrace::interrupt(witness).expect("traced");
        waitpid(witness, Some(WaitPidFlag::__WALL)).expect("held");
        terminal.line("fg");
        goes_on(&terminal, child, prism);
        eventually("prism to ask the witness", || {
            field(prism, "State").is_some_and(|state| state.starts_with('S'))
        });
        assert!(is_pending(Signal::SIGCONT));
        stop(&mut terminal);
        eventually("the stop", || is_pending(Signal::SIGTSTP));
        assert!(!is_pending(Signal::SIGCONT));
        ptrace::detach(witness, None).expect("let go");
        terminal.shows("Stopped", count);
    }
    terminal.line("fg");
    goes_on(&terminal, child, prism);
    terminal.types("\x03");
    terminal.shows("INT\r\n", 1);
    project.prune();
}

#[test]
fn the_child_goes_on_when_somebody_continues_prism_alone() {
    let project = Project::quick();
    let mut terminal = bash(&project);
    terminal.line("prism -q exec --ephemeral perl plain.pl");
    let child = terminal.number_after("ready ");
    let prism = getpgid(Some(child)).expect("a group");
    for count in 1..=40 {
        terminal.types("\x1a");
        terminal.shows("Stopped", 2 * count - 1);
        terminal.line("fg");
        goes_on(&terminal, child, prism);
        terminal.types("\x1a");
        terminal.shows("Stopped", 2 * count);
        kill(prism, Signal::SIGCONT).expect("kill");
        eventually("the child to go on", || !is_stopped(child));
        // The shell has seen that it goes on, and does not continue it once more.
        terminal.line("fg");
        eventually("prism in front", || terminal.in_front() == prism);
    }
    terminal.types("\x03");
    terminal.shows("INT\r\n", 1);
    project.prune();
}

#[test]
fn what_was_sent_to_a_stopped_prism_comes_before_the_child_goes_on() {
    let project = Project::quick();
    let mut terminal = bash(&project);
    // In the background it would be stopped again as soon as it reads.
    terminal.line("prism -q exec --ephemeral sh -c 'echo \"ready $$\"; exec cat'");
    let prism = getpgid(Some(terminal.number_after("ready "))).expect("a group");
    terminal.types("\x1a");
    terminal.shows("Stopped", 1);
    kill(prism, Signal::SIGTERM).expect("kill");
    kill(prism, Signal::SIGCONT).expect("kill");
    eventually("prism's end", || !is_alive(prism));
    project.prune();
}

#[test]
fn the_start_itself_can_be_stopped_continued_and_interrupted() {
    let project = Project::new(crate::process::interrupt::SLOW);
    for mode in MODES {
        let mut terminal = bash(&project);
        terminal.line(&format!("{} touch ran", prism(mode)));
        eventually("a container", || !project.containers().is_empty());
        for count in 1..=3 {
            terminal.types("\x1a");
            terminal.shows("Stopped", count);
            terminal.line("fg");
            terminal.shows("touch ran", 1 + 2 * count);
        }
        terminal.types("\x03");
        terminal.line("echo state:$?");
        terminal.shows("state:130", 1);
        assert!(!project.directory.join("ran").exists());
        project.prism(&["destroy", "--yes"]).succeeds();
        project.holds_nothing();
    }
}

#[test]
fn the_background_stays_in_the_background() {
    let project = Project::quick();
    for mode in MODES {
        let mut terminal = bash(&project);
        terminal.line("stty tostop");
        terminal.line(&format!(
            "{} sh -c 'touch started; while [ ! -e go ]; do sleep 0.05; done; exit 5' &",
            prism(mode)
        ));
        eventually("the child", || project.directory.join("started").exists());
        terminal.line("echo in-fr''ont");
        terminal.shows("in-front", 1);
        project.write("go", "");
        terminal.line("wait $!; echo status:$?");
        terminal.shows("status:5", 1);
        for name in ["go", "started"] {
            std::fs::remove_file(project.directory.join(name)).expect("file");
        }
    }
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}

#[test]
fn an_interactive_shell_takes_and_gives_back_the_terminal() {
    let project = Project::quick();
    for (count, mode) in MODES.into_iter().enumerate() {
        let mut terminal = bash(&project);
        terminal.line(&format!("PS1=inn''er {} bash --norc --noprofile -i; echo back:$?", prism(mode)));
        eventually("the inner shell", || terminal.screen().matches("inner").count() > 0);
        terminal.types("stty size; kill -KILL $$\r");
        terminal.shows("back:137", 1);
        terminal.line("printf 'ask''ed:'; read -r line; echo got:$line");
        terminal.shows("asked:", 1);
        terminal.types("typed\r");
        terminal.shows("got:typed", 1);
        assert!(count < 2);
    }
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}

#[test]
fn a_loop_of_the_shell_ends_with_a_typed_ctrl_c() {
    let project = Project::quick();
    for mode in MODES {
        let mut terminal = bash(&project);
        terminal
            .line(&format!("for i in 1 2 3; do {} sh -c 'echo lo''op; exec sleep 1000'; done", prism(mode)));
        terminal.shows("loop", 1);
        terminal.types("\x03");
        terminal.line("echo af''ter");
        terminal.shows("after", 1);
        terminal.shows("loop", 1);
    }
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}

#[test]
fn a_closed_terminal_leaves_nothing_running() {
    let project = Project::quick();
    for mode in MODES {
        let mut terminal = bash(&project);
        terminal.line(&format!("{} sh -c 'echo $$ >child; exec sleep 1000'", prism(mode)));
        let child = project.directory.join("child");
        let read = || std::fs::read_to_string(&child).ok()?.trim().parse().ok();
        eventually("the child", || read().is_some());
        let pid: i32 = read().expect("a pid");
        terminal.close();
        eventually("the child's end", || !is_alive(Pid::from_raw(pid)));
        std::fs::remove_file(&child).expect("file");
    }
    project.prism(&["destroy", "--yes"]).succeeds();
    eventually("nothing", || project.containers().is_empty());
    project.prune();
}
