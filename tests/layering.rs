//! Dependencies point one way: faces → session → domain, which Cargo sees to; and so do those of the rooms within the session.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each room of `crates/session` may name of the others.
const ROOMS: &[(&str, &[&str])] = &[
    ("machine", &[]),
    ("notice", &[]),
    ("compose", &["machine"]),
    ("docker", &["machine"]),
    ("git", &["machine"]),
    ("find", &["compose", "docker", "git", "machine"]),
    ("port", &["docker", "find", "machine"]),
    ("work", &["docker", "find", "machine", "notice"]),
    ("end", &["docker", "find", "git", "machine", "notice", "port"]),
    ("data", &["docker", "end", "find", "git", "machine", "notice", "port", "work"]),
    ("environment", &["docker", "find", "machine", "notice", "work"]),
    (
        "start",
        &[
            "compose",
            "data",
            "docker",
            "end",
            "environment",
            "find",
            "git",
            "machine",
            "notice",
            "port",
            "work",
        ],
    ),
    ("create", &["docker", "end", "environment", "find", "git", "machine", "notice"]),
    ("glance", &["docker", "environment", "find", "start"]),
    (
        "use_case",
        &[
            "create",
            "data",
            "docker",
            "end",
            "environment",
            "find",
            "git",
            "glance",
            "machine",
            "notice",
            "port",
            "start",
            "work",
        ],
    ),
];

/// Every source file with its text before the tests.
fn sources() -> Vec<(PathBuf, String)> {
    fn visit(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(directory).expect("src").map(|entry| entry.expect("entry").path()) {
            if entry.is_dir() {
                visit(&entry, found);
            } else if entry.file_name() != Some("tests.rs".as_ref()) {
                let text = fs::read_to_string(&entry).expect("source");
                let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
                found.push((entry, code));
            }
        }
    }
    let mut found = Vec::new();
    visit(&root(), &mut found);
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/session/src")
}

fn room(path: &Path) -> String {
    let below = path.strip_prefix(root()).expect("in the crate");
    let first = below.components().next().expect("a name").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules that follow a `crate::`: one, or several in braces.
fn named(used: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = used.strip_prefix('{') else { return vec![word(used)] };
    let mut names = vec![String::new()];
    let mut depth = 0_i32;
    for c in group.chars().take_while(|c| *c != ';') {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            c if depth == 0 && !c.is_whitespace() => names.last_mut().expect("a name").push(c),
            _ => {}
        }
    }
    names.iter().map(|name| word(name)).filter(|name| !name.is_empty()).collect()
}

#[test]
fn names_are_found_in_every_spelling() {
    assert_eq!(named("docker::Engine;"), ["docker"]);
    assert_eq!(named("{docker::{self, Engine}, git};"), ["docker", "git"]);
    assert_eq!(named("{\n    cli,\n    read::{a, b},\n};\nuse x;"), ["cli", "read"]);
}

#[test]
fn each_room_names_only_the_ones_below() {
    let mut wrong = Vec::new();
    for (path, code) in sources().into_iter().filter(|(path, _)| room(path) != "lib") {
        let room = room(&path);
        let (_, allowed) =
            ROOMS.iter().find(|(name, _)| *name == room).unwrap_or_else(|| panic!("unknown room {room}"));
        for name in code.split("crate::").skip(1).flat_map(named) {
            if name != room && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{}: crate::{name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What a program may do that has no place in the domain, in several spellings.
const IMPURE: [&str; 14] = [
    "pub fn f() -> bool { std::fs::exists(\"x\").is_ok() }",
    "use std::{fs, fmt::Debug}; pub fn f() -> impl Debug { fs::read(\"x\") }",
    "use std::fs as files; pub fn f() { drop(files::write(\"x\", \"\")) }",
    "use std::fs::*; pub fn f() { drop(remove_file(\"x\")) }",
    "use ::std::fs::File; pub fn f() { drop(File::open(\"x\")) }",
    "pub fn f() -> bool { std::path::Path::new(\"x\").exists() }",
    "use std::env; pub fn f() { drop(env::var(\"x\")) }",
    "pub fn f() { drop(std::env::current_dir()) }",
    "pub fn f() { drop(std::process::Command::new(\"x\")) }",
    "pub fn f() -> u32 { std::process::id() }",
    "pub fn f() -> std::time::SystemTime { std::time::SystemTime::now() }",
    "pub type Clock = std::time::Instant;",
    "pub fn f() { drop(std::net::TcpStream::connect(\"x:1\")) }",
    "pub fn f() { drop(std::thread::spawn(|| ())) }",
];

/// Clippy, by the domain's own configuration.
#[test]
fn the_domain_cannot_touch_files_processes_and_clocks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = assert_fs::TempDir::new().expect("a directory");
    let configuration = fs::read(root.join("crates/domain/.clippy.toml")).expect("a configuration");
    fs::write(scratch.path().join("clippy.toml"), configuration).expect("written");
    fs::write(
        scratch.path().join("Cargo.toml"),
        "[package]\nname = \"tried\"\nedition = \"2024\"\n[workspace]\n",
    )
    .expect("written");
    fs::create_dir(scratch.path().join("src")).expect("made");
    let tried = IMPURE.iter().enumerate();
    let modules: String = tried.map(|(number, code)| format!("pub mod m{number} {{ {code} }}\n")).collect();
    fs::write(scratch.path().join("src/lib.rs"), modules).expect("written");
    let output = Command::new(env!("CARGO"))
        .args(["clippy", "--quiet", "--offline", "--message-format=short"])
        .current_dir(scratch.path())
        .env("CARGO_TARGET_DIR", scratch.path().join("target"))
        .output()
        .expect("cargo");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let is_refused = |line: usize| said.contains(&format!("src/lib.rs:{}:", line + 1));
    let missed: Vec<&str> =
        IMPURE.iter().enumerate().filter(|(line, _)| !is_refused(*line)).map(|(_, code)| *code).collect();
    assert!(missed.is_empty() && said.contains("disallowed"), "{missed:#?}\n{said}");
}
