//! Signals while the stack is starting.

use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::Mode;
use super::signal::{LISTENER, ready};
use crate::support::{Outcome, Project, Proxy, eventually};

/// A stack that does not get ready by itself: its health check wants a file inside the container.
pub const SLOW: &str = "services:\n  base:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    healthcheck: {test: test -f /ready, interval: 200ms, retries: 100000}\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    depends_on: {base: {condition: service_healthy}}\n";

#[test]
fn a_signal_ends_the_start_and_the_child_never_runs() {
    let project = Project::new(SLOW);
    for (signal, status) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let child = project.prism(&["exec", "--", "touch", "ran"]).spawn();
        eventually("the first container to run", || {
            let listed = project.prism(&["list", "--format", "json"]).succeeds().stdout;
            listed.contains(project.directory.to_str().expect("UTF-8")) && listed.contains("\"running\"")
        });
        let kill = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(kill.expect("kill").success());
        let outcome = Outcome::of(child);
        assert_eq!(outcome.status, status, "{outcome}");
        assert!(outcome.stderr.contains("before the stack was ready"), "{outcome}");
        assert!(!project.directory.join("ran").exists());
        project.prism(&["destroy", "--yes"]).succeeds();
    }
    let next = project.prism(&["exec", "--", "true"]).spawn();
    eventually("base to run", || {
        project.prism(&["compose", "exec", "-T", "base", "touch", "/ready"]).run().status == 0
    });
    let next = Outcome::of(next);
    assert_eq!(next.status, 0, "{next}");
}

#[test]
fn a_signal_during_a_slow_health_check_is_not_lost() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    healthcheck: {test: sleep 30, interval: 100s, timeout: 60s}\n",
    );
    let child = project.prism(&["exec", "--", "touch", "ran"]).spawn();
    eventually("the check to run", || {
        let top = project.prism(&["compose", "top"]).run();
        top.stdout.contains("sleep 30")
    });
    let kill = Command::new("kill").arg(child.id().to_string()).status();
    assert!(kill.expect("kill").success());
    let outcome = Outcome::of(child);
    assert_eq!(outcome.status, 143, "{outcome}");
    assert!(!project.directory.join("ran").exists());
    let limited = project.prism(&["exec", "--wait-timeout", "1", "--", "true"]).exits(125);
    assert!(limited.stderr.contains("gave up after 1 s"), "{limited}");
}

#[test]
fn impatience_with_a_slow_engine_leaves_no_ephemeral_stack() {
    let project = Project::quick();
    let proxy = Proxy::start(&project.sandbox);
    let run = Mode::Ephemeral.run(&project, &["perl", "-e", LISTENER]);
    let mut live = run.env("DOCKER_HOST", proxy.host()).live();
    let child = ready(&live);
    // Longer than a wait for an answer goes on without a look at signals.
    proxy.delay(Duration::from_millis(300));
    let asked = proxy.questions();
    nix::sys::signal::kill(child, Signal::SIGKILL).expect("kill");
    eventually("the removal", || proxy.questions() > asked);
    eventually("the end", || {
        live.kill(Signal::SIGINT);
        !live.is_running()
    });
    live.dies_of(Signal::SIGKILL);
    project.holds_nothing();
}
