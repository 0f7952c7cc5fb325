//! Time that jumps, and time in which prism is stopped.

use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::interrupt::SLOW;
use super::{MODES, Mode};
use crate::support::live::is_stopped;
use crate::support::project::containers_of;
use crate::support::{Live, Project, Proxy, Pruning, docker, eventually};

/// A clock that is wrong by as many seconds as a variable says; `jump`: by a day, now this way, now that.
const CLOCK: &str = r#"
    #define _GNU_SOURCE
    #include <stdlib.h>
    #include <string.h>
    #include <sys/syscall.h>
    #include <time.h>
    #include <unistd.h>
    int clock_gettime(clockid_t clock, struct timespec *time) {
        static int sign = 1;
        int result = syscall(SYS_clock_gettime, clock, time);
        const char *shift = getenv("TEST_CLOCK");
        if (result == 0 && shift && clock == CLOCK_REALTIME)
            time->tv_sec += strcmp(shift, "jump") == 0 ? 86400 * (sign = -sign) : atol(shift);
        return result;
    }
"#;

/// A stack that prism has to watch for a moment, as nothing can be asked of its services.
const WORKERS: &str = "services:\n  worker: {image: prism-test:1, stop_signal: SIGKILL, command: sleep 1000, volumes: [\"data:/data\"]}\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /etc]\n    ports: [\"80\"]\nvolumes: {data: {}}\n";

#[test]
fn a_clock_that_jumps_harms_nothing() {
    let project = Project::new(WORKERS);
    let (source, library) =
        (project.sandbox.write("clock.c", CLOCK), project.sandbox.work().join("clock.so"));
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(compiled.expect("cc, which Rust needs too").success());
    for shift in ["86400000", "-86400000", "jump"] {
        let prism =
            |words: &[&str]| project.prism(words).env("LD_PRELOAD", &library).env("TEST_CLOCK", shift);
        let seen = prism(&["-q", "exec", "date", "+%s"]).succeeds();
        let seen: u64 = seen.line().parse().expect("seconds");
        let now = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_secs();
        assert!(seen.abs_diff(now) > 80_000, "{shift}: the clock is wrong");
        let up = project.containers();
        // Whoever has the right time finds all of it, and changes nothing.
        project.prism(&["exec", "true"]).succeeds();
        let listed = prism(&["list"]).succeeds();
        assert!(listed.stdout.contains("shop"), "{listed}");
        prism(&["info"]).succeeds();
        prism(&["exec", "--wait-timeout", "20", "true"]).succeeds();
        assert_eq!(project.containers(), up, "{shift}");
        let mut live = prism(&["exec", "--ephemeral", "sh", "-c", "echo ready; sleep 1000"]).live();
        live.says("ready");
        let pruning = Pruning::allowed();
        prism(&["prune", "--yes"]).succeeds();
        drop(pruning);
        project.prune();
        assert!(live.is_running() && project.containers().len() == 2 * up.len(), "{shift}: it lives");
        live.kill(Signal::SIGTERM);
        live.dies_of(Signal::SIGTERM);
        assert_eq!(project.containers(), up, "{shift}");
        prism(&["destroy", "--yes"]).succeeds();
        project.holds_nothing();
    }
}

fn running(project: &Project) -> Vec<String> {
    let is_running = |id: &String| docker(&["inspect", "--format", "{{.State.Running}}", id]) == "true\n";
    containers_of(&project.directory).into_iter().filter(is_running).collect()
}

/// The stack gets ready from here on.
fn make_ready(project: &Project) {
    for id in running(project) {
        docker(&["exec", &id, "touch", "/ready"]);
    }
}

/// Longer than a start takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(25);

/// Stops runs of prism for longer than they would wait.
fn stop_for_long(runs: &[Live]) {
    for live in runs {
        live.kill(Signal::SIGSTOP);
        eventually("the stop", || is_stopped(live.pid()));
    }
    let stopped = Instant::now();
    eventually("more time than prism has", || stopped.elapsed() > PATIENCE + Duration::from_secs(1));
    for live in runs {
        live.kill(Signal::SIGCONT);
    }
}

fn start(project: &Project, mode: Mode, host: Option<String>) -> Live {
    let timeout = PATIENCE.as_secs().to_string();
    let words = [mode.words(), &["--wait-timeout", &timeout, "--", "echo", "ran"]].concat();
    let run = project.prism(&words);
    host.into_iter().fold(run, |run, host| run.env("DOCKER_HOST", host)).live()
}

fn ends(project: &Project, mode: Mode, mut live: Live) {
    live.says("ran");
    live.exits(0);
    if mode == Mode::Exec {
        project.prism(&["destroy", "--yes"]).succeeds();
    }
    project.holds_nothing();
}

#[test]
fn time_in_which_prism_is_stopped_does_not_count() {
    let alone = "services:\n  base:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    healthcheck: {test: test -f /ready, interval: 200ms, retries: 100000}\n";
    // Stopped while Compose runs, and while prism itself waits.
    let projects = MODES.map(|mode| [SLOW, alone].map(|compose| (mode, Project::new(compose))));
    let projects: Vec<_> = projects.into_iter().flatten().collect();
    let runs: Vec<Live> = projects.iter().map(|(mode, project)| start(project, *mode, None)).collect();
    for (_, project) in &projects {
        eventually("a container", || !running(project).is_empty());
    }
    stop_for_long(&runs);
    for (_, project) in &projects {
        make_ready(project);
    }
    for ((mode, project), live) in projects.iter().zip(runs) {
        ends(project, *mode, live);
    }
}

#[test]
fn a_question_to_the_engine_outlasts_a_stop() {
    let projects = MODES.map(|mode| (mode, Project::quick()));
    let proxies = projects.each_ref().map(|(_, project)| Proxy::start(&project.sandbox));
    let runs: Vec<Live> = projects
        .iter()
        .zip(&proxies)
        .map(|((mode, project), proxy)| {
            proxy.hold(Some("/containers/json"));
            start(project, *mode, Some(proxy.host()))
        })
        .collect();
    for proxy in &proxies {
        eventually("a question", || proxy.held() > 0);
    }
    stop_for_long(&runs);
    for proxy in &proxies {
        proxy.hold(None);
    }
    for ((mode, project), live) in projects.iter().zip(runs) {
        ends(project, *mode, live);
    }
}
