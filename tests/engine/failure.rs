//! Bad input: one clear error that says what, where, and what to do, and nothing half-made.

use std::fs;
use std::process::Command;

use crate::support::{Outcome, Project, Sandbox, docker};

/// Replaces what differs between runs.
fn shown(project: &Project, outcome: &Outcome) -> String {
    outcome.to_string().replace(project.directory.to_str().expect("UTF-8"), "[DIR]")
}

#[test]
fn no_compose_file() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.prism(&sandbox.root().join("home"), &["exec", "true"]).exits(125);
    insta::assert_snapshot!(outcome.to_string().replace(sandbox.root().to_str().expect("UTF-8"), "[ROOT]"), @r"
    status: 125
    -- stdout
    -- stderr
    prism: error: no Compose project in `[ROOT]/home`
    hint: go to a directory with a compose.yaml, or name one with `-C DIR`
    ");
}

#[test]
fn an_invalid_compose_file_is_explained_by_compose() {
    let project = Project::new("services: {web: {image: x, prots: [80]}}\n");
    let outcome = project.prism(&["exec", "true"]).exits(125);
    assert!(outcome.stderr.contains("  | ") && outcome.stderr.contains("prots"), "{outcome}");
    assert!(!project.directory.join("docker-compose.session.yml").exists(), "nothing half-made");
}

#[test]
fn an_unreachable_engine_is_never_no_session() {
    let project = Project::web();
    for (verb, status) in [
        (&["exec", "true"][..], 125),
        (&["env"], 1),
        (&["info"], 1),
        (&["list"], 1),
        (&["stop"], 1),
        (&["destroy", "--yes"], 1),
    ] {
        let gone = project.prism(verb).env("DOCKER_HOST", "unix:///nonexistent/docker.sock").exits(status);
        assert!(
            gone.stderr.contains("cannot reach the Docker Engine at unix:///nonexistent/docker.sock")
                && gone.stderr.contains("hint: "),
            "{gone}"
        );
        assert!(!gone.stderr.contains("no session"), "{gone}");
    }
    let refused = project.prism(&["exec", "true"]).env("DOCKER_HOST", "tcp://127.0.0.1:1").exits(125);
    assert!(refused.stderr.contains("nobody listens there"), "{refused}");
    let wrong = project.prism(&["exec", "true"]).env("DOCKER_HOST", "ssh://somewhere").exits(125);
    assert!(wrong.stderr.contains("ssh://somewhere") && wrong.stderr.contains("hint: "), "{wrong}");
}

