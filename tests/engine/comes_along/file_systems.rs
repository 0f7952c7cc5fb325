//! Every way to copy, on Engines of a test's own whose files are on several file systems.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Dockerd, Outcome, Project, Run, without};

/// An image with the tools of GNU, and one with nothing but `BusyBox` under its own name.
const TOOLS: &str = "tar -ch --hard-dereference $(for it in sh cp rm du df sleep cat stat; do command -v $it; done) $(for it in sh cp rm du df sleep cat stat; do ldd $(command -v $it); done | grep -o '/lib[^ ]*' | grep -v : | sort -u)";
const BARE: &str = "tar -ch --hard-dereference /usr/bin/busybox $(ldd /usr/bin/busybox | grep -o '/lib[^ ]*' | grep -v : | sort -u)";

const STACK: &str = r#"services:
  gnu: {image: "tools:1", stop_signal: SIGKILL, command: [sleep, "1000"], labels: {dev-prism.ready: none}, volumes: ["gnu:/g"]}
  bare: {image: "bare:1", stop_signal: SIGKILL, command: [/usr/bin/busybox, sleep, "1000"], labels: {dev-prism.ready: none}, volumes: ["bare:/n"]}
  small: {image: "small:1", stop_signal: SIGKILL, command: [busybox, sleep, "1000"], labels: {dev-prism.ready: none}, volumes: ["third:/s"]}
volumes: {gnu: {}, bare: {}, third: {}}
"#;

/// Packs files of the tests' image.
fn import(dockerd: &Dockerd, directory: &Path, script: &str, name: &str) {
    let archive = directory.join("image.tar").display().to_string();
    let pack = Command::new("docker")
        .args(["run", "--rm", "--network", "none", "prism-test:1", "sh", "-c", script])
        .stdout(File::create(&archive).expect("archive"))
        .stderr(Stdio::null())
        .status();
    assert!(pack.expect("the docker CLI").success(), "{script}");
    dockerd.docker(&["import", &archive, name]);
}

fn copies(make: &str, reflink: bool) {
    if without("dockerd") || without("mount") {
        return;
    }
    let project = Project::new(STACK);
    let dockerd = Dockerd::on(&project.sandbox, Some(make));
    import(&dockerd, &project.sandbox.root(), TOOLS, "tools:1");
    import(&dockerd, &project.sandbox.root(), BARE, "bare:1");
    let target = project.sandbox.work().join("target");
    fs::create_dir(&target).expect("directory");
    fs::write(target.join("compose.yaml"), STACK).expect("compose.yaml");
    let prism = |directory: &Path, arguments: &[&str]| -> Run {
        let words = [&[env!("CARGO_BIN_EXE_prism")], arguments].concat();
        dockerd.command(&project.sandbox, directory, &words)
    };
    prism(&project.directory, &["start"]).succeeds();
    let shell = |directory: &Path, service: &str, words: &[&str]| -> Outcome {
        prism(directory, &[&["compose", "exec", "-T", service], words].concat()).succeeds()
    };
    // Content, owner and mode, of files and of the volume itself.
    let busybox = "/usr/bin/busybox";
    for (service, top) in [("small", "/s"), ("bare", "/n")] {
        shell(
            &project.directory,
            service,
            &[busybox, "dd", "if=/dev/urandom", &format!("of={top}/file"), "bs=1M", "count=8"],
        );
        shell(&project.directory, service, &[busybox, "chown", "-R", "70:71", top]);
        shell(&project.directory, service, &[busybox, "chmod", "0750", top, &format!("{top}/file")]);
    }
    shell(&project.directory, "gnu", &["sh", "-c", "cat /bin/sh /bin/sh >/g/file; echo x >/g/.hidden"]);
    let outcome = prism(&target, &["start", "--data-from", "../shop"]).succeeds();
    let way = if reflink { "reflink" } else { "copy" };
    for (volume, way) in [("gnu", way), ("third", "stream"), ("bare", "stream")] {
        let line = outcome.stderr.lines().find(|line| line.contains("copied from")).unwrap_or_default();
        let part = line.split(&format!(" {volume} (")).nth(1).and_then(|rest| rest.split(')').next());
        assert!(part.is_some_and(|part| part.ends_with(way)), "{volume} by {way}: {outcome}");
    }
    for (service, top) in [("small", "/s"), ("bare", "/n")] {
        for words in [
            vec![busybox, "stat", "-c", "%n %a %u %g %s", top, &format!("{top}/file")],
            vec![busybox, "md5sum", &format!("{top}/file")],
        ] {
            let [one, other] = [&project.directory, &target].map(|it| shell(it, service, &words).stdout);
            assert_eq!(one, other, "{service}");
        }
    }
    let script = "stat -c '%n %s %a %u' /g /g/file /g/.hidden; cat /g/.hidden";
    let [one, other] = [&project.directory, &target].map(|it| shell(it, "gnu", &["sh", "-c", script]).stdout);
    assert_eq!(one, other);
    for directory in [&target, &project.directory] {
        prism(directory, &["destroy", "--yes"]).succeeds();
    }
}

#[test]
fn btrfs_shares_the_blocks() {
    copies("mkfs.btrfs", true);
}

#[test]
fn xfs_shares_the_blocks() {
    copies("mkfs.xfs", true);
}

#[test]
fn ext4_copies_them() {
    copies("mkfs.ext4", false);
}
