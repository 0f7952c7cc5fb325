//! What prism asks of the Engine and of the machine, and that nothing of it accumulates.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::support::{Outcome, Project, Proxy, docker, eventually};

/// A server whose credentials have to be inspected; the image itself does not matter.
const SECRETIVE: &str = "services:\n  db:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"5432\", -h, /etc]\n    ports: [\"5432\"]\n    environment: {POSTGRES_USER: me, POSTGRES_PASSWORD: p, POSTGRES_DB: shop}\n    labels: {dev-prism.kind: postgres, dev-prism.ready: none}\n";

#[test]
fn a_warm_run_asks_once_and_all_at_once() {
    let project = Project::new(SECRETIVE);
    let proxy = Proxy::start(&project.sandbox);
    let say = |count| {
        let before = proxy.questions();
        let run = project.prism(&["exec", "--", "sh", "-c", "echo $DATABASE_URL"]);
        let outcome = run.env("DOCKER_HOST", proxy.host()).succeeds();
        assert_eq!(proxy.questions() - before, count, "{outcome}");
        outcome.line().to_owned()
    };
    project.prism(&["exec", "true"]).succeeds();
    // The list, and an inspection of the container that is most likely in it.
    let url = say(2);
    assert!(url.starts_with("postgresql://me:p@127.0.0.1:") && url.ends_with("/shop"), "{url}");
    // Made anew behind prism's back, it is another container: the guess is wrong, the answer is not.
    project.prism(&["compose", "up", "-d", "--force-recreate"]).succeeds();
    assert_eq!(say(3), url);
}

#[test]
fn where_the_time_of_a_run_goes() {
    let project = Project::new(SECRETIVE);
    project.prism(&["exec", "true"]).succeeds();
    let by_flag = project.prism(&["--timings", "exec", "true"]).succeeds();
    let by_variable = project.prism(&["exec", "true"]).env("PRISM_TIMINGS", "1").succeeds();
    for outcome in [by_flag, by_variable] {
        let spans: Vec<(&str, u64)> = outcome
            .stderr
            .lines()
            .map(|line| {
                let mut words = line.split_whitespace();
                let span = words.next().expect("a name");
                let time = words.next().and_then(|time| time.parse().ok()).expect("a time");
                assert_eq!(words.next(), Some("µs"), "{outcome}");
                (span, time)
            })
            .collect();
        let names: Vec<&str> = spans.iter().map(|(name, _)| *name).collect();
        let expected = ["find", "connect", "read", "hash", "list", "build", "inspect", "exec", "total"];
        assert_eq!(names, expected, "{outcome}");
        let (total, spans) = spans.split_last().expect("spans");
        let sum: u64 = spans.iter().map(|(_, time)| time).sum();
        assert!(sum <= total.1 && total.1 <= sum + 8, "each is rounded down: {outcome}");
    }
}

#[test]
fn a_hung_engine_is_named_and_given_up() {
    let project = Project::web();
    project.prism(&["exec", "true"]).succeeds();
    let proxy = Proxy::start(&project.sandbox);
    proxy.stick(true);
    let since = Instant::now();
    let run = project.prism(&["exec", "--wait-timeout", "3", "--", "touch", "ran"]);
    let outcome = run.env("DOCKER_HOST", proxy.host()).exits(125);
    assert!((3..10).contains(&since.elapsed().as_secs()), "{:?}", since.elapsed());
    let waiting = format!("prism: waiting for the Docker Engine at {}\n", proxy.host());
    assert_eq!(outcome.stderr.matches(&waiting).count(), 1, "{outcome}");
    let given_up =
        format!("prism: error: the Docker Engine at {} did not answer within 3 s\nhint: ", proxy.host());
    assert!(outcome.stderr.contains(&given_up), "{outcome}");
    assert!(!project.directory.join("ran").exists());
}