#[test]
fn permission_denied_names_the_docker_group() {
    let project = Project::web();
    let socket = project.sandbox.root().join("denied.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("socket");
    let deny = Command::new("chmod").arg("000").arg(&socket).status().expect("chmod");
    assert!(deny.success());
    let prism = env!("CARGO_BIN_EXE_prism");
    let address = format!("unix://{}", socket.display());
    // Root may use any socket, so that another user has to try.
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let run = if is_root {
        Command::new("chmod").args(["-R", "a+rX"]).arg(project.sandbox.root()).status().expect("chmod");
        let copy = project.sandbox.root().join("prism");
        fs::copy(prism, &copy).expect("copy");
        let words = ["--reuid=65534", "--clear-groups", copy.to_str().expect("UTF-8"), "exec", "true"];
        project.sandbox.command("setpriv", &project.directory, &words)
    } else {
        project.prism(&["exec", "true"])
    };
    let outcome = run.env("DOCKER_HOST", address).exits(125);
    assert!(
        outcome.stderr.contains("permission denied") && outcome.stderr.contains("`docker` group"),
        "{outcome}"
    );
}

#[test]
fn compose_missing_or_too_old() {
    let project = Project::web();
    for (script, part) in [
        (
            "#!/bin/sh\necho \"docker: 'compose' is not a docker command.\" >&2; exit 1\n",
            "`docker compose` does not work",
        ),
        (
            "#!/bin/sh\ncase \"$*\" in *version*) echo 2.20.3 ;; *) echo '{}' ;; esac\n",
            "Docker Compose 2.20.3 is too old",
        ),
    ] {
        let fake = project.sandbox.write("bin/docker", script);
        Command::new("chmod").arg("+x").arg(&fake).status().expect("chmod");
        let path = format!("{}:/usr/bin:/bin", fake.parent().expect("bin").display());
        let outcome = project.prism(&["exec", "true"]).env("PATH", path).exits(125);
        assert!(outcome.stderr.contains(part) && outcome.stderr.contains("2.26"), "{outcome}");
    }
    assert!(project.containers().is_empty());
}

#[test]
fn an_image_that_does_not_exist() {
    let project = Project::new("services: {web: {image: \"localhost:1/prism/nope:1\"}}\n");
    let outcome = project.prism(&["exec", "true"]).exits(125);
    assert!(
        outcome.stderr.contains("could not start the stack (exit status 18)")
            && outcome.stderr.contains("hint: check the image's name"),
        "{outcome}"
    );
}

#[test]
fn a_service_that_exits_shows_its_last_lines() {
    // Never healthy: however slow the machine is, it is not taken to be ready before it ends.
    let project = Project::new(
        "services:\n  migrate:\n    image: prism-test:1\n    command: sh -c 'echo starting; echo relation already exists; exit 3'\n    healthcheck: {test: \"false\", interval: 1000s}\n",
    );
    let outcome = project.prism(&["exec", "--", "sh", "-c", "echo child ran"]).exits(125);
    insta::assert_snapshot!(without_progress(&shown(&project, &outcome)), @r"
    status: 125
    -- stdout
    -- stderr
    prism: error: service `migrate` exited with status 3
      | starting
      | relation already exists
    hint: `prism logs migrate` shows everything it wrote
    ");
}

#[test]
fn a_failed_dependency_is_named_and_not_composes_own_words() {
    let project = Project::new(
        "services:\n  migrate:\n    image: prism-test:1\n    command: sh -c 'echo no table; exit 4'\n  web:\n    image: prism-test:1\n    command: sleep 1000\n    depends_on: {migrate: {condition: service_completed_successfully}}\n",
    );
    let outcome = project.prism(&["exec", "true"]).exits(125);
    assert!(
        outcome.stderr.contains("service `migrate` exited with status 4")
            && outcome.stderr.contains("| no table"),
        "{outcome}"
    );
}

#[test]
fn a_service_that_never_gets_ready_is_given_up() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sh -c 'echo still thinking; sleep 1000'\n    healthcheck: {test: \"false\", interval: 1000s}\n",
    );
    let outcome = project.prism(&["exec", "--wait-timeout", "4", "--", "true"]).exits(125);
    assert!(
        outcome.stderr.contains("gave up after 4 s waiting for `web` (health check)")
            && outcome.stderr.contains("| still thinking"),
        "{outcome}"
    );
    let again = project.prism(&["exec", "--no-start", "--wait-timeout", "1", "--", "true"]).exits(125);
    assert!(again.stderr.contains("gave up after 1 s"), "{again}");
}

#[test]
fn a_service_that_is_unhealthy_fails_at_once() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    healthcheck: {test: \"false\", interval: 200ms, retries: 1}\n",
    );
    let outcome = project.prism(&["exec", "--wait-timeout", "100", "--", "true"]).exits(125);
    assert!(outcome.stderr.contains("service `web` is unhealthy"), "{outcome}");
}

#[test]
fn a_directory_that_cannot_be_written_to() {
    let project = Project::web();
    let directory = project.directory.to_str().expect("UTF-8");
    let mount = |arguments: &[&str]| {
        Command::new("mount").args(arguments).status().is_ok_and(|status| status.success())
    };
    // Root writes whatever the mode says, so that the file system has to refuse.
    let mounted = mount(&["--bind", directory, directory]) && mount(&["-o", "remount,ro,bind", directory]);
    if !mounted {
        Command::new("chmod").args(["555", directory]).status().expect("chmod");
    }
    let outcome = project.prism(&["exec", "true"]).run();
    let cleanup = if mounted {
        Command::new("umount").arg(directory).status()
    } else {
        Command::new("chmod").args(["755", directory]).status()
    };
    assert!(cleanup.is_ok_and(|status| status.success()));
    assert_eq!(outcome.status, 125, "{outcome}");
    assert!(outcome.stderr.contains("cannot write") && outcome.stderr.contains("hint: "), "{outcome}");
    assert!(project.containers().is_empty(), "nothing half-made");
}

