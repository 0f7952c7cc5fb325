//! What a hook must survive.

use std::fs;
use std::path::Path;

use crate::support::shell::shells;
use crate::support::{Project, Proxy, Sandbox, Shell, Terminal, without};

pub(super) fn started() -> (Project, String) {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let shop = project.directory.display().to_string();
    (project, shop)
}

/// Waits until a shell has the session's port, and returns it.
pub(super) fn port(terminal: &mut Terminal, project: &Project) -> String {
    let port = project.prism(&["get", "WEB_PORT"]).succeeds().line().to_owned();
    terminal.sees("WEB_PORT", Some(&port));
    port
}

pub(super) fn count(terminal: &Terminal, text: &str) -> usize {
    terminal.screen().matches(text).count()
}

#[test]
fn a_missing_prism_is_said_once() {
    for shell in shells() {
        let sandbox = Sandbox::new();
        let bin = sandbox.root().join("bin");
        fs::create_dir_all(&bin).expect("bin");
        fs::copy(env!("CARGO_BIN_EXE_prism"), bin.join("prism")).expect("a copy of prism");
        let mut terminal = shell.start(&sandbox, &sandbox.work(), &[]);
        terminal.snap("");
        fs::remove_file(bin.join("prism")).expect("removed");
        for _ in 0..3 {
            terminal.next();
        }
        assert_eq!(count(&terminal, "is gone: the variables"), 1, "{}: {}", shell.name, terminal.screen());
        if !shell.status.is_empty() {
            terminal.line("sh -c 'exit 5'");
            assert_eq!(terminal.snap(shell.status).arguments, ["5"], "{}", shell.name);
        }
    }
}

#[test]
fn evaluated_twice_it_is_one_hook() {
    for shell in shells() {
        let (project, shop) = started();
        let proxy = Proxy::start(&project.sandbox);
        shell.configure(&project.sandbox, shell.hook, shell.hook);
        let mut terminal =
            shell.start(&project.sandbox, &project.sandbox.work(), &[("DOCKER_HOST", &proxy.host())]);
        assert_eq!(terminal.snap("").get("WEB_PORT"), None);
        assert_eq!(proxy.questions(), 0, "{}: outside a project nobody is asked", shell.name);
        terminal.line(&format!("cd {shop}"));
        for _ in 0..4 {
            terminal.line("true");
        }
        port(&mut terminal, &project);
        let asked = proxy.questions();
        // After `cd` one, too. The prompt after that may have come already; one that was too slow is followed by silence. A
        // socket that nobody has used yet is asked once whose Engine it leads to.
        assert!((1..=9).contains(&asked), "{}: one list at each of five prompts: {asked}", shell.name);
    }
}

#[test]
fn an_engine_that_is_gone_is_no_reason_to_forget() {
    for shell in shells() {
        let (project, shop) = started();
        let mut terminal = shell.start(&project.sandbox, Path::new(&shop), &[]);
        let port = port(&mut terminal, &project);
        terminal.line(&shell.set("DOCKER_HOST", "unix:///nonexistent.sock"));
        assert_eq!(terminal.next().get("WEB_PORT"), Some(port.as_str()), "{}", shell.name);
        assert_eq!(count(&terminal, "prism:"), 0, "{}: {}", shell.name, terminal.screen());
        terminal.line("cd ..");
        assert_eq!(terminal.snap("").get("WEB_PORT"), None, "{}", shell.name);
    }
}

#[test]
fn a_prism_yaml_that_nobody_started_with_is_not_applied() {
    for shell in shells() {
        let project = Project::web();
        project.write("prism.yaml", "env: {MODE: approved}\n");
        project.prism(&["start"]).succeeds();
        let mut terminal = shell.start(&project.sandbox, &project.directory, &[("MODE", "mine")]);
        terminal.sees("MODE", Some("approved"));
        for forged in ["env: {MODE: forged}\n", "env: {MODE: [broken\n"] {
            project.write("prism.yaml", forged);
            let seen = terminal.sees("MODE", Some("mine"));
            assert!(seen.get("WEB_PORT").is_some(), "what Docker says still counts");
            terminal.next();
        }
        assert_eq!(count(&terminal, "prism:"), 1, "{}: said once: {}", shell.name, terminal.screen());
        let snippet = project.prism(&["env", "--shell", "sh"]).run();
        assert!(snippet.status == 1 && snippet.stderr.contains("prism.yaml"), "{snippet}");
        project.write("prism.yaml", "env: {MODE: forged}\n");
        let snippet = project.prism(&["env", "--shell", "sh"]).succeeds();
        assert!(!snippet.stdout.contains("forged") && snippet.stderr.contains("approves it"), "{snippet}");
        project.prism(&["start"]).succeeds();
        terminal.sees("MODE", Some("forged")); // starting is consent
    }
}

#[test]
fn strict_shells_live_on() {
    for name in ["bash", "zsh"].into_iter().filter(|name| !without(name)) {
        let (project, shop) = started();
        let shell = Shell::named(name);
        // zsh has options of its own that a hook could trip over.
        let more = if name == "zsh" { "\nsetopt kshArrays shWordSplit errReturn noGlobalExport" } else { "" };
        shell.configure(&project.sandbox, &format!("set -eu -o pipefail{more}"), "");
        let mut terminal = shell.start(&project.sandbox, &project.sandbox.work(), &[]);
        terminal.line(&format!("cd {shop}"));
        port(&mut terminal, &project);
        terminal.line("! true");
        assert_eq!(terminal.snap("\"$-\"").arguments.len(), 1, "{name}: it survived a status of 1");
        terminal.line("cd ..");
        assert_eq!(terminal.snap("").get("WEB_PORT"), None, "{name}");
        assert_eq!(count(&terminal, "unbound") + count(&terminal, "not set"), 0, "{}", terminal.screen());
    }
}

#[test]
fn scripts_have_no_hook() {
    let (project, _) = started();
    for (program, script) in [
        ("bash", "set -eu; eval \"$(\"$0\" hook bash)\"; echo \"${PROMPT_COMMAND-none}\""),
        ("zsh", "eval \"$(\"$0\" hook zsh)\"; echo \"${precmd_functions-none}\""),
        ("fish", "$argv[1] hook fish | source; functions -q __prism_hook; or echo none"),
    ] {
        if without(program) {
            continue;
        }
        let prism = env!("CARGO_BIN_EXE_prism");
        let outcome = project.sandbox.command(program, &project.directory, &["-c", script, prism]).succeeds();
        assert_eq!((outcome.line(), outcome.stderr.as_str()), ("none", ""), "{program}");
    }
}
