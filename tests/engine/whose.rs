//! Whose something in Docker is: labels alone prove nothing.

use std::collections::BTreeMap;
use std::fs;

use crate::support::{Project, Pruning, docker};

/// Two services, one of which builds its image, and one with a volume of the image's own.
const BUILT: &str = r#"
services:
  web: {build: ., image: "whose/web:1", stop_signal: SIGKILL, command: sleep 1000, volumes: ["data:/data", /anonymous]}
  db: {build: ., stop_signal: SIGKILL, command: sleep 1000}
volumes: {data: {}}
"#;

fn built() -> Project {
    let project = Project::new(BUILT);
    project.write("Dockerfile", "FROM prism-test:1\nRUN true\n");
    project.prism(&["start"]).succeeds();
    project
}

/// Returns a label of a thing's, as an option of `docker run` and `docker volume create`.
fn labels(entries: &[(&str, &str)]) -> Vec<String> {
    entries.iter().map(|(key, value)| format!("--label={key}={value}")).collect()
}

fn owner(project: &Project) -> String {
    let id = project.containers().pop().expect("a container");
    docker(&["inspect", "--format", "{{index .Config.Labels \"dev-prism.owner\"}}", &id]).trim().to_owned()
}

fn is_there(kind: &str, name: &str) -> bool {
    let filter = format!("name={name}");
    let listed = match kind {
        "image" => docker(&["image", "ls", "-q", name]),
        "container" => docker(&["ps", "-aq", "--no-trunc", "--filter", &format!("id={name}")]),
        kind => docker(&[kind, "ls", "-q", "--filter", &filter]),
    };
    !listed.trim().is_empty()
}

/// Of an image that is not the session's own, and so has no labels of prism's.
const NOT_BUILT: &str = r#"
services:
  web: {image: "prism-test:1", stop_signal: SIGKILL, command: sleep 1000}
  db: {image: "prism-test:1", stop_signal: SIGKILL, command: sleep 1000}
"#;

/// Has Compose make the service `db` anew by the project's name alone, and returns the container's.
fn lose(project: &Project) -> String {
    let label = "{{index .Config.Labels \"com.docker.compose.project\"}}";
    let name = docker(&["inspect", "--format", label, &project.containers()[0]]).trim().to_owned();
    let up = ["up", "-d", "--force-recreate", "--no-deps", "db"];
    let command = [&["compose", "-p", &name, "-f", "compose.yaml"][..], &up].concat();
    project.sandbox.command("docker", &project.directory, &command).succeeds();
    format!("{name}-db-1")
}

#[test]
fn a_container_that_lost_its_labels_is_named_and_goes_with_its_session() {
    let project = Project::new(NOT_BUILT);
    project.prism(&["start"]).succeeds();
    let lost = lose(&project);
    let id = docker(&["inspect", "--format", "{{.Id}}", &lost]).trim().to_owned();
    let committed = format!("whose-{lost}");
    docker(&["commit", &id, &committed]);
    let copy = docker(&["run", "-d", &committed, "sleep", "1000"]).trim().to_owned();

    let listed = project.prism(&["list"]).succeeds();
    let directory = project.directory.display();
    let named = format!("container `{lost}` of the session of `{directory}` has lost prism's labels");
    assert!(listed.stderr.contains(&named), "{listed}");
    let asked = project.prism(&["destroy"]).run();
    assert!(asked.stderr.contains(&format!("container {lost}, which has lost prism's labels")), "{asked}");
    assert!(is_there("container", &id));
    project.prism(&["destroy", "--yes"]).succeeds();
    assert!(!is_there("container", &id));
    assert!(is_there("container", &copy), "it is somebody's own");
    docker(&["rm", "-fv", &copy]);
    docker(&["image", "rm", &committed]);
    project.holds_nothing();
}

#[test]
fn a_container_that_lost_its_labels_is_made_anew() {
    let project = Project::new(NOT_BUILT);
    project.prism(&["start"]).succeeds();
    let lost = lose(&project);
    assert_eq!(project.containers().len(), 1);
    project.prism(&["start"]).succeeds();
    assert_eq!(project.containers().len(), 2);
    assert!(!project.prism(&["list"]).succeeds().stderr.contains(&lost));
}

