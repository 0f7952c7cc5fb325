//! Two copies of one project on the Engine, a trap each: what must not be shared is not, what is external is.

use std::path::{Path, PathBuf};

use crate::support::project::containers_of;
use crate::support::{Project, Run, docker, eventually};

/// A project and a second copy of it beside it.
pub struct Copies {
    project: Project,
    second: PathBuf,
}

impl Copies {
    pub fn new(compose: &str) -> Self {
        Self::with(compose, &[])
    }

    fn with(compose: &str, files: &[(&str, &str)]) -> Self {
        let project = Project::new(compose);
        for (path, text) in files {
            project.write(path, text);
        }
        let second = project.sandbox.work().join("copy").join("shop");
        std::fs::create_dir_all(second.parent().expect("parent")).expect("directory");
        let paths = [project.directory.to_str().expect("UTF-8"), second.to_str().expect("UTF-8")];
        project.sandbox.command("cp", &project.sandbox.work(), &["-r", paths[0], paths[1]]).succeeds();
        Self { project, second }
    }

    pub fn both(&self) -> [&Path; 2] {
        [&self.project.directory, &self.second]
    }

    pub fn prism(&self, directory: &Path, arguments: &[&str]) -> Run {
        self.project.sandbox.prism(directory, arguments)
    }

    /// Starts both, and returns what the Engine says of the containers of each.
    pub fn started(&self, format: &str) -> [String; 2] {
        self.both().map(|directory| {
            self.prism(directory, &["start"]).succeeds();
            let ids = containers_of(directory);
            let mut arguments = vec!["inspect", "--format", format];
            arguments.extend(ids.iter().map(String::as_str));
            docker(&arguments)
        })
    }

    /// Runs a command inside a service of one copy.
    fn inside(&self, directory: &Path, service: &str, command: &[&str]) -> String {
        let mut arguments = vec!["compose", "exec", "-T", service];
        arguments.extend(command);
        self.prism(directory, &arguments).succeeds().line().to_owned()
    }
}

const SLEEPER: &str = "image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n";

#[test]
fn names_ports_addresses_and_volumes_are_their_own() {
    let copies = Copies::new(&format!(
        "name: app\nservices:\n  web:\n    {SLEEPER}    container_name: the-web\n    mac_address: 02:42:ac:11:99:01\n    ports: [\"18090:80\", \"18091:80/udp\", \"[::1]:18092:81\"]\n    labels: {{dev-prism.ready: none}}\n    volumes: [\"data:/data\"]\n    networks: {{n: {{ipv4_address: 10.213.9.5}}}}\nvolumes: {{data: {{name: the-data}}}}\nnetworks: {{n: {{name: the-net, driver_opts: {{com.docker.network.bridge.name: prismtest0}}, ipam: {{config: [{{subnet: 10.213.9.0/24}}]}}}}}}\n"
    ));
    let [one, two] = copies.started(
        "{{.Name}} {{range .Mounts}}{{.Name}}{{end}} {{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{$v.MacAddress}}{{end}} {{json .HostConfig.PortBindings}}",
    );
    for (one, two) in one.split_whitespace().zip(two.split_whitespace()).take(4) {
        assert_ne!(one, two);
    }
    for fixed in ["18090", "18091", "18092", "the-", "02:42:ac:11:99:01"] {
        assert!(!one.contains(fixed), "{fixed}: {one}");
    }
    assert!(one.contains("\"::1\""), "a loopback address of the file is kept: {one}");
    let [one, two] = copies.both();
    copies.inside(one, "web", &["sh", "-c", "echo one > /data/file"]);
    assert_eq!(copies.inside(two, "web", &["sh", "-c", "cat /data/file 2>/dev/null || echo empty"]), "empty");
    let variables = copies.prism(one, &["env"]).succeeds().stdout;
    assert!(variables.contains("WEB_PORT_80=") && variables.contains("WEB_PORT_80_UDP="), "{variables}");
}

