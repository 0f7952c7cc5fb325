//! What is bash's own: `PROMPT_COMMAND` in all its forms, PIPESTATUS, traps.

use crate::support::{Project, Shell, without};

/// A hook of the user's that writes down what it sees of the last command.
const SEEN: &str = "seen() { local all=(\"$?\" \"${PIPESTATUS[@]}\"); seen=${all[*]}; }";

#[test]
fn other_hooks_see_the_status_as_it_was() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let shop = project.directory.display();
    let bash = Shell::named("bash");
    for (before, after) in [
        ("PROMPT_COMMAND=seen", ""),
        ("PROMPT_COMMAND='seen;'", ""),
        ("PROMPT_COMMAND=$'seen ; \\n'", ""),
        ("PROMPT_COMMAND=(: seen)", ""),
        ("PROMPT_COMMAND=(:)", "PROMPT_COMMAND=\"seen; $PROMPT_COMMAND\""),
        ("unset PROMPT_COMMAND", "PROMPT_COMMAND+=(seen)"),
        ("unset PROMPT_COMMAND", "PROMPT_COMMAND=\"seen;$PROMPT_COMMAND\""),
        ("PROMPT_COMMAND=", "PROMPT_COMMAND+=(seen)"),
    ] {
        bash.configure(&project.sandbox, &format!("{SEEN}\n{before}"), after);
        let mut terminal = bash.start(&project.sandbox, &project.sandbox.work(), &[]);
        terminal.line("(exit 3) | (exit 4) | (exit 5)");
        assert_eq!(terminal.snap("\"$seen\"").arguments, ["5 3 4 5"], "{before} / {after}");
        terminal.line("(exit 3) | (exit 4)");
        assert_eq!(terminal.snap("$? ${PIPESTATUS[*]}").arguments, ["4", "3", "4"], "{before} / {after}");
        terminal.line(&format!("cd {shop}"));
        terminal.sees("WEB_HOST", Some("127.0.0.1"));
        assert!(!terminal.screen().contains("syntax error"), "{}", terminal.screen());
    }
}

#[test]
fn hooks_of_zsh_and_fish_see_it_too() {
    for (name, seen, expected) in [
        (
            "zsh",
            "seen() { local -a all=($? $pipestatus); seen=$all }; typeset -ga precmd_functions; precmd_functions+=(seen)",
            "5 3 4 5",
        ),
        ("fish", "function seen --on-event fish_prompt; set -g seen $status $pipestatus; end", "5 3 4 5"),
    ] {
        if without(name) {
            continue;
        }
        let project = Project::web();
        project.prism(&["start"]).succeeds();
        let shell = Shell::named(name);
        for (before, after) in [(seen, ""), ("", seen)] {
            shell.configure(&project.sandbox, before, after);
            let mut terminal = shell.start(&project.sandbox, &project.sandbox.work(), &[]);
            terminal.line("sh -c 'exit 3' | sh -c 'exit 4' | sh -c 'exit 5'");
            assert_eq!(terminal.snap("\"$seen\"").arguments, [expected], "{name}: {before} / {after}");
            terminal.line(&format!("cd {}", project.directory.display()));
            terminal.sees("WEB_HOST", Some("127.0.0.1"));
        }
    }
}

#[test]
fn in_a_string_with_others_after_it_the_status_is_kept() {
    let project = Project::web();
    let bash = Shell::named("bash");
    bash.configure(&project.sandbox, SEEN, "PROMPT_COMMAND=\"$PROMPT_COMMAND;seen\"");
    let mut terminal = bash.start(&project.sandbox, &project.directory, &[]);
    terminal.line("(exit 5)");
    assert_eq!(terminal.snap("\"${seen%% *}\"").arguments, ["5"]);
}

