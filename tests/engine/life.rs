//! The verbs that one lives with.

use std::fs;

use crate::support::project::containers_of;
use crate::support::{Project, Pruning, docker};

#[test]
fn start_stop_start_keeps_the_data_and_destroy_leaves_nothing() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /data]\n    ports: [\"80\"]\n    volumes: [\"data:/data\", /anonymous]\nvolumes: {data: {name: shared}}\n",
    );
    let started = project.prism(&["start"]).succeeds();
    assert!(started.stdout.is_empty() && started.stderr.contains("web is at 127.0.0.1:"), "{started}");
    assert!(project.prism(&["up"]).succeeds().stderr.contains("was up already"));
    project.prism(&["compose", "exec", "-T", "web", "sh", "-c", "echo kept > /data/file"]).succeeds();

    project.prism(&["stop"]).succeeds();
    assert!(!project.directory.join(".env.session").exists(), "its ports lead nowhere now");
    assert!(project.prism(&["info"]).succeeds().stdout.contains("state      stopped"));
    assert!(project.prism(&["stop"]).succeeds().stderr.contains("was stopped already"));
    project.prism(&["exec", "true"]).succeeds();
    assert_eq!(
        project.prism(&["compose", "exec", "-T", "web", "cat", "/data/file"]).succeeds().line(),
        "kept"
    );

    let unasked = project.prism(&["destroy"]).exits(2);
    assert!(unasked.stderr.contains("volume ") && unasked.stderr.contains("--yes"), "{unasked}");
    assert_eq!(project.containers().len(), 1);
    fs::remove_file(project.directory.join("compose.yaml")).expect("needs no Compose file");
    project.prism(&["destroy", "--yes"]).succeeds();
    let label = format!("label=dev-prism.working_dir={}", project.directory.display());
    for list in [&["ps", "-aq"][..], &["network", "ls", "-q"], &["volume", "ls", "-q"]] {
        assert_eq!(docker(&[list, &["--filter", &label]].concat()), "", "{list:?}");
    }
    assert_eq!(fs::read_dir(&project.directory).expect("directory").count(), 0, "no generated file is left");
    assert!(project.prism(&["destroy", "--yes"]).succeeds().stderr.contains("nothing to remove"));
}

#[test]
fn destroy_finds_a_directory_that_is_gone() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let _pruning = Pruning::mine_alone();
    fs::remove_dir_all(&project.directory).expect("remove");
    let directory = project.directory.to_str().expect("UTF-8");
    project.sandbox.prism(&project.sandbox.root(), &["destroy", "--yes", directory]).succeeds();
    assert!(project.containers().is_empty());
}

#[test]
fn what_has_no_session_says_so_with_status_3() {
    let project = Project::web();
    for verb in [&["env"][..], &["get", "web"], &["info"]] {
        let outcome = project.prism(verb).exits(3);
        assert!(
            outcome.stderr.contains("there is no session in")
                && outcome.stderr.contains("hint: `prism start`"),
            "{outcome}"
        );
    }
    project.prism(&["stop"]).succeeds();
}

#[test]
fn env_get_info_and_list_agree() {
    let project = Project::new(&format!(
        "{}  db:\n    image: postgres:17-alpine\n    environment: {{POSTGRES_PASSWORD: \"s3cret'$$x\"}}\n",
        crate::support::project::WEB
    ));
    project.prism(&["start"]).succeeds();
    let json: serde_json::Value =
        serde_json::from_str(&project.prism(&["env", "--format", "json"]).succeeds().stdout).expect("json");
    assert_eq!(json["DB_PASSWORD"], "s3cret'$x");
    let port = json["WEB_PORT"].as_str().expect("a port");

    assert_eq!(project.prism(&["get", "web"]).succeeds().line(), format!("127.0.0.1:{port}"));
    assert_eq!(project.prism(&["get", "web:80"]).succeeds().line(), format!("127.0.0.1:{port}"));
    assert_eq!(project.prism(&["get", "WEB_PORT"]).succeeds().line(), port);
    let typo = project.prism(&["get", "WEB_PROT"]).exits(1);
    assert!(typo.stderr.contains("did you mean `WEB_PORT`?"), "{typo}");
    project.prism(&["get", "web:81"]).exits(1);

    let dotenv = project.prism(&["env"]).succeeds().stdout;
    let read = format!("set -a\n{dotenv}printf %s \"$DB_PASSWORD\"");
    assert_eq!(
        project.sandbox.command("sh", &project.directory, &["-c", &read]).succeeds().stdout,
        "s3cret'$x"
    );
    let file = fs::read_to_string(project.directory.join(".env.session")).expect(".env.session");
    assert!(file.ends_with(&dotenv), "{file}");

    let info = project.prism(&["info"]).succeeds().stdout;
    assert!(info.contains("postgresql://postgres:********@127.0.0.1:") && !info.contains("s3cret"), "{info}");
    assert!(project.prism(&["info", "--show-secrets"]).succeeds().stdout.contains("DB_PASSWORD=s3cret'$x"));
    let info: serde_json::Value =
        serde_json::from_str(&project.prism(&["info", "--format", "json"]).succeeds().stdout).expect("json");
    assert_eq!((info["schema"].as_u64(), info["state"].as_str()), (Some(1), Some("up")));

    let list: serde_json::Value =
        serde_json::from_str(&project.prism(&["list", "--format", "json"]).succeeds().stdout).expect("json");
    let sessions = list["sessions"].as_array().expect("sessions");
    let ours = sessions
        .iter()
        .find(|session| session["directory"] == project.directory.to_str().expect("UTF-8"))
        .expect("ours");
    let web = ours["services"]
        .as_array()
        .expect("services")
        .iter()
        .find(|service| service["name"] == "web")
        .expect("web");
    assert_eq!(web["ports"][0]["host_port"].to_string(), port);
}

