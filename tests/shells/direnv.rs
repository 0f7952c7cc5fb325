//! The real direnv with `use prism`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::support::{Outcome, Project, Shell, Terminal, without};

/// A project whose `.envrc` says `use prism`, allowed, with the library where direnv looks for it.
fn project(arguments: &str) -> Project {
    let project = Project::web();
    let lib = project.sandbox.root().join("home/.config/direnv/lib");
    fs::create_dir_all(&lib).expect("lib");
    let code = project.prism(&["hook", "direnv"]).succeeds().stdout;
    fs::write(lib.join("prism.sh"), code).expect("prism.sh");
    project.write(".envrc", &format!("use prism {arguments}\n"));
    project
}

fn direnv(project: &Project, arguments: &[&str]) -> Outcome {
    project.sandbox.command("direnv", &project.directory, arguments).run()
}

/// What a command finds in the directory.
fn printed(project: &Project, name: &str) -> Outcome {
    direnv(project, &["exec", ".", "printenv", name])
}

/// Makes a change of the user's that was just made one of a later second: direnv compares whole seconds.
fn later(file: &Path) {
    let later = SystemTime::now() + Duration::from_secs(2);
    let file = fs::File::options().append(true).open(file).expect("a file");
    file.set_modified(later).expect("a later time");
}

/// A bash with direnv's hook, and prism's too.
fn bash(project: &Project, prism_first: bool) -> Terminal {
    let bash = Shell::named("bash");
    let hook = "eval \"$(direnv hook bash)\"";
    let (before, after) = if prism_first { ("", hook) } else { (hook, "") };
    bash.configure(&project.sandbox, before, after);
    bash.start(&project.sandbox, &project.sandbox.work(), &[("WEB_HOST", "mine")])
}

#[test]
fn nothing_happens_before_allow_nor_after_deny() {
    if without("direnv") {
        return;
    }
    let project = project("--start");
    assert!(printed(&project, "WEB_PORT").stderr.contains("is blocked"));
    assert_eq!(project.containers().len(), 0);
    direnv(&project, &["allow"]);
    let port = printed(&project, "WEB_PORT");
    assert_eq!(port.line(), project.prism(&["get", "WEB_PORT"]).succeeds().line(), "{port}");
    assert_eq!(project.containers().len(), 1, "`use prism --start` starts the stack");
    direnv(&project, &["deny"]);
    assert!(printed(&project, "WEB_PORT").stderr.contains("is blocked"));
}

#[test]
fn direnv_follows_start_and_stop_and_new_values() {
    if without("direnv") {
        return;
    }
    let project = project("");
    direnv(&project, &["allow"]);
    let mut terminal = bash(&project, false);
    terminal.line(&format!("cd {}", project.directory.display()));
    let down = terminal.snap("");
    assert_eq!(down.get("WEB_PORT"), None);
    assert_eq!(terminal.screen().matches("is not up: `prism start`").count(), 1, "{}", terminal.screen());

    project.prism(&["start"]).succeeds();
    let up = terminal.next();
    let port = project.prism(&["get", "WEB_PORT"]).succeeds().line().to_owned();
    assert_eq!(up.get("WEB_PORT"), Some(port.as_str()));
    assert_eq!(up.get("WEB_HOST"), Some("127.0.0.1"));
    assert_eq!(up.get("__PRISM_DIFF"), None, "the hook leaves the directory to direnv");

    project.write("prism.yaml", "env: {MODE: one}\n");
    project.prism(&["restart"]).succeeds();
    let changed = terminal.next();
    assert_eq!(changed.get("MODE"), Some("one"));
    assert_eq!(changed.get("WEB_PORT"), Some(project.prism(&["get", "WEB_PORT"]).succeeds().line()));

    project.prism(&["ports", "--reassign", "web"]).succeeds();
    let file = project.directory.join(".env.session");
    let moved = project.prism(&["get", "WEB_PORT"]).succeeds().line().to_owned();
    assert_ne!(moved, port);
    assert!(fs::read_to_string(&file).expect(".env.session").contains(&format!("WEB_PORT={moved}\n")));
    assert_eq!(
        terminal.next().get("WEB_PORT"),
        Some(moved.as_str()),
        "prism's files are of another second each time"
    );

    project.prism(&["stop"]).succeeds();
    assert_eq!(terminal.next().get("WEB_PORT"), None);
    project.prism(&["start"]).succeeds();
    assert_eq!(terminal.next().get("MODE"), Some("one"));

    terminal.line("cd ..");
    let left = terminal.next();
    assert_eq!(
        (left.get("WEB_HOST"), left.get("MODE"), left.get("PRISM_DIRENV")),
        (Some("mine"), None, None)
    );
}

