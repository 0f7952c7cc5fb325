//! What decides what Compose makes of a project, beside its own files.

use crate::support::{Project, docker};

/// Variables that are flags of Compose or of what it builds with, each with a value that would change or end a call.
const FLAGS: &[(&str, &str)] = &[
    ("COMPOSE_IGNORE_ORPHANS", "true"),
    ("COMPOSE_REMOVE_ORPHANS", "odd"),
    ("COMPOSE_ANSI", "always"),
    ("COMPOSE_PROGRESS", "odd"),
    ("COMPOSE_MENU", "odd"),
    ("COMPOSE_STATUS_STDOUT", "true"),
    ("COMPOSE_COMPATIBILITY", "true"),
    ("COMPOSE_CONVERT_WINDOWS_PATHS", "odd"),
    ("COMPOSE_BAKE", "false"),
    ("COMPOSE_EXPERIMENTAL", "odd"),
    ("COMPOSE_PARALLEL_LIMIT", "1"),
    ("COMPOSE_PROJECT_NAME", "other"),
    ("BUILDKIT_PROGRESS", "odd"),
    ("BUILDKIT_COLORS", "odd"),
    ("NO_COLOR", "1"),
    ("DOCKER_CLI_HINTS", "odd"),
    ("DEBUG", "1"),
];

const BUILT: &str = "services:\n  web:\n    build: .\n    stop_signal: SIGKILL\n    \
                     command: [\"busybox\", \"httpd\", \"-f\", \"-p\", \"80\", \"-h\", \"/etc\"]\n    ports: [\"18080:80\"]\n";

#[test]
fn flags_of_compose_in_the_environment_do_not_reach_the_calls_of_prism() {
    let project = Project::new(BUILT);
    project.write("Dockerfile", "FROM prism-test:1\n");
    let start =
        FLAGS.iter().fold(project.prism(&["exec", "--", "true"]), |run, (name, value)| run.env(name, value));
    start.succeeds();
    for (name, value) in FLAGS {
        project.prism(&["stop"]).succeeds();
        project.prism(&["exec", "--", "true"]).env(name, value).succeeds();
    }
    project.prism(&["destroy", "--yes"]).succeeds();
}

#[test]
fn flags_of_compose_in_an_env_file_do_not_reach_the_calls_of_prism() {
    let project = Project::new(BUILT);
    project.write("Dockerfile", "FROM prism-test:1\n");
    let lines: String = FLAGS.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    project.write(".env", &lines);
    let first = project.prism(&["get", "web"]).exits(3);
    assert!(first.stderr.contains("no session"), "{first}");
    project.prism(&["exec", "--", "true"]).succeeds();
    let before = project.containers();
    // What Compose is told in a child by the same `.env` does not undo what prism did.
    project.prism(&["exec", "--", "true"]).succeeds();
    assert_eq!(project.containers(), before);
    project.prism(&["destroy", "--yes"]).succeeds();
}

#[test]
fn an_attribute_that_compose_passes_over_is_no_news() {
    let project =
        Project::new("version: \"3.8\"\nservices: {once: {image: prism-test:1, command: \"true\"}}\n");
    for _ in 0..2 {
        let start = project.prism(&["start"]).succeeds();
        assert!(!start.stderr.contains("obsolete"), "{start}");
        project.write(".env", "CHANGED=1\n");
    }
    project.write(".env", "A!\n");
    let refused = project.prism(&["start"]).exits(1);
    assert!(!refused.stderr.contains("obsolete"), "{refused}");
}

/// Puts something else than a regular file into a directory: a pipe that nobody writes to, a directory, a device.
fn put_odd(kind: &str, path: &std::path::Path) {
    let made = match kind {
        "pipe" => std::process::Command::new("mkfifo").arg(path).status().map(|status| status.success()),
        "directory" => std::fs::create_dir(path).map(|()| true),
        _ => std::os::unix::fs::symlink("/dev/zero", path).map(|()| true),
    };
    assert!(made.expect("made"), "{}", path.display());
}