#[test]
fn what_was_made_from_a_sessions_containers_and_images_stays() {
    let project = built();
    let hash = docker(&[
        "ps",
        "-a",
        "--format",
        "{{.Names}}",
        "--filter",
        &format!("id={}", project.containers()[0]),
    ]);
    let hash = hash.trim().rsplit('-').nth(2).expect("a hash").to_owned();
    let committed = format!("whose-committed-{hash}");
    let tagged = format!("whose-tagged-{hash}:mine");
    let from = format!("whose-from-{hash}");
    for container in project.containers() {
        docker(&["commit", &container, &committed]);
    }
    let derived = docker(&["run", "-d", &committed, "sleep", "1000"]).trim().to_owned();
    docker(&["tag", &format!("whose/web:1-{hash}"), &tagged]);
    project.write("Dockerfile.from", &format!("FROM whose/web:1-{hash}\nRUN true\n"));
    let context = project.directory.display().to_string();
    docker(&["build", "-q", "-t", &from, "-f", &format!("{context}/Dockerfile.from"), &context]);

    let doctor = project.prism(&["doctor"]).succeeds().stdout;
    assert!(doctor.contains("has labels of a session, and is of none: it is of another image"), "{doctor}");
    let listed = project.prism(&["list", "--format", "json"]).succeeds().stdout;
    let ours = listed.matches("\"name\": \"web\"").count();
    assert!(ours >= 1, "{listed}");
    project.prism(&["stop"]).succeeds();
    let running = docker(&["inspect", "--format", "{{.State.Running}}", &derived]);
    assert_eq!(running.trim(), "true");
    project.prism(&["destroy", "--yes"]).succeeds();

    assert!(is_there("container", &derived));
    for image in [&committed, &tagged, &from] {
        assert!(is_there("image", image), "{image}");
    }
    assert!(!is_there("image", &format!("whose/web:1-{hash}")));
    docker(&["rm", "-f", "-v", &derived]);
    docker(&["rmi", &committed, &tagged, &from]);
    project.holds_nothing();
}

#[test]
fn volumes_of_others_stay_and_anonymous_ones_go_with_their_container() {
    let project = Project::quick();
    // The Engine gives it a name of 64 digits.
    let external = docker(&["volume", "create"]).trim().to_owned();
    for lender_stays in [true, false] {
        let lender = docker(&["run", "-d", "-v", "/lent", "prism-test:1", "sleep", "1000"]).trim().to_owned();
        let lent = docker(&["inspect", "--format", "{{(index .Mounts 0).Name}}", &lender]).trim().to_owned();
        project.write(
            "compose.yaml",
            &format!(
                "services:\n  once: {{image: \"prism-test:1\", command: \"true\", volumes: [\"mine:/mine\"], volumes_from: [\"container:{lender}\"]}}\n  other: {{image: \"prism-test:1\", command: touch /own/x, volumes: [/own]}}\nvolumes: {{mine: {{external: true, name: {external}}}}}\n"
            ),
        );
        project.prism(&["start"]).succeeds();
        let format = "{{range .Mounts}}{{.Name}} {{.Destination}}\n{{end}}";
        let mounts = |id: &String| docker(&["inspect", "--format", format, id]);
        let all: String = project.containers().iter().map(mounts).collect();
        let own = all.lines().find_map(|line| line.strip_suffix(" /own")).expect("an anonymous volume");
        if !lender_stays {
            docker(&["rm", "-f", &lender]);
        }
        project.prism(&["destroy", "--yes"]).succeeds();
        assert!(is_there("volume", &external) && is_there("volume", &lent), "{lender_stays}");
        assert!(!is_there("volume", own), "{all}");
        if lender_stays {
            docker(&["rm", "-f", "-v", &lender]);
        } else {
            docker(&["volume", "rm", &lent]);
        }
    }
    docker(&["volume", "rm", &external]);
    project.holds_nothing();
}

#[test]
fn a_network_stays_that_somebodys_container_needs_to_be_started() {
    let project = Project::quick();
    project.prism(&["start"]).succeeds();
    let label = format!("label=dev-prism.working_dir={}", project.directory.display());
    let network = docker(&["network", "ls", "--filter", &label, "--format", "{{.Name}}"]).trim().to_owned();
    let theirs = docker(&["create", "--network", &network, "prism-test:1", "true"]).trim().to_owned();
    let destroyed = project.prism(&["destroy", "--yes"]).succeeds();
    assert!(destroyed.stderr.contains(&format!("{network} stays: ")), "{destroyed}");
    docker(&["start", &theirs]);
    docker(&["rm", "-fv", &theirs]);
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}

#[test]
fn a_volume_under_the_name_of_the_note_is_the_users() {
    let project = Project::quick();
    project.prism(&["start"]).succeeds();
    let directory = project.directory.display().to_string();
    let filter = format!("label=dev-prism.working_dir={directory}");
    let note = docker(&["volume", "ls", "-q", "--filter", &filter, "--filter", "label=dev-prism.config"]);
    let note = note.trim();
    project.prism(&["destroy", "--yes"]).succeeds();
    docker(&["volume", "create", note]);
    let refused = project.prism(&["start"]).exits(1);
    assert!(refused.stderr.contains(&format!("the volume `{note}` is not one of prism's")), "{refused}");
    project.prism(&["destroy", "--yes"]).succeeds();
    assert!(is_there("volume", note));
    docker(&["volume", "rm", note]);
    project.prism(&["start"]).succeeds();
}

