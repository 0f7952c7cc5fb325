//! The main job: a command finds its stack up and its ports in the environment.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::{Outcome, Project, docker};

const POSTGRES: &str = r#"
services:
  db:
    image: postgres:17-alpine
    container_name: db
    ports: ["5432:5432"]
    environment: {POSTGRES_PASSWORD: "p@ss w/rd"}
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: {test: ["CMD", "pg_isready", "-U", "postgres"], interval: 30s}
volumes: {data: {}}
"#;

#[test]
fn psql_finds_a_database_whose_password_needs_every_care() {
    let project = Project::new(POSTGRES);
    let first = project.prism(&["exec", "--", "psql", "-tAc", "select 1"]).succeeds();
    assert_eq!(first.line(), "1");
    let second =
        project.prism(&["exec", "--", "sh", "-c", "psql \"$DATABASE_URL\" -tAc 'select 2'"]).succeeds();
    assert_eq!((second.line(), second.stderr.as_str()), ("2", ""), "the second call is silent");
}

#[test]
fn deleted_files_come_back_and_recreate_nothing() {
    let project = Project::web();
    project.prism(&["exec", "true"]).succeeds();
    let before = project.containers();
    for files in [
        &[".env.session"][..],
        &["docker-compose.session.yml"],
        &[".env.session", "docker-compose.session.yml"],
    ] {
        for file in files {
            fs::remove_file(project.directory.join(file)).expect("generated file");
        }
        project.prism(&["exec", "true"]).succeeds();
        assert_eq!(project.containers(), before, "{files:?}");
        for file in [".env.session", "docker-compose.session.yml"] {
            let mode = fs::metadata(project.directory.join(file)).expect("came back").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }
}

#[test]
fn the_warm_path_needs_neither_docker_nor_git_nor_a_shell() {
    let project = Project::web();
    project.prism(&["exec", "true"]).succeeds();
    let bin = project.sandbox.work().join("bin");
    fs::create_dir(&bin).expect("bin");
    symlink("/usr/bin/env", bin.join("env")).expect("symlink");
    let outcome = project.prism(&["exec", "--", "env"]).env("PATH", &bin).succeeds();
    assert!(outcome.stdout.contains("\nWEB_PORT=") && outcome.stderr.is_empty(), "{outcome}");
    fs::remove_file(project.directory.join("docker-compose.session.yml")).expect("override");
    let cold = project.prism(&["exec", "--", "env"]).env("PATH", &bin).exits(125);
    assert!(cold.stderr.contains("`docker` command is not in PATH"), "the cold path does need it: {cold}");
}

#[test]
fn every_sub_directory_means_the_same_session_and_stays_the_working_directory() {
    let project = Project::web();
    let below = project.directory.join("a/b c");
    fs::create_dir_all(&below).expect("directories");
    let outcome =
        project.sandbox.prism(&below, &["exec", "--", "sh", "-c", "pwd; echo $SESSION_DIR"]).succeeds();
    assert_eq!(outcome.stdout, format!("{}\n{}\n", below.display(), project.directory.display()));
    let other = project.sandbox.root();
    let there = project.directory.to_str().expect("UTF-8");
    let outcome = project.sandbox.prism(&other, &["-C", there, "exec", "--", "pwd"]).succeeds();
    assert_eq!(outcome.line(), there);
    assert_eq!(project.containers().len(), 1);
}

#[test]
fn simultaneous_calls_start_one_stack_and_get_one_answer() {
    let project = Project::web();
    let children: Vec<_> =
        (0..24).map(|_| project.prism(&["exec", "--", "sh", "-c", "echo $WEB_PORT"]).spawn()).collect();
    let outcomes: Vec<Outcome> = children.into_iter().map(Outcome::of).collect();
    for outcome in &outcomes {
        assert_eq!((outcome.status, &outcome.stdout), (0, &outcomes[0].stdout), "{outcome}");
    }
    assert_eq!(project.containers().len(), 1);
}

#[test]
fn ports_bind_loopback_only_and_not_the_fixed_one() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let ports = docker(&["inspect", "--format", "{{json .NetworkSettings.Ports}}", &project.containers()[0]]);
    let ports: serde_json::Value = serde_json::from_str(&ports).expect("json");
    assert_eq!(ports["80/tcp"].as_array().expect("bindings").len(), 1);
    assert_eq!(ports["80/tcp"][0]["HostIp"], "127.0.0.1");
    assert_ne!(ports["80/tcp"][0]["HostPort"], "18080");
    let name = docker(&["inspect", "--format", "{{.Name}}", &project.containers()[0]]);
    assert_ne!(name.trim(), "/the-web");
}

