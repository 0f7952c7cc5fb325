#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "real shells read what is written for them"
)]

use std::process::Command;

use super::*;
use crate::text::word::word;

/// What values may hold that a shell could trip over.
const NASTY: [&str; 24] = [
    "",
    "plain",
    "back\\",
    "\\\\'",
    "it's",
    "'",
    "a\"b",
    "!",
    "a!b!!",
    "$(touch pwned)",
    "`touch pwned`",
    "$HOME",
    "line\nbreak\n",
    "tab\there",
    "\r",
    "*",
    ";",
    "#x",
    "-n",
    "%d%%",
    "é✓’‘",
    "\x1b[31m",
    "]]>",
    "{a,b} ~ $'x' \u{7f}\u{1}",
];

fn operation(value: &str) -> Operation {
    Operation { name: "PRISM_TEST".to_owned(), value: Some(value.to_owned()) }
}

/// How a shell evaluates the code in the file `code`, and then prints its environment.
fn evaluate(name: &str) -> Option<(&'static str, &'static [&'static str])> {
    Some(match name {
        "sh" => ("sh", &["-c", "eval \"$(cat code)\"; env -0"]),
        "bash" => ("bash", &["-c", "eval \"$(cat code)\"; env -0"]),
        "zsh" => ("zsh", &["-fc", "eval \"$(cat code)\"; env -0"]),
        "fish" => ("fish", &["-Nc", "cat code | source; env -0"]),
        "nushell" => ("nu", &["-n", "-c", "open --raw code | from json | load-env; ^env -0"]),
        "elvish" => ("elvish", &["-norc", "-c", "eval (slurp < code); e:env -0"]),
        "tcsh" => ("tcsh", &["-fc", "eval \"`cat code`\"; env -0"]),
        "xonsh" => ("xonsh", &["--no-rc", "-c", "execx(open('code').read())\nenv -0"]),
        _ => return None,
    })
}

#[test]
fn every_value_comes_through_every_shell() {
    let directory = assert_fs::TempDir::new().expect("directory");
    let long = "0123456789abcdef".repeat(1280);
    let values: Vec<&str> = NASTY.iter().copied().chain([long.as_str()]).collect();
    let set = values.iter().enumerate().map(|(number, value)| Operation {
        name: format!("PRISM_TEST_{number}"),
        value: Some((*value).to_owned()),
    });
    let unset = Operation { name: "PRISM_GONE".to_owned(), value: None };
    let operations: Vec<Operation> = set.chain([unset]).collect();
    let mut tried = Vec::new();
    for shell in &SHELLS {
        let Some((program, arguments)) = evaluate(shell.name) else { continue };
        tried.push(shell.name);
        std::fs::write(directory.path().join("code"), shell.render(&operations)).expect("code");
        let mut command = Command::new(program);
        command.args(arguments).current_dir(directory.path()).env("HOME", directory.path());
        let output = command.env("PRISM_GONE", "here").output().expect(program);
        assert!(output.stderr.is_empty(), "{program}: {output:?}");
        let printed: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
        for (number, value) in values.iter().enumerate() {
            let entry = format!("PRISM_TEST_{number}={value}");
            assert!(printed.contains(&entry.as_bytes()), "{program}: {value:?} {:?}", shell.quote(value));
        }
        assert!(!printed.iter().any(|entry| entry.starts_with(b"PRISM_GONE=")), "{program}");
    }
    assert_eq!(tried.len(), SHELLS.len() - 1, "all but PowerShell");
    assert!(!directory.path().join("pwned").exists());
}

#[test]
fn json_is_what_nushell_reads() {
    let nushell = Shell::named("nu").expect("nushell");
    for value in NASTY {
        let code = nushell.render(&[operation(value), Operation { name: "GONE".into(), value: None }]);
        let read: serde_json::Value = serde_json::from_str(&code).expect("JSON");
        assert_eq!(read["PRISM_TEST"], value);
        assert!(read["GONE"].is_null());
    }
    assert_eq!(nushell.render(&[]), "{}\n");
}

#[test]
fn powershell_takes_typographic_quotes_for_quotes() {
    let powershell = Shell::named("pwsh").expect("PowerShell");
    assert_eq!(powershell.render(&[operation("it's ‘x’ $y")]), "${Env:PRISM_TEST} = 'it''s ‘‘x’’ $y'\n");
}

#[test]
fn shells_are_found_by_the_names_of_their_programs() {
    for (program, name) in
        [("/usr/bin/zsh", "zsh"), ("-bash", "bash"), ("nu", "nushell"), ("dash", "sh"), ("csh", "tcsh")]
    {
        assert_eq!(Shell::named(program).map(|shell| shell.name), Some(name));
    }
    assert!(Shell::named("make").is_none());
}

#[test]
fn a_prompt_expands_nothing_of_a_name() {
    let prompt = |name: &str, text: &str| Shell::named(name).expect("shell").prompt(text);
    assert_eq!(prompt("zsh", "100%n"), "100%%n");
    assert_eq!(prompt("bash", r"a\u$(x)`y`"), r"a\\u_(x)_y_");
    assert_eq!(prompt("fish", r"a\u$(x)%"), r"a\u$(x)%");
    assert_eq!(prompt("tcsh", "a%/!"), "a%%/_");
}

#[test]
fn a_word_of_a_hint_is_quoted_only_where_it_has_to_be() {
    assert_eq!(word("/work/shop-sessions/über_b@1"), "/work/shop-sessions/über_b@1");
    for (text, quoted) in
        [("", "''"), ("/a b", "'/a b'"), ("~/x", "'~/x'"), ("it's", r"'it'\''s'"), ("a&b", "'a&b'")]
    {
        assert_eq!(word(text), quoted);
    }
    for text in NASTY {
        let script = format!("printf %s {}", word(text));
        let output = Command::new("sh").args(["-c", &script]).output().expect("sh");
        assert_eq!(String::from_utf8_lossy(&output.stdout), text);
    }
}
