//! What a machine is prepared with is what the tests ask for: tools.sh on a machine that has nothing but a shell.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::support::{Outcome, Sandbox};

/// What every Debian has, what builds prism, what engine.sh brings, and what is nowhere.
const THERE: &[&str] = &[
    "sh",
    "bash",
    "true",
    "env",
    "id",
    "cp",
    "chmod",
    "sleep",
    "stty",
    "timeout",
    "find",
    "perl",
    "dpkg",
    "flock",
    "setpriv",
    "setsid",
    "unshare",
    "nsenter",
    "kill",
    "umount",
    "echo",
    "cat",
    "cmp",
    "printenv",
    "pwd",
    "touch",
    "mkfifo",
    "mkdir",
    "mv",
    "rm",
    "ln",
    "ls",
    "sed",
    "grep",
    "tar",
    "script",
    "cargo",
    "cc",
    "make",
    "docker",
    "dockerd",
    "no-such-command",
    "y",
];

/// What stands before the name of a program in the tests.
const BEFORE: [&str; 6] =
    ["Command::new(\"", "sandbox.command(\"", " run(\"", "run(&project, \"", "\"--\", \"", "program: &[\""];

/// Writes down how it was called. What is installed, it links from the offer.
const RECORDER: &str = r#"#!/bin/bash
echo "${0##*/} $*" >>"${RECORD}"
[[ " $* " == *" install "* ]] || exit 0
for word; do
    for file in "${OFFER}/${0##*/}/${word}"/*; do
        [[ -e ${file} ]] && /bin/ln -s "${file}" "${BIN}/${file##*/}"
    done
done
exit 0
"#;

/// A language that has a module, or an option, if that is among what was installed.
const INSTALLED: &str = r"#!/bin/bash
for word; do
    word=${word#import } word=${word%=/dev/null}
    [[ ${word} != dotenv && ${word} != --env-file ]] || { [[ -e ${BIN}/${0##*/}:${word} ]]; exit; }
done
exit 0
";

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/setup/tools.sh");

/// A machine that has nothing but a shell, on which all that is called is written down.
struct Machine {
    sandbox: Sandbox,
}

impl Machine {
    /// Makes one whose packages have all that is promised of them, but for what is `lacking`.
    fn new(lacking: &str) -> Self {
        let machine = Self { sandbox: Sandbox::new() };
        for recorder in ["apt-get", "dpkg", "npm", "cargo"] {
            Self::executable(&machine.path("bin").join(recorder), RECORDER);
        }
        for name in ["bash", "mktemp", "rm", "tail", "cat"] {
            symlink(Path::new("/bin").join(name), machine.path("bin").join(name)).expect("link");
        }
        for name in machine.run(&["--list"]).stdout.lines() {
            let (command, package) = name.split_once('=').unwrap_or((name, name));
            let installer = match command {
                "nu" => "npm",
                "cargo-deb" => "cargo",
                _ => "apt-get",
            };
            let offer = machine.path("offer").join(installer).join(package);
            if command != lacking && !machine.path("bin").join(command).exists() {
                Self::executable(&offer.join(command), INSTALLED);
            }
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.sandbox.root().join(name)
    }

    fn executable(file: &Path, text: &str) {
        fs::create_dir_all(file.parent().expect("a directory")).expect("directory");
        fs::write(file, text).expect("file");
        fs::set_permissions(file, Permissions::from_mode(0o755)).expect("mode");
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let path = |name: &str| self.path(name).display().to_string();
        let run = self.sandbox.command("/bin/bash", &self.sandbox.work(), &[&[SCRIPT], arguments].concat());
        let run = run.env("PATH", path("bin")).env("BIN", path("bin")).env("OFFER", path("offer"));
        run.env("RECORD", path("record")).env("PRISM_TEST_PYTHON", "python3").run()
    }

    /// What was called, and how.
    fn record(&self) -> String {
        fs::read_to_string(self.path("record")).unwrap_or_default()
    }
}

/// All Rust of the tests but this file.
fn sources(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).expect("tests") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests/setup.rs") {
            text.push_str(&fs::read_to_string(&path).expect("source"));
        }
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_./".contains(character)
}

/// The programs that stand in the tests where programs stand, and the modules that they load.
fn asked(text: &str) -> BTreeSet<&str> {
    let programs = BEFORE.iter().flat_map(|before| text.split(before).skip(1));
    let programs = programs.filter_map(|rest| rest.split_once('"')?.0.rsplit('/').next());
    let programs = programs.map(|line| line.split(' ').next().unwrap_or(line));
    let programs = programs.filter(|word| word.starts_with(|it: char| it.is_ascii_lowercase()));
    let modules = [
        ("-rdotenv", "ruby:dotenv"),
        ("import json, dotenv", "python3:dotenv"),
        ("--env-file=", "node:--env-file"),
        ("ip link", "ip"),
    ];
    let modules = modules.into_iter().filter(|(words, _)| text.contains(words));
    programs.filter(|word| word.chars().all(is_word)).chain(modules.map(|(_, name)| name)).collect()
}

#[test]
fn what_is_installed_is_what_the_tests_ask_for() {
    let mut text = include_str!("../Makefile").to_owned();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut text);
    let machine = Machine::new("");
    let listed = machine.run(&["--list"]).stdout;
    let promised: BTreeSet<&str> =
        listed.lines().map(|name| name.split_once('=').map_or(name, |(command, _)| command)).collect();
    let asked = asked(&text);
    let lacking: Vec<&&str> =
        asked.iter().filter(|name| !promised.contains(*name) && !THERE.contains(name)).collect();
    assert!(lacking.is_empty(), "the tests ask for {lacking:?}, which tools.sh does not install");
    let words: BTreeSet<&str> =
        text.split(|it| !is_word(it)).map(|word| word.rsplit('/').next().unwrap_or(word)).collect();
    let idle: Vec<&&str> =
        promised.iter().filter(|name| !words.contains(*name) && !asked.contains(*name)).collect();
    assert!(idle.is_empty(), "tools.sh installs {idle:?}, which no test asks for");

    let installed = machine.run(&[]);
    let told = format!("{installed}{}", machine.record());
    for name in listed.lines() {
        let package = name.split_once('=').map_or(name, |(_, package)| package);
        let is_there = THERE.contains(&name) || ["npm", "nu=nushell", "cargo-deb"].contains(&name);
        assert!(is_there || told.split_whitespace().any(|word| word == package), "{name}: {told}");
    }
    if machine.record().contains("apt-get") {
        assert_eq!(installed.status, 0, "{told}");
        assert!(told.contains("npm install --global --silent --no-fund --no-audit nushell\n"), "{told}");
        assert!(told.contains("cargo install --quiet --locked cargo-deb\n"), "{told}");
    }
}

#[test]
fn what_an_installation_did_not_bring_is_named() {
    for lacking in ["python3:dotenv", "ruby:dotenv", "node:--env-file", "psql", "nu"] {
        let machine = Machine::new(lacking);
        let outcome = machine.run(&[]);
        if machine.record().contains("apt-get") {
            assert_eq!(outcome.status, 1, "{lacking}: {outcome}");
            assert!(
                outcome.stderr.contains(" in PATH: nu")
                    || outcome.stderr.contains(" not there: ") && outcome.stderr.contains(lacking),
                "{lacking}: {outcome}"
            );
        }
    }
}
