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
