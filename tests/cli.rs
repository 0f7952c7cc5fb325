//! The command line itself: help, versions, completions, usage errors. No Engine needed.

use crate::support::Sandbox;

#[test]
fn help_names_every_verb_and_fits_the_contract() {
    let sandbox = Sandbox::new();
    let help = sandbox.prism(&sandbox.work(), &["--help"]).succeeds();
    for verb in ["exec", "start", "stop", "destroy", "info", "list", "env", "get", "compose", "completions"] {
        assert!(help.stdout.contains(&format!("  {verb} ")), "{verb}: {help}");
        let of_verb = sandbox.prism(&sandbox.work(), &["help", verb]).succeeds();
        assert!(of_verb.stderr.is_empty() && of_verb.stdout.contains("Usage: prism "), "{of_verb}");
    }
    assert!(help.stdout.contains("Examples:"), "{help}");
    assert_eq!(
        sandbox.prism(&sandbox.work(), &["--version"]).succeeds().line(),
        concat!("prism ", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn usage_errors_suggest_and_exit_with_2_or_125() {
    let sandbox = Sandbox::new();
    let typo = sandbox.prism(&sandbox.work(), &["exce"]).exits(2);
    assert!(typo.stderr.starts_with("prism: error:") && typo.stderr.contains("'exec'"), "{typo}");
    sandbox.prism(&sandbox.work(), &["exec", "--no-such-flag", "true"]).exits(125);
    sandbox.prism(&sandbox.work(), &["-C", "/nonexistent", "env"]).exits(2);
    sandbox.prism(&sandbox.work(), &["exec", "-e", "=x", "true"]).exits(125);
    sandbox.prism(&sandbox.work(), &["exec", "-e", "SESSION_DIR=/x", "true"]).exits(125);
}

#[test]
fn completions_are_valid_for_their_shell() {
    let sandbox = Sandbox::new();
    let script = sandbox.prism(&sandbox.work(), &["completions", "bash"]).succeeds().stdout;
    sandbox.command("bash", &sandbox.work(), &["-n"]).stdin(script).succeeds();
}

#[test]
fn global_options_work_after_the_verb_and_every_help_lists_them() {
    let sandbox = Sandbox::new();
    let work = sandbox.work();
    let help = sandbox.prism(&work, &["--help"]).succeeds().stdout;
    let verbs: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .filter(|word| *word != "help" && help.contains(&format!("\n  {word} ")))
        .collect();
    assert!(verbs.contains(&"start") && verbs.contains(&"compose") && verbs.contains(&"man"), "{verbs:?}");
    for verb in verbs {
        let of_verb = sandbox.prism(&work, &[verb, "--help"]).succeeds();
        for option in ["--quiet", "--verbose", "--timings", "--color", "--directory"] {
            assert!(of_verb.stdout.contains(option), "{verb}, {option}: {of_verb}");
        }
    }
    for option in [&["-q"][..], &["-v"], &["--timings"], &["--color", "never"], &["-C", "/"]] {
        for verb in [&["exec", "--optional"][..], &["prompt"]] {
            let mut words = [verb, option].concat();
            words.extend((verb[0] == "exec").then_some("true"));
            sandbox.prism(&work, &words).succeeds();
        }
    }
    let moved = sandbox.prism(&work, &["exec", "-C", "/", "--optional", "--", "pwd"]).succeeds();
    assert_eq!(moved.line(), "/");
}

#[test]
fn what_stands_behind_the_command_is_the_commands() {
    let sandbox = Sandbox::new();
    let work = sandbox.work();
    for words in [
        &["exec", "--optional", "echo", "-q", "-C", "/", "--timings", "--color"][..],
        &["exec", "--optional", "--", "echo", "-q", "-C", "/", "--timings", "--color"],
    ] {
        assert_eq!(sandbox.prism(&work, words).succeeds().line(), "-q -C / --timings --color");
    }
}

#[test]
fn help_of_compose_needs_no_project() {
    let sandbox = Sandbox::new();
    let ours = sandbox.prism(&sandbox.work(), &["compose", "--help"]).succeeds();
    assert!(ours.stdout.contains("Usage: prism compose"), "{ours}");
    let dockers = sandbox.prism(&sandbox.work(), &["compose", "up", "--help"]).succeeds();
    assert!(dockers.stdout.contains("docker compose up"), "{dockers}");
}