#[test]
fn nothing_waits_for_what_is_no_file_where_there_is_no_project() {
    let project = Project::quick();
    for kind in ["pipe", "directory", "device"] {
        for name in [".env", "compose.yaml", ".git", "docker-compose.session.yml", ".env.session"] {
            let directory = project.directory.join(format!("{kind}-{name}"));
            std::fs::create_dir(&directory).expect("a directory");
            put_odd("directory", &directory.join(".git"));
            if name == ".git" {
                std::fs::remove_dir(directory.join(name)).expect("removed");
            }
            put_odd(kind, &directory.join(name));
            let run = |arguments: &[&str]| project.sandbox.prism(&directory, arguments);
            // A repository of which nothing can be read still ends the search.
            run(&["prompt"]).succeeds();
            run(&["hook", "bash", "--at-prompt"]).succeeds();
            let plain = run(&["exec", "--optional", "--", "echo", "ran"]).succeeds();
            assert_eq!(plain.line(), "ran");
            let none = run(&["env"]).exits(3);
            assert!(none.stderr.contains("no Compose project"), "{kind} {name}: {none}");
        }
    }
}

#[test]
fn an_input_that_is_no_file_is_named_and_not_waited_for() {
    let project = Project::new(
        "services: {once: {image: prism-test:1, command: \"true\", env_file: [{path: a.env, required: false}]}}\n",
    );
    for name in [".env", "a.env", "prism.yaml", ".env.session", "docker-compose.session.yml"] {
        for kind in ["pipe", "device"] {
            let path = project.directory.join(name);
            put_odd(kind, &path);
            let refused = project.prism(&["exec", "--", "true"]).exits(125);
            let says = if kind == "pipe" { "it is a named pipe, not a regular file" } else { "" };
            assert!(
                refused.stderr.contains(name) && refused.stderr.contains(says),
                "{kind} {name}: {refused}"
            );
            std::fs::remove_file(path).expect("removed");
        }
    }
    assert!(project.containers().is_empty());
}

#[test]
fn a_directory_called_env_is_no_env_file() {
    let project = Project::web();
    put_odd("directory", &project.directory.join(".env"));
    project.prism(&["exec", "--", "true"]).succeeds();
    let warm = project.prism(&["exec", "--", "true"]).env("PATH", "/bin").succeeds();
    assert_eq!(warm.stderr, "");
    let again = project.prism(&["--timings", "exec", "--", "true"]).succeeds();
    assert!(!again.stderr.contains("config"), "it is warm: {again}");
}

const STACK: &str = "services: {web: {image: prism-test:1, stop_signal: SIGKILL, command: sleep 1000}}\n";

#[test]
fn the_files_of_the_callers_environment_are_relative_to_the_call() {
    const SHOW: [&str; 4] = ["exec", "sh", "-c", "echo $SESSION_DIR"];
    let project = Project::new(STACK);
    let work = project.sandbox.work();
    for directory in ["loose", "app"] {
        project.sandbox.write(&format!("{directory}/infra/stack.yml"), STACK);
        project.sandbox.write(&format!("{directory}/sub/file"), "");
    }
    let git = std::process::Command::new("git").args(["init", "-q"]).arg(work.join("app")).status();
    assert!(git.expect("git").success());
    project.write("sub/other.yml", &STACK.replace("web", "other"));
    for (call, named, session) in [
        ("app", "infra/stack.yml", "app"),
        ("app/sub", "../infra/stack.yml", "app"),
        ("app/infra", "stack.yml", "app"),
        ("loose", "infra/stack.yml", "loose/infra"),
        ("loose/sub", "../infra/stack.yml", "loose/infra"),
        ("shop/sub", "other.yml", "shop"),
    ] {
        let run = |arguments: &[&str]| {
            project.sandbox.prism(&work.join(call), arguments).env("COMPOSE_FILE", named)
        };
        assert_eq!(run(&SHOW).succeeds().line(), work.join(session).to_str().expect("UTF-8"), "{call}");
        // Called from there or sent there, it is the same.
        let elsewhere = work.join(call);
        let sent = [&["-C", elsewhere.to_str().expect("UTF-8")][..], &SHOW].concat();
        let sent = project.sandbox.prism(&work, &sent).env("COMPOSE_FILE", named).succeeds();
        assert_eq!((sent.line(), sent.stderr.as_str()), (work.join(session).to_str().expect("UTF-8"), ""));
        // A child that goes elsewhere means what its parent meant.
        let prism = env!("CARGO_BIN_EXE_prism");
        let nested = run(&[
            "exec",
            "sh",
            "-c",
            "cd / && cd \"$1\" && \"$0\" exec sh -c 'echo $SESSION_DIR'",
            prism,
            work.join(session).to_str().expect("UTF-8"),
        ])
        .succeeds();
        assert_eq!(
            (nested.line(), nested.stderr.as_str()),
            (work.join(session).to_str().expect("UTF-8"), "")
        );
        run(&["destroy", "--yes"]).succeeds();
    }
    let lost = |call: &str| {
        let run = project.sandbox.prism(&work.join(call), &SHOW).env("COMPOSE_FILE", "infra/stack.yml");
        run.exits(125).stderr
    };
    for call in ["app/sub", "shop"] {
        let named = format!(
            "COMPOSE_FILE names `{}`, which is not there",
            work.join(call).join("infra/stack.yml").display()
        );
        assert!(lost(call).contains(&named), "{}", lost(call));
    }
}

