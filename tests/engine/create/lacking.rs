//! What the main worktree has and git does not carry.

use std::fs;
use std::path::PathBuf;

use super::{nothing_is_left, worktree};
use crate::support::{Outcome, Project, docker};

const QUICK: &str = "services:\n  web:\n    image: prism-test:1\n    command: \"true\"\n";

/// A project of which git ignores these files.
fn ignoring(compose: &str, ignored: &[(&str, &str)]) -> Project {
    let project = Project::new(compose);
    let names: String = ignored.iter().map(|(name, _)| format!("/{name}\n")).collect();
    project.write(".gitignore", &names);
    let git = |arguments: &[&str]| project.sandbox.git(&project.directory, arguments);
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "x"]);
    for (name, text) in ignored {
        project.write(name, text);
    }
    project
}

/// A worktree that git made, without prism.
fn by_hand(project: &Project) -> PathBuf {
    let path = project.sandbox.work().join("by hand");
    project
        .sandbox
        .git(&project.directory, &["worktree", "add", "-q", "-b", "by-hand", path.to_str().expect("UTF-8")]);
    path
}

/// Runs what a hint says between backticks after some words.
fn type_hint(project: &Project, outcome: &Outcome, after: &str) {
    let (_, rest) = outcome.stderr.split_once(after).unwrap_or_else(|| panic!("{outcome}"));
    let command = rest.split('`').nth(1).expect("a command");
    project.sandbox.command("sh", &project.sandbox.work(), &["-c", command]).succeeds();
}

#[test]
fn values_and_services_that_are_missing_are_named() {
    let compose = format!("{QUICK}    environment: {{PASSWORD: \"${{PASSWORD:-dev}}\"}}\n");
    let more = "services: {more: {image: prism-test:1, command: \"true\"}}\n";
    let project = ignoring(&compose, &[(".env", "PASSWORD=secret\n"), ("compose.override.yaml", more)]);
    let second = by_hand(&project);
    let started = project.sandbox.prism(&second, &["start"]).succeeds();
    let said = "this session is without `.env` and `compose.override.yaml`, which the main worktree has and git does not carry: ";
    assert!(started.stderr.contains(said), "{started}");
    assert!(started.stderr.contains("`env_files: [.env, compose.override.yaml]` in prism.yaml"), "{started}");
    type_hint(&project, &started, said);
    let again = project.sandbox.prism(&second, &["start"]).succeeds();
    assert!(!again.stderr.contains("this session is without"), "{again}");
    let filter = format!("label=dev-prism.working_dir={}", second.display());
    let ids = docker(&["ps", "-aq", "--filter", &filter]);
    assert_eq!(ids.lines().count(), 2, "the service is there");
    for id in ids.lines() {
        let environment = docker(&["inspect", "--format", "{{.Config.Env}}", id]);
        assert!(
            environment.contains("PASSWORD=secret") || !environment.contains("PASSWORD"),
            "{environment}"
        );
    }

    // What `create` makes is not named to be copied by hand; and the main worktree lacks nothing.
    let created = project.prism(&["create", "b"]).succeeds();
    assert!(created.stderr.contains("`.env` and `compose.override.yaml`"), "{created}");
    assert!(!created.stderr.contains("`cp "), "{created}");
    let main = project.prism(&["start"]).succeeds();
    assert!(!main.stderr.contains("git does not carry"), "{main}");
    project.write("prism.yaml", "env_files: [.env, compose.override.yaml]\n");
    let created = project.prism(&["create", "c"]).succeeds();
    assert!(!created.stderr.contains("this session is without `.env`"), "{created}");
    assert_eq!(
        fs::read_to_string(worktree(&project, "c").join(".env")).expect("copied"),
        "PASSWORD=secret\n"
    );
}

#[test]
fn what_a_branch_does_not_have_is_not_missing() {
    let project = ignoring(QUICK, &[]);
    let second = by_hand(&project);
    project.write(".env", "A=1\n");
    project.sandbox.git(&project.directory, &["add", "."]);
    let started = project.sandbox.prism(&second, &["start"]).succeeds();
    assert!(!started.stderr.contains(".env"), "{started}");
}

#[test]
fn secrets_and_configs_are_missed_before_anything_starts() {
    let compose = format!(
        "{QUICK}    secrets: [s]\n    configs: [c]\n  tool:\n    image: prism-test:1\n    profiles: [tools]\n    secrets: [other]\n\
         secrets:\n  s: {{file: ./keys/it's.txt}}\n  other: {{file: ./nobody-has-it}}\nconfigs: {{c: {{file: ./c.txt}}}}\n"
    );
    let project = ignoring(&compose, &[("keys/it's.txt", "x\n"), ("c.txt", "x\n")]);
    let failed = project.prism(&["create", "b"]).exits(1);
    assert!(failed.stderr.contains("`c.txt` is missing in"), "{failed}");
    assert!(failed.stderr.contains("`env_files: [c.txt]`") && !failed.stderr.contains("`cp "), "{failed}");
    nothing_is_left(&project, "b");

    let second = by_hand(&project);
    let start = || project.sandbox.prism(&second, &["start"]);
    for name in ["c.txt", "keys/it's.txt"] {
        let failed = start().exits(1);
        assert!(failed.stderr.contains(&format!("`{name}` is missing in")), "{failed}");
        let filter = format!("label=dev-prism.working_dir={}", second.display());
        assert_eq!(docker(&["ps", "-aq", "--filter", &filter]), "", "nothing was started");
        type_hint(&project, &failed, "copy it now: ");
    }
    start().succeeds();
    let nobody = project.sandbox.prism(&second, &["start", "--profile", "tools"]).exits(1);
    assert!(nobody.stderr.contains("nobody-has-it`, the secret `other` of service `tool`"), "{nobody}");
}

#[test]
fn what_compose_cannot_do_without_is_explained() {
    let required = format!("{QUICK}    environment: {{P: \"${{P:?set it}}\"}}\n");
    let included = format!("include: [\"in clude.yaml\"]\n{QUICK}");
    let optional = format!("{QUICK}    env_file: [{{path: opt.env, required: false}}]\n");
    let more = "services: {more: {image: prism-test:1, command: \"true\"}}\n";
    for (compose, name, text, status, said) in [
        (
            &required,
            ".env",
            "P=1\n",
            1,
            "with `env_files: [.env]` in prism.yaml, `prism create` copies that; now: ",
        ),
        (&included, "in clude.yaml", more, 1, "`in clude.yaml` is missing in"),
        (&optional, "opt.env", "A=1\n", 0, "this session is without `opt.env`"),
    ] {
        let project = ignoring(compose, &[(name, text)]);
        let second = by_hand(&project);
        let outcome = project.sandbox.prism(&second, &["start"]).exits(status);
        assert!(outcome.stderr.contains(said), "{outcome}");
        type_hint(&project, &outcome, if status == 0 { "carry: " } else { "now: " });
        let again = project.sandbox.prism(&second, &["start"]).succeeds();
        assert!(!again.stderr.contains("main worktree"), "{again}");
    }
}
