//! The name of a session's Compose project: Compose's own order, and what is made keeps its name.

use std::fs;
use std::path::Path;

use crate::support::{Project, Run, docker};

/// Returns the project's name without the hash, as `docker compose config` shows it; starts nothing.
fn named(run: Run) -> String {
    let config = run.succeeds();
    let name = config.stdout.lines().find_map(|line| line.strip_prefix("name: ")).expect("a name").to_owned();
    name.rsplit_once('-').expect("a hash").0.to_owned()
}

/// The Compose projects of the session's containers and volumes.
fn projects(project: &Project) -> Vec<String> {
    projects_of(&project.directory)
}

/// The same of a directory.
fn projects_of(directory: &Path) -> Vec<String> {
    let filter = format!("label=dev-prism.working_dir={}", directory.display());
    let label = "{{.Label \"com.docker.compose.project\"}}";
    let mut all: Vec<String> = [&["ps", "-a"][..], &["volume", "ls"]]
        .iter()
        .flat_map(|list| {
            docker(&[*list, &["--filter", &filter, "--format", label]].concat())
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .filter(|name| !name.is_empty())
        .collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn is_found_in_the_order_of_compose() {
    let project = Project::quick();
    let config = || {
        // Where nothing is started, what was last looked at stays.
        let _ = fs::remove_file(project.directory.join("docker-compose.session.yml"));
        project.prism(&["compose", "config"])
    };
    assert_eq!(named(config()), "shop", "the directory");
    let services = fs::read_to_string(project.directory.join("compose.yaml")).expect("compose.yaml");
    project.write("compose.yaml", &format!("name: ${{APP:-Bill Ing}}\n{services}"));
    assert_eq!(named(config()), "bill-ing", "`name:`");
    assert_eq!(named(config().env("APP", "given")), "given");
    project.write("compose.override.yaml", "name: over\n");
    assert_eq!(named(config()), "over", "the last file's");
    project.write(".env", "COMPOSE_PROJECT_NAME=dotenv\n");
    assert_eq!(named(config()), "dotenv", "an env file");
    assert_eq!(named(config().env("COMPOSE_PROJECT_NAME", "mine")), "mine", "the caller's environment");
    project.write("prism.yaml", "project: own\n");
    assert_eq!(named(config().env("COMPOSE_PROJECT_NAME", "mine")), "own", "prism.yaml");
}

#[test]
fn is_each_directorys_own_whatever_they_are_called() {
    let project = Project::quick();
    let services = fs::read_to_string(project.directory.join("compose.yaml")).expect("compose.yaml");
    project.write("compose.yaml", &format!("name: one\n{services}"));
    project.sandbox.write("other/compose.yaml", &format!("name: one\n{services}"));
    let other = project.sandbox.work().join("other");
    project.prism(&["start"]).succeeds();
    project.sandbox.prism(&other, &["start"]).succeeds();
    let own = projects(&project);
    assert_eq!(own.len(), 1, "{own:?}");
    assert!(own[0].starts_with("one-"), "{own:?}");
    assert!(projects_of(&other)[0].starts_with("one-"));
    assert_ne!(own, projects_of(&other));
    project.sandbox.prism(&other, &["destroy", "--yes"]).succeeds();
}

#[test]
fn stays_with_what_was_made_under_it() {
    let project = Project::quick();
    let services = fs::read_to_string(project.directory.join("compose.yaml")).expect("compose.yaml");
    project.prism(&["start"]).succeeds();
    let before = projects(&project);
    assert!(before.len() == 1 && before[0].starts_with("shop-"), "{before:?}");
    let renamed = format!("name: other\n{services}");
    project.write("compose.yaml", &renamed);
    project.write("prism.yaml", "project: third\n");
    project.prism(&["start"]).succeeds();
    assert_eq!(projects(&project), before, "the same volume");
    project.prism(&["destroy", "--yes", "--keep-volumes"]).succeeds();
    project.prism(&["start"]).succeeds();
    assert_eq!(projects(&project), before, "volumes that were kept are found again");
    project.prism(&["destroy", "--yes"]).succeeds();
    project.prism(&["start"]).succeeds();
    assert!(projects(&project)[0].starts_with("third-"), "{:?}", projects(&project));
    project.prism(&["destroy", "--yes"]).succeeds();
}