#[test]
fn what_a_chosen_env_file_says_is_followed_and_noticed() {
    let project = Project::new(STACK);
    project.write("more.yml", "services: {extra: {image: prism-test:1, stop_signal: SIGKILL, command: sleep 1000, profiles: [wide], environment: {TAG: \"$TAG\"}}}\n");
    project.write(".env", "TAG=wrong\nCOMPOSE_ENV_FILES=nowhere.env\n");
    project.write("sub/file", "");
    let write = |tag: &str, profiles: &str| {
        project.write("dev.env", &format!("COMPOSE_FILE=compose.yaml:more.yml\n{profiles}\nTAG={tag}\n"));
    };
    let tag = |directory: &str, named: &str| {
        let command = ["exec", "--", "docker", "compose", "exec", "-T", "extra", "sh", "-c", "echo $TAG"];
        project
            .sandbox
            .prism(&project.directory.join(directory), &command)
            .env("COMPOSE_ENV_FILES", named)
            .run()
    };
    write("one", "COMPOSE_PROFILES=wide");
    assert_eq!(tag("", "dev.env").line(), "one");
    write("two", "COMPOSE_PROFILES=wide");
    assert_eq!(tag("", "dev.env").line(), "two");
    project.prism(&["destroy", "--yes"]).succeeds();
    write("three", "");
    let without = tag("", "dev.env");
    assert!(without.status != 0 && without.line().is_empty(), "{without}");
    assert_eq!(project.containers().len(), 1);
}

#[test]
fn a_variable_that_stands_for_a_host_port_changes_nothing() {
    let port = |named: &str| named.replace("18080:80", "${PUBLISHED:-18080}:80");
    let project = Project::new(&port(crate::support::WEB));
    let run = |value: &str, command: &[&str]| {
        project.prism(&[&["--timings", "exec", "--"][..], command].concat()).env("PUBLISHED", value)
    };
    run("18081", &["true"]).succeeds();
    let before = project.containers();
    for value in ["18082", "18083"] {
        let warm = run(value, &["true"]).succeeds();
        assert!(!warm.stderr.contains("config"), "{warm}");
        // What leads to where plain Compose would have published it is refused all the same.
        let url = format!("http://127.0.0.1:{value}");
        run(value, &["true"]).env("BACKEND", url).exits(125);
    }
    assert_eq!(project.containers(), before);
}

#[test]
fn a_session_keeps_the_project_under_which_it_was_made() {
    let project = Project::quick();
    project.prism(&["start"]).succeeds();
    let before = project.containers();
    project.write("prism.yaml", "project: other\n");
    project.prism(&["exec", "true"]).succeeds();
    assert_eq!(project.containers(), before, "no second stack");
    // Without containers its volumes still have that name.
    project.prism(&["compose", "down"]).succeeds();
    project.prism(&["exec", "true"]).succeeds();
    let label = format!("label=dev-prism.working_dir={}", project.directory.display());
    let volumes = docker(&["volume", "ls", "-q", "--filter", &label]);
    assert!(volumes.lines().count() == 2 && !volumes.contains("other-"), "{volumes}");
    project.prism(&["destroy", "--yes"]).succeeds();
    project.prism(&["start"]).succeeds();
    let volumes = docker(&["volume", "ls", "-q", "--filter", &label]);
    assert!(volumes.lines().all(|name| name.starts_with("other-")), "{volumes}");
}
