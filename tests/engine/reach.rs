//! An Engine whose socket is here, and whose ports are not, as behind `ssh -L`.

use crate::support::dockerd::Dockerd;
use crate::support::without::without;
use crate::support::{Outcome, Project, eventually};

const COMPOSE: &str = r#"
services:
  web:
    image: "${IMAGE}"
    stop_signal: SIGKILL
    command: ["busybox", "httpd", "-f", "-p", "80", "-h", "/"]
    ports: ["80"]
"#;

#[test]
fn a_socket_of_another_network_is_refused_and_no_command_is_run() {
    if without("dockerd") {
        return;
    }
    let project = Project::new(COMPOSE);
    let dockerd = Dockerd::new(&project.sandbox);
    let command = ["exec", "--wait-timeout", "60", "--", "touch", "ran"];
    let ran = project.directory.join("ran");
    let there = || project.prism(&command).env("IMAGE", "small:1").env("DOCKER_HOST", dockerd.address());
    let refused = |outcome: Outcome, words: &str| {
        assert_eq!(outcome.status, 125, "{outcome}");
        assert!(outcome.stderr.contains(words), "{outcome}");
        assert!(outcome.stderr.contains("`unset DOCKER_HOST`"), "{outcome}");
        assert!(!ran.exists());
    };

    // Nothing is here: its first start is the last, and quick about it.
    let left = there().run();
    assert!(left.stderr.contains("`prism compose down` removes what runs there"), "{left}");
    refused(left, "nobody has port");
    let list = project.prism(&["list"]).env("DOCKER_HOST", dockerd.address()).succeeds();
    assert!(list.stderr.contains("these ports may not be this machine's"), "{list}");
    // It runs by now, and is found so.
    refused(there().run(), "nobody has port");
    let get = project.prism(&["get", "web"]).env("IMAGE", "small:1").env("DOCKER_HOST", dockerd.address());
    assert!(get.exits(1).stderr.contains("nobody has port"));

    // This directory's session is here now, at the same port: hers is not taken for it.
    project.prism(&["start"]).env("IMAGE", "prism-test:1").succeeds();
    refused(there().run(), "is of another machine");
    // Nor before a start over there.
    dockerd.docker(&["ps", "-q"]).lines().for_each(|id| drop(dockerd.docker(&["rm", "-f", id])));
    refused(there().run(), "is of another machine");
    assert_eq!(dockerd.docker(&["ps", "-q"]), "", "nothing was started");

    // Who says where the ports are is believed.
    let said = there().env("PRISM_HOST", "127.0.0.1").run();
    assert!(!said.stderr.contains("another machine"), "{said}");
    // Where its ports are, it is like any other.
    std::fs::remove_file(&ran).unwrap_or_default();
    let prism = env!("CARGO_BIN_EXE_prism");
    let words = [&[prism], &command[..]].concat();
    dockerd.command(&project.sandbox, &project.directory, &words).env("IMAGE", "small:1").succeeds();
    eventually("the command", || ran.exists());
}

#[test]
fn a_network_of_its_own_does_not_inherit_the_belief_of_another_one() {
    if without("mount") {
        return;
    }
    let project = Project::web();
    project.prism(&["exec", "true"]).succeeds();
    let port = project.prism(&["get", "WEB_PORT"]).succeeds().line().to_owned();
    // In there, somebody else listens at the session's port.
    let script = format!(
        "ip link set lo up
        python3 -m http.server {port} --bind 127.0.0.1 --directory . & server=$!
        until python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}))' 2>/dev/null; do :; done
        {} exec -- touch ran
        status=$?; kill $server; exit $status",
        env!("CARGO_BIN_EXE_prism")
    );
    let words = ["--net", "bash", "-c", &script];
    let refused = project.sandbox.command("unshare", &project.directory, &words).exits(125);
    assert!(refused.stderr.contains("is of another machine"), "{refused}");
    assert!(!project.directory.join("ran").exists());
    project.prism(&["exec", "--", "touch", "ran"]).succeeds();
}