#[test]
fn an_image_that_is_built_is_each_copys_own_also_for_others_that_use_it() {
    let copies = Copies::with(
        "services:\n  a: {image: \"prism-corpus/app:dev\", build: ., stop_signal: SIGKILL, command: sleep 1000}\n  b: {image: \"docker.io/prism-corpus/app:dev\", stop_signal: SIGKILL, command: sleep 1000, depends_on: [a]}\n",
        &[("Dockerfile", "FROM prism-test:1\nCOPY which /which\n"), ("which", "one\n")],
    );
    std::fs::write(copies.second.join("which"), "two\n").expect("file");
    copies.started("{{.Image}}");
    let [one, two] = copies.both();
    for service in ["a", "b"] {
        assert_eq!(copies.inside(one, service, &["cat", "/which"]), "one", "{service}");
        assert_eq!(copies.inside(two, service, &["cat", "/which"]), "two", "{service}");
    }
    copies.prism(one, &["destroy", "--yes"]).succeeds();
    copies.prism(two, &["destroy", "--yes"]).succeeds();
    let label = format!("label=dev-prism.working_dir={}", one.display());
    assert_eq!(docker(&["images", "-q", "--filter", &label]), "", "the session's tags go with it");
}

#[test]
fn on_an_external_network_nobody_answers_for_the_other() {
    let network = format!("prism-test-{}", std::process::id());
    docker(&["network", "create", "--label", "prism-test=1", &network]);
    let copies = Copies::new(&format!(
        "services:\n  api:\n    {SLEEPER}    container_name: the-api\n    hostname: api-host\n    networks: {{out: {{aliases: [backend]}}}}\nnetworks: {{out: {{external: true, name: {network}}}}}\n"
    ));
    let format = format!(
        "{{{{json (index .NetworkSettings.Networks \"{network}\").Aliases}}}} {{{{json .Config.Hostname}}}}"
    );
    let [one, two] = copies.started(&format);
    let before = containers_of(&copies.second);
    let first = copies.prism(&copies.second, &["exec", "true"]).succeeds();
    copies.prism(&copies.second, &["stop"]).succeeds();
    copies.prism(&copies.second, &["start"]).succeeds();
    let after = docker(&["inspect", "--format", &format, &containers_of(&copies.second)[0]]);
    let kept = containers_of(&copies.second);
    // Compose, run by hand in a child, names the new container its own way; the next command mends that.
    copies
        .prism(&copies.second, &["exec", "docker", "compose", "up", "-d", "--force-recreate", "--quiet-pull"])
        .succeeds();
    assert_ne!(containers_of(&copies.second), kept);
    copies.prism(&copies.second, &["exec", "true"]).succeeds();
    let found =
        copies.prism(&copies.second, &["compose", "exec", "-T", "api", "getent", "hosts", "backend"]).run();
    let mended = docker(&["inspect", "--format", &format, &containers_of(&copies.second)[0]]);
    let notes = copies.prism(&copies.project.directory, &["doctor"]).run().stdout;
    for directory in copies.both() {
        copies.prism(directory, &["destroy", "--yes"]).succeeds();
    }
    docker(&["network", "rm", &network]);
    assert_eq!(found.status, 0, "within a session the plain names are known: {found}");
    for aliases in [&one, &two, &after, &mended] {
        for name in ["\"api\"", "\"the-api\"", "\"backend\"", "\"api-host\""] {
            assert!(!aliases.contains(name), "{aliases}");
        }
        assert!(aliases.contains("\"api-") && aliases.contains("\"backend-"), "{aliases}");
    }
    assert_ne!(one, two);
    assert_eq!((kept, first.stderr.as_str()), (before, ""), "nothing is recreated for it");
    assert!(notes.contains("network `out` is external"), "{notes}");
}

