//! Pins are taken as given, and a conflict names who is in the way.

use std::net::TcpListener;

use super::{free_range, occupy, web_port};
use crate::support::project::{WEB, containers_of};
use crate::support::{Outcome, Project};

#[test]
fn pinned_ports_by_label_and_by_configuration() {
    let (first, last) = free_range(2);
    let project = Project::new(&format!(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /etc]\n    ports: [\"80\"]\n    labels: {{dev-prism.port: \"{first}\"}}\n"
    ));
    assert_eq!(web_port(&project), first);
    project.write("prism.yaml", &format!("services: {{web: {{port: {last}}}}}\n"));
    assert_eq!(web_port(&project), last, "prism.yaml wins");
}

#[test]
fn a_pin_that_something_has_names_it_before_anything_is_started() {
    let (port, _) = free_range(1);
    let project = Project::web();
    project.write("prism.yaml", &format!("services: {{web: {{port: {port}}}}}\n"));
    let thief = occupy(port);
    let outcome = project.prism(&["exec", "true"]).exits(125);
    let expected = format!("service `web` wants port {port}, which process {} (`", std::process::id());
    assert!(outcome.stderr.contains(&expected) && outcome.stderr.contains("hint: "), "{outcome}");
    assert!(project.containers().is_empty());
    drop(thief);
    assert_eq!(web_port(&project), port);

    // A second directory with the same prism.yaml: one after the other, not both at once.
    let other = Project::web();
    other.write("prism.yaml", &format!("services: {{web: {{port: {port}}}}}\n"));
    let outcome = other.prism(&["exec", "true"]).exits(125);
    let directory = project.directory.display();
    let expected = format!("wants port {port}, which `{directory}` (service `web`) has");
    assert!(outcome.stderr.contains(&expected), "{outcome}");
    assert!(outcome.stderr.contains(&format!("prism stop {directory}")), "{outcome}");
    project.prism(&["stop"]).succeeds();
    assert_eq!(web_port(&other), port);
    assert!(project.prism(&["exec", "true"]).exits(125).stderr.contains("which `"));
    other.prism(&["stop"]).succeeds();
    assert_eq!(web_port(&project), port);
}

#[test]
fn a_stranger_at_the_other_loopback_address_is_in_the_way_of_a_pin() {
    let (port, _) = free_range(1);
    let project = Project::web();
    let thief = TcpListener::bind(("::1", port)).expect("a port of ::1");
    for bind in ["127.0.0.1", "0.0.0.0"] {
        project.write("prism.yaml", &format!("bind: {bind}\nservices: {{web: {{port: {port}}}}}\n"));
        let outcome = project.prism(&["exec", "true"]).exits(125);
        assert!(
            outcome.stderr.contains(&format!("wants port {port}, which process {} (`", std::process::id())),
            "{outcome}"
        );
    }
    drop(thief);
    project.write("prism.yaml", &format!("services: {{web: {{port: {port}}}}}\n"));
    assert_eq!(web_port(&project), port);
}

#[test]
fn of_several_starts_at_once_with_one_pin_one_wins_and_the_others_make_nothing() {
    let (port, _) = free_range(1);
    let project = Project::web();
    let start = |index: usize| {
        let copy = format!("copy-{index}");
        project.sandbox.write(&format!("{copy}/compose.yaml"), WEB);
        project
            .sandbox
            .write(&format!("{copy}/prism.yaml"), &format!("services: {{web: {{port: {port}}}}}\n"));
        let directory = project.sandbox.work().join(copy);
        let child = project.sandbox.prism(&directory, &["exec", "--", "sh", "-c", "echo $WEB_PORT"]).spawn();
        (directory, child)
    };
    let started: Vec<_> = (0..4).map(start).collect();
    let ended: Vec<_> =
        started.into_iter().map(|(directory, child)| (directory, Outcome::of(child))).collect();
    let (won, lost): (Vec<_>, Vec<_>) = ended.iter().partition(|(_, outcome)| outcome.status == 0);
    assert_eq!(won.len(), 1, "{ended:#?}");
    assert_eq!(won[0].1.line(), port.to_string());
    for (directory, outcome) in lost {
        let holder = won[0].0.display();
        let expected = format!("wants port {port}, which `{holder}` (service `web`) has");
        assert!(outcome.status == 125 && outcome.stderr.contains(&expected), "{outcome}");
        assert!(containers_of(directory).is_empty(), "{outcome}");
    }
}

