//! What goes wrong around prism: nothing is lost, the error is clear, and the next command works.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::interrupt::SLOW;
use super::{MODES, Mode};
use crate::support::live::{children_of, is_alive};
use crate::support::project::QUICK;
use crate::support::{Outcome, Project, Proxy, docker, eventually, without};

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
    let project = Project::quick();
    let bin = project.sandbox.root().join("bin");
    // A `docker` that does not heed what it is told, with a child that holds the lock too, as the plugin does.
    let stubborn = r#"#!/bin/sh
        case "$*" in
        *" up -d "*) trap 'echo told >told' TERM; sleep 1000 & echo "$$ $!" >pids.new; mv pids.new pids
            while :; do wait; done ;;
        *) PATH=${PATH#*:} exec docker "$@" ;;
        esac
    "#;
    std::fs::create_dir(&bin).expect("directory");
    std::fs::write(bin.join("docker"), stubborn).expect("script");
    std::fs::set_permissions(bin.join("docker"), std::fs::Permissions::from_mode(0o755)).expect("chmod");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("PATH"));
    for mode in MODES {
        let mut live = mode.run(&project, &["touch", "ran"]).env("PATH", &path).live();
        let pids = project.directory.join("pids");
        eventually("Compose", || pids.exists());
        live.kill(Signal::SIGINT);
        eventually("Compose to be told", || project.directory.join("told").exists());
        live.kill(Signal::SIGTERM);
        live.dies_of(Signal::SIGINT);
        let pids = std::fs::read_to_string(pids).expect("pids");
        let left: Vec<&str> = pids
            .split_whitespace()
            .filter(|pid| is_alive(Pid::from_raw(pid.parse().expect("a pid"))))
            .collect();
        assert!(left.is_empty(), "{left:?} of {pids}");
        assert!(!project.directory.join("ran").exists());
        project.holds_nothing();
        mode.run(&project, &["true"]).succeeds();
        if mode == Mode::Exec {
            project.prism(&["destroy", "--yes"]).succeeds();
        }
        for name in ["pids", "told"] {
            std::fs::remove_file(project.directory.join(name)).expect("file");
        }
    }
}

#[test]
fn a_compose_that_was_killed_leaves_no_plugin_at_work() {
    let project = Project::new(SLOW);
    let mut live = project.prism(&["exec", "--", "touch", "ran"]).live();
    eventually("a container", || !project.containers().is_empty());
    let composes = children_of(live.pid());
    let plugins: Vec<Pid> = composes.iter().flat_map(|compose| children_of(*compose)).collect();
    assert!(!plugins.is_empty());
    for compose in composes {
        kill(compose, Signal::SIGKILL).expect("kill");
    }
    live.exits(125);
    assert!(!plugins.into_iter().any(is_alive));
    project.has_free_locks();
}

/// What tells a volume from another of its name.
fn volume(project: &Project) -> String {
    let filter = format!("label=dev-prism.working_dir={}", project.directory.display());
    let listed = docker(&["volume", "ls", "-q", "--filter", &filter]);
    let name = listed.lines().find(|name| name.ends_with("_data")).expect("a volume").to_owned();
    name.clone() + &docker(&["volume", "inspect", "--format", " {{.CreatedAt}}", &name])
}

/// Makes the next `exec` take the long way.
fn change(project: &Project, count: usize) {
    project.write(
        "compose.yaml",
        &QUICK.replace("volumes: [", &format!("labels: {{n: \"{count}\"}}\n    volumes: [")),
    );
}

/// Runs prism in a damaged place, where data is: it is there afterwards, and the next run works without help.
fn runs_in(project: &Project, count: usize, mode: Mode, program: &str, words: &[&str]) -> Outcome {
    project.prism(&["exec", "true"]).succeeds();
    let data = volume(project);
    change(project, count);
    let outcome = project.sandbox.command(program, &project.directory, words).run();
    let is_clear = outcome.status == 125 && outcome.stderr.starts_with("prism: error:");
    assert!(outcome.line() == "ran" || is_clear, "{mode:?} {words:?}\n{outcome}");
    assert_eq!(mode.run(project, &["echo", "ran"]).succeeds().line(), "ran");
    project.prism(&["exec", "true"]).succeeds();
    assert_eq!(volume(project), data, "{mode:?} {words:?}\n{outcome}");
    project.prune();
    outcome
}

fn ends_with_nothing(project: &Project) {
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}

#[test]
fn no_home_and_no_place_for_files() {
    let project = Project::quick();
    for (count, mode) in MODES.into_iter().enumerate() {
        for (setting, works) in [
            ("unset HOME", true),
            ("export HOME=/proc/1", true),
            ("export HOME=/nonexistent/home", true),
            ("unset XDG_RUNTIME_DIR", true),
            ("export TMPDIR=/nonexistent", false),
        ] {
            let prism = env!("CARGO_BIN_EXE_prism");
            let script = format!("{setting}; exec '{prism}' -q {} -- echo ran", mode.words().join(" "));
            let outcome = runs_in(&project, 10 * count + setting.len(), mode, "bash", &["-c", &script]);
            assert_eq!(outcome.status == 0, works, "{mode:?} {setting}\n{outcome}");
        }
    }
    ends_with_nothing(&project);
}

#[test]
fn a_read_only_home_a_full_disk_and_a_missing_tmp() {
    let project = Project::quick();
    if without("mount") {
        return;
    }
    let root = project.sandbox.root();
    // Where it was built may be below /tmp, too.
    let prism = root.join("prism");
    fs::copy(env!("CARGO_BIN_EXE_prism"), &prism).expect("a copy of prism");
    let (root, directory, prism) = (root.display(), project.directory.display(), prism.display());
    for (count, mode) in MODES.into_iter().enumerate() {
        let run = format!("exec '{prism}' -q {} -- echo ran", mode.words().join(" "));
        let full = |place: String| {
            format!(
                "set -e; mkdir -p -m 700 '{place}'; cp -a '{place}' /dev/shm/c$$ 2>/dev/null || :; mount -t tmpfs -o size=64m,mode=700 none '{place}'; cp -a /dev/shm/c$$/. '{place}' || :; rm -r /dev/shm/c$$; cd /; cd '{directory}'; cat /dev/zero >'{place}/full' 2>/dev/null || :; {run}"
            )
        };
        let home = format!(
            "set -e; mount -t tmpfs -o ro none '{root}/home'; ! touch '{root}/home/x' 2>/dev/null; {run}"
        );
        // The sandbox may be below /tmp: it is there still, in a /tmp where nothing else can be made.
        let tmp = format!(
            "set -e; mount --bind '{root}' /mnt; mount -t tmpfs none /tmp; mkdir -p '{root}'; mount --bind /mnt '{root}'; mount -o remount,ro /tmp; cd '{directory}'; {run}"
        );
        for (number, (script, works)) in [
            (home, true),
            (tmp, false),
            (full(format!("/tmp/prism-{}", nix::unistd::geteuid())), mode == Mode::Exec),
            (full(directory.to_string()), mode == Mode::Ephemeral),
        ]
        .into_iter()
        .enumerate()
        {
            let words = ["--mount", "--propagation=private", "bash", "-c", &script];
            let outcome = runs_in(&project, 10 * count + number, mode, "unshare", &words);
            assert_eq!(outcome.status == 0, works, "{mode:?} {script}\n{outcome}");
        }
    }
    ends_with_nothing(&project);
}
