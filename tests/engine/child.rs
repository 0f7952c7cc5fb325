//! What `docker compose` in a child sees: the session as it was started, whatever prism gave the child.

use serde_json::{Value, json};

use crate::support::{Project, docker};

/// A file in which a variable that prism gives to children stands wherever one can stand.
const EVERYWHERE: &str = r#"
name: shared
services:
  cache:
    image: redis:8-alpine
    ports: ["${CACHE_PORT:-6379}:6379"]
    command: redis-server --port ${CACHE_PORT:-6379}
    hostname: "h-${CACHE_PORT:-x}"
    domainname: "d${CACHE_PORT:-x}"
    extra_hosts: ["h${CACHE_PORT:-1}:127.0.0.1"]
    dns: ["${CACHE_HOST:-9.9.9.9}"]
    dns_search: ["${CACHE_HOST:-example.org}"]
    working_dir: "/tmp/${CACHE_PORT:-d}"
    tmpfs: ["/t${CACHE_PORT:-t}"]
    volumes: ["./data-${CACHE_PORT:-v}:/more", "named:/named${CACHE_PORT:-}"]
    networks: {default: {aliases: ["a${CACHE_PORT:-a}"]}}
    logging: {driver: json-file, options: {tag: "${CACHE_URL:-tag}"}}
    labels: {l: "${CACHE_URL:-l}"}
    sysctls: {net.ipv4.ip_unprivileged_port_start: "${CACHE_PORT:-0}"}
    stop_grace_period: "${CACHE_PORT:-10}s"
    environment: {E: "${CACHE_URL:-e}", NOTHING: null}
    configs: [content, environment]
    secrets: [s]
    healthcheck: {test: "redis-cli -p ${CACHE_PORT:-6379} ping", interval: 1s, retries: 2}
  tool:
    image: prism-test:1
    profiles: [tool]
    environment: [ARG, CACHE_URL]
    secrets: [s]
    command: sh -c 'echo "$$ARG $$CACHE_URL $$(cat /run/secrets/s)"'
configs:
  content: {content: "port=${CACHE_PORT:-6379} $$x"}
  environment: {environment: CACHE_URL}
secrets: {s: {environment: CACHE_URL}}
volumes: {named: {labels: {v: "${CACHE_PORT:-v}"}}}
"#;

#[test]
fn up_recreates_nothing_wherever_the_files_read_variables() {
    let project = Project::new(EVERYWHERE);
    project.write(".env", "CACHE_URL=redis://own$$secret\n");
    project.prism(&["start"]).succeeds();
    let before = project.containers();
    let up = project.prism(&["exec", "--", "docker", "compose", "up", "-d"]).succeeds();
    assert_eq!(project.containers(), before, "{up}");
    let up = project.prism(&["compose", "up", "-d"]).succeeds();
    assert_eq!(project.containers(), before, "{up}");
    assert_eq!(project.prism(&["exec", "true"]).succeeds().stderr, "", "still warm");
    let made: Vec<String> = std::fs::read_dir(&project.directory)
        .expect("session directory")
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("data-"))
        .collect();
    assert_eq!(made, ["data-v"], "no other host directory");
}

#[test]
fn what_is_passed_through_and_secrets_hold_what_they_hold_without_prism() {
    let project = Project::new(EVERYWHERE);
    project.write(".env", "CACHE_URL=redis://own$$secret\n");
    project.prism(&["start"]).succeeds();
    let run = |argument: &str| {
        let script = format!("{argument} docker compose run --rm -T tool");
        project.prism(&["exec", "--", "sh", "-c", &script]).succeeds().line().to_owned()
    };
    assert_eq!(run("ARG=1"), "1 redis://own$secret redis://own$secret");
    assert_eq!(run(""), " redis://own$secret redis://own$secret");
    project.write(".env", "OTHER=1\n");
    project.write("compose.yaml", "services: {tool: {image: 'prism-test:1', profiles: [tool], environment: [WEB_URL, TOOL_URL, OLLAMA_HOST, WEB_MODE], command: 'sh -c \"echo $${WEB_URL-unset} $${OLLAMA_HOST-unset} $$WEB_MODE\"'}, web: {image: 'redis:8-alpine'}}\n");
    assert_eq!(
        run("OLLAMA_HOST=o WEB_MODE=m"),
        "unset o m",
        "what prism gives to the child is not the container's"
    );
}

