//! Two servers never write to the same files.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::isolation::Copies;
use crate::support::project::containers_of;
use crate::support::{Outcome, Project, docker};

/// A container of nobody's session, and a volume; gone when the test ends.
struct Given {
    volume: String,
    container: Option<String>,
}

impl Given {
    fn volume(name: &str) -> Self {
        let volume = format!("prism-test-{name}-{}", std::process::id());
        docker(&["volume", "create", "--label", "prism-test=1", &volume]);
        Self { volume, container: None }
    }

    /// Runs something that may write to `source`.
    fn is_written_at(&mut self, source: &str) -> String {
        self.runs_on(source, "UNTOLD=")
    }

    /// The same with a variable in the environment.
    fn runs_on(&mut self, source: &str, variable: &str) -> String {
        let name = format!("{}-writer", self.volume);
        let mount = format!("{source}:/there");
        docker(&[
            "run",
            "-d",
            "--name",
            &name,
            "--stop-signal",
            "KILL",
            "-v",
            &mount,
            "-e",
            variable,
            "prism-test:1",
            "sleep",
            "1000",
        ]);
        self.container = Some(name.clone());
        name
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        if let Some(container) = &self.container {
            let _ = std::process::Command::new("docker").args(["rm", "-f", "-v", container]).output();
        }
        let _ = std::process::Command::new("docker").args(["volume", "rm", "-f", &self.volume]).output();
    }
}

/// A server of a kind whose data are at `/data`, which runs something else.
const SERVER: &str = "image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    labels: {dev-prism.kind: redis, dev-prism.ready: none}\n";

fn refused(outcome: &Outcome, parts: &[&str]) {
    for part in
        ["keeps its data in", "two servers on the same files destroy them", "`data: own`"].iter().chain(parts)
    {
        assert!(outcome.stderr.contains(part), "{part}: {outcome:?}");
    }
}

#[test]
fn a_database_on_an_external_volume_is_started_once() {
    let given = Given::volume("data-ext");
    let copies = Copies::new(&format!(
        "services:\n  db: {{image: \"postgres:17-alpine\", environment: {{POSTGRES_PASSWORD: x}}, volumes: [\"pg:/var/lib/postgresql/data\"]}}\nvolumes: {{pg: {{external: true, name: {}}}}}\n",
        given.volume
    ));
    let [one, two] = copies.both();
    copies.prism(one, &["start"]).succeeds();
    let outcome = copies.prism(two, &["exec", "true"]).exits(125);
    let stop = format!("`prism stop {}`", one.display());
    refused(&outcome, &["service `db`", &given.volume, "-db-1`", &stop]);
    assert_eq!(containers_of(two), Vec::<String>::new());
    // Whoever means it says so, and whoever does not gets a volume that is the session's.
    std::fs::write(two.join("prism.yaml"), "services: {db: {data: own}}\n").expect("prism.yaml");
    copies.prism(two, &["exec", "true"]).succeeds();
    let volume = "{{range .Mounts}}{{.Name}}{{end}}";
    let own = docker(&["inspect", "--format", volume, &containers_of(two)[0]]);
    assert_ne!(own.trim(), given.volume);
    let label = format!("label=dev-prism.working_dir={}", two.display());
    assert!(docker(&["volume", "ls", "-q", "--filter", &label]).contains(own.trim()), "{own}");
    copies.prism(two, &["destroy", "--yes"]).succeeds();
    assert_eq!(docker(&["volume", "ls", "-q", "--filter", &label]), "");
    copies.prism(one, &["stop"]).succeeds();
    let checked = copies.prism(one, &["doctor"]).run().stdout;
    assert!(checked.contains(&format!("`db` keeps its data in volume `{}`", given.volume)), "{checked}");
}

#[test]
fn a_server_that_was_told_where_its_data_are_is_known_by_that() {
    let copies = Copies::new("services: {}\n");
    let [one, _] = copies.both();
    let data = one.join("../data/shared");
    std::fs::create_dir_all(&data).expect("directory");
    let data = data.canonicalize().expect("there");
    std::fs::write(
        one.join("compose.yaml"),
        format!("services:\n  db:\n    {SERVER}    volumes: ['{}:/data']\n", data.display()),
    )
    .expect("written");
    let above = data.parent().expect("above").display().to_string();
    let mut given = Given::volume("data-told");
    // A directory somewhere above says nothing, until a server is told to be in there.
    given.is_written_at(&above);
    copies.prism(one, &["exec", "true"]).succeeds();
    copies.prism(one, &["destroy", "--yes"]).succeeds();
    docker(&["rm", "-f", given.container.as_deref().expect("it ran")]);
    let name = given.runs_on(&above, "PGDATA=/there/shared");
    let outcome = copies.prism(one, &["exec", "true"]).exits(125);
    refused(&outcome, &["service `db`", &format!("container `{name}`")]);
}