#[test]
fn traps_and_directories_are_left_alone() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let bash = Shell::named("bash");
    bash.configure(&project.sandbox, "trap 'echo caught' INT\ntrap 'echo bye' EXIT\nIFS=:", "");
    let mut terminal = bash.start(&project.sandbox, &project.sandbox.work(), &[]);
    terminal.line("pushd shop");
    let inside = terminal.snap("\"$(trap -p INT EXIT)\" \"$IFS\"");
    terminal.sees("WEB_HOST", Some("127.0.0.1"));
    assert_eq!(inside.arguments, ["trap -- 'echo caught' SIGINT\ntrap -- 'echo bye' EXIT", ":"]);
    terminal.line("popd");
    assert_eq!(terminal.snap("").get("WEB_PORT"), None);
    terminal.line("cd shop; exec bash");
    terminal.sees("WEB_HOST", Some("127.0.0.1"));
    terminal.line("cd ..");
    assert_eq!(terminal.snap("").get("WEB_PORT"), None);
}

/// Whatever moves the shell, and whenever that was defined.
#[test]
fn what_follows_on_the_line_has_the_variables_of_where_it_runs() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let (shop, work) = (project.directory.display().to_string(), project.sandbox.work());
    let port = project.prism(&["get", "WEB_PORT"]).succeeds().line().to_owned();
    let bash = Shell::named("bash");
    let own = "cd() { builtin cd \"$@\"; }";
    for (before, after, go) in [
        ("", "", "cd"),
        ("alias cd='cd -P'", "", "cd"),
        ("", "alias cd='cd -P'", "cd"),
        (own, "", "cd"),
        ("", own, "cd"),
        ("", "z() { \\builtin cd -- \"$@\"; }", "z"),
        ("alias cd=z; z() { \\builtin cd -- \"$@\"; }", "", "cd"),
        ("trap : DEBUG", "z() { \\builtin cd -- \"$@\"; }", "z"),
        ("", "z() { builtin cd -- \"$@\"; }; set -T", "z"),
        ("shopt -s autocd", "", ""),
    ] {
        bash.configure(&project.sandbox, before, after);
        let mut terminal = bash.start(&project.sandbox, &work, &[]);
        let note = |file: &str| format!("echo \"<$WEB_PORT>\" > {}/{file}", work.display());
        terminal.line(&format!("{go} {shop} && {}; {go} {} && {}", note("in"), work.display(), note("out")));
        terminal.snap("");
        let found = ["in", "out"].map(|file| std::fs::read_to_string(work.join(file)).expect("a line"));
        assert_eq!(found, [format!("<{port}>\n"), "<>\n".to_owned()], "{before} / {after} / {go}");
        assert!(!terminal.screen().contains("rror"), "{}", terminal.screen());
    }
}

#[test]
fn the_debug_trap_that_is_there_goes_on() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let shop = project.directory.display();
    let bash = Shell::named("bash");
    let seen =
        "seen() { local status=$?; case $BASH_COMMAND in *skipped*) return 1 ;; esac; statuses+=$status; }";
    for options in ["shopt -s extdebug", "set -T; shopt -s extdebug"] {
        let before = format!("{seen}\ntrap 'seen' DEBUG\n{options}");
        bash.configure(&project.sandbox, &before, "eval \"$(prism hook bash)\"");
        let mut terminal = bash.start(&project.sandbox, &project.sandbox.work(), &[]);
        terminal.line("statuses=; (exit 7); :; noted=$statuses; echo skipped > skipped");
        let snap = terminal.snap("\"$noted\" \"$(trap -p DEBUG | grep -c seen)\"");
        assert!(snap.arguments[0].contains('7'), "{:?}", snap.arguments);
        assert_eq!(snap.arguments[1], "1", "{options}: once");
        assert!(!project.sandbox.work().join("skipped").exists(), "{options}: its status is the last word");
        terminal.line(&format!("cd {shop}"));
        terminal.sees("WEB_HOST", Some("127.0.0.1"));
    }
    // Nothing of it is an error, wherever the shell stands after a failure; and what is in front is a job.
    let errors = "trap 'echo an error' ERR; fails() { builtin cd \"$1\"; return 1; }";
    bash.configure(&project.sandbox, errors, "shopt -s extdebug");
    let mut terminal = bash.start(&project.sandbox, &project.sandbox.work(), &[]);
    terminal.line(&format!("! fails {shop} && sh -c 'exit 0' | cat && noted=$WEB_HOST"));
    assert_eq!(terminal.snap("\"$noted\"").arguments, ["127.0.0.1"]);
    assert_eq!(terminal.screen().matches("an error").count(), 0, "{}", terminal.screen());
}
