//! Ports that the Compose file knows before any container starts.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;

use super::web_port;
use crate::support::{Project, docker};

/// Says something to a Redis node and returns its first line.
fn redis(address: &str, words: &str) -> String {
    let mut stream = TcpStream::connect(address).expect(address);
    stream.write_all(format!("{words}\r\n").as_bytes()).expect("send");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("an answer");
    line.trim_end().to_owned()
}

#[test]
fn clients_follow_a_redirection_to_the_announced_address() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/redis-cluster/compose.yaml");
    let project = Project::new(&std::fs::read_to_string(example).expect("the example"));
    let outcome = project
        .prism(&["exec", "--", "sh", "-c", "echo $ONE_PORT $TWO_PORT $PRISM_PORT_TWO_6379"])
        .succeeds();
    let ports: Vec<&str> = outcome.line().split(' ').collect();
    assert_eq!(ports[1], ports[2], "children see the names, too");
    let (one, two) = (format!("127.0.0.1:{}", ports[0]), format!("127.0.0.1:{}", ports[1]));
    // `foo` is in slot 12182, which lives on the second node.
    assert_eq!(redis(&one, "SET foo bar"), format!("-MOVED 12182 {two}"));
    assert_eq!(redis(&two, "SET foo bar"), "+OK");
    assert_eq!(redis(&two, "GET hello"), format!("-MOVED 866 {one}"));
}

#[test]
fn plain_compose_in_a_child_and_a_second_start_change_nothing() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /etc]\n    ports: [\"${PRISM_PORT_WEB_80:-8080}:80\"]\n    environment: {ORIGIN: \"http://${PRISM_HOST:-localhost}:${PRISM_PORT_WEB_80:-8080}\"}\n",
    );
    let port = web_port(&project);
    let containers = project.containers();
    let environment = docker(&["inspect", "--format", "{{json .Config.Env}}", &containers[0]]);
    assert!(environment.contains(&format!("ORIGIN=http://127.0.0.1:{port}")), "{environment}");
    project.prism(&["exec", "--", "docker", "compose", "up", "-d"]).succeeds();
    project.prism(&["compose", "up", "-d"]).succeeds();
    std::fs::remove_file(project.directory.join("docker-compose.session.yml")).expect("the override");
    project.prism(&["exec", "true"]).succeeds();
    assert_eq!(project.containers(), containers);
    // A port that moves takes the announced address along.
    project.prism(&["ports", "--reassign", "web"]).succeeds();
    let new = web_port(&project);
    let environment = docker(&["inspect", "--format", "{{json .Config.Env}}", &project.containers()[0]]);
    assert!(new != port && environment.contains(&format!("ORIGIN=http://127.0.0.1:{new}")), "{environment}");
}

#[test]
fn names_that_stand_for_nothing_are_errors_with_a_hint() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    ports: [\"80\"]\n    environment: {ORIGIN: \"${PRISM_PORT_WEB_80}\"}\n",
    );
    project.write("prism.yaml", "ports: random\n");
    let random = project.prism(&["exec", "true"]).exits(125);
    assert!(
        random.stderr.contains("`PRISM_PORT_WEB_80`") && random.stderr.contains("hint: use `ports: sticky`"),
        "{random}"
    );
    let commented = "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    # ${PRISM_PORT_WEB_80}\n    environment: {A: \"$${PRISM_PORT_WEB_80}\"}\n";
    let compose = std::fs::read_to_string(project.directory.join("compose.yaml")).expect("compose.yaml");
    project.write("compose.yaml", commented);
    project.prism(&["exec", "true"]).succeeds();
    project.prism(&["destroy", "--yes"]).succeeds();
    project.write("compose.yaml", &compose);
    project.write("prism.yaml", "");
    project.write(".env", "X=${PRISM_PORT_WEB_81}\n");
    let unknown = project.prism(&["exec", "true"]).exits(125);
    assert!(unknown.stderr.contains("did you mean `PRISM_PORT_WEB_80`?"), "{unknown}");
    assert!(project.containers().is_empty());
}

#[test]
fn an_app_is_known_to_the_compose_file() {
    let project = Project::new(
        "services:\n  auth:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    environment: {CALLBACK: \"http://localhost:${PRISM_PORT_WEB}/callback\"}\n",
    );
    project.write("prism.yaml", "apps: {web: {}}\n");
    let port = web_port(&project);
    let environment = docker(&["inspect", "--format", "{{json .Config.Env}}", &project.containers()[0]]);
    assert!(environment.contains(&format!("CALLBACK=http://localhost:{port}/callback")), "{environment}");
}