#[test]
fn a_port_that_changed_with_the_names_is_not_handed_out() {
    let network = format!("prism-port-{}", std::process::id());
    docker(&["network", "create", "--label", "prism-test=1", &network]);
    let project = Project::new(&format!(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /etc]\n    ports: [\"18096:80\"]\nnetworks: {{default: {{external: true, name: {network}}}}}\n"
    ));
    project.prism(&["start"]).succeeds();
    project.prism(&["exec", "docker", "compose", "up", "-d", "--force-recreate"]).succeeds();
    // Older than what is asked before it is believed.
    eventually("the container to be 10 s old", || {
        docker(&["ps", "--format", "{{.Status}}", "--filter", &format!("id={}", project.containers()[0])])
            .starts_with("Up 1")
            && !docker(&[
                "ps",
                "--format",
                "{{.Status}}",
                "--filter",
                &format!("id={}", project.containers()[0]),
            ])
            .starts_with("Up 1 s")
    });
    let outcome = project
        .prism(&["exec", "sh", "-c", "echo 127.0.0.1:$WEB_PORT; docker compose port web 80"])
        .succeeds();
    project.prism(&["destroy", "--yes"]).succeeds();
    docker(&["network", "rm", &network]);
    let mut lines = outcome.stdout.lines();
    assert_eq!(lines.next(), lines.next(), "{outcome}");
}

#[test]
fn namespaces_of_a_renamed_container_are_found_by_service() {
    let copies = Copies::new(&format!(
        "services:\n  vpn:\n    {SLEEPER}    container_name: vpn\n    ports: [\"18093:80\"]\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /etc]\n    network_mode: container:vpn\n    labels: {{dev-prism.publish: \"80\"}}\n"
    ));
    copies.started("{{.Id}}");
    let urls = copies
        .both()
        .map(|directory| copies.prism(directory, &["get", "WEB_URL"]).succeeds().line().to_owned());
    assert_ne!(urls[0], urls[1]);
    let port = urls[0].rsplit(':').next().expect("port").to_owned();
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET /hostname HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3"
    );
    let answer = copies.project.sandbox.command("bash", &copies.second, &["-c", &script]).succeeds();
    assert!(answer.stdout.contains("200 OK"), "{answer}");
}

#[test]
fn replicas_of_a_service_with_one_fixed_port_all_run() {
    let copies = Copies::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /etc]\n    ports: [\"18094:80\"]\n    deploy: {replicas: 2}\n",
    );
    copies.started("{{.Id}}");
    for directory in copies.both() {
        assert_eq!(containers_of(directory).len(), 2);
        let ports: Vec<String> = ["WEB_1_PORT", "WEB_2_PORT"]
            .iter()
            .map(|name| copies.prism(directory, &["get", name]).succeeds().stdout)
            .collect();
        assert_ne!(ports[0], ports[1]);
    }
}

#[test]
fn doctor_names_the_scripts_that_mean_a_container() {
    let project = Project::new(&format!(
        "services:\n  db:\n    {SLEEPER}    container_name: shop-db\n  web:\n    {SLEEPER}    container_name: web\n"
    ));
    project.write("package.json", "{\n  \"scripts\": {\"psql\": \"docker exec -it shop-db psql\"}\n}\n");
    project.write("scripts/reset", "#!/bin/sh\ndocker compose exec web true\ndocker logs web\n");
    project.write("node_modules/x/package.json", "docker exec shop-db psql\n");
    let pipe = project.directory.join("pipe.sh");
    project.sandbox.command("mkfifo", &project.directory, &[pipe.to_str().expect("UTF-8")]).succeeds();
    let doctor = project.prism(&["doctor"]).succeeds().stdout;
    for expected in ["`shop-db` in package.json:2 is", "`web` in scripts/reset:3 is"] {
        assert!(doctor.contains(expected), "{expected}: {doctor}");
    }
}

