//! One day in the life of a shell, the same in every shell.

use std::fs;

use crate::support::{Project, Shell, without};

const YAML: &str = "env:\n  API_URL: http://127.0.0.1:${WEB_PORT}/api\n  MODE: first\n  NASTY: \"it's $$(touch pwned) `touch pwned` \\\\ ! % \\\"x\\\"\\n\\ttab ✓ \"\n";

/// What [`YAML`] means by `NASTY`.
const NASTY: &str = "it's $(touch pwned) `touch pwned` \\ ! % \"x\"\n\ttab ✓ ";

fn a_day(name: &str) {
    if without(name) {
        return;
    }
    let shell = Shell::named(name);
    let project = Project::web();
    project.write("prism.yaml", YAML);
    project.prism(&["start"]).succeeds();
    let shop = project.directory.display().to_string();
    let outside = project.sandbox.work();
    let over = |to: &str| if shell.has_dash { "cd -".to_owned() } else { format!("cd {to}") };
    let url = |project: &Project| project.prism(&["get", "API_URL"]).succeeds().line().to_owned();

    let mut terminal = shell.start(&project.sandbox, &outside, &[("API_URL", "mine"), ("MODE", "mine")]);
    let before = terminal.snap("");
    assert_eq!(before.get("API_URL"), Some("mine"));
    assert_eq!(before.get("__PRISM_DIFF"), None);

    // Entering sets everything, and nothing is executed.
    terminal.line(&format!("cd {shop}"));
    let inside = terminal.sees("API_URL", Some(&url(&project)));
    assert_eq!(inside.get("NASTY"), Some(NASTY));
    assert_eq!(inside.get("PRISM_SESSION"), Some(shop.as_str()));
    let files = inside.get("COMPOSE_FILE").expect("plain docker compose reaches the session");
    assert_eq!(files, format!("{shop}/compose.yaml:{shop}/docker-compose.session.yml"));
    assert_eq!(inside.get("COMPOSE_PROJECT_NAME"), None);
    assert!(!project.directory.join("pwned").exists());

    // The status of a command reaches the user's line as it was.
    if !shell.status.is_empty() {
        terminal.line("sh -c 'exit 7'");
        assert_eq!(terminal.snap(shell.status).arguments, ["7"]);
    }

    // A child of the shell knows whose variables these are.
    terminal.line(&format!("prism exec -- sh -c 'env > {shop}/exec'"));
    terminal.snap("");
    let child = fs::read_to_string(project.directory.join("exec")).expect("the child's environment");
    assert!(child.lines().any(|line| line.starts_with("COMPOSE_FILE=")), "{child}");
    assert!(!child.contains("__PRISM_DIFF"), "{child}");
    // What was there before the directory was entered is set aside in it.
    assert!(child.contains(&format!("\nAPI_URL={}\n", url(&project))), "{child}");
    assert!(!terminal.screen().contains("kept from your environment"), "{}", terminal.screen());

    // What follows on the line that leaves or enters a directory has its variables, or none.
    if shell.follows {
        let env = |file: &str| format!("sh -c 'env > {}/{file}'", outside.display());
        let there = outside.display();
        terminal.line(&format!("cd {there}; {}; cd {shop}; {}", env("left"), env("entered")));
        terminal.snap("");
        let has = |file: &str, line: &str| {
            let text = fs::read_to_string(outside.join(file)).expect("an environment");
            text.lines().any(|found| found.starts_with(line))
        };
        assert!(has("left", "MODE=mine") && !has("left", "WEB_PORT="));
        assert!(has("entered", &format!("API_URL={}", url(&project))));
    }

    // Another port, another value: both are there at the next prompt.
    let second = project.sandbox.write("second.yaml", &YAML.replace("first", "second"));
    terminal
        .line(&format!("sh -c 'cp {} prism.yaml && prism --quiet ports --reassign web'", second.display()));
    let refreshed = terminal.sees("MODE", Some("second"));
    assert_eq!(refreshed.get("API_URL"), Some(url(&project).as_str()));
    assert_ne!(refreshed.get("API_URL"), inside.get("API_URL"));

    // What the user changes is the user's.
    terminal.line(&shell.set("MODE", "changed"));
    terminal.line(&shell.unset("WEB_URL"));
    let changed = terminal.next();
    assert_eq!((changed.get("MODE"), changed.get("WEB_URL")), (Some("changed"), None));
    terminal.line(&format!("prism exec -- sh -c 'env > {shop}/exec'"));
    terminal.snap("");
    let child = fs::read_to_string(project.directory.join("exec")).expect("the child's environment");
    assert!(child.contains("\nMODE=changed\n"), "and wins: {child}");
    terminal.shows("kept from your environment: MODE", 1);

    // `cd -` out and in.
    terminal.line(&over(&outside.display().to_string()));
    let left = terminal.snap("");
    assert_eq!((left.get("API_URL"), left.get("MODE")), (Some("mine"), Some("changed")));
    assert_eq!((left.get("NASTY"), left.get("WEB_PORT")), (None, None));
    terminal.line(&shell.set("MODE", "mine"));
    terminal.line(&over(&shop));
    terminal.sees("MODE", Some("second"));

    // A stopped session has no ports; one that is started again has them back.
    project.prism(&["stop"]).succeeds();
    let stopped = terminal.sees("API_URL", Some("mine"));
    assert_eq!(stopped.get("WEB_PORT"), None);
    project.prism(&["start"]).succeeds();
    terminal.sees("API_URL", Some(&url(&project)));

    // A nested shell of another kind takes over, and gives back on its own.
    let other = Shell::named(if shell.name == "bash" && !without("zsh") { "zsh" } else { "bash" });
    other.configure(&project.sandbox, "", "");
    terminal.line(&other.program.join(" "));
    terminal.sees("API_URL", Some(&url(&project)));
    terminal.line("cd ..");
    let nested = terminal.snap("");
    assert_eq!((nested.get("API_URL"), nested.get("MODE")), (Some("mine"), Some("mine")));
    terminal.line("exit");
    terminal.sees("API_URL", Some(&url(&project)));

    // A destroyed session leaves nothing.
    project.prism(&["destroy", "--yes"]).succeeds();
    terminal.sees("API_URL", Some("mine"));
    let destroyed = terminal.sees("__PRISM_DIFF", None);
    assert_eq!((destroyed.get("PRISM_VARS"), destroyed.get("PRISM_SESSION")), (None, None));
    // In a directory that is gone, nushell runs nothing at all.
    if shell.name != "nushell" {
        fs::remove_dir_all(&project.directory).expect("the directory itself");
        terminal.next();
    }
    assert!(!terminal.screen().contains("prism: "), "a hook that succeeds is silent: {}", terminal.screen());
}

#[test]
fn a_day_in_bash() {
    a_day("bash");
}

#[test]
fn a_day_in_zsh() {
    a_day("zsh");
}

#[test]
fn a_day_in_fish() {
    a_day("fish");
}

#[test]
fn a_day_in_nushell() {
    a_day("nushell");
}

#[test]
fn a_day_in_elvish() {
    a_day("elvish");
}

#[test]
fn a_day_in_tcsh() {
    a_day("tcsh");
}

#[test]
fn a_day_in_xonsh() {
    a_day("xonsh");
}
