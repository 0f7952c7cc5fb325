//! prism in a container that has the machine's own Engine.

use std::fs;
use std::path::Path;

use crate::support::{Outcome, Project, docker};

const WEB: &str = r#"
services:
  web:
    image: prism-test:1
    stop_signal: SIGKILL
    command: ["busybox", "httpd", "-f", "-p", "80", "-h", "/etc"]
    ports: ["80"]
    volumes: ["./html:/html"]
"#;

/// Asks for what `web` serves, by its variables.
const ASK: &str = r#"prism exec -- sh -c 'busybox wget -qO- "$WEB_URL/hostname"'"#;

/// Runs a script in a new container, with this much more than prism, Docker's CLI and its Engine, in `directory`.
fn run(project: &Project, more: &[&str], directory: &Path, script: &str) -> Outcome {
    let compose = r#"{{range .ClientInfo.Plugins}}{{if eq .Name "compose"}}{{.Path}}{{end}}{{end}}"#;
    let compose = docker(&["info", "--format", compose]).trim().to_owned();
    let engine = docker(&["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
    let socket = engine.trim().strip_prefix("unix://").expect("an Engine at a socket").to_owned();
    let which =
        project.sandbox.command("sh", Path::new("/"), &["-c", "readlink -f \"$(command -v docker)\""]);
    let cli = which.succeeds().line().to_owned();
    // Whoever makes images may have given them all one.
    fs::write(project.sandbox.root().join("machine-id"), "3f1c\n").expect("machine-id");
    let machine = project.sandbox.root().join("machine-id").display().to_string();
    let mounts = [
        (socket.as_str(), "/var/run/docker.sock"),
        (env!("CARGO_BIN_EXE_prism"), "/usr/local/bin/prism"),
        (&cli, "/usr/bin/docker"),
        (&compose, "/usr/libexec/docker/cli-plugins/docker-compose"),
        (&machine, "/etc/machine-id"),
    ];
    let mounts: Vec<String> = mounts.iter().map(|(from, to)| format!("--volume={from}:{to}")).collect();
    let mounts: Vec<&str> = mounts.iter().map(String::as_str).collect();
    let place = format!("--workdir={}", directory.display());
    let words =
        [&["run", "--rm"], &mounts[..], &[&place], more, &["prism-test:1", "sh", "-c", script]].concat();
    project.sandbox.command("docker", &project.directory, &words).run()
}

/// Mounts a directory elsewhere.
fn mounted(from: &Path, to: &Path) -> String {
    format!("--volume={}:{}", from.display(), to.display())
}

/// Finds the command or the line that a hint gives.
fn hinted(outcome: &Outcome, begin: &str) -> String {
    let (_, hint) = outcome.stderr.split_once("hint: ").unwrap_or_else(|| panic!("{outcome}"));
    hint.split('`').find(|part| part.starts_with(begin)).unwrap_or_else(|| panic!("{outcome}")).to_owned()
}

#[test]
fn what_a_container_lacks_is_said_and_another_run_of_it_is_the_same_machine() {
    let project = Project::new(WEB);
    project.write("html/x", "x");
    let inside = project.sandbox.root().join("inside");
    let mount = mounted(&project.directory, &inside);
    let here = |script: &str| run(&project, &[&mount], &inside, script);
    let refused = here("prism start");
    assert!(refused.status == 1 && refused.stderr.contains("is not on this machine"), "{refused}");
    project.write("prism.yaml", &format!("{}\n", hinted(&refused, "bind: ")));
    let refused = here("prism start");
    assert!(refused.status == 1 && refused.stderr.contains("nobody knows that name here"), "{refused}");
    let host = hinted(&refused, "export PRISM_HOST=");
    let asked = here(&format!("{host}; {ASK}"));
    assert_eq!((asked.status, asked.stdout.len()), (0, 13), "{asked}");
    assert!(asked.stderr.contains("html` is mounted as the Engine's machine has it"), "{asked}");

    let again = here(&format!("{host}; prism list; {ASK}"));
    assert!(again.status == 0 && again.stdout.ends_with(&asked.stdout), "{again}");
    assert!(again.stdout.contains(inside.to_str().expect("UTF-8")), "its own: {again}");
    assert!(!again.stderr.contains("Created") && !again.stderr.contains("Recreate"), "{again}");
    // Another directory at the same path is another session, though the machine id is one.
    let other = project.sandbox.write("other/compose.yaml", WEB);
    let mount = mounted(other.parent().expect("a directory"), &inside);
    let none = run(&project, &[&mount], &inside, "prism info");
    assert!(none.status == 3 && none.stderr.contains("there is no session in"), "{none}");
    let destroyed = here("prism destroy --yes");
    assert!(destroyed.stderr.contains("removed the session"), "{destroyed}");
}

#[test]
fn a_container_with_the_machines_network_and_paths_is_like_the_machine() {
    let project = Project::new(WEB);
    project.write("html/x", "x");
    let mount = mounted(&project.directory, &project.directory);
    let more = [mount.as_str(), "--network=host", "--env=PRISM_HOST=127.0.0.1"];
    let asked = run(&project, &more, &project.directory, &format!("{ASK} && prism destroy --yes"));
    assert_eq!((asked.status, asked.stdout.len()), (0, 13), "{asked}");
    assert!(!asked.stderr.contains("is mounted as"), "{asked}");
}

#[test]
fn a_directory_that_goes_with_its_container_is_named() {
    let project = Project::new(WEB);
    let own = project.sandbox.root().join("own");
    let mount = mounted(&project.directory, Path::new("/from"));
    let copy = "sed '/volumes/d' /from/compose.yaml >compose.yaml";
    let more = [mount.as_str(), "--network=host", "--env=PRISM_HOST=127.0.0.1"];
    let asked = run(&project, &more, &own, &format!("{copy} && {ASK} && prism destroy --yes"));
    assert_eq!(asked.status, 0, "{asked}");
    assert!(asked.stderr.contains("/own` goes with this container"), "{asked}");
}
