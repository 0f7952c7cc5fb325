//! Snapshots: saved, listed, brought back, removed; and what outlives what.

use super::{Two, WRITER, says};
use crate::support::{Pruning, docker, engine};

/// A directory with a file in a volume, and nobody who writes.
const QUIET: &str = r#"services:
  one:
    image: prism-test:1
    stop_signal: SIGKILL
    labels: {dev-prism.ready: none}
    command: sleep 1000
    volumes: ["left:/a", "right:/b"]
volumes: {left: {}, right: {}}
"#;

impl Two {
    fn write(&self, text: &str) {
        let script = format!("echo {text} >/a/file; touch /a/.hidden");
        self.source(&["compose", "exec", "-T", "one", "sh", "-c", &script]).succeeds();
    }

    fn read(&self) -> String {
        let read = self.source(&["compose", "exec", "-T", "one", "sh", "-c", "cat /a/*; ls -A /a | wc -l"]);
        read.succeeds().stdout
    }

    fn volumes_of_snapshots(&self) -> usize {
        let of = self.source.display().to_string();
        let found = engine::labelled("volumes", &format!("dev-prism.snapshot_of={of}"));
        found.len()
    }
}

#[test]
fn a_snapshot_is_brought_back_as_it_was() {
    let two = Two::new(QUIET);
    two.write("first");
    says(&two.source(&["snapshot", "save", "one"]).succeeds(), "saved snapshot `one`: 2 volumes");
    says(&two.source(&["snapshot", "save", "one"]).exits(1), "there is a snapshot `one` already");
    two.write("second");
    two.source(&["compose", "exec", "-T", "one", "touch", "/a/later", "/a/.later"]).succeeds();
    says(&two.source(&["snapshot", "restore", "one"]).exits(2), "there is no terminal to ask at");
    assert!(two.read().starts_with("second"), "nobody said yes");
    two.source(&["snapshot", "restore", "--yes", "one"]).succeeds();
    assert_eq!(two.read(), "first\n2\n", "what came since is gone");
    // A session that is gone takes no snapshot with it.
    two.source(&["destroy", "--yes"]).succeeds();
    assert_eq!(two.volumes_of_snapshots(), 3);
    two.source(&["start", "--data-from", "one"]).succeeds();
    assert_eq!(two.read(), "first\n2\n");
    let list = two.source(&["snapshot", "list", "--format", "json"]).succeeds().stdout;
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(list["snapshots"][0]["volumes"], serde_json::json!(["left", "right"]));
    assert_eq!(list["snapshots"][0]["fits"][0].as_str(), two.source.to_str());
    says(&two.source(&["snapshot", "remove", "one"]).exits(2), "there is no terminal to ask at");
    two.source(&["snapshot", "remove", "--yes", "one"]).succeeds();
    assert_eq!(two.volumes_of_snapshots(), 0);
    says(&two.source(&["snapshot", "restore", "one"]).exits(2), "there is no snapshot `one`");
}

#[test]
fn only_a_whole_snapshot_is_used_and_prune_takes_others() {
    let _pruning = Pruning::mine_alone();
    let two = Two::new(QUIET);
    two.write("kept");
    for name in ["whole", "half"] {
        two.source(&["snapshot", "save", name]).succeeds();
    }
    let of = format!("label=dev-prism.snapshot_of={}", two.source.display());
    let all = docker(&["volume", "ls", "-q", "--filter", &of, "--filter", "label=dev-prism.snapshot=half"]);
    let mark = all
        .lines()
        .find(|name| name.split('.').nth(1) == Some("half") && name.split('.').count() == 2)
        .expect("a mark");
    docker(&["volume", "rm", mark]);
    says(&two.target(&["start", "--data-from", "half"]).exits(2), "there is no snapshot `half`");
    says(&two.source(&["snapshot", "restore", "--yes", "half"]).exits(2), "there is no snapshot `half`");
    two.source(&["prune", "--yes"]).succeeds();
    assert_eq!(two.volumes_of_snapshots(), 3, "the whole one stays");
    two.write("other");
    two.source(&["snapshot", "restore", "--yes", "whole"]).succeeds();
    assert_eq!(two.read(), "kept\n2\n");
}

#[test]
fn data_of_another_major_version_are_refused() {
    let compose = QUIET
        .replace("prism-test:1", "${IMAGE}")
        .replace("ready: none", "ready: none, dev-prism.kind: redis");
    let tags = [1, 2].map(|major| format!("prism-test-major-{}:{major}", std::process::id()));
    for tag in &tags {
        docker(&["tag", "prism-test:1", tag]);
    }
    let two = Two::stopped(&compose);
    two.source(&["start"]).env("IMAGE", &tags[0]).succeeds();
    let words = ["start", "--data-from", "../source"];
    let outcome = two.target(&words).env("IMAGE", &tags[1]).exits(1);
    for tag in &tags {
        says(&outcome, tag);
    }
    assert_eq!(crate::support::project::containers_of(&two.target), Vec::<String>::new(), "nothing stays");
    let words = ["start", "--data-from", "../source", "--force"];
    two.target(&words).env("IMAGE", &tags[1]).succeeds();
    drop(two);
    docker(&["rmi", &tags[0], &tags[1]]);
}

#[test]
fn a_snapshot_is_taken_of_what_writes() {
    let two = Two::new(WRITER);
    says(&two.source(&["snapshot", "save", "live"]).succeeds(), "the session stood still for");
    two.writes_on();
}
