//! Data that come along: a session that begins with a copy of another one's, while that one writes on.

mod file_systems;
mod kills;
mod servers;
mod snapshots;

use std::path::{Path, PathBuf};

use crate::support::project::containers_of;
use crate::support::{Outcome, Run, Sandbox, docker, engine, eventually};

/// Writes a number into one volume, then into another, without end; into files of its own, called after the container.
const WRITER: &str = r#"services:
  one:
    image: prism-test:1
    stop_signal: SIGKILL
    labels: {dev-prism.ready: none}
    command: ["sh", "-c", "i=0; me=$$(hostname); while :; do i=$$((i+1)); echo $$i >>/a/$$me; echo $$i >>/b/$$me; done"]
    volumes: ["left:/a", "right:/b"]
volumes: {left: {}, right: {}}
"#;

/// Two directories with the same project, the first of which runs.
struct Two {
    sandbox: Sandbox,
    source: PathBuf,
    target: PathBuf,
}

impl Two {
    fn new(compose: &str) -> Self {
        let two = Self::stopped(compose);
        two.source(&["start"]).succeeds();
        two
    }

    fn stopped(compose: &str) -> Self {
        let sandbox = Sandbox::new();
        for name in ["source", "target"] {
            sandbox.write(&format!("{name}/compose.yaml"), compose);
        }
        let [source, target] = ["source", "target"].map(|name| sandbox.work().join(name));
        Self { sandbox, source, target }
    }

    fn source(&self, arguments: &[&str]) -> Run {
        self.sandbox.prism(&self.source, arguments)
    }

    fn target(&self, arguments: &[&str]) -> Run {
        self.sandbox.prism(&self.target, arguments)
    }

    /// The name of the writer's files.
    fn writer(&self) -> String {
        inspected(&containers_of(&self.source)[0], "{{.Config.Hostname}}")
    }

    /// Expects that the source writes on, and that nothing of a copy is left.
    fn writes_on(&self) {
        let writer = self.writer();
        let before = lines(&self.sandbox, &self.source, "b", &writer);
        eventually("the source to write on", || lines(&self.sandbox, &self.source, "b", &writer) > before);
        for label in ["dev-prism.copier", "dev-prism.frozen", "dev-prism.copying"] {
            for directory in [&self.source, &self.target] {
                for kind in engine::KINDS {
                    let left = engine::labelled(kind, label);
                    let is_its = |it: &&serde_json::Value| {
                        it["Labels"]["dev-prism.working_dir"].as_str() == directory.to_str()
                    };
                    assert_eq!(left.iter().find(is_its), None, "{label}");
                }
            }
        }
    }

    /// Expects that a directory's session has at least `least` numbers of the source's writer, in both volumes the same.
    fn is_whole_copy(&self, directory: &Path, writer: &str, least: usize) {
        let [a, b] = ["a", "b"].map(|volume| lines(&self.sandbox, directory, volume, writer));
        assert!(b >= least, "{b} of {least}");
        assert!(a == b || a == b + 1, "frozen at two moments: {a} and {b}");
    }
}

impl Drop for Two {
    fn drop(&mut self) {
        engine::remove_below(&self.sandbox.root());
    }
}

/// Counts the numbers that a writer has written into a volume of a session.
fn lines(sandbox: &Sandbox, directory: &Path, volume: &str, writer: &str) -> usize {
    let script = format!("wc -l </{volume}/{writer}");
    let counted = sandbox.prism(directory, &["compose", "exec", "-T", "one", "sh", "-c", &script]);
    counted.succeeds().stdout.trim().parse().expect("a number")
}

fn inspected(container: &str, format: &str) -> String {
    docker(&["inspect", "--format", format, container]).trim().to_owned()
}

fn is_paused(directory: &Path) -> bool {
    containers_of(directory).iter().any(|id| inspected(id, "{{.State.Paused}}") == "true")
}

fn says(outcome: &Outcome, words: &str) {
    assert!(outcome.stderr.contains(words), "{words}: {outcome}");
}