/// Runs commands in directories of these names.
fn are_sessions(project: &Project, names: &[&str]) {
    for name in names {
        let directory = project.sandbox.work().join("odd").join(name);
        std::fs::create_dir_all(&directory).expect("directory");
        std::fs::copy(project.directory.join("compose.yaml"), directory.join("compose.yaml")).expect("copy");
        let plain = || project.sandbox.command("docker", &directory, &["compose", "config", "--quiet"]).run();
        // Compose 2.40 takes no control characters in a path.
        if name.contains('\n') && plain().status != 0 {
            let refused = project.sandbox.prism(&directory, &["exec", "true"]).exits(125);
            assert!(refused.stderr.contains("Docker Compose does not accept this project"), "{refused}");
            continue;
        }
        let run =
            project.sandbox.prism(&directory, &["exec", "--", "sh", "-c", "printf %s \"$SESSION_DIR\""]);
        assert_eq!(run.succeeds().stdout, directory.to_str().expect("UTF-8"), "{name:?}");
        let inner =
            project.sandbox.prism(&directory, &["exec", "--", "docker", "compose", "ps", "-q"]).succeeds();
        assert_eq!(inner.stdout.lines().count(), 1, "{name:?}: {inner}");
        project.sandbox.prism(&directory, &["destroy", "--yes"]).succeeds();
    }
}

#[test]
fn odd_directory_names_are_sessions_like_any_other() {
    let project = Project::web();
    are_sessions(&project, &["with space", "quote'\"", "$HOME", "#x", "größe ✓", "-dash"]);
    let link = project.sandbox.work().join("link");
    std::os::unix::fs::symlink(&project.directory, &link).expect("symlink");
    project.prism(&["start"]).succeeds();
    project.sandbox.prism(&link, &["exec", "true"]).succeeds();
    assert_eq!(project.containers().len(), 1, "a symlinked directory is the same session");
}

#[test]
fn names_that_would_be_lists_or_slugs_are_sessions_too() {
    are_sessions(&Project::web(), &["a:b", "a,b", "_x", "x.y", "new\nline"]);
}

#[test]
fn sessions_of_other_tools_are_listed() {
    let project = Project::web();
    let directory = project.sandbox.work().join("other");
    let labels = [
        "dev-prism.managed=true".to_owned(),
        format!("dev-prism.working_dir={}", directory.display()),
        format!("dev-prism.session_id={}", directory.display()),
        "dev-prism.service=web".to_owned(),
        "dev-prism.internal_port=80".to_owned(),
    ];
    let mut arguments = vec!["run", "-d", "-p", "127.0.0.1::80"];
    for label in &labels {
        arguments.extend(["--label", label]);
    }
    arguments.extend(["prism-test:1", "sleep", "1000"]);
    docker(&arguments);
    let list = project.prism(&["list", "--format", "json"]).succeeds().stdout;
    assert!(list.contains(directory.to_str().expect("UTF-8")), "{list}");
    std::fs::create_dir(&directory).expect("directory");
    std::fs::copy(project.directory.join("compose.yaml"), directory.join("compose.yaml")).expect("copy");
    // Nothing proves that it is this directory's: no variable leads there.
    project.sandbox.prism(&directory, &["info"]).exits(3);
    project.sandbox.prism(&directory, &["destroy", "--yes"]).succeeds();
    assert_eq!(containers_of(&directory).len(), 1);
}

#[test]
fn on_the_hosts_network_the_port_is_the_containers_and_that_is_said() {
    let project = Project::new(&format!(
        "services:\n  cache:\n    {SLEEPER}    network_mode: host\n    expose: [\"18095\"]\n    labels: {{dev-prism.ready: none}}\n"
    ));
    let started = project.prism(&["start"]).succeeds();
    assert!(started.stderr.contains("service `cache` uses the host's network"), "{started}");
    assert_eq!(project.prism(&["get", "CACHE_PORT"]).succeeds().line(), "18095");
    assert!(
        !project.prism(&["restart"]).succeeds().stderr.contains("host's network"),
        "said at the first start only"
    );
}

