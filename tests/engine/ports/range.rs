//! A small pool: everybody finds a place in it as long as there is one.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use super::{free_range, occupy};
use crate::support::{Outcome, Project};

/// Makes ten more directories like the project's, each of which wants a port of a range.
fn directories(project: &Project, range: (u16, u16), count: u16) -> Vec<PathBuf> {
    let settings = format!("ports: {{range: {}-{}}}\n", range.0, range.1);
    let make = |index| {
        let directory = project.sandbox.work().join(format!("copy-{index}"));
        project.sandbox.write(&format!("copy-{index}/compose.yaml"), crate::support::project::WEB);
        project.sandbox.write(&format!("copy-{index}/prism.yaml"), &settings);
        directory
    };
    (0..count).map(make).collect()
}

#[test]
fn ten_directories_at_once_in_a_range_of_ten() {
    let project = Project::web();
    let range = free_range(10);
    let directories = directories(&project, range, 11);
    let (last, first_ten) = directories.split_last().expect("eleven");
    let exec = ["exec", "--", "sh", "-c", "echo $WEB_PORT"];
    let children: Vec<_> =
        first_ten.iter().map(|directory| project.sandbox.prism(directory, &exec).spawn()).collect();
    let ports: BTreeSet<u16> = children
        .into_iter()
        .map(Outcome::of)
        .map(|outcome| {
            assert_eq!(outcome.status, 0, "{outcome}");
            outcome.line().parse().expect("a port")
        })
        .collect();
    assert_eq!(ports, (range.0..=range.1).collect(), "the whole range is used");

    project.sandbox.prism(&first_ten[0], &["stop"]).succeeds();
    let since = Instant::now();
    let refused = project.sandbox.prism(last, &exec).exits(125);
    assert!(since.elapsed().as_secs() < 20, "at once");
    for (index, directory) in first_ten.iter().enumerate() {
        let state = if index == 0 { "stopped" } else { "running" };
        let line = format!("  `{}` (service `web`), {state}", directory.display());
        assert!(refused.stderr.contains(&line), "{refused}");
    }
    assert!(refused.stderr.contains("prism ports clear DIR"), "{refused}");
    project.sandbox.prism(last, &["ports", "clear", first_ten[0].to_str().expect("UTF-8")]).succeeds();
    project.sandbox.prism(last, &exec).succeeds();
}

#[test]
fn an_exhausted_range_names_processes_and_what_is_free() {
    let range = free_range(2);
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /etc]\n    ports: [\"80\"]\n    deploy: {replicas: 2}\n",
    );
    project.write("prism.yaml", &format!("services: {{web: {{range: {}-{}}}}}\n", range.0, range.1));
    let thief = occupy(range.0);
    let refused = project.prism(&["exec", "true"]).exits(125);
    for part in [
        format!("no 2 ports side by side of the range {}-{} can be had for service `web`", range.0, range.1),
        format!("| {}  process {} (`", range.0, std::process::id()),
        format!("| free: {}\n", range.1),
    ] {
        assert!(refused.stderr.contains(&part), "{part}: {refused}");
    }
    drop(thief);
    project.prism(&["exec", "true"]).succeeds();
}
