//! In place of any file there may be something else.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::within;
use crate::support::Sandbox;

/// The files that prism looks at by itself.
const PLACES: [&str; 9] = [
    "docker-compose.session.yml",
    "docker-compose.session.resolved.yml",
    ".env.session",
    ".env",
    "a.env",
    "compose.yaml",
    "compose.override.yaml",
    "prism.yaml",
    ".git",
];

type Put = fn(&Path);

const THINGS: [(&str, Put); 5] = [
    ("zeros", |path| symlink("/dev/zero", path).expect("link")),
    ("pipe", |path| mkfifo(path, Mode::S_IRWXU).expect("pipe")),
    ("directory", |path| fs::create_dir(path).expect("directory")),
    ("socket", |path| drop(UnixListener::bind(path).expect("socket"))),
    ("large", |path| File::create(path).and_then(|file| file.set_len(8 << 30)).expect("file")),
];

const COMPOSE: &str = "services: {web: {image: \"prism-test:1\", env_file: a.env}}\n";

/// What a shell asks at each prompt, and what a user may ask before anything was started.
const VERBS: [&[&str]; 6] = [
    &["hook", "bash", "--at-prompt"],
    &["prompt"],
    &["info"],
    &["env", "--shell", "bash"],
    &["get", "WEB_PORT"],
    &["exec", "--no-start", "true"],
];

/// What looks at the whole project, and the files that it reads.
const THOROUGH: [&[&str]; 2] = [&["doctor"], &["init"]];
const INPUTS: [&str; 4] = [".env", "a.env", "compose.yaml", "prism.yaml"];

fn put(sandbox: &Sandbox, place: &str, thing: Put) -> std::path::PathBuf {
    let directory = sandbox.work().join(place.replace('.', "_"));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).expect("directory");
    for (name, text) in [("compose.yaml", COMPOSE), ("a.env", "A=1\n"), (".git", "gitdir: nowhere\n")] {
        if name != place {
            fs::write(directory.join(name), text).expect("file");
        }
    }
    thing(&directory.join(place));
    directory
}

#[test]
fn nothing_is_waited_for_and_little_is_read() {
    let sandbox = Sandbox::new();
    for (what, thing) in THINGS {
        for place in PLACES {
            let directory = put(&sandbox, place, thing);
            for verb in VERBS {
                let outcome = within(Duration::from_secs(15), sandbox.prism(&directory, verb));
                assert!(outcome.status <= 125, "{what} at {place}: {verb:?} {outcome}");
            }
        }
    }
}

#[test]
fn what_looks_at_the_whole_project_ends_too() {
    let sandbox = Sandbox::new();
    for (what, thing) in THINGS {
        for place in INPUTS {
            let directory = put(&sandbox, place, thing);
            for verb in THOROUGH {
                let outcome = within(Duration::from_secs(30), sandbox.prism(&directory, verb));
                assert!(outcome.status <= 125, "{what} at {place}: {verb:?} {outcome}");
                assert!(!outcome.stderr.contains("panicked"), "{what} at {place}: {verb:?} {outcome}");
            }
        }
    }
}

#[test]
fn a_head_that_is_none_names_no_branch() {
    let sandbox = Sandbox::new();
    for (what, thing) in THINGS {
        let directory = sandbox.work().join(what);
        fs::create_dir_all(directory.join(".git")).expect("directory");
        fs::write(directory.join("compose.yaml"), COMPOSE).expect("file");
        for name in ["HEAD", "commondir", "config"] {
            thing(&directory.join(".git").join(name));
        }
        for verb in VERBS {
            within(Duration::from_secs(15), sandbox.prism(&directory, verb));
        }
    }
}
