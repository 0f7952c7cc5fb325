//! After a restart of the Engine, everything is where it was.

use std::io::{BufRead, BufReader};
use std::process::Child;

use crate::support::{Dockerd, Outcome, Project, without};

const STACK: &str = "services:\n  web:\n    image: small:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /data]\n    ports: [\"80\"]\n    volumes: [\"data:/data\"]\n  back:\n    image: small:1\n    stop_signal: SIGKILL\n    restart: always\n    command: [busybox, httpd, -f, -p, \"80\", -h, /]\n    ports: [\"80\"]\nvolumes: {data: {}}\n";

#[test]
fn an_engine_that_restarts_gives_the_same_ports() {
    if without("dockerd") {
        return;
    }
    let project = Project::new(STACK);
    let mut dockerd = Dockerd::new(&project.sandbox);
    let prism = |dockerd: &Dockerd, arguments: &[&str]| {
        let words = [&[env!("CARGO_BIN_EXE_prism")], arguments].concat();
        dockerd.command(&project.sandbox, &project.directory, &words).succeeds()
    };
    let ports = |outcome: &Outcome| {
        let ports = outcome.line().split(' ').map(|port| port.parse().expect("a port"));
        ports.collect::<Vec<u16>>()
    };
    let exec = ["exec", "--", "sh", "-c", "echo $WEB_PORT $BACK_PORT"];
    let before = ports(&prism(&dockerd, &exec));
    prism(&dockerd, &["compose", "exec", "-T", "web", "sh", "-c", "echo kept > /data/file"]);
    let containers = dockerd.docker(&["ps", "-aq"]);

    dockerd.stop();
    dockerd.start();
    assert_eq!(ports(&prism(&dockerd, &exec)), before);
    assert_eq!(dockerd.docker(&["ps", "-aq"]), containers, "nothing is made anew");

    // What was taken meanwhile cannot come back by itself, and is replaced.
    dockerd.stop();
    let thieves = [before[0], before[1]].map(|port| occupy(&project, &dockerd, port));
    dockerd.start();
    let outcome = prism(&dockerd, &exec);
    let after = ports(&outcome);
    assert!(after.iter().all(|port| !before.contains(port)), "{before:?} {outcome}");
    assert_eq!(outcome.stderr.matches(" moves from port ").count(), 2, "{outcome}");
    assert_eq!(
        prism(&dockerd, &["compose", "exec", "-T", "web", "busybox", "cat", "/data/file"]).line(),
        "kept"
    );
    for mut thief in thieves {
        thief.kill().expect("kill");
        thief.wait().expect("wait");
    }
}

/// Takes a port where that Engine binds them.
fn occupy(project: &Project, dockerd: &Dockerd, port: u16) -> Child {
    let listen = "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], Listen => 1) or die; $| = 1; print \"listening\\n\"; sleep 100";
    let words = ["perl", "-e", listen, &port.to_string()];
    let mut child = dockerd.command(&project.sandbox, &project.directory, &words).spawn();
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
    assert_eq!(line, "listening\n");
    child
}
