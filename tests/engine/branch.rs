//! Services that another branch has, and containers that somebody stops.

use std::fs;

use crate::support::{Outcome, Project, docker};

const EXTRA: &str =
    "  extra: {image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000, volumes: [/own]}\n";

const WEB: &str = "services:\n  web: {image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000}\n";

fn state(id: &str) -> String {
    docker(&["inspect", "--format", "{{.State.Status}}", id]).trim().to_owned()
}

#[test]
fn a_service_of_another_branch_rests_with_its_data_and_comes_back() {
    let project = Project::new(&format!("{WEB}{EXTRA}"));
    project.prism(&["start"]).succeeds();
    let label = format!("label=dev-prism.working_dir={}", project.directory.display());
    let of_extra = ["--filter", &label, "--filter", "label=dev-prism.service=extra"];
    let extra = docker(&[&["ps", "-aq", "--no-trunc"], &of_extra[..]].concat()).trim().to_owned();
    docker(&["exec", &extra, "touch", "/own/data"]);

    project.write("compose.yaml", WEB);
    let other = project.prism(&["exec", "true"]).succeeds();
    assert!(!other.stderr.contains("orphan"), "{other}");
    assert_eq!(state(&extra), "exited");
    project.prism(&["exec", "true"]).succeeds();
    project.write("compose.yaml", &format!("{WEB}{EXTRA}"));
    project.prism(&["exec", "true"]).succeeds();
    assert_eq!(state(&extra), "running");
    docker(&["exec", &extra, "ls", "/own/data"]);
    project.write("compose.yaml", WEB);
    project.prism(&["exec", "true"]).succeeds();
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}

#[test]
fn an_anonymous_volume_goes_also_where_compose_has_passed_it_on_or_a_named_one_took_its_place() {
    let project = Project::new(&format!("{WEB}{EXTRA}"));
    project.prism(&["start"]).succeeds();
    let volume = || {
        let ids = project.containers();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let format = "{{range .Mounts}}{{.Name}} {{end}}";
        docker(&[&["inspect", "--format", format], &ids[..]].concat()).trim().to_owned()
    };
    let first = volume();
    assert_eq!(first.len(), 64, "{first}");
    // It is passed on, and then replaced.
    project.write("compose.yaml", &format!("{WEB}{}", EXTRA.replace("1000", "1001")));
    project.prism(&["exec", "true"]).succeeds();
    assert_eq!(volume(), first);
    let named = EXTRA.replace("/own", "\"data:/own\"");
    project.write("compose.yaml", &format!("{WEB}{named}volumes: {{data: {{}}}}\n"));
    project.prism(&["exec", "true"]).succeeds();
    assert_ne!(volume(), first);
    let list = |name: &str| docker(&["volume", "ls", "-q", "--filter", &format!("name={name}")]);
    assert!(!list(&first).is_empty(), "its data may be wanted, until the session goes");
    project.prism(&["destroy", "--yes"]).succeeds();
    assert_eq!(list(&first), "");
    project.holds_nothing();
    // By a child's Compose.
    project.write("compose.yaml", &format!("{WEB}{EXTRA}"));
    project.prism(&["exec", "--", "docker", "compose", "up", "-d", "--force-recreate"]).succeeds();
    let first = volume();
    project.prism(&["destroy", "--yes"]).succeeds();
    assert_eq!(list(&first), "");
}

#[test]
fn what_is_being_stopped_while_prism_looks_is_brought_up_again() {
    let slow = "exec 2>&1; trap 'kill $web; sleep 2; exit 137' TERM; busybox httpd -f -p 80 -h /etc & web=$!; wait; wait";
    let project = Project::new(&format!(
        "services:\n  web:\n    image: prism-test:1\n    command: [sh, -c, {}]\n    ports: [\"80\"]\n",
        serde_json::to_string(&slow.replace('$', "$$")).expect("JSON")
    ));
    project.prism(&["start"]).succeeds();
    for _ in 0..3 {
        let id = project.containers().pop().expect("a container");
        let stop = project.sandbox.command("docker", &project.directory, &["stop", &id]).spawn();
        let exec = project.prism(&["exec", "true"]).run();
        assert_eq!(exec.status, 0, "{exec}");
        Outcome::of(stop);
        project.prism(&["exec", "true"]).succeeds();
        assert_eq!(state(&project.containers()[0]), "running");
    }
    assert!(fs::metadata(&project.directory).is_ok());
}