#[test]
fn the_files_that_compose_itself_would_read_are_read() {
    let files = [
        (".env", "COMPOSE_FILE=docker/base.yml:docker/more.yml\nFROM_ROOT=root\nBOTH=root\n"),
        ("docker/.env", "FROM_DOCKER=docker\nBOTH=docker\n"),
        (
            "docker/more.yml",
            "services: {web: {environment: {BOTH: \"$BOTH\", ROOT: \"$FROM_ROOT\", DOCKER: \"$FROM_DOCKER\"}, volumes: [\"./seen:/seen\"]}}\n",
        ),
        ("docker/seen/file", "beside the first file\n"),
        (
            "docker/base.yml",
            "services: {web: {image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000}}\n",
        ),
    ];
    let copies = Copies::with("services: {wrong: {image: \"not this one\"}}\n", &files);
    copies.started("{{.Id}}");
    for directory in copies.both() {
        let seen = copies.inside(directory, "web", &["sh", "-c", "echo $BOTH $ROOT $DOCKER; cat /seen/file"]);
        assert_eq!(seen, "root root docker\nbeside the first file");
        let child = copies.prism(directory, &["exec", "--", "docker", "compose", "config"]).succeeds();
        assert!(child.stdout.contains("DOCKER: docker") && child.stdout.contains("BOTH: root"), "{child}");
    }
}

#[test]
fn life_needs_no_compose_file_that_can_be_read() {
    let project = Project::new(&format!(
        "services:\n  web:\n    {SLEEPER}    volumes: [\"data:/data\"]\nvolumes: {{data: {{}}}}\n"
    ));
    project.prism(&["start"]).succeeds();
    project.write("compose.yaml", "services: {web: {image: \"x:${TAG:?}\"}}\n");
    let list = project.prism(&["list"]).succeeds().stdout;
    assert!(list.contains(project.directory.to_str().expect("UTF-8")), "{list}");
    project.prism(&["info"]).succeeds();
    project.prism(&["stop"]).succeeds();
    // Nothing but a volume and a network is left, and they are found by their label.
    docker(&["rm", "-f", &project.containers()[0]]);
    project.prism(&["destroy", "--yes"]).succeeds();
    let label = format!("label=dev-prism.working_dir={}", project.directory.display());
    for list in [&["network", "ls", "-q"][..], &["volume", "ls", "-q"]] {
        assert_eq!(docker(&[list, &["--filter", &label]].concat()), "", "{list:?}");
    }
}

#[test]
fn six_directories_start_at_once() {
    let project = Project::web();
    let directories: Vec<PathBuf> =
        (0..6).map(|number| project.sandbox.work().join(format!("six-{number}"))).collect();
    for directory in &directories {
        std::fs::create_dir(directory).expect("directory");
        std::fs::copy(project.directory.join("compose.yaml"), directory.join("compose.yaml")).expect("copy");
    }
    let runs: Vec<_> = directories
        .iter()
        .map(|directory| {
            project.sandbox.prism(directory, &["exec", "--", "sh", "-c", "echo $WEB_PORT"]).spawn()
        })
        .collect();
    let outcomes: Vec<_> = runs.into_iter().map(crate::support::Outcome::of).collect();
    let mut ports: Vec<&str> = outcomes.iter().map(crate::support::Outcome::line).collect();
    assert!(outcomes.iter().all(|outcome| outcome.status == 0), "{outcomes:?}");
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 6);
}

#[test]
fn labels_with_commas_equals_signs_and_newlines_arrive_whole() {
    let project = Project::new(&format!(
        "services:\n  web:\n    {SLEEPER}    labels: {{odd: \"a,b=c\\nd $$e\", \"key=with\": \"x\"}}\n"
    ));
    project.prism(&["start"]).succeeds();
    let labels = docker(&["inspect", "--format", "{{json .Config.Labels}}", &project.containers()[0]]);
    let labels: serde_json::Value = serde_json::from_str(&labels).expect("json");
    assert_eq!((labels["odd"].as_str(), labels["key=with"].as_str()), (Some("a,b=c\nd $e"), Some("x")));
    assert_eq!(project.prism(&["exec", "true"]).succeeds().stderr, "");
}
