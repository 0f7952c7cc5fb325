//! Two copies of one project side by side.

use crate::support::project::containers_of;
use crate::support::{Outcome, Project, docker};

const SHOP: &str = r#"
name: fixed
services:
  db:
    image: postgres:17-alpine
    container_name: shop-db
    ports: ["5432:5432"]
    environment: {POSTGRES_PASSWORD: secret}
    volumes: ["data:/var/lib/postgresql/data"]
    networks: {default: {ipv4_address: 10.213.7.5}}
volumes: {data: {name: shop-data}}
networks: {default: {name: shop-net, ipam: {config: [{subnet: 10.213.7.0/24}]}}}
"#;

#[test]
fn two_worktrees_of_a_project_that_fixes_everything_do_not_meet() {
    let project = Project::new(SHOP);
    project.sandbox.git(&project.directory, &["init", "-q"]);
    project.sandbox.git(&project.directory, &["add", "."]);
    project.sandbox.git(&project.directory, &["commit", "-qm", "x"]);
    let second = project.directory.join("nested worktree");
    project.sandbox.git(
        &project.directory,
        &["worktree", "add", "-q", second.to_str().expect("UTF-8"), "-b", "Feature/ABC"],
    );

    let write = |name: &str| format!("create table t (v text); insert into t values ('{name}')");
    let (one, two) = (write("one"), write("two"));
    let first_run = project.prism(&["exec", "--", "psql", "-qc", &one]).spawn();
    let second_run = project.sandbox.prism(&second, &["exec", "--", "psql", "-qc", &two]).spawn();
    for outcome in [Outcome::of(first_run), Outcome::of(second_run)] {
        assert_eq!(outcome.status, 0, "{outcome}");
    }
    let read = |directory: &std::path::Path| {
        project.sandbox.prism(directory, &["exec", "--", "psql", "-tAc", "select v from t"]).succeeds()
    };
    assert_eq!(read(&project.directory).line(), "one");
    assert_eq!(read(&second).line(), "two");

    let facts = |directory: &std::path::Path| {
        let id = containers_of(directory).pop().expect("a container");
        let format = "{{.Name}} {{range .Mounts}}{{.Name}}{{end}} {{range $k, $v := .NetworkSettings.Networks}}{{$k}}{{end}} {{index .Config.Labels \"com.docker.compose.project\"}}";
        docker(&["inspect", "--format", format, &id])
    };
    let (one, two) = (facts(&project.directory), facts(&second));
    for (one, two) in one.split_whitespace().zip(two.split_whitespace()) {
        assert_ne!(one, two);
    }
    // The project is called as its file says, in both.
    assert!(one.contains(" fixed-") && two.contains(" fixed-"), "{one}{two}");
}

#[test]
fn a_nested_worktree_without_a_compose_file_does_not_take_its_parents() {
    let project = Project::web();
    let inner = project.directory.join("inner");
    std::fs::create_dir(&inner).expect("directory");
    project.sandbox.git(&inner, &["init", "-q"]);
    let outcome = project.sandbox.prism(&inner, &["exec", "true"]).exits(125);
    assert!(outcome.stderr.contains("no Compose project in"), "{outcome}");
}

#[test]
fn the_container_name_is_still_an_alias_inside() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    container_name: the-web\n    command: [busybox, httpd, -f, -p, \"80\", -h, /etc]\n    ports: [\"80\"]\n  client:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n",
    );
    project.prism(&["start"]).succeeds();
    let outcome = project
        .prism(&["compose", "exec", "-T", "client", "busybox", "wget", "-qO-", "http://the-web/hostname"])
        .succeeds();
    assert!(!outcome.line().is_empty());
}

#[test]
fn one_prism_yaml_makes_a_monorepo_one_session() {
    let project = Project::web();
    project.write("prism.yaml", "project: mono\ncompose: [compose.yaml]\n");
    project.write("apps/api/compose.yaml", "services: {api: {image: nope}}\n");
    let api = project.directory.join("apps/api");
    let outcome = project
        .sandbox
        .prism(
            &api,
            &[
                "exec",
                "--",
                "sh",
                "-c",
                "docker compose ps --format '{{.Project}}' | head -n 1 | tr '\\n' ' '; echo $SESSION_DIR",
            ],
        )
        .succeeds();
    assert!(
        outcome.line().starts_with("mono-")
            && outcome.line().ends_with(project.directory.to_str().expect("UTF-8")),
        "{outcome}"
    );
}
