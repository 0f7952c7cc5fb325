//! Whatever happened to the containers meanwhile, the next command is right.

use crate::support::{Project, docker, eventually};

fn answers(project: &Project) -> bool {
    project.prism(&["exec", "--", "sh", "-c", "exec 3<>/dev/tcp/127.0.0.1/$WEB_PORT"]).run().status == 0
        || project.prism(&["exec", "--", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$WEB_PORT"]).run().status
            == 0
}

#[test]
fn removed_stopped_killed_and_paused_containers_come_back() {
    let project = Project::web();
    project.prism(&["exec", "true"]).succeeds();
    for damage in [&["rm", "-f"][..], &["stop"], &["kill"], &["pause"]] {
        let id = project.containers().pop().expect("a container");
        docker(&[damage, &[&id]].concat());
        assert!(answers(&project), "{damage:?}");
        assert_eq!(project.containers().len(), 1, "{damage:?}");
    }
}

#[test]
fn a_removed_network_comes_back() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let id = project.containers().pop().expect("a container");
    docker(&["stop", &id]);
    let network = docker(&[
        "network",
        "ls",
        "-q",
        "--filter",
        &format!("label=dev-prism.working_dir={}", project.directory.display()),
    ]);
    docker(&["network", "rm", network.trim()]);
    assert!(answers(&project));
}

#[test]
fn a_container_without_its_network_is_made_anew() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let id = project.containers().pop().expect("a container");
    let network = docker(&[
        "network",
        "ls",
        "-q",
        "--filter",
        &format!("label=dev-prism.working_dir={}", project.directory.display()),
    ]);
    docker(&["network", "disconnect", network.trim(), &id]);
    assert!(answers(&project));
}

#[test]
fn a_service_that_is_gone_from_the_file_is_removed_and_a_new_one_started() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    project.write(
        "compose.yaml",
        "services:\n  other:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n",
    );
    project.prism(&["exec", "true"]).succeeds();
    let service = docker(&[
        "inspect",
        "--format",
        "{{index .Config.Labels \"com.docker.compose.service\"}}",
        &project.containers()[0],
    ]);
    assert_eq!((project.containers().len(), service.trim()), (1, "other"));
}

#[test]
fn a_killed_start_is_made_good_by_the_next_command() {
    let project = Project::web();
    for signal in ["-KILL", "-TERM"] {
        let mut child = project.prism(&["start"]).spawn();
        let made = || {
            !project.containers().is_empty() || project.directory.join("docker-compose.session.yml").exists()
        };
        eventually("the start to begin", made);
        let killed = std::process::Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status()
            .expect("kill");
        assert!(killed.success());
        child.wait().expect("the killed prism");
        assert!(answers(&project), "{signal}");
        assert_eq!(project.containers().len(), 1);
        project.prism(&["destroy", "--yes"]).succeeds();
    }
}
