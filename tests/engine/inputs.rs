//! What decides what Compose makes of a project, beside its own files.

use crate::support::Project;

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