#[test]
fn whoever_means_it_shares_files_and_what_is_no_database_is_shared_as_ever() {
    let copies = Copies::new("services: {}\n");
    let [one, two] = copies.both();
    let shared = one.parent().expect("parent").join("files");
    std::fs::create_dir_all(&shared).expect("directory");
    let mount = |service: &str, target: &str| {
        format!("  {service}:\n    {SERVER}    volumes: [\"{}:{target}\"]\n", shared.display())
    };
    let app = mount("app", "/files").replace("redis", "none");
    for compose in [
        format!("services:\n{app}"),
        format!("services:\n{}", mount("db", "/data:ro")),
        format!("services:\n{}", mount("db", "/docker-entrypoint-initdb.d")),
        format!(
            "services:\n{}",
            mount("db", "/data").replace("dev-prism.kind", "dev-prism.data: shared, dev-prism.kind")
        ),
    ] {
        for directory in [one, two] {
            std::fs::write(directory.join("compose.yaml"), &compose).expect("compose.yaml");
            copies.prism(directory, &["start"]).succeeds();
        }
        for directory in [one, two] {
            copies.prism(directory, &["destroy", "--yes"]).succeeds();
        }
    }
}

#[test]
fn a_directory_is_the_same_whatever_leads_there() {
    let project = Project::new("services: {}\n");
    let top = project.sandbox.work();
    std::fs::create_dir_all(top.join("real/data")).expect("directory");
    symlink(top.join("real"), top.join("link")).expect("link");
    let mut given = Given::volume("data-link");
    let writer = given.is_written_at(top.join("real/data").to_str().expect("UTF-8"));
    for (source, is_refused) in
        [("link/data", true), ("real", true), ("real/data/below", false), ("other", false)]
    {
        project.write(
            "compose.yaml",
            &format!("services:\n  db:\n    {SERVER}    volumes: [\"../{source}:/data\"]\n"),
        );
        let outcome = project.prism(&["start"]).run();
        assert_eq!(outcome.status, i32::from(is_refused), "{source}: {outcome:?}");
        if is_refused {
            refused(&outcome, &[&format!("`docker stop {writer}`")]);
        } else {
            project.prism(&["destroy", "--yes"]).succeeds();
        }
    }
}

#[test]
fn a_server_above_is_one_too() {
    let project = Project::new("services: {}\n");
    let top = project.sandbox.work();
    let other =
        Project::new(&format!("services:\n  db:\n    {SERVER}    volumes: [\"{}:/data\"]\n", top.display()));
    other.prism(&["start"]).succeeds();
    project
        .write("compose.yaml", &format!("services:\n  db:\n    {SERVER}    volumes: [\"../below:/data\"]\n"));
    refused(&project.prism(&["start"]).exits(1), &["service `db`"]);
}

#[test]
fn an_image_says_where_it_keeps_data() {
    let given = Given::volume("data-image");
    let copies = Copies::new(&format!(
        "services:\n  a:\n    image: redis:8-alpine\n    labels: {{dev-prism.kind: none, dev-prism.ready: none}}\n    volumes: [\"files:/data\"]\nvolumes: {{files: {{external: true, name: {}}}}}\n",
        given.volume
    ));
    let [one, two] = copies.both();
    copies.prism(one, &["start"]).succeeds();
    refused(&copies.prism(two, &["start"]).exits(1), &["service `a`"]);
}

#[test]
fn what_is_mounted_in_a_volume_of_the_image_is_data_however_that_is_written() {
    let given = Given::volume("data-below");
    for (volume, target) in [("/kept/", "/kept"), ("/kept", "/kept/below"), ("/x/../kept", "/kept/below")] {
        let copies = Copies::new(&format!(
            "services:\n  a:\n    build: {{dockerfile_inline: \"FROM prism-test:1\\nVOLUME {volume}\\n\"}}\n    command: sleep 1000\n    stop_signal: SIGKILL\n    labels: {{dev-prism.ready: none}}\n    volumes: [\"files:{target}\"]\nvolumes: {{files: {{external: true, name: {}}}}}\n",
            given.volume
        ));
        let [one, two] = copies.both();
        copies.prism(one, &["start"]).succeeds();
        refused(&copies.prism(two, &["start"]).exits(1), &["service `a`"]);
    }
}