#[test]
fn a_file_that_is_named_in_a_child_means_what_it_says() {
    let project = Project::new(EVERYWHERE);
    project.write(".env", "CACHE_URL=x\n");
    let config = ["exec", "--", "docker", "compose", "-f", "compose.yaml", "config"];
    let named = project.prism(&config).env("COMPOSE_PROJECT_NAME", "callers").succeeds();
    assert!(named.stdout.starts_with("name: shared\n"), "{named}");
    let own = project.prism(&["exec", "--", "docker", "compose", "ps", "-q", "--no-trunc"]);
    let own = own.env("COMPOSE_PROJECT_NAME", "callers").succeeds();
    assert_eq!(own.line(), project.containers()[0]);
    // A name in `.env` is for those who do without prism.
    project.write(".env", "CACHE_URL=x\nCOMPOSE_PROJECT_NAME=elsewhere\n");
    let own = project.prism(&["exec", "--", "docker", "compose", "ps", "-q", "--no-trunc"]).succeeds();
    assert_eq!(own.line(), project.containers()[0]);
}

#[test]
fn the_resolved_project_comes_back() {
    let project = Project::new(EVERYWHERE);
    project.write(".env", "CACHE_URL=x\n");
    project.prism(&["start"]).succeeds();
    let before = project.containers();
    let resolved = project.directory.join("docker-compose.session.resolved.yml");
    std::fs::remove_file(&resolved).expect("a generated file");
    project.prism(&["exec", "--", "docker", "compose", "up", "-d"]).succeeds();
    assert_eq!(project.containers(), before);
    // One that was edited or cut off is not believed.
    let text = std::fs::read_to_string(&resolved).expect("the resolved project");
    for broken in [text.replace("redis:8-alpine", "prism-test:1"), text[..200].to_owned()] {
        std::fs::write(&resolved, broken).expect("a generated file");
        project.prism(&["exec", "--", "docker", "compose", "up", "-d"]).succeeds();
        assert_eq!(project.containers(), before);
    }
    project.write("docker-compose.session.resolved.yml", "services: {}\n");
    project.write("compose.yaml", &EVERYWHERE.replace("retries: 2", "retries: 3"));
    let refused = project.prism(&["exec", "true"]).exits(125);
    assert!(refused.stderr.contains("session.resolved.yml` is in the way"), "{refused}");
}

#[test]
fn a_profile_reaches_what_needs_it_and_the_child() {
    let project = Project::new(
        "services:
  web: {image: 'redis:8-alpine', depends_on: [legacy]}
  legacy: {image: 'redis:8-alpine', profiles: [legacy, old]}
  other: {image: 'redis:8-alpine', depends_on: {extra: {condition: service_started, required: false}}}
  extra: {image: 'redis:8-alpine', profiles: [extra]}
",
    );
    project.prism(&["start", "--profile", "old"]).succeeds();
    let before = project.containers();
    assert_eq!(before.len(), 3);
    let up = project.prism(&["exec", "--", "docker", "compose", "up", "-d"]).succeeds();
    assert_eq!(project.containers(), before, "{up}");
    let profiles = project.prism(&["get", "COMPOSE_PROFILES"]).succeeds();
    assert_eq!(profiles.line(), "old");
}

