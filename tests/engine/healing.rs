//! Whatever happened to the containers meanwhile, the next command is right.

use std::time::Duration;

use crate::support::{Project, docker, eventually};

fn answers(project: &Project) -> bool {
    project.prism(&["exec", "--", "sh", "-c", "exec 3<>/dev/tcp/127.0.0.1/$WEB_PORT"]).run().status == 0
        || project.prism(&["exec", "--", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$WEB_PORT"]).run().status
            == 0
}

#[test]
fn removed_stopped_killed_and_paused_containers_come_back() {
    let project = Project::web();
    project.prism(&["exec", "true"]).succeeds();
    for damage in [&["rm", "-f"][..], &["stop"], &["kill"], &["pause"]] {
        let id = project.containers().pop().expect("a container");
        docker(&[damage, &[&id]].concat());
        assert!(answers(&project), "{damage:?}");
        assert_eq!(project.containers().len(), 1, "{damage:?}");
    }
}

#[test]
fn a_removed_network_comes_back() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let id = project.containers().pop().expect("a container");
    docker(&["stop", &id]);
    let network = docker(&[
        "network",
        "ls",
        "-q",
        "--filter",
        &format!("label=dev-prism.working_dir={}", project.directory.display()),
    ]);
    docker(&["network", "rm", network.trim()]);
    assert!(answers(&project));
}

#[test]
fn a_container_without_its_network_is_made_anew() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let id = project.containers().pop().expect("a container");
    let network = docker(&[
        "network",
        "ls",
        "-q",
        "--filter",
        &format!("label=dev-prism.working_dir={}", project.directory.display()),
    ]);
    docker(&["network", "disconnect", network.trim(), &id]);
    assert!(answers(&project));
}

#[test]
fn a_service_that_is_gone_from_the_file_is_stopped_and_a_new_one_started() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    project.write(
        "compose.yaml",
        "services:\n  other:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n",
    );
    project.prism(&["exec", "true"]).succeeds();
    let format = "{{index .Config.Labels \"com.docker.compose.service\"}} {{.State.Status}}";
    let states = project.containers().into_iter().map(|id| docker(&["inspect", "--format", format, &id]));
    let states: std::collections::BTreeSet<String> = states.map(|state| state.trim().to_owned()).collect();
    assert_eq!(states, ["other running", "web exited"].map(str::to_owned).into());
}

#[test]
fn a_killed_start_is_made_good_by_the_next_command() {
    let project = Project::web();
    for signal in ["-KILL", "-TERM"] {
        let mut child = project.prism(&["start"]).spawn();
        let made = || {
            !project.containers().is_empty() || project.directory.join("docker-compose.session.yml").exists()
        };
        eventually("the start to begin", made);
        let killed = std::process::Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status()
            .expect("kill");
        assert!(killed.success());
        child.wait().expect("the killed prism");
        assert!(answers(&project), "{signal}");
        assert_eq!(project.containers().len(), 1);
        project.prism(&["destroy", "--yes"]).succeeds();
    }
}

/// How often each verb is killed. `PRISM_TEST_KILLS` asks for more.
fn kills() -> u64 {
    std::env::var("PRISM_TEST_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(4)
}

/// Kills prism with everything that it started so many milliseconds after it began.
fn kill_after(project: &Project, arguments: &[&str], delay: u64) {
    let mut command = vec!["--kill-after=0", "-s", "KILL"];
    let delay = format!("{}.{:03}", delay / 1000, delay % 1000);
    command.extend([delay.as_str(), env!("CARGO_BIN_EXE_prism")]);
    command.extend(arguments);
    project.sandbox.command("timeout", &project.directory, &command).run();
}

#[test]
fn verbs_killed_at_any_moment_succeed_the_next_time_and_leave_nothing() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /etc]\n    ports: [\"80\"]\n    volumes: [\"data:/data\", /anonymous]\nvolumes: {data: {name: shared}}\n",
    );
    project.sandbox.git(&project.directory, &["init", "-q", "-b", "main"]);
    project.sandbox.git(&project.directory, &["add", "."]);
    project.sandbox.git(&project.directory, &["commit", "-qm", "x"]);
    let label = |directory: &std::path::Path| format!("label=dev-prism.working_dir={}", directory.display());
    let nothing_is_left = |directory: &std::path::Path| {
        for list in [&["ps", "-aq"][..], &["network", "ls", "-q"], &["volume", "ls", "-q"]] {
            assert_eq!(docker(&[list, &["--filter", &label(directory)]].concat()), "", "{list:?}");
        }
    };
    let worktree = project.sandbox.work().join("shop-sessions/b");
    for round in 0..kills() {
        // Spread over the time that the verbs take, in no order.
        let delay = Duration::from_millis(40 + round * 367 % 1100);
        let delay = u64::try_from(delay.as_millis()).expect("small");
        kill_after(&project, &["start"], delay);
        project.prism(&["start"]).succeeds();
        assert_eq!(project.containers().len(), 1, "after {delay} ms");
        kill_after(&project, &["destroy", "--yes"], delay % 300);
        project.prism(&["destroy", "--yes"]).succeeds();
        nothing_is_left(&project.directory);
        kill_after(&project, &["create", "b"], delay);
        // Whatever the moment: it is made, or was made and says so.
        let again = project.prism(&["create", "b"]).run();
        assert!(again.status == 0 || again.stderr.contains("exists already"), "after {delay} ms: {again}");
        project.sandbox.prism(&worktree, &["exec", "true"]).succeeds();
        project.sandbox.prism(&worktree, &["destroy", "--yes", "--force"]).succeeds();
        nothing_is_left(&worktree);
        assert!(!worktree.exists());
        assert_eq!(
            project.sandbox.git(&project.directory, &["branch", "--format", "%(refname:short)"]),
            "main\n"
        );
    }
}