#[test]
fn git_does_not_see_the_generated_files() {
    let project = Project::web();
    project.sandbox.git(&project.directory, &["init", "-q"]);
    project.sandbox.git(&project.directory, &["add", "."]);
    project.sandbox.git(&project.directory, &["commit", "-qm", "x"]);
    project.prism(&["exec", "true"]).succeeds();
    assert_eq!(project.sandbox.git(&project.directory, &["status", "--porcelain"]), "");
}

#[test]
fn a_changed_input_is_noticed() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    env_file: web.env\n    environment: [PASSED]\n    labels: {tag: \"${TAG:-none}\"}\n",
    );
    project.write("web.env", "GREETING=one\n");
    let inside = |variables: &[(&str, &str)]| {
        let run = variables
            .iter()
            .fold(project.prism(&["exec", "true"]), |run, (name, value)| run.env(name, value));
        run.succeeds();
        let format = "{{json .Config.Env}} {{index .Config.Labels \"tag\"}}";
        docker(&["inspect", "--format", format, &project.containers()[0]])
    };
    assert!(inside(&[]).contains("GREETING=one"));
    project.write("web.env", "GREETING=two\n");
    assert!(inside(&[]).contains("GREETING=two"), "env_file");
    assert!(inside(&[("TAG", "blue")]).ends_with("blue\n"), "an interpolated variable");
    assert!(inside(&[("PASSED", "through")]).contains("PASSED=through"), "a pass-through variable");
    project.write("compose.override.yaml", "services: {web: {environment: {ADDED: \"yes\"}}}\n");
    assert!(inside(&[]).contains("ADDED=yes"), "a file that was not there before");
    project.write(".env", "TAG=green\n");
    assert!(inside(&[]).ends_with("green\n"), ".env");
}

#[test]
fn a_nested_run_is_warm_and_the_same() {
    let project = Project::web();
    project.prism(&["exec", "true"]).succeeds();
    let prism = env!("CARGO_BIN_EXE_prism");
    let outcome =
        project.prism(&["exec", "--", prism, "exec", "--", "sh", "-c", "echo $WEB_PORT"]).succeeds();
    assert_eq!(outcome.stderr, "");
    assert_eq!(outcome.line(), project.prism(&["get", "WEB_PORT"]).succeeds().line());
}

#[test]
fn plain_compose_in_the_child_addresses_the_session() {
    let project = Project::web();
    project.prism(&["exec", "true"]).succeeds();
    let below = project.directory.join("sub");
    fs::create_dir(&below).expect("directory");
    fs::write(below.join(".env"), "COMPOSE_PROJECT_NAME=elsewhere\n").expect("a trap");
    let before = project.containers();
    let listed = project
        .sandbox
        .prism(&below, &["exec", "--", "docker", "compose", "ps", "-q", "--no-trunc"])
        .succeeds();
    assert_eq!(listed.line(), before[0]);
    let up = project.sandbox.prism(&below, &["exec", "--", "docker", "compose", "up", "-d"]).succeeds();
    assert_eq!(project.containers(), before, "nothing differs, so nothing is recreated: {up}");
}

