//! Compose files that lead to each other without end, or are nested without end.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::within;
use crate::support::Sandbox;

#[test]
fn links_make_no_more_files_than_there_are() {
    let sandbox = Sandbox::new();
    let top = sandbox.work();
    for number in 0..31 {
        let directory = top.join(format!("d{number}"));
        fs::create_dir(&directory).expect("directory");
        let last = number == 30;
        let extends = if last { "" } else { ", extends: {file: FILE, service: x}" };
        let service = |name: &str, file: &str| {
            format!("  {name}: {{image: \"prism-test:1\"{}}}\n", extends.replace("FILE", file))
        };
        let text = format!("services:\n{}{}", service("x", "a/compose.yaml"), service("y", "b/compose.yaml"));
        fs::write(directory.join("compose.yaml"), text).expect("file");
        for link in ["a", "b"] {
            symlink(format!("../d{}", number + 1), directory.join(link)).expect("link");
        }
    }
    // Without an Engine, so that what prism does is all that is measured.
    let run = sandbox.prism(&top.join("d0"), &["init"]).env("PATH", "/nowhere");
    within(Duration::from_secs(20), run);
}

#[test]
fn deep_files_are_left_to_compose_at_once() {
    let sandbox = Sandbox::new();
    for (name, text) in [
        ("flow", "[".repeat(200_000)),
        ("maps", "{a: ".repeat(200_000)),
        ("hidden", "[ \"]\", ".repeat(200_000)),
        ("block", "- ".repeat(200_000)),
        ("aliases", aliases()),
    ] {
        let directory = sandbox.work().join(name);
        sandbox.write(&format!("{name}/compose.yaml"), &text);
        let run = sandbox.prism(&directory, &["init"]).env("PATH", "/nowhere");
        within(Duration::from_secs(20), run);
        sandbox.write(&format!("{name}/prism.yaml"), &text[..text.len().min(1 << 20)]);
        for verb in [&["hook", "bash", "--at-prompt"][..], &["prompt"], &["env"], &["exec", "true"]] {
            within(Duration::from_secs(10), sandbox.prism(&directory, verb));
        }
    }
}

/// Each line means the one before it ten times.
fn aliases() -> String {
    let lines = (1..40).map(|line| {
        let ten = vec![format!("*a{}", line - 1); 10].join(", ");
        format!("x-{line}: &a{line} [{ten}]\n")
    });
    std::iter::once("x-0: &a0 [x]\n".to_owned()).chain(lines).collect()
}

#[test]
fn a_signal_ends_the_walk() {
    let sandbox = Sandbox::new();
    let services: String =
        (0..40_000).map(|number| format!("  s{number}: {{image: i, env_file: e{number}}}\n")).collect();
    sandbox.write("shop/compose.yaml", &format!("services:\n{services}"));
    let mut live = sandbox.prism(&sandbox.work().join("shop"), &["init"]).live();
    std::thread::park_timeout(Duration::from_millis(300));
    live.kill(Signal::SIGINT);
    let end = live.end();
    assert!(!end.success(), "{end:?}");
}
