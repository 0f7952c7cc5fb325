//! Dependencies point one way: main → cli → session → adapters → domain.

use std::fs;
use std::path::{Path, PathBuf};

/// What each layer may name of the crate, besides itself. `error` and `text` are shared by all, `timing` by all but the
/// domain, `output` by verbs and the session.
const ALLOWED: &[(&str, &[&str])] = &[
    (
        "main",
        &[
            "cli", "compose", "docker", "domain", "error", "files", "git", "listen", "lock", "output",
            "probe", "process", "read", "session", "text", "timing",
        ],
    ),
    (
        "cli",
        &[
            "session", "compose", "docker", "domain", "error", "files", "git", "listen", "lock", "output",
            "probe", "process", "read", "text", "timing",
        ],
    ),
    (
        "session",
        &[
            "compose", "docker", "domain", "error", "files", "git", "listen", "lock", "output", "probe",
            "process", "read", "timing",
        ],
    ),
    ("compose", &["domain", "error", "read"]),
    ("docker", &["domain", "error", "timing"]),
    ("files", &["domain", "error", "read"]),
    ("git", &["domain", "error", "read"]),
    ("listen", &["domain", "error"]),
    ("lock", &["domain", "error"]),
    ("probe", &["domain", "error"]),
    ("process", &["domain", "error"]),
    ("read", &[]),
    ("output", &["text"]),
    ("timing", &[]),
    ("error", &["text"]),
    ("text", &[]),
    ("domain", &["error", "text"]),
];

/// What the pure core must not touch.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::process",
    "std::env",
    "std::net::Tcp",
    "std::io",
    "tokio",
    "hyper",
    "nix::",
    "clap",
    "signal_hook",
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
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

fn layer(path: &Path) -> String {
    let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("in src");
    let first = below.components().next().expect("a name").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn each_layer_names_only_the_ones_below() {
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        let layer = layer(&path);
        let (_, allowed) = ALLOWED
            .iter()
            .find(|(name, _)| *name == layer)
            .unwrap_or_else(|| panic!("unknown layer {layer}"));
        for used in code.split("crate::").skip(1) {
            let name: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if name != layer && !name.is_empty() && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{}: crate::{name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_domain_is_pure() {
    let mut wrong = Vec::new();
    for (path, code) in sources().iter().filter(|(path, _)| layer(path) == "domain") {
        let code: String = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .map(|line| format!("{line}\n"))
            .collect();
        wrong.extend(
            IMPURE
                .iter()
                .filter(|name| code.contains(**name))
                .map(|name| format!("{}: {name}", path.display())),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_output_prints_and_only_docker_knows_http() {
    for (path, code) in sources() {
        let layer = layer(&path);
        for (word, home) in
            [("hyper::", "docker"), ("io::stdout", "output"), ("println!", "output"), ("unsafe {", "process")]
        {
            let is_home = layer == home || path.ends_with("cli/run.rs");
            assert!(is_home || !code.contains(word), "{} has `{word}`", path.display());
        }
    }
}

/// A pipe or a device may stand in place of any file of a repository: what reads one without looking waits for ever.
#[test]
fn files_of_a_repository_are_read_by_the_one_reader() {
    // What the user names on the command line may be a pipe, and the runtime directory is prism's own.
    // The key's random bytes are the kernel's.
    const OTHERS: [&str; 5] = [
        "cli/exec/flags.rs",
        "cli/env.rs",
        "session/create/turn.rs",
        "session/ephemeral.rs",
        "session/key.rs",
    ];
    for (path, code) in sources() {
        let reads =
            ["fs::read(", "fs::read_to_string(", "File::open("].into_iter().find(|word| code.contains(word));
        // These read what the kernel and the machine's owner provide.
        let is_elsewhere = ["read", "docker", "listen", "lock", "process"].contains(&layer(&path).as_str());
        let is_named = OTHERS.iter().any(|other| path.ends_with(other));
        assert!(is_elsewhere || is_named || reads.is_none(), "{} has `{reads:?}`", path.display());
    }
}
