//! What Compose copies into a container when it makes one, and not again.

use crate::support::{Project, docker};

const COMPOSE: &str = r#"
services:
  cache: {image: "redis:8-alpine", ports: ["6379:6379"]}
  reader:
    image: prism-test:1
    stop_signal: SIGKILL
    command: sleep 1000
    configs: [{source: text, target: /text}, {source: held, target: /held}]
    secrets: [token]
  other: {image: "prism-test:1", stop_signal: SIGKILL, command: sleep 1000}
configs:
  text: {content: "port=${PRISM_PORT_CACHE_6379}"}
  held: {environment: HELD}
secrets: {token: {environment: TOKEN}}
"#;

fn id(project: &Project, service: &str) -> String {
    let label = |key: &str, value: &str| format!("label=dev-prism.{key}={value}");
    let directory = project.directory.to_str().expect("UTF-8");
    let filters = [label("working_dir", directory), label("service", service)];
    docker(&["ps", "-q", "--no-trunc", "--filter", &filters[0], "--filter", &filters[1]])
}

fn holds(project: &Project) -> String {
    let reader = id(project, "reader");
    docker(&["exec", reader.trim(), "sh", "-c", "cat /text; echo; cat /held; echo; cat /run/secrets/token"])
}

#[test]
fn a_change_of_it_makes_exactly_its_containers_anew() {
    let project = Project::new(COMPOSE);
    project.write(".env", "HELD=one\nTOKEN=a$$b\n");
    project.prism(&["start"]).succeeds();
    let port = project.prism(&["get", "CACHE_PORT"]).succeeds().line().to_owned();
    assert_eq!(holds(&project), format!("port={port}\none\na$b"));
    let mut ids = ["reader", "other", "cache"].map(|service| id(&project, service));

    project.prism(&["start"]).succeeds();
    project.prism(&["exec", "--", "docker", "compose", "up", "-d"]).succeeds();
    assert_eq!(["reader", "other", "cache"].map(|service| id(&project, service)), ids, "nothing changed");

    project.prism(&["ports", "--reassign", "cache"]).succeeds();
    project.prism(&["start"]).succeeds();
    let moved = project.prism(&["get", "CACHE_PORT"]).succeeds().line().to_owned();
    assert_ne!(moved, port);
    assert!(holds(&project).starts_with(&format!("port={moved}\n")), "{}", holds(&project));
    assert_eq!(id(&project, "other"), ids[1]);

    for (dotenv, held) in [("HELD=two\nTOKEN=x\n", "two\nx"), ("HELD=two\nTOKEN=y\n", "two\ny")] {
        ids = ["reader", "other", "cache"].map(|service| id(&project, service));
        project.write(".env", dotenv);
        project.prism(&["exec", "true"]).succeeds();
        assert!(holds(&project).ends_with(held), "{}", holds(&project));
        assert_ne!(id(&project, "reader"), ids[0]);
        assert_eq!([id(&project, "other"), id(&project, "cache")], ids[1..]);
    }
}

#[test]
fn a_container_that_lacks_it_is_made_anew_and_never_started() {
    let project = Project::new(
        r#"
services:
  reader:
    image: prism-test:1
    stop_signal: SIGKILL
    command: sleep 1000
    volumes: ["./mounted:/mounted"]
    secrets: [{source: token, target: /mounted/token}]
secrets: {token: {environment: TOKEN}}
"#,
    );
    project.write(".env", "TOKEN=x\n");
    // Compose makes the container, and cannot copy into a file.
    project.write("mounted", "");
    for _ in 0..3 {
        let refused = project.prism(&["exec", "true"]).exits(125);
        assert!(refused.stderr.contains("not a directory"), "{refused}");
    }
    std::fs::remove_file(project.directory.join("mounted")).expect("a file");
    std::fs::create_dir(project.directory.join("mounted")).expect("a directory");
    project.prism(&["exec", "true"]).succeeds();
    let token = std::fs::read_to_string(project.directory.join("mounted/token"));
    assert_eq!(token.expect("what was copied"), "x");
    assert_eq!(project.containers().len(), 1);
    assert_eq!(project.prism(&["exec", "true"]).succeeds().stderr, "", "warm");
}

#[test]
fn what_is_read_only_once_is_read_again_when_it_changes() {
    let project = Project::new(
        r#"
services:
  cache: {image: "redis:8-alpine", ports: ["6379:6379"]}
  reader:
    build: {context: ., args: {PORT: "${PRISM_PORT_CACHE_6379}"}}
    stop_signal: SIGKILL
    command: sleep 1000
    security_opt: ["seccomp=./profile.json"]
  other: {build: ., stop_signal: SIGKILL, command: sleep 1000}
"#,
    );
    project.write("Dockerfile", "FROM prism-test:1\nARG PORT\nRUN echo \"$PORT\" > /port\n");
    project.write("profile.json", r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#);
    let built = || {
        let line = ["exec", "--", "sh", "-c", "echo $CACHE_PORT; docker compose exec -T reader cat /port"];
        project.prism(&line).succeeds().stdout
    };
    let first = built();
    let (port, inside) = first.split_once('\n').expect("two lines");
    assert_eq!(inside, format!("{port}\n"));
    let ids = || ["reader", "other", "cache"].map(|service| id(&project, service));
    let before = ids();

    project.write("profile.json", r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}"#);
    project.prism(&["exec", "true"]).succeeds();
    let after = ids();
    assert_ne!(after[0], before[0], "it has another profile");
    assert_eq!(after[1..], before[1..]);

    project.prism(&["ports", "--reassign", "cache"]).succeeds();
    let moved = built();
    assert_ne!(moved, first);
    let (port, inside) = moved.split_once('\n').expect("two lines");
    assert_eq!(inside, format!("{port}\n"), "the image was built again");
    assert_eq!(ids()[1], before[1], "and no other");
    let settled = ids();
    project.prism(&["exec", "--", "docker", "compose", "up", "-d"]).succeeds();
    project.prism(&["start"]).succeeds();
    assert_eq!(ids(), settled);
}
