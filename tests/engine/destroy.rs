//! What `destroy` does where others have their hands on what it removes.

use crate::support::{Project, docker, eventually};

#[test]
fn a_removal_that_is_under_way_is_waited_for() {
    // The Engine takes its time to remove so many files, and holds the volume meanwhile.
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sh -c 'mkdir /many && cd /many && seq 40000 | xargs touch && touch /made && exec sleep 1000'\n    healthcheck: {test: test -e /made, interval: 200ms, retries: 200}\n    volumes: [\"data:/data\"]\nvolumes: {data: {}}\n",
    );
    project.prism(&["start"]).succeeds();
    let id = project.containers().pop().expect("a container");
    let remove = ["rm", "--force", "--volumes", &id];
    let removal = project.sandbox.command("docker", &project.directory, &remove).spawn();
    eventually("the removal to begin", || {
        let filters = ["--filter", &format!("id={id}"), "--filter", "status=removing"];
        !docker(&[&["ps", "--all", "--quiet"], &filters[..]].concat()).is_empty()
    });
    let destroyed = project.prism(&["destroy", "--yes"]).succeeds();
    assert!(!destroyed.stderr.contains("stays"), "{destroyed}");
    project.holds_nothing();
    crate::support::Outcome::of(removal);
}

#[test]
fn what_a_foreign_container_uses_stays_and_is_said() {
    let project = Project::new(
        "services:\n  once:\n    image: prism-test:1\n    command: \"true\"\n    volumes: [\"data:/data\"]\nvolumes: {data: {}}\n",
    );
    project.prism(&["start"]).succeeds();
    let filter = format!("label=dev-prism.working_dir={}", project.directory.display());
    let network = docker(&["network", "ls", "--filter", &filter, "--format", "{{.Name}}"]);
    let volumes = docker(&["volume", "ls", "--filter", &filter, "--format", "{{.Name}}"]);
    let volume = volumes.lines().find(|name| name.ends_with("_data")).expect("the volume");
    let mount = format!("{volume}:/data");
    let run = ["run", "-d", "--rm", "--network", network.trim(), "-v", &mount, "prism-test:1", "sleep", "60"];
    let foreign = docker(&run);

    let destroyed = project.prism(&["destroy", "--yes"]).succeeds();
    for kept in [network.trim(), volume] {
        assert!(destroyed.stderr.contains(&format!("{kept} stays")), "{kept}: {destroyed}");
    }
    assert!(project.containers().is_empty());
    docker(&["rm", "-f", foreign.trim()]);
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}