#[test]
fn what_was_started_here_without_prism_is_named() {
    let project = Project::new("name: stranger\nservices: {web: {image: 'redis:8-alpine'}}\n");
    project.prism(&["exec", "--", "docker", "compose", "-f", "compose.yaml", "up", "-d"]).succeeds();
    let named = "`stranger-web-1` of the Compose project `stranger` was started here without prism";
    project.write(
        "compose.yaml",
        "name: stranger\nservices: {web: {image: 'redis:8-alpine', environment: {A: b}}}\n",
    );
    let cold = project.prism(&["exec", "true"]).succeeds();
    let ephemeral = project.prism(&["exec", "--ephemeral", "true"]).succeeds();
    assert_eq!(
        ephemeral.stderr.matches("was started here without prism").count(),
        1,
        "not the session: {ephemeral}"
    );
    let doctor = project.prism(&["doctor"]).run();
    project
        .sandbox
        .command("docker", &project.directory, &["compose", "-p", "stranger", "down", "-v"])
        .succeeds();
    assert!(cold.stderr.contains(named), "{cold}");
    assert!(doctor.stdout.contains(named), "{doctor}");
    let doctor = project.prism(&["doctor"]).run();
    assert!(!doctor.stdout.contains("without prism"), "{doctor}");
}

#[test]
fn the_resolved_project_lacks_nothing_that_was_written() {
    let project = Project::new(
        r#"
services:
  web:
    image: prism-test:1
    build: {context: ., x-build: {at: "${TAG:-1}"}}
    environment: {PROFILES: "${COMPOSE_PROFILES:-none}", HOME_OF: "${HOME}"}
    ulimits: {core: 0}
    command: ["\n  two\nlines\n"]
    develop: {watch: [{path: ., action: sync, target: /x}]}
    x-own: {text: "0755", list: [1, "${TAG:-two}"], "a.b": {x-deep: true}}
x-top: {a: null, b: "1"}
"#,
    );
    let shown = project.prism(&["compose", "config"]).succeeds();
    let found: Value = serde_yaml::from_str(&shown.stdout).expect("YAML");
    let web = &found["services"]["web"];
    assert_eq!(web["x-own"], json!({"text": "0755", "list": [1, "two"], "a.b": {"x-deep": true}}));
    assert_eq!(web["build"]["x-build"], json!({"at": "1"}));
    assert_eq!(web["ulimits"], json!({"core": {"soft": 0, "hard": 0}}));
    assert_eq!(web["environment"]["PROFILES"], "none");
    assert_eq!(found["x-top"], json!({"a": null, "b": "1"}));
    let resolved = || {
        std::fs::read_to_string(project.directory.join("docker-compose.session.resolved.yml"))
            .expect("the resolved project")
    };
    assert!(resolved().contains(r#""\n  two\nlines\n""#), "{}", resolved());
    // What Compose cannot write as JSON.
    project.write(
        "compose.yaml",
        "services: {web: {build: {context: '${TAG:-.}', ssh: ['key=./key', default]}, memswap_limit: -1}}\n",
    );
    project.prism(&["compose", "config", "-q"]).succeeds();
    assert!(resolved().contains(&format!("\"key={}/key\"", project.directory.display())), "{}", resolved());
}

#[test]
fn another_name_of_the_project_means_other_data() {
    let project = Project::new(
        "services: {w: {image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000, environment: [\"V=${FOO:-}\"], volumes: [\"data:/data\"]}}\nvolumes: {data: }\n",
    );
    project.prism(&["start"]).succeeds();
    let other = format!("other-{}", std::process::id());
    let compose = |words: &str| {
        let script = format!("docker compose -p {other} {words}");
        project.prism(&["exec", "--", "sh", "-c", &script]).succeeds()
    };
    compose("up -d");
    let format =
        "{{range .Mounts}}{{.Name}}{{end}} {{range $name, $it := .NetworkSettings.Networks}}{{$name}}{{end}}";
    let found = docker(&["inspect", "--format", format, &format!("{other}-w-1")]);
    assert_eq!(found.trim(), format!("{other}_data {other}_default"));
    compose("down -v");
    assert_eq!(project.containers().len(), 1);
}