#[test]
fn a_pin_is_reassigned_by_its_owner_only() {
    let (port, _) = free_range(1);
    let project = Project::web();
    project.write("prism.yaml", &format!("services: {{web: {{port: {port}}}}}\n"));
    assert_eq!(web_port(&project), port);
    let outcome = project.prism(&["ports", "--reassign", "web"]).exits(2);
    assert!(outcome.stderr.contains(&format!("service `web` is pinned to port {port}")), "{outcome}");
    assert_eq!(web_port(&project), port);
}

#[test]
fn pins_that_cannot_be() {
    let project = Project::new(
        "services:\n  a: {image: \"prism-test:1\", ports: [\"80\"]}\n  b: {image: \"prism-test:1\", ports: [\"80\"]}\n  quiet: {image: \"prism-test:1\"}\n",
    );
    for (settings, part) in [
        ("services: {a: {port: 9000}, b: {port: 9000}}", "service `a` and service `b` both want port 9000"),
        ("services: {a: {port: 70000}}", "services.a.port"),
        ("services: {a: {port: 0}}", "services.a.port"),
        ("services: {quiet: {port: 9000}}", "service `quiet` publishes no port that could be pinned"),
        ("ports: {range: 9001-9000}", "`9001-9000` is not a port or a range of ports"),
        ("ports: {range: 9000-9000}", "the range 9000-9000 has 1 port, too few for service `a`, service `b`"),
        ("ports: {range: 0-5}", "`0-5` is not a port or a range of ports"),
    ] {
        project.write("prism.yaml", settings);
        let outcome = project.prism(&["exec", "true"]).exits(125);
        assert!(outcome.stderr.contains(part) && outcome.stderr.contains("hint: "), "{settings}: {outcome}");
        assert!(project.containers().is_empty(), "{settings}");
    }
}

#[test]
fn an_ephemeral_stack_leaves_the_pin_to_the_directorys_own() {
    let (port, _) = free_range(1);
    let project = Project::web();
    project.write("prism.yaml", &format!("services: {{web: {{port: {port}}}}}\n"));
    assert_eq!(web_port(&project), port);
    let ephemeral = project.prism(&["exec", "--ephemeral", "--", "sh", "-c", "echo $WEB_PORT"]).succeeds();
    assert_ne!(ephemeral.line(), port.to_string());
    assert_eq!(web_port(&project), port);
}

#[test]
fn a_pin_that_another_service_of_the_session_has_names_that() {
    let (first, last) = free_range(2);
    let service = "{image: \"prism-test:1\", stop_signal: SIGKILL, command: [busybox, httpd, -f, -p, \"80\", -h, /etc], ports: [\"80\"]}";
    let project = Project::new(&format!("services:\n  web: {service}\n  back: {service}\n"));
    let pin = |web: u16, back: u16| {
        project.write("prism.yaml", &format!("services: {{web: {{port: {web}}}, back: {{port: {back}}}}}\n"));
    };
    pin(first, last);
    assert_eq!(web_port(&project), first);
    pin(last, first);
    let outcome = project.prism(&["exec", "true"]).exits(125);
    let expected = format!("service `back` wants port {first}, which this session (service `web`) has");
    assert!(outcome.stderr.contains(&expected), "{outcome}");
    project.prism(&["stop"]).succeeds();
    assert_eq!(web_port(&project), last);
}
