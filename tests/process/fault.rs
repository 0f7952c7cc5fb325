//! What goes wrong around prism: nothing is lost, the error is clear, and the next command works.

use std::process::Command;

use nix::sys::signal::{Signal, kill};

use super::interrupt::SLOW;
use super::{MODES, Mode};
use crate::support::live::children_of;
use crate::support::{Project, Proxy, eventually, without};

#[test]
fn an_engine_that_goes_silent_does_not_hold_whoever_interrupts() {
    let project = Project::new(SLOW);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let proxy = Proxy::start(&project.sandbox);
        let mut live = project.prism(&["exec", "--", "touch", "ran"]).env("DOCKER_HOST", proxy.host()).live();
        eventually("the stack to start", || !project.containers().is_empty());
        proxy.stick(true);
        let before = proxy.questions();
        eventually("an unanswered question", || proxy.questions() > before);
        live.kill(signal);
        live.dies_of(signal);
        proxy.stick(false);
        assert!(!project.directory.join("ran").exists());
        project.has_free_locks();
        project.prism(&["destroy", "--yes"]).succeeds();
        project.holds_nothing();
        std::fs::remove_file(project.sandbox.root().join("engine.sock")).expect("socket");
    }
}

#[test]
fn a_killed_compose_is_an_error_and_the_next_run_works() {
    let project = Project::new(SLOW);
    let mut live = project.prism(&["exec", "--", "touch", "ran"]).live();
    eventually("a container", || !project.containers().is_empty());
    for compose in children_of(live.pid()) {
        for plugin in children_of(compose) {
            let _ = kill(plugin, Signal::SIGKILL);
        }
        let _ = kill(compose, Signal::SIGKILL);
    }
    live.exits(125);
    assert!(live.errors().contains("could not start the stack"));
    assert!(!project.directory.join("ran").exists());
    project.has_free_locks();
    project.write("compose.yaml", crate::support::project::QUICK);
    project.prism(&["exec", "true"]).succeeds();
}

#[test]
fn a_second_signal_is_quicker_and_not_dirtier() {
    let project = Project::new(SLOW);
    let mut live = project.prism(&["exec", "--", "touch", "ran"]).live();
    eventually("a container", || !project.containers().is_empty());
    live.kill_group(Signal::SIGINT);
    live.kill_group(Signal::SIGINT);
    live.dies_of(Signal::SIGINT);
    assert!(!project.directory.join("ran").exists());
    eventually("the lock to be free", || {
        let locks = std::fs::read_dir(project.sandbox.root().join("run/prism")).expect("locks");
        let mut files = locks.map(|entry| entry.expect("entry").path()).filter(|path| path.is_file());
        files.all(|path| {
            let flock = Command::new("flock").arg("--nonblock").arg(path).arg("true").status();
            flock.expect("flock").success()
        })
    });
    project.write("compose.yaml", crate::support::project::QUICK);
    project.prism(&["exec", "true"]).succeeds();
}

#[test]
fn few_descriptors_are_enough() {
    let project = Project::quick();
    let prism = env!("CARGO_BIN_EXE_prism");
    for mode in MODES {
        let words = mode.words().join(" ");
        let script = format!("ulimit -n 64; exec '{prism}' {words} -- sh -c 'ulimit -n'");
        let outcome = project.sandbox.command("bash", &project.directory, &["-c", &script]).run();
        assert_eq!(outcome.line(), "64", "{mode:?} {outcome}");
        let script = format!("ulimit -n 32; exec '{prism}' {words} -- sh -c 'ulimit -n'");
        let outcome = project.sandbox.command("bash", &project.directory, &["-c", &script]).run();
        assert_eq!((outcome.status, outcome.line()), (0, "32"), "{mode:?} {outcome}");
        let script = format!("ulimit -n 8; exec '{prism}' {words} -- true");
        let outcome = project.sandbox.command("bash", &project.directory, &["-c", &script]).run();
        assert!(outcome.status == 0 || outcome.stderr.contains("prism: error:"), "{mode:?} {outcome}");
        project.prism(&["prune", "--yes"]).succeeds();
    }
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}

#[test]
fn no_home_a_read_only_home_and_no_temporary_directory() {
    let project = Project::quick();
    for mode in MODES {
        for script in
            ["unset HOME", "export HOME=/proc/1", "export TMPDIR=/nonexistent", "unset XDG_RUNTIME_DIR"]
        {
            let prism = env!("CARGO_BIN_EXE_prism");
            let script = format!("{script}; exec '{prism}' {} -- echo ran", mode.words().join(" "));
            let outcome = project.sandbox.command("bash", &project.directory, &["-c", &script]).run();
            let is_clear = outcome.status == 125 && outcome.stderr.contains("prism: error:");
            assert!(outcome.line() == "ran" || is_clear, "{mode:?} {script} {outcome}");
            project.prism(&["exec", "true"]).succeeds();
            project.prism(&["destroy", "--yes"]).succeeds();
            project.holds_nothing();
        }
    }
}

#[test]
fn a_full_disk_and_a_missing_tmp() {
    let project = Project::quick();
    if without("mount") {
        return;
    }
    let prism = env!("CARGO_BIN_EXE_prism");
    let (directory, run) = (project.directory.display(), project.sandbox.root().join("run"));
    let run = run.display();
    for mode in MODES {
        let words = mode.words().join(" ");
        let full = |place: &dyn std::fmt::Display| {
            format!(
                "set -e; cp compose.yaml /dev/shm/c$$; mount -t tmpfs -o size=16k,mode=700 none '{place}'; cd /; cd '{directory}'; [ -e compose.yaml ] || cp /dev/shm/c$$ compose.yaml; rm /dev/shm/c$$; cat /dev/zero >'{place}/full' 2>/dev/null || :; exec '{prism}' {words} -- true"
            )
        };
        // The sandbox may be below /tmp: it is there still, in a /tmp where nothing else can be made.
        let root = project.sandbox.root();
        let root = root.display();
        let missing = format!(
            "set -e; mount --bind '{root}' /mnt; mount -t tmpfs none /tmp; mkdir -p '{root}'; mount --bind /mnt '{root}'; mount -o remount,ro /tmp; cd '{directory}'; exec '{prism}' {words} -- true"
        );
        let mut scripts = vec![full(&run), missing];
        if mode == Mode::Exec {
            scripts.push(full(&directory));
        }
        for script in scripts {
            let words = ["--mount", "--propagation=private", "bash", "-c", &script];
            let outcome = project.sandbox.command("unshare", &project.directory, &words).run();
            assert!(
                outcome.status == 0 || (outcome.status == 125 && outcome.stderr.contains("prism: error:")),
                "{mode:?} {script}\n{outcome}"
            );
            project.prism(&["prune", "--yes"]).succeeds();
            project.prism(&["exec", "true"]).succeeds();
            project.prism(&["destroy", "--yes"]).succeeds();
            project.holds_nothing();
        }
    }
}
