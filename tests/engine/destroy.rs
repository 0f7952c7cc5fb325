//! What `destroy` does where others have their hands on what it removes.

mod loss;
mod order;
mod stale;

use std::fs;

use crate::support::{Outcome, Project, Proxy, Pruning, docker, eventually};

/// A project whose container the Engine needs a moment to remove, for its many files. It holds the volume meanwhile.
fn slow_to_remove() -> Project {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sh -c 'mkdir /many && cd /many && seq 40000 | xargs touch && touch /made && exec sleep 1000'\n    healthcheck: {test: test -e /made, interval: 200ms, retries: 1000}\n    volumes: [\"data:/data\"]\nvolumes: {data: {}}\n",
    );
    project.prism(&["start"]).succeeds();
    project
}

/// Lets Docker remove the container, and runs prism as soon as it is at it (or, on a very busy machine, has done it).
fn during_its_removal(project: &Project, arguments: &[&str]) -> Outcome {
    let id = project.containers().pop().expect("a container");
    let remove = ["rm", "--force", "--volumes", &id];
    let removal = project.sandbox.command("docker", &project.directory, &remove).spawn();
    let filter = format!("id={id}");
    eventually("the removal to begin", || {
        let states = docker(&["ps", "--all", "--filter", &filter, "--format", "{{.State}}"]);
        states.is_empty() || states.trim() == "removing"
    });
    let outcome = project.prism(arguments).run();
    Outcome::of(removal);
    outcome
}

/// Runs a container that is not the session's on its network and with its volume.
fn run_foreign(project: &Project, labels: &[&str]) -> String {
    let filter = format!("label=dev-prism.working_dir={}", project.directory.display());
    let network = docker(&["network", "ls", "--filter", &filter, "--format", "{{.Name}}"]);
    let volumes = docker(&["volume", "ls", "--filter", &filter, "--format", "{{.Name}}"]);
    let volume = volumes.lines().find(|name| name.ends_with("_data")).expect("the volume");
    let mount = format!("{volume}:/data");
    let own = ["run", "--detach", "--network", network.trim(), "--volume", &mount];
    docker(&[&own, labels, &["prism-test:1", "sleep", "1000"]].concat()).trim().to_owned()
}

#[test]
fn a_removal_that_is_under_way_is_waited_for() {
    let project = slow_to_remove();
    let started = during_its_removal(&project, &["start"]);
    assert!(started.status == 0 && project.containers().len() == 1, "{started}");
    let destroyed = during_its_removal(&project, &["destroy", "--yes"]);
    assert!(destroyed.status == 0 && !destroyed.stderr.contains("stays"), "{destroyed}");
    project.holds_nothing();
}

#[test]
fn a_container_of_the_session_that_is_started_meanwhile_is_not_forgotten() {
    let project = Project::quick();
    project.prism(&["start"]).succeeds();
    let id = project.containers().pop().expect("a container");
    let label = |name: &str| {
        let format = format!("{{{{index .Config.Labels \"{name}\"}}}}");
        format!("--label={name}={}", docker(&["inspect", "--format", &format, &id]).trim())
    };
    let names =
        ["managed", "session_id", "working_dir", "owner"].map(|name| label(&format!("dev-prism.{name}")));
    let of_compose =
        ["project", "service", "oneoff"].map(|name| label(&format!("com.docker.compose.{name}")));
    let name = docker(&["inspect", "--format", "{{.Name}}", &id]);
    let second = name.trim().trim_start_matches('/').strip_suffix("-1").map(|name| format!("{name}-2"));
    let second = second.expect("a number");
    let number = ["--label=com.docker.compose.container-number=2", "--name", &second].map(str::to_owned);
    let labels: Vec<String> = names.into_iter().chain(of_compose).chain(number).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let proxy = Proxy::start(&project.sandbox);
    proxy.hold(Some("DELETE "));
    let destroy = project.prism(&["destroy", "--yes"]).env("DOCKER_HOST", proxy.host()).spawn();
    eventually("prism to remove what it saw", || proxy.held() > 0);
    run_foreign(&project, &labels);
    proxy.hold(None);
    let destroyed = Outcome::of(destroy);
    assert!(
        destroyed.status == 1 && destroyed.stderr.contains("somebody started containers of the session"),
        "{destroyed}"
    );
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}

#[test]
fn what_a_foreign_container_uses_stays_and_is_said() {
    let project = Project::quick();
    project.prism(&["start"]).succeeds();
    // By these the sandbox removes it, whatever happens.
    let elsewhere =
        format!("--label=dev-prism.working_dir={}", project.sandbox.root().join("elsewhere").display());
    let foreign = run_foreign(&project, &["--label=dev-prism.managed=true", &elsewhere]);

    let destroyed = project.prism(&["destroy", "--yes"]).succeeds();
    assert_eq!(
        destroyed.stderr.matches(" stays: a container that is not of this session uses it").count(),
        2
    );
    assert!(project.containers().is_empty());
    let _pruning = Pruning::mine_alone();
    fs::remove_dir_all(&project.directory).expect("remove");
    docker(&["rm", "-f", &foreign]);
    let directory = project.directory.to_str().expect("UTF-8");
    let destroyed =
        project.sandbox.prism(&project.sandbox.root(), &["destroy", "--yes", directory]).succeeds();
    assert!(!destroyed.stderr.contains("stays"), "{destroyed}");
    project.holds_nothing();
}