#[test]
fn a_hung_engine_does_not_keep_an_interrupted_run() {
    let project = Project::quick();
    let proxy = Proxy::start(&project.sandbox);
    proxy.stick(true);
    for arguments in [&["exec", "--ephemeral", "true"][..], &["compose", "ps"]] {
        let asked = proxy.questions();
        let mut live = project.prism(arguments).env("DOCKER_HOST", proxy.host()).live();
        eventually("a question", || proxy.questions() > asked);
        let since = Instant::now();
        live.kill(Signal::SIGINT);
        live.dies_of(Signal::SIGINT);
        assert!(since.elapsed().as_secs() < 20, "{arguments:?}: {:?}", since.elapsed());
    }
}

/// How many warm runs, ten to a start. `PRISM_TEST_SOAK` asks for more: the long version is 2000.
fn soak() -> usize {
    std::env::var("PRISM_TEST_SOAK").ok().and_then(|count| count.parse().ok()).unwrap_or(40)
}

#[test]
fn nothing_accumulates() {
    let project = Project::new(&format!(
        "{SECRETIVE}    volumes: [\"data:/data\", /anonymous]\nvolumes: {{data: {{}}}}\n"
    ));
    let scratch = project.sandbox.root().join("scratch");
    fs::create_dir(&scratch).expect("a directory");
    let prism = |arguments: &[&str]| project.prism(arguments).env("TMPDIR", &scratch);
    let names = |path: &Path| {
        let entries = fs::read_dir(path).expect("a directory");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    };
    let run =
        || prism(&["exec", "--", "sh", "-c", "ls /proc/self/fd | wc -l; echo $DB_PORT"]).succeeds().stdout;
    let seen = || {
        let label = format!("label=dev-prism.working_dir={}", project.directory.display());
        let lists = [&["ps", "-aq"][..], &["network", "ls", "-q"], &["volume", "ls", "-q"]]
            .map(|list| docker(&[list, &["--filter", &label]].concat()));
        let format = "{{range .Mounts}}{{.Name}} {{end}}";
        let mounts = docker(&["inspect", "--format", format, &project.containers()[0]]);
        // The Engine names them in any order.
        let mounts: BTreeSet<String> = mounts.split_whitespace().map(str::to_owned).collect();
        let files = [project.directory.as_path(), &scratch].map(names);
        (lists, mounts, files)
    };
    let (first, before) = (run(), seen());
    for count in 1..=soak() {
        assert_eq!(run(), first, "run {count}");
        if count % 10 == 0 {
            prism(&["stop"]).succeeds();
            prism(&["start"]).succeeds();
        }
    }
    assert_eq!(seen(), before);
    prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
    assert!(names(&scratch).is_empty(), "{:?}", names(&scratch));
}

/// Without a network of its own, of which an Engine has some thirty.
const UNCONNECTED: &str =
    "services: {once: {image: \"prism-test:1\", command: \"true\", network_mode: none}}\n";

#[test]
fn many_cold_starts_at_once_wait_without_spinning() {
    let project = Project::quick();
    let start = |index: usize| {
        let copy = format!("copy-{index}");
        project.sandbox.write(&format!("{copy}/compose.yaml"), UNCONNECTED);
        // The command has prism's own process, and its times so far; those of Compose are its children's.
        let run = ["exec", "--", "sh", "-c", "cat /proc/$$/stat"];
        project.sandbox.prism(&project.sandbox.work().join(copy), &run).spawn()
    };
    let since = Instant::now();
    let started: Vec<_> = (0..20).map(start).collect();
    for child in started {
        let outcome = Outcome::of(child);
        assert_eq!(outcome.status, 0, "{outcome}");
        let fields: Vec<&str> = outcome.line().split(' ').collect();
        let ticks: f64 = fields[13..=14].iter().map(|ticks| ticks.parse::<f64>().expect("ticks")).sum();
        // Of the time until the last one was done; a hundred ticks are a second on every Linux.
        let share = ticks / 100.0 / since.elapsed().as_secs_f64();
        assert!(share < 0.02, "{ticks} ticks in {:?}", since.elapsed());
    }
}