#[test]
fn a_stopped_session_is_shown_without_the_variables_that_its_services_would_give() {
    let project = Project::web();
    project.write("prism.yaml", "env: {API: \"${WEB_URL}/v1\"}\n");
    project.prism(&["start"]).succeeds();
    assert!(project.prism(&["info"]).succeeds().stdout.contains("API=http"));
    project.prism(&["stop"]).succeeds();
    let info = project.prism(&["info"]).succeeds();
    assert!(info.stdout.contains("state      stopped") && !info.stdout.contains("API="), "{info}");
    assert!(info.stderr.contains("`env.API` in prism.yaml"), "{info}");
}

#[test]
fn compose_addresses_the_session_and_no_other_project() {
    let project = Project::web();
    assert!(
        project.prism(&["compose", "config"]).succeeds().stdout.contains("dev-prism.session_id"),
        "the override is made first"
    );
    project.prism(&["start"]).succeeds();
    assert_eq!(
        project.prism(&["compose", "ps", "-q", "--no-trunc"]).succeeds().line(),
        project.containers()[0]
    );
    assert!(project.prism(&["compose", "-p", "other", "ps"]).exits(2).stderr.contains("hint: "));
    project.prism(&["compose", "nonsense"]).exits(16);
}

/// A session and one of a directory below it.
fn nested() -> (Project, std::path::PathBuf) {
    let project = Project::web();
    let inner = project.directory.join("api");
    project.write(
        "api/compose.yaml",
        "services: {api: {image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000}}\n",
    );
    project.prism(&["start"]).succeeds();
    project.sandbox.prism(&inner, &["start"]).succeeds();
    (project, inner)
}

#[test]
fn stop_and_destroy_never_climb_to_the_parents_session() {
    let (project, inner) = nested();
    fs::remove_file(inner.join("compose.yaml")).expect("remove");
    let stopped = project.sandbox.prism(&inner, &["stop"]).succeeds();
    assert!(stopped.stderr.contains(inner.to_str().expect("UTF-8")), "{stopped}");
    project.prism(&["destroy", "--yes", "api"]).succeeds();
    assert!(containers_of(&inner).is_empty());
    assert!(project.prism(&["info"]).succeeds().stdout.contains("state      up"), "the parent's still runs");
    // A named directory without a session is not its parent's either.
    let none = project.prism(&["destroy", "--yes", "api"]).succeeds();
    assert!(none.stderr.contains("nothing to remove"), "{none}");
    assert_eq!(project.containers().len(), 1);
}

#[test]
fn destroy_needs_neither_a_valid_configuration_nor_a_plain_path() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    project.write("prism.yaml", "bogus: 1\n");
    project.prism(&["stop"]).succeeds();
    let away = project.sandbox.work().join("elsewhere/below");
    fs::create_dir_all(&away).expect("directories");
    let _pruning = Pruning::mine_alone();
    fs::remove_dir_all(&project.directory).expect("remove");
    project.sandbox.prism(&away, &["destroy", "--yes", "../../shop"]).succeeds();
    assert!(project.containers().is_empty());
    let unknown = project.sandbox.prism(&away, &["destroy", "--yes", "../../shop"]).exits(1);
    assert!(unknown.stderr.contains("no directory, no session"), "{unknown}");
}

#[test]
fn stop_and_destroy_need_no_git_though_there_is_a_repository() {
    let project = Project::web();
    project.sandbox.git(&project.directory, &["init", "-q"]);
    project.prism(&["start"]).succeeds();
    for verb in [&["stop"][..], &["destroy", "--yes"]] {
        project.prism(verb).env("PATH", "/nonexistent").succeeds();
    }
    assert!(project.containers().is_empty());
}

