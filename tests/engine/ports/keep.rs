//! What is up stays where it is, whatever happened to it or to what is written down of it.

use std::fs;

use super::web_port;
use crate::support::{Project, docker};

#[test]
fn a_broken_note_moves_nothing_that_runs() {
    let project = Project::web();
    project.write("prism.yaml", "apps: {front: {}}\n");
    let port = web_port(&project);
    let containers = project.containers();
    let of_session = format!("label=dev-prism.session_id={}", project.directory.display());
    let note = docker(&["volume", "ls", "-q", "--filter", &of_session, "--filter", "label=dev-prism.config"]);
    let note = note.trim();
    let labels =
        docker(&["volume", "inspect", "--format", "{{range $k, $v := .Labels}}{{$k}}={{$v}}\n{{end}}", note]);
    for ports in ["", "nonsense", "web:80/tcp=9", "front=22222-22230"] {
        docker(&["volume", "rm", note]);
        let broken = format!("dev-prism.ports={ports}");
        let others =
            labels.lines().filter(|label| !label.is_empty() && !label.starts_with("dev-prism.ports="));
        let labels = others.chain([&*broken]).flat_map(|label| ["--label", label]);
        docker(&["volume", "create"].into_iter().chain(labels).chain([note]).collect::<Vec<_>>());
        fs::remove_file(project.directory.join("docker-compose.session.yml")).expect("the override");
        assert_eq!(web_port(&project), port, "{ports}");
        assert_eq!(project.containers(), containers, "{ports}");
    }
    let listed = project.prism(&["ports", "inspect"]).succeeds();
    assert!(listed.stdout.contains(&format!("\n{port}  web 80/tcp   running  ")), "{listed}");
}

#[test]
fn a_paused_container_keeps_its_port() {
    let project = Project::web();
    let port = web_port(&project);
    let containers = project.containers();
    docker(&["pause", &containers[0]]);
    fs::remove_file(project.directory.join("docker-compose.session.yml")).expect("the override");
    assert_eq!(web_port(&project), port);
    assert_eq!(project.containers(), containers, "it goes on, and is not made anew");
}
