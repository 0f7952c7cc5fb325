//! `prism env --shell` and `prism prompt`.

use std::fs;

use crate::support::{Project, eventually, without};

#[test]
fn a_snippet_sets_everything_in_every_shell() {
    let project = Project::web();
    let nasty = "it's $(touch pwned) `x` \\ ! \"q\"\n% ✓";
    project.write(
        "prism.yaml",
        "env:\n  NASTY: \"it's $$(touch pwned) `x` \\\\ ! \\\"q\\\"\\n% ✓\"\n  PATH: /evil\n",
    );
    project.prism(&["start"]).succeeds();
    for (program, arguments) in [
        ("sh", &["-c", "eval \"$($0 env --shell sh)\"; env -0"][..]),
        ("bash", &["-c", "set -eu; eval \"$($0 env --shell)\"; env -0"]),
        ("zsh", &["-fc", "eval \"$($0 env --shell)\"; env -0"]),
        ("fish", &["-Nc", "$argv[1] env --shell fish | source; env -0"]),
        ("tcsh", &["-fc", "eval \"`$PRISM env --shell tcsh`\"; env -0"]),
        ("nu", &["-n", "-c", "^$env.PRISM env --shell nushell | from json | load-env; ^env -0"]),
        ("elvish", &["-norc", "-c", "eval (e:sh -c '$PRISM env --shell elvish' | slurp); e:env -0"]),
        (
            "xonsh",
            &[
                "--no-rc",
                "-c",
                "import subprocess; execx(subprocess.check_output([$PRISM, 'env', '--shell', 'xonsh'], text=True, env=${...}.detype()))\nenv -0",
            ],
        ),
    ] {
        if without(if program == "nu" { "nushell" } else { program }) {
            continue;
        }
        let prism = env!("CARGO_BIN_EXE_prism");
        let mut arguments = arguments.to_vec();
        if program.ends_with("sh") && !["tcsh", "xonsh"].contains(&program) {
            arguments.push(prism);
        }
        let outcome =
            project.sandbox.command(program, &project.directory, &arguments).env("PRISM", prism).succeeds();
        let entries: Vec<&str> = outcome.stdout.split('\0').collect();
        assert!(entries.contains(&format!("NASTY={nasty}").as_str()), "{program}: {outcome}");
        assert!(entries.iter().any(|entry| entry.starts_with("COMPOSE_FILE=")), "{program}: {outcome}");
        assert!(!entries.contains(&"PATH=/evil"), "{program}");
    }
    assert!(!project.directory.join("pwned").exists());
}

#[test]
fn a_snippet_takes_away_what_another_session_set() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    project.sandbox.write("other/compose.yaml", &crate::support::project::WEB.replace("web", "api"));
    let other = project.sandbox.work().join("other");
    project.sandbox.prism(&other, &["start"]).succeeds();
    let script = "eval \"$($0 env --shell sh)\"; cd ../other; eval \"$($0 env --shell sh)\"; env";
    let arguments = ["-c", script, env!("CARGO_BIN_EXE_prism")];
    let seen = project.sandbox.command("sh", &project.directory, &arguments).succeeds().stdout;
    assert!(seen.contains("\nAPI_PORT=") && !seen.contains("\nWEB_PORT="), "{seen}");
    project.sandbox.prism(&other, &["destroy", "--yes"]).succeeds();
}

#[test]
fn the_prompt_has_three_states() {
    let project = Project::new(
        "services:\n  web: &web\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\"]\n    ports: [\"80\"]\n  api: *web\n",
    );
    let prompt = |arguments: &[&str]| project.prism(&[&["prompt"], arguments].concat()).succeeds().stdout;
    assert_eq!(prompt(&[]), "shop down\n");
    project.prism(&["start"]).succeeds();
    assert_eq!(prompt(&[]), "shop up 2/2\n");
    project.prism(&["compose", "stop", "api"]).succeeds();
    eventually("the Engine's list to follow", || prompt(&[]) == "shop partly 1/2\n");
    assert_eq!(prompt(&["--format", "{name}|{state}|{healthy}|{total}"]), "shop|partly|1|2\n");
    project.prism(&["stop"]).succeeds();
    assert_eq!(prompt(&[]), "shop down\n");
    let gone = project.prism(&["prompt"]).env("DOCKER_HOST", "unix:///nonexistent.sock").succeeds();
    assert_eq!((gone.stdout.as_str(), gone.stderr.as_str()), ("shop ?\n", ""));
    let typo = project.prism(&["prompt", "--format", "{nam}"]).exits(2);
    assert!(typo.stderr.contains("{name}"), "{typo}");
    let nowhere = project.sandbox.prism(&project.sandbox.work(), &["prompt"]).succeeds();
    assert_eq!((nowhere.stdout.as_str(), nowhere.stderr.as_str()), ("", ""));
}

#[test]
fn the_name_of_a_directory_cannot_do_anything_to_a_prompt() {
    let project = Project::web();
    let name = "100%n \\u $(touch pwned) `touch pwned` \x1b[31m!";
    let directory = project.directory.join(name);
    fs::create_dir(&directory).expect("directory");
    fs::write(directory.join("compose.yaml"), crate::support::project::WEB).expect("compose.yaml");
    let prism = env!("CARGO_BIN_EXE_prism");
    // Each shell expands the segment in the two ways that people use: as text of the prompt, and when it is shown.
    for (program, arguments) in [
        ("bash", ["-c", "PS1=\"$($0 prompt --shell bash)\"; printf '%s\\n' \"${PS1@P}\"", prism]),
        ("bash", ["-c", "PS1='$($PRISM prompt --shell bash)'; printf '%s\\n' \"${PS1@P}\"", prism]),
        (
            "zsh",
            ["-fc", "setopt promptsubst; PS1=\"$($0 prompt --shell zsh)\"; print -rP -- \"$PS1\"", prism],
        ),
        (
            "zsh",
            ["-fc", "setopt promptsubst; PS1='$($PRISM prompt --shell zsh)'; print -rP -- \"$PS1\"", prism],
        ),
    ] {
        if without(program) {
            continue;
        }
        let outcome = project.sandbox.command(program, &directory, &arguments).env("PRISM", prism).succeeds();
        assert!(outcome.stdout.contains("100%n"), "{program}: {outcome}");
        assert!(outcome.stdout.contains("\\u"), "{program}: {outcome}");
        assert!(!outcome.stdout.contains('\x1b'), "{program}: {outcome}");
    }
    assert!(!directory.join("pwned").exists());
}