#[test]
fn env_of_a_stopped_session_is_an_error_and_not_an_empty_file() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    project.prism(&["stop"]).succeeds();
    let stopped = project.prism(&["env"]).exits(1);
    assert!(stopped.stdout.is_empty() && stopped.stderr.contains("is stopped"), "{stopped}");
}

#[test]
fn flags_choose_services_and_the_choice_is_remembered() {
    let project = Project::new(
        "services:\n  web: &s\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    depends_on: [db]\n  db: {image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000}\n  tool: {image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000, profiles: [tools]}\n",
    );
    project.write("prism.yaml", "templates: {data: {services: [db]}}\n");
    let services = || {
        let json = project.prism(&["info", "--format", "json"]).succeeds().stdout;
        let json: serde_json::Value = serde_json::from_str(&json).expect("json");
        let all = json["services"].as_array().expect("services").clone();
        all.iter()
            .map(|service| service["name"].as_str().expect("name").to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    project.prism(&["start", "--template", "data"]).succeeds();
    assert_eq!(services(), "db");
    fs::remove_file(project.directory.join("docker-compose.session.yml")).expect("override");
    project.prism(&["exec", "true"]).succeeds();
    assert_eq!(services(), "db", "remembered in Docker");
    project.prism(&["exec", "--profile", "tools", "--", "true"]).succeeds();
    assert_eq!(services(), "db tool");
    project.prism(&["start", "--without", "db"]).succeeds();
    let info = project.prism(&["info"]).succeeds().stdout;
    assert!(
        info.contains("db    left out") && info.contains("web   running"),
        "web no longer waits for db: {info}"
    );
    assert!(info.contains("state      up"), "what was left out is not missing: {info}");
    project.prism(&["start", "--default"]).succeeds();
    assert_eq!(services(), "db tool web");
    let states = || project.prism(&["info"]).succeeds().stdout;
    assert!(states().contains("tool  left out") && states().contains("db    running"), "{}", states());
    let typo = project.prism(&["start", "--service", "wev"]).exits(2);
    assert!(typo.stderr.contains("did you mean `web`?"), "{typo}");
}

#[test]
fn data_that_was_kept_survives_a_start_and_a_create_that_fail() {
    let compose = |image: &str| {
        format!(
            "services:\n  web:\n    image: {image}\n    stop_signal: SIGKILL\n    command: sleep 1000\n    volumes: [\"data:/data\"]\nvolumes: {{data: {{}}}}\n"
        )
    };
    let project = Project::new(&compose("prism-test:1"));
    project.prism(&["start"]).succeeds();
    project.prism(&["compose", "exec", "-T", "web", "sh", "-c", "echo kept > /data/file"]).succeeds();
    project.prism(&["destroy", "--yes", "--keep-volumes"]).succeeds();
    project.write("compose.yaml", &compose("localhost:1/nope:1"));
    project.prism(&["start"]).exits(1);
    project.prism(&["create", "--in-place"]).exits(1);
    project.write("compose.yaml", &compose("prism-test:1"));
    project.write("prism.yaml", "setup: ['exit 1']\n");
    project.prism(&["create", "--in-place"]).exits(1);
    assert!(project.containers().is_empty());
    project.prism(&["start"]).succeeds();
    assert_eq!(
        project.prism(&["compose", "exec", "-T", "web", "cat", "/data/file"]).succeeds().line(),
        "kept"
    );
}

#[test]
fn prism_yaml_selects_what_belongs_to_a_session() {
    let project = Project::new(&THREE.replace("ports: [\"80\"], ", ""));
    project.write("prism.yaml", "select: {services: [a], profiles: [tools], without: [b]}\n");
    project.prism(&["exec", "true"]).succeeds();
    let services = || {
        let listed = project.prism(&["compose", "ps", "--services"]).succeeds().stdout;
        let mut services: Vec<String> = listed.lines().map(str::to_owned).collect();
        services.sort();
        services
    };
    assert_eq!(services(), ["a", "tool"]);
    // What the command line says comes first, and `--default` means prism.yaml's word again.
    project.prism(&["start", "--service", "b"]).succeeds();
    assert_eq!(services(), ["b", "tool"]);
    project.prism(&["start", "--default"]).succeeds();
    assert_eq!(services(), ["a", "tool"]);
    project.write("prism.yaml", "select: {services: [aa]}\n");
    let wrong = project.prism(&["exec", "true"]).exits(125);
    assert!(
        wrong
            .stderr
            .contains("`select.services` in prism.yaml (line 1, column 20): there is no service `aa`"),
        "{wrong}"
    );
}

/// Data may be in a volume that the image alone asks for.
#[test]
fn keeping_volumes_keeps_those_without_a_name_as_well() {
    let project = Project::new(
        "services:\n  web: {image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000, volumes: [/data]}\n",
    );
    project.prism(&["start"]).succeeds();
    project.prism(&["compose", "exec", "-T", "web", "sh", "-c", "echo kept > /data/file"]).succeeds();
    let name = || {
        let asked = project.prism(&["destroy"]).exits(2);
        let line = asked.stderr.lines().find(|line| line.contains("which has no name in the Compose file"));
        let name = line.expect("a volume").split([' ', ',']).find(|word| word.len() == 64);
        name.expect("its name").to_owned()
    };
    let kept = name();
    let removed = project.prism(&["destroy", "--yes", "--keep-volumes"]).succeeds();
    let said = format!("volume {kept} stays, and no new session takes it up");
    assert!(removed.stderr.contains(&said), "{removed}");
    let mount = format!("{kept}:/data");
    assert_eq!(docker(&["run", "--rm", "-v", &mount, "prism-test:1", "cat", "/data/file"]), "kept\n");
    docker(&["volume", "rm", &kept]);
    // Without the flag, it goes.
    project.prism(&["start"]).succeeds();
    let gone = name();
    project.prism(&["destroy", "--yes"]).succeeds();
    assert!(!docker(&["volume", "ls", "-q"]).contains(&gone));
}

/// Three services that only sleep, `a` with `b` as a dependency that it can do without.
const THREE: &str = "services:
  a: {image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000, ports: [\"80\"], depends_on: {b: {condition: service_started, required: false}}}
  b: {image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000, labels: {dev-prism.ready: none}}
  tool: {image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000, profiles: [tools]}
";

#[test]
fn what_is_chosen_is_what_runs() {
    let project = Project::new(&THREE.replace("ports: [\"80\"], ", ""));
    project.write("prism.yaml", "templates: {b: {services: [b]}}\n");
    let running = || {
        let listed = project.prism(&["compose", "ps", "--services"]).succeeds().stdout;
        listed.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for (choice, expected) in [
        (&["start"][..], "a b"),
        (&["start", "--service", "a"], "a"),
        (&["stop"], ""),
        (&["start", "--service", "a"], "a"),
        (&["start", "--template", "b"], "b"),
        (&["start", "--profile", "tools"], "a b tool"),
        (&["start", "--without", "b"], "a"),
        (&["start", "--profile", "tools", "--service", "b"], "b tool"),
        (&["start", "--default"], "a b"),
        (&["stop"], ""),
        (&["start"], "a b"),
        (&["restart"], "a b"),
        // What somebody starts by hand belongs to the session from then on.
        (&["compose", "up", "-d", "tool"], "a b tool"),
        (&["restart"], "a b tool"),
    ] {
        project.prism(choice).succeeds();
        assert_eq!(running(), expected, "{choice:?}");
    }
}

#[test]
fn what_is_wrong_is_said_before_anything_is_stopped() {
    let project =
        Project::new(&THREE.replace("command: sleep 1000, ports", "command: busybox httpd -f -p 80, ports"));
    project.write("prism.yaml", "env: {URL: \"http://${A_HOST}:${A_PORT}\"}\n");
    project.prism(&["start"]).succeeds();
    let state = || project.prism(&["info"]).succeeds().stdout;
    for (choice, why) in [
        (&["start", "--without", "a"][..], "`env.URL`"),
        (&["start", "--service", "b"], "`env.URL`"),
        (&["start", "--without", "a,b"], "no service of this project belongs to the session"),
        (&["start", "--service", "c"], "there is no service `c`"),
    ] {
        let refused = project.prism(choice).run();
        assert!(refused.status != 0 && refused.stderr.contains(why), "{choice:?} {refused}");
        assert!(state().contains("state      up"), "{choice:?} {}", state());
    }
    // An image is looked for before what is left out is stopped.
    let whole = fs::read_to_string(project.directory.join("compose.yaml")).expect("compose.yaml");
    project.write("compose.yaml", &whole.replacen("prism-test:1", "localhost:1/nope:1", 1));
    let refused = project.prism(&["start", "--without", "b"]).exits(1);
    assert!(refused.stderr.contains("could not start the stack"), "{refused}");
    assert!(state().contains("state      up") && !state().contains("left out"), "{}", state());
    project.write("compose.yaml", "services: {a: {imaeg: x}}\n");
    project.prism(&["restart"]).exits(1);
    let running = docker(&["inspect", "--format", "{{.State.Running}}", &project.containers()[0]]);
    assert_eq!(running, "true\n");
}