#[test]
fn disabled_and_optional_run_the_command_plainly() {
    let project = Project::web();
    let outcome = project
        .prism(&["exec", "--", "sh", "-c", "echo ${SESSION_DIR-none}"])
        .env("PRISM_DISABLE", "1")
        .succeeds();
    assert_eq!(outcome.line(), "none");
    assert!(project.containers().is_empty());
    let elsewhere = project.sandbox.root().join("home");
    let run = project.sandbox.prism(&elsewhere, &["exec", "--optional", "--", "echo", "plain"]);
    assert_eq!(run.env("DOCKER_HOST", "unix:///nonexistent").succeeds().line(), "plain", "needs no Engine");
    project.sandbox.prism(&elsewhere, &["exec", "true"]).exits(125);
    let outcome = project.sandbox.prism(
        &elsewhere,
        &["exec", "--optional", "-e", "A=b", "--", "sh", "-c", "echo $A${PRISM_VARS-none}"],
    );
    assert_eq!(outcome.succeeds().line(), "bnone");
}

#[test]
fn a_session_that_runs_is_up_whatever_happened_to_its_files() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let before = project.containers();
    for file in ["docker-compose.session.yml", ".env.session"] {
        fs::remove_file(project.directory.join(file)).expect("generated file");
    }
    project.prism(&["exec", "--no-start", "true"]).succeeds();
    assert_eq!(project.containers(), before);
}

#[test]
fn compose_in_a_child_does_not_take_the_hosts_urls_into_containers() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, \"${WEB_HOST:-/etc}\"]\n    ports: [\"80\"]\n    environment: {URL: \"${WEB_URL:-inside}\", PRICE: \"5$$\"}\n    env_file: web.env\n  other:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    environment: [WEB_PORT]\n",
    );
    project.write("web.env", "FROM_FILE=${WEB_PORT:-none}\n");
    project.prism(&["start"]).succeeds();
    let before = project.containers();
    project.prism(&["exec", "--", "docker", "compose", "up", "-d"]).succeeds();
    assert_eq!(project.containers(), before, "nothing differs");
    let inside = project.prism(&["compose", "exec", "-T", "web", "sh", "-c", "echo $URL $PRICE $FROM_FILE"]);
    assert_eq!(inside.succeeds().line(), "inside 5$ none");
}

#[test]
fn secrets_in_files_and_passwords_with_spaces_are_read() {
    let project = Project::new(
        "services:\n  db:\n    image: postgres:17-alpine\n    environment: {POSTGRES_PASSWORD_FILE: /run/secrets/pw}\n    secrets: [pw]\n  cache:\n    image: redis:8-alpine\n    command: [redis-server, --requirepass, \"p@ss w/rd\"]\nsecrets: {pw: {file: ./pw.txt}}\n",
    );
    project.write("pw.txt", "from a file\n");
    assert_eq!(project.prism(&["exec", "--", "psql", "-tAc", "select 1"]).succeeds().line(), "1");
    assert_eq!(
        project
            .prism(&[
                "exec",
                "--",
                "sh",
                "-c",
                "redis-cli -h $CACHE_HOST -p $CACHE_PORT -a \"$CACHE_PASSWORD\" ping"
            ])
            .succeeds()
            .line(),
        "PONG"
    );
}

#[test]
fn an_environment_without_the_record_does_not_carry_the_other_project() {
    let (one, two) = (Project::web(), Project::web());
    two.prism(&["start"]).succeeds();
    let prism = env!("CARGO_BIN_EXE_prism");
    let script = format!(
        "unset PRISM_VARS WEB_URL WEB_PORT; cd '{}' && exec '{prism}' exec -- sh -c 'echo $SESSION_DIR'",
        two.directory.display()
    );
    let outcome = one.prism(&["exec", "--", "sh", "-c", &script]).succeeds();
    assert!(outcome.line().starts_with(two.directory.to_str().expect("UTF-8")), "{outcome}");
    assert_eq!(two.containers().len(), 1);
}