#[test]
fn a_broken_prism_yaml_shows_one_error_and_mending_it_is_noticed() {
    if without("direnv") {
        return;
    }
    let project = project("");
    project.write("prism.yaml", "env: {MODE: one}\n");
    project.prism(&["start"]).succeeds();
    project.write("prism.yaml", "env: {MODE: [\n");
    direnv(&project, &["allow"]);
    let mut terminal = bash(&project, false);
    terminal.line(&format!("cd {}", project.directory.display()));
    assert_eq!(terminal.snap("").get("WEB_PORT"), None);
    terminal.next();
    let shown = terminal.screen();
    assert_eq!(shown.matches("error").count(), 1, "{shown}");
    assert!(shown.contains("`env.MODE` takes a text"), "{shown}");
    project.write("prism.yaml", "env: {MODE: one}\n");
    later(&project.directory.join("prism.yaml"));
    assert_eq!(terminal.next().get("MODE"), Some("one"));
}

#[test]
fn a_broken_compose_file_shows_one_error_and_what_runs_keeps_its_variables() {
    if without("direnv") {
        return;
    }
    for arguments in ["", "--start"] {
        let project = project(arguments);
        let whole = fs::read_to_string(project.directory.join("compose.yaml")).expect("compose.yaml");
        project.prism(&["start"]).succeeds();
        let port = project.prism(&["get", "WEB_PORT"]).succeeds().line().to_owned();
        direnv(&project, &["allow"]);
        let mut terminal = bash(&project, false);
        terminal.line(&format!("cd {}", project.directory.display()));
        assert_eq!(terminal.snap("").get("WEB_PORT"), Some(port.as_str()));

        project.write("compose.yaml", "services: {web: {image: [}}\n");
        later(&project.directory.join("compose.yaml"));
        assert_eq!(terminal.next().get("WEB_PORT"), Some(port.as_str()), "{}", terminal.screen());
        let shown = terminal.screen();
        assert_eq!(shown.matches("error").count(), 1, "{shown}");
        assert!(shown.contains("Docker Compose does not accept this project"), "{shown}");
        assert_eq!(terminal.next().get("WEB_PORT"), Some(port.as_str()));
        assert_eq!(terminal.screen().matches("error").count(), 1, "{}", terminal.screen());

        project.write("compose.yaml", &whole.replace("services:", "# mended\nservices:"));
        let file = fs::File::options().append(true).open(project.directory.join("compose.yaml"));
        let latest = SystemTime::now() + Duration::from_secs(4);
        file.expect("compose.yaml").set_modified(latest).expect("a later time");
        assert_eq!(terminal.next().get("WEB_PORT"), Some(port.as_str()));
        terminal.next();
        assert_eq!(terminal.screen().matches("error").count(), 1, "{}", terminal.screen());
    }
}

#[test]
fn hook_and_direnv_in_either_order_end_clean() {
    if without("direnv") {
        return;
    }
    for prism_first in [false, true] {
        let project = project("");
        project.prism(&["start"]).succeeds();
        let mut terminal = bash(&project, prism_first);
        // Not allowed yet: the directory is the hook's.
        terminal.line(&format!("cd {}", project.directory.display()));
        let hooked = terminal.sees("WEB_HOST", Some("127.0.0.1"));
        assert!(hooked.get("__PRISM_DIFF").is_some());
        terminal.line("direnv allow");
        terminal.next();
        let handed_over = terminal.next();
        assert!(handed_over.get("WEB_PORT").is_some());
        assert_eq!(handed_over.get("__PRISM_DIFF"), None, "prism first: {prism_first}");
        terminal.line("cd ..");
        terminal.next();
        let left = terminal.next();
        assert_eq!((left.get("WEB_HOST"), left.get("WEB_PORT")), (Some("mine"), None), "{prism_first}");
        assert_eq!((left.get("PRISM_VARS"), left.get("__PRISM_DIFF")), (None, None), "{prism_first}");
    }
}

/// A shell with direnv's hook before or after prism's.
fn beside_direnv(project: &Project, name: &str, prism_first: bool) -> Terminal {
    let shell = Shell::named(name);
    let hook = match name {
        "fish" => "direnv hook fish | source",
        "zsh" => "eval \"$(direnv hook zsh)\"",
        _ => "eval \"$(direnv hook bash)\"",
    };
    let (before, after) = if prism_first { ("", hook) } else { (hook, "") };
    shell.configure(&project.sandbox, before, after);
    shell.start(&project.sandbox, &project.sandbox.work(), &[("WEB_URL", "mine")])
}

