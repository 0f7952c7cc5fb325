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