#[test]
fn a_broken_generated_file_is_replaced_and_a_foreign_one_never() {
    let project = Project::web();
    project.prism(&["exec", "true"]).succeeds();
    let path = project.directory.join("docker-compose.session.yml");
    let whole = fs::read_to_string(&path).expect("override");
    let header = whole.lines().next().expect("a header");
    for broken in [
        "",
        &whole[..whole.len() / 3],
        &whole[..40],
        &format!("{header}\n"),
        &whole.replace("127.0.0.1", "0.0.0.0"),
    ] {
        fs::write(&path, broken).expect("break it");
        project.prism(&["exec", "true"]).succeeds();
        assert_eq!(fs::read_to_string(&path).expect("override"), whole);
    }
    fs::write(&path, "services: {}\n").expect("a foreign file");
    let outcome = project.prism(&["exec", "true"]).exits(125);
    assert!(
        outcome.stderr.contains("is in the way: prism did not write it") && outcome.stderr.contains("hint: "),
        "{outcome}"
    );
    assert_eq!(fs::read_to_string(&path).expect("kept"), "services: {}\n");
}

#[test]
fn a_typo_in_prism_yaml() {
    let project = Project::web();
    project.write("prism.yaml", "services:\n  web:\n    prefx: MAIN\n");
    let outcome = project.prism(&["exec", "true"]).exits(125);
    assert!(
        outcome.stderr.contains("services.web")
            && outcome.stderr.contains("line 3")
            && outcome.stderr.contains("did you mean `prefix`?"),
        "{outcome}"
    );
}

#[test]
fn no_start_says_what_is_missing() {
    let project = Project::web();
    let none = project.prism(&["exec", "--no-start", "true"]).exits(125);
    assert!(none.stderr.contains("there is no session in"), "{none}");
    project.prism(&["start"]).succeeds();
    project.prism(&["stop"]).succeeds();
    let stopped = project.prism(&["exec", "--no-start", "true"]).exits(125);
    assert!(stopped.stderr.contains("is not up"), "{stopped}");
}

#[test]
fn a_service_that_keeps_restarting_is_given_up() {
    // Never healthy: however slow the machine is, it is not taken to be ready before it ends.
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    restart: always\n    command: sh -c 'echo no configuration; exit 7'\n    healthcheck: {test: \"false\", interval: 1000s}\n",
    );
    let outcome = project.prism(&["exec", "true"]).exits(125);
    assert!(
        outcome.stderr.contains("service `web` keeps restarting (exit status 7)")
            && outcome.stderr.contains("| no configuration"),
        "{outcome}"
    );
}

#[test]
fn a_failed_dependency_that_restarts_is_named_while_compose_waits_for_it() {
    let project = Project::new(
        "services:\n  db:\n    image: prism-test:1\n    restart: always\n    command: sh -c 'echo no disk; exit 3'\n    healthcheck: {test: \"true\", interval: 100s}\n  web:\n    image: prism-test:1\n    command: sleep 1000\n    depends_on: {db: {condition: service_healthy}}\n",
    );
    let outcome = project.prism(&["exec", "true"]).exits(125);
    assert!(outcome.stderr.contains("service `db`") && outcome.stderr.contains("| no disk"), "{outcome}");
}

#[test]
fn a_first_start_that_makes_no_container_leaves_nothing() {
    let project = Project::new("services: {web: {image: \"localhost:1/prism/nope:1\"}}\n");
    project.prism(&["exec", "true"]).exits(125);
    let label = format!("label=dev-prism.working_dir={}", project.directory.display());
    assert_eq!(docker(&["network", "ls", "-q", "--filter", &label]), "");
    assert_eq!(docker(&["volume", "ls", "-q", "--filter", &label]), "");
    assert!(!project.directory.join("docker-compose.session.yml").exists());
}

/// Drops Compose's progress lines, whose order is Compose's own.
fn without_progress(text: &str) -> String {
    let is_progress =
        |line: &&str| [" Container", " Network", " Volume"].iter().any(|start| line.starts_with(start));
    text.lines().filter(|line| !is_progress(line)).map(|line| format!("{line}\n")).collect()
}