#[test]
fn of_two_that_start_at_once_one_does() {
    let given = Given::volume("data-race");
    let copies = Copies::new(&format!(
        "services:\n  db:\n    {SERVER}    volumes: [\"files:/data\"]\nvolumes: {{files: {{external: true, name: {}}}}}\n",
        given.volume
    ));
    let started = copies.both().map(|directory| copies.prism(directory, &["start"]).spawn());
    let outcomes = started.map(Outcome::of);
    let mut statuses = outcomes.each_ref().map(|outcome| outcome.status);
    statuses.sort_unstable();
    assert_eq!(statuses, [0, 1], "{outcomes:?}");
    let loser = outcomes.iter().find(|outcome| outcome.status == 1).expect("a loser");
    refused(loser, &["service `db`"]);
}

#[test]
fn an_ephemeral_session_has_no_second_server_on_the_directorys_files() {
    let project = Project::new(&format!("services:\n  db:\n    {SERVER}    volumes: [\"./data:/data\"]\n"));
    project.prism(&["start"]).succeeds();
    refused(&project.prism(&["exec", "--ephemeral", "true"]).exits(125), &["`prism stop "]);
    project.write("prism.yaml", "services: {db: {data: own}}\n");
    project.prism(&["exec", "--ephemeral", "true"]).succeeds();
    project.prism(&["destroy", "--yes"]).succeeds();
    // Of an image of no known kind, the image says where.
    project.write("prism.yaml", "");
    project.write(
        "compose.yaml",
        "services:\n  a:\n    image: redis:8-alpine\n    labels: {dev-prism.kind: none, dev-prism.ready: none}\n    volumes: [\"./data:/data\", \".:/app\"]\n",
    );
    project.prism(&["start"]).succeeds();
    let outcome = project.prism(&["exec", "--ephemeral", "true"]).exits(125);
    assert!(outcome.stderr.contains("two servers on the same files destroy them"), "{outcome}");
    assert!(
        outcome.stderr.contains("hint: `prism stop ") && !outcome.stderr.contains("data: own"),
        "{outcome}"
    );
}

#[test]
fn composes_own_verbs_start_no_second_server_either() {
    let given = Given::volume("data-compose");
    let copies = Copies::new(&format!(
        "services:\n  db:\n    {SERVER}    volumes: [\"files:/data\"]\nvolumes: {{files: {{external: true, name: {}}}}}\n",
        given.volume
    ));
    let [one, two] = copies.both();
    copies.prism(one, &["start"]).succeeds();
    copies.prism(one, &["stop"]).succeeds();
    copies.prism(two, &["start"]).succeeds();
    for verb in [&["up", "-d"][..], &["start"], &["restart", "db"], &["run", "db", "true"]] {
        refused(&copies.prism(one, &[&["compose"], verb].concat()).exits(1), &["service `db`"]);
    }
    copies.prism(one, &["compose", "ps"]).succeeds();
    // What is called like such a verb, behind another one.
    let exec = copies.prism(one, &["compose", "exec", "-T", "db", "echo", "start"]).run();
    assert!(exec.status != 0 && !exec.stderr.contains("two servers"), "Compose's own error: {exec}");
    copies.prism(two, &["stop"]).succeeds();
    copies.prism(one, &["compose", "start"]).succeeds();
}

#[test]
fn init_proposes_a_volume_of_its_own() {
    let project = Project::new(&format!("services:\n  db:\n    {SERVER}    volumes: [\"../files:/data\"]\n"));
    project.prism(&["init"]).succeeds();
    let text = std::fs::read_to_string(project.directory.join("prism.yaml")).expect("prism.yaml");
    assert!(text.contains("\nservices:\n  db: {data: own}"), "{text}");
    project.prism(&["start"]).succeeds();
    let mounts = docker(&[
        "inspect",
        "--format",
        "{{json .Mounts}}",
        &containers_of(Path::new(&project.directory))[0],
    ]);
    assert!(mounts.contains("_prism-db-data"), "{mounts}");
}