#[test]
fn volumes_that_a_note_of_somebodys_names_stay() {
    let project = Project::quick();
    project.prism(&["start"]).succeeds();
    let directory = project.directory.display().to_string();
    let filter = format!("label=dev-prism.working_dir={directory}");
    let note = docker(&["volume", "ls", "-q", "--filter", &filter, "--filter", "label=dev-prism.config"]);
    let labels = docker(&["volume", "inspect", "--format", "{{json .Labels}}", note.trim()]);
    let labels: BTreeMap<String, String> = serde_json::from_str(&labels).expect("labels");
    project.prism(&["destroy", "--yes"]).succeeds();
    // Everything as prism writes it, but that only prism can seal it.
    let foreign = [docker(&["volume", "create"]), docker(&["volume", "create", "named-by-somebody"])];
    let foreign = foreign.map(|name| name.trim().to_owned());
    let list = format!("{{\"names\":[\"{}\",\"{}\"],\"seal\":\"0\"}}", foreign[0], foreign[1]);
    let forged = [("dev-prism.anonymous".to_owned(), list)];
    let labels = labels
        .into_iter()
        .chain(forged)
        .flat_map(|(name, value)| ["--label".into(), format!("{name}={value}")]);
    let create: Vec<String> =
        ["volume".into(), "create".into()].into_iter().chain(labels).chain([note.trim().into()]).collect();
    docker(&create.iter().map(String::as_str).collect::<Vec<_>>());
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
    for name in &foreign {
        docker(&["volume", "rm", name]);
    }
}

#[test]
fn hostile_labels_neither_give_variables_nor_take_a_living_session() {
    let _pruning = Pruning::mine_alone();
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let before = project.prism(&["env", "--format", "dotenv"]).succeeds().stdout;
    let directory = project.directory.display().to_string();
    let owner = owner(&project);
    let hostile = |entries: &[(&str, &str)]| {
        let all = [&[("dev-prism.managed", "true"), ("dev-prism.session_id", directory.as_str())], entries];
        labels(&all.concat())
    };
    // One that looks like a database of this session, made later, with and without an owner.
    let mut made = Vec::new();
    for owner in [Some(owner.as_str()), None] {
        let mut entries = vec![
            ("dev-prism.working_dir", directory.as_str()),
            ("dev-prism.service", "prod"),
            ("dev-prism.kind", "postgres"),
            ("dev-prism.primary", "true"),
            ("dev-prism.internal_port", "5432"),
        ];
        entries.extend(owner.map(|owner| ("dev-prism.owner", owner)));
        let labels = hostile(&entries);
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let run = [&["run", "-d", "-p", "127.0.0.1::5432"], &labels[..], &["prism-test:1", "sleep", "1000"]];
        made.push(docker(&run.concat()).trim().to_owned());
    }
    let after = project.prism(&["env", "--format", "dotenv"]).succeeds().stdout;
    assert_eq!(after, before);

    // Volumes whose labels disagree: the directory is gone, the process is dead, the end leads elsewhere.
    let process = "pid:[4026531836]/1/1";
    let climbing = format!("{directory}+..");
    for entries in [
        vec![("dev-prism.working_dir", "/gone/not/there")],
        vec![("dev-prism.working_dir", directory.as_str()), ("dev-prism.process", process)],
        vec![
            ("dev-prism.working_dir", directory.as_str()),
            ("dev-prism.process", process),
            ("dev-prism.session_id", climbing.as_str()),
        ],
    ] {
        let mut labels = hostile(&entries);
        labels.push(format!("--label=dev-prism.owner={owner}"));
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        made.push(docker(&[&["volume", "create"], &labels[..]].concat()).trim().to_owned());
    }
    let pruned = project.prism(&["prune", "--dry-run"]).succeeds();
    assert!(!pruned.stdout.contains(&directory), "{pruned}");
    assert_eq!(project.prism(&["env", "--format", "dotenv"]).succeeds().stdout, before);
    let doctor = project.prism(&["doctor"]).succeeds().stdout;
    for volume in &made[2..] {
        assert!(doctor.contains(&format!("volume `{volume}` has labels of a session")), "{doctor}");
    }
    project.prism(&["destroy", "--yes"]).succeeds();
    for volume in &made[2..] {
        assert!(is_there("volume", volume), "{volume}");
        docker(&["volume", "rm", volume]);
    }
    for container in &made[..2] {
        assert!(is_there("container", container), "{container}");
        docker(&["rm", "-f", "-v", container]);
    }
    assert!(fs::metadata(&project.directory).is_ok());
}

#[test]
fn a_container_of_no_service_of_the_files_gives_no_variables() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let before = project.prism(&["env"]).succeeds().stdout;
    let ours = &project.containers()[0];
    let labels = docker(&["inspect", "--format", "{{json .Config.Labels}}", ours]);
    let mut labels: BTreeMap<String, String> = serde_json::from_str(&labels).expect("labels");
    // Made by hand, and complete.
    let changed =
        [("com.docker.compose.service", "prod"), ("dev-prism.kind", "redis"), ("dev-prism.primary", "true")];
    labels.extend(changed.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let name = format!("{}-prod-1", labels["com.docker.compose.project"]);
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("--label={name}={value}")).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let run = ["run", "-d", "--name", &name, "-p", "127.0.0.1::6379"];
    let made = docker(&[&run[..], &labels, &["prism-test:1", "sleep", "1000"]].concat());
    assert_eq!(project.prism(&["env"]).succeeds().stdout, before);
    docker(&["rm", "-f", "-v", made.trim()]);
}