#[test]
fn from_a_directory_of_direnvs_to_one_that_is_the_hooks() {
    if without("direnv") {
        return;
    }
    let project = project("");
    let other = project.sandbox.work().join("other");
    fs::create_dir(&other).expect("a directory");
    fs::copy(project.directory.join("compose.yaml"), other.join("compose.yaml")).expect("compose.yaml");
    project.prism(&["start"]).succeeds();
    project.sandbox.prism(&other, &["start"]).succeeds();
    direnv(&project, &["allow"]);
    let port = |directory: &Path| {
        project.sandbox.prism(directory, &["get", "WEB_PORT"]).succeeds().line().to_owned()
    };
    let (first, second) = (port(&project.directory), port(&other));
    for name in ["bash", "zsh", "fish"].into_iter().filter(|name| !without(name)) {
        for prism_first in [false, true] {
            let mut terminal = beside_direnv(&project, name, prism_first);
            terminal.line(&format!("cd {}", project.directory.display()));
            assert_eq!(terminal.snap("").get("WEB_PORT"), Some(first.as_str()), "{name}, {prism_first}");
            // There and back on one line: direnv has not seen it, and has nothing to do.
            terminal.line(&format!("cd {}; cd {}", other.display(), project.directory.display()));
            assert_eq!(terminal.snap("").get("WEB_PORT"), Some(first.as_str()), "{name}, {prism_first}");
            terminal.line(&format!("cd {}", other.display()));
            terminal.next();
            let there = terminal.sees("WEB_PORT", Some(&second));
            assert!(there.get("COMPOSE_FILE").is_some(), "{name}, {prism_first}");
            assert_eq!(terminal.next().get("WEB_PORT"), Some(second.as_str()), "{name}, {prism_first}");
            terminal.line("cd ..");
            terminal.next();
            let left = terminal.next();
            let found = (left.get("WEB_URL"), left.get("WEB_PORT"), left.get("PRISM_VARS"));
            assert_eq!(found, (Some("mine"), None, None), "{name}, {prism_first}");
        }
    }
    // Two of direnv's: those of the one that is left are not those of the other, until direnv says which are.
    fs::copy(project.directory.join(".envrc"), other.join(".envrc")).expect(".envrc");
    project.sandbox.command("direnv", &other, &["allow"]).succeeds();
    for name in ["bash", "zsh", "fish"].into_iter().filter(|name| !without(name)) {
        let mut terminal = beside_direnv(&project, name, false);
        terminal.line(&format!("cd {}", project.directory.display()));
        assert_eq!(terminal.snap("").get("WEB_PORT"), Some(first.as_str()), "{name}");
        let file = project.directory.join("at-once");
        terminal.line(&format!("cd {}; sh -c 'echo \"<$WEB_PORT>\" > {}'", other.display(), file.display()));
        assert_eq!(terminal.snap("").get("WEB_PORT"), Some(second.as_str()), "{name}");
        let found = fs::read_to_string(&file).expect("a line");
        assert!(found == "<>\n" || found == format!("<{second}>\n"), "{name}: {found}");
    }
    project.sandbox.prism(&other, &["destroy", "--yes"]).succeeds();
}

#[test]
fn from_allow_to_psql() {
    if without("direnv") {
        return;
    }
    let project = project("--start");
    project.write(
        "compose.yaml",
        "services:\n  db:\n    image: postgres:17-alpine\n    stop_signal: SIGKILL\n    environment: {POSTGRES_PASSWORD: \"it's % a\"}\n    ports: [\"5432:5432\"]\n",
    );
    let mut terminal = bash(&project, false);
    terminal.line(&format!("cd {}", project.directory.display()));
    terminal.line("direnv allow");
    terminal.line("psql -tAc 'select 40 + 2' > answer; psql \"$DATABASE_URL\" -tAc 'select 43' >> answer");
    terminal.snap("");
    let answer = fs::read_to_string(project.directory.join("answer")).expect("an answer");
    assert_eq!(answer, "42\n43\n", "{}", terminal.screen());
}

#[test]
fn every_emitter_says_the_same() {
    let project = project("");
    project.write("prism.yaml", "env: {MODE: \"one $$x 'y'\"}\napps: {api: {port: PORT}}\n");
    project.prism(&["start"]).succeeds();
    let json = project.prism(&["env", "--format", "json"]).succeeds().stdout;
    let expected: BTreeMap<String, String> = serde_json::from_str(&json).expect("JSON");
    assert!(expected.contains_key("COMPOSE_FILE") && expected.contains_key("API_PORT"), "{expected:?}");
    let prism = env!("CARGO_BIN_EXE_prism");
    let by = |program: &str, arguments: &[&str]| {
        let arguments = [arguments, &[prism]].concat();
        let shown = project.sandbox.command(program, &project.directory, &arguments).succeeds().stdout;
        let entries = shown.split('\0').filter_map(|entry| entry.split_once('='));
        let entries: BTreeMap<String, String> =
            entries.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        expected.keys().filter_map(|name| Some((name.clone(), entries.get(name)?.clone()))).collect()
    };
    let all: Vec<(&str, BTreeMap<String, String>)> = vec![
        ("exec", by("sh", &["-c", "$0 exec -- env -0"])),
        ("snippet", by("sh", &["-c", "eval \"$($0 env --shell sh)\"; env -0"])),
        ("hook", by("bash", &["-c", "eval \"$($0 hook bash --at-prompt)\"; env -0"])),
        (".env.session", by("sh", &["-c", "set -a; . ./.env.session; env -0"])),
    ];
    for (emitter, found) in all {
        assert_eq!(found, expected, "{emitter}");
    }
    if !without("direnv") {
        direnv(&project, &["allow"]);
        assert_eq!(by("direnv", &["exec", ".", "sh", "-c", "env -0"]), expected, "direnv");
    }
}