#[test]
fn a_copy_has_what_was_written_before_and_the_source_writes_on() {
    let two = Two::new(WRITER);
    let writer = two.writer();
    eventually("numbers", || lines(&two.sandbox, &two.source, "b", &writer) > 100);
    let before = lines(&two.sandbox, &two.source, "b", &writer);
    let outcome = two.target(&["start", "--data-from", "../source"]).succeeds();
    says(&outcome, "which stood still for");
    two.is_whole_copy(&two.target, &writer, before);
    two.writes_on();
    // It has data now, and they are not thrown away.
    let outcome = two.target(&["start", "--data-from", "../source"]).exits(1);
    says(&outcome, "has data already");
    says(&outcome, "snapshot restore");
    two.is_whole_copy(&two.target, &writer, before);
}

#[test]
fn a_source_that_is_stopped_or_paused_stays_so() {
    let two = Two::new(WRITER);
    let writer = two.writer();
    let id = containers_of(&two.source)[0].clone();
    docker(&["pause", &id]);
    two.target(&["start", "--data-from", "../source"]).succeeds();
    assert!(is_paused(&two.source), "somebody paused it");
    two.is_whole_copy(&two.target, &writer, 1);
    two.target(&["destroy", "--yes"]).succeeds();
    docker(&["unpause", &id]);
    two.source(&["stop"]).succeeds();
    two.target(&["start", "--data-from", "../source"]).succeeds();
    two.is_whole_copy(&two.target, &writer, 1);
    assert_eq!(inspected(&id, "{{.State.Running}}"), "false");
}

#[test]
fn as_many_commands_at_once_as_one_likes_have_a_copy_each() {
    let two = Two::new(WRITER);
    let writer = two.writer();
    eventually("numbers", || lines(&two.sandbox, &two.source, "b", &writer) > 100);
    two.source(&["snapshot", "save", "seeded"]).succeeds();
    let prism = env!("CARGO_BIN_EXE_prism");
    let script =
        format!("'{prism}' compose exec -T one sh -c 'cat /a/{writer} | wc -l; cat /b/{writer} | wc -l'");
    let shards: Vec<_> = (0..4)
        .map(|_| {
            two.source(&["exec", "--ephemeral", "--data-from", "seeded", "--", "sh", "-c", &script]).spawn()
        })
        .collect();
    for shard in shards {
        let output = shard.wait_with_output().expect("a shard");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let counts: Vec<usize> = text.split_whitespace().map(|it| it.parse().expect("a number")).collect();
        assert!(counts[1] > 100 && (counts[0] == counts[1] || counts[0] == counts[1] + 1), "{counts:?}");
    }
    two.writes_on();
    two.source(&["snapshot", "remove", "--yes", "seeded"]).succeeds();
}

#[test]
fn what_does_not_come_along_is_said() {
    let compose = WRITER.replace("  one:", "  cache: {image: \"prism-test:1\", command: sleep 1000, stop_signal: SIGKILL, labels: {dev-prism.kind: redis, dev-prism.ready: none}, tmpfs: [/data]}\n  search: {image: \"prism-test:1\", command: sleep 1000, stop_signal: SIGKILL, labels: {dev-prism.ready: none, dev-prism.data: fresh}, volumes: [\"third:/s\"]}\n  one:").replace("right: {}}", "right: {}, third: {}}");
    let two = Two::new(&compose);
    two.source(&["compose", "exec", "-T", "search", "touch", "/s/file"]).succeeds();
    let outcome = two.target(&["start", "--data-from", "../source"]).succeeds();
    says(&outcome, "service `cache`: what it keeps in memory (tmpfs) is not copied");
    says(&outcome, "volume `third` begins empty, as `data: fresh` says");
    assert_eq!(two.target(&["compose", "exec", "-T", "search", "ls", "/s"]).succeeds().stdout, "");
}

#[test]
fn nothing_is_copied_from_what_is_not_there() {
    let two = Two::stopped(WRITER);
    let outcome = two.target(&["start", "--data-from", "../source"]).exits(1);
    says(&outcome, "has no data that could be copied");
    assert_eq!(containers_of(&two.target), Vec::<String>::new(), "and nothing was made");
    let outcome = two.target(&["start", "--data-from", "seeded"]).exits(2);
    says(&outcome, "there is no snapshot `seeded` of this project");
    let outcome = two.target(&["start", "--data-from", "."]).exits(2);
    says(&outcome, "its own data");
    let outcome = two.target(&["exec", "--data-from", "../source", "--", "true"]).exits(125);
    says(&outcome, "`--ephemeral`");
}
