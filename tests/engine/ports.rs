//! Ports that stay: whatever happens, the same number for as long as it can be had.

mod app;
mod family;
mod keep;
mod known;
mod pin;
mod range;
mod restart;

use std::fs;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::project::containers_of;
use crate::support::{Project, docker};

/// Runs prism in the session directory and returns `WEB_PORT`.
fn web_port(project: &Project) -> u16 {
    let outcome = project.prism(&["exec", "--", "sh", "-c", "echo $WEB_PORT"]).succeeds();
    outcome.line().parse().expect("a port")
}

/// Takes a port of the loopback from everybody else.
fn occupy(port: u16) -> TcpListener {
    TcpListener::bind(("127.0.0.1", port)).expect("a port that nobody has")
}

/// Finds contiguous ports that nobody has, outside of what prism and the system choose from by themselves.
fn free_range(count: u16) -> (u16, u16) {
    // Tests that run at once look elsewhere, be they processes or threads of one.
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let is_free = |port: &u16| TcpListener::bind(("0.0.0.0", *port)).is_ok();
    let place = std::process::id() + ASKED.fetch_add(1, Ordering::Relaxed);
    let begin = 10_000 + u16::try_from(place % 9000 * 97 % 9000).expect("a port");
    let starts = (begin..19_000).chain(10_000..begin).step_by(usize::from(count));
    let mut free = starts.filter(|start| (*start..*start + count).all(|port| is_free(&port)));
    let first = free.next().expect("free ports");
    (first, first + count - 1)
}

#[test]
fn equal_numbers_over_stop_start_deleted_files_destroy_and_create() {
    let project = Project::web();
    let port = web_port(&project);
    assert!((20_000..30_000).contains(&port), "{port}");
    let containers = project.containers();
    for file in ["docker-compose.session.yml", ".env.session"] {
        fs::remove_file(project.directory.join(file)).expect("a generated file");
    }
    assert_eq!(web_port(&project), port);
    assert_eq!(project.containers(), containers, "labels are the same at every run");
    project.prism(&["stop"]).succeeds();
    assert_eq!(web_port(&project), port);
    assert_eq!(project.containers(), containers, "started, not made anew");
    project.prism(&["restart"]).succeeds();
    assert_eq!(web_port(&project), port);
    project.prism(&["destroy", "--yes"]).succeeds();
    assert_eq!(web_port(&project), port);
}

#[test]
fn the_reservation_outlives_the_note_and_the_containers() {
    let project = Project::web();
    let port = web_port(&project);
    let label = format!("label=dev-prism.working_dir={}", project.directory.display());
    let note = docker(&["volume", "ls", "-q", "--filter", &label, "--filter", "label=dev-prism.config"]);
    docker(&["volume", "rm", note.trim()]);
    project.prism(&["stop"]).succeeds();
    let taken = project.prism(&["ports", "--format", "json"]).succeeds().stdout;
    assert!(taken.contains(&format!("\"port\": {port},")), "the containers' labels are left: {taken}");
    assert_eq!(web_port(&project), port);
    let note = docker(&["volume", "ls", "-q", "--filter", &label, "--filter", "label=dev-prism.config"]);
    assert!(!note.trim().is_empty(), "the note is rebuilt");
    docker(&["rm", "-f", &project.containers()[0]]);
    assert_eq!(web_port(&project), port);
}

#[test]
fn a_port_that_was_taken_while_the_session_was_stopped_is_replaced_and_the_data_kept() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /data]\n    ports: [\"80\"]\n    volumes: [\"data:/data\", /anonymous]\nvolumes: {data: {}}\n",
    );
    let port = web_port(&project);
    let write = "echo named > /data/file; echo anonymous > /anonymous/file";
    project.prism(&["compose", "exec", "-T", "web", "sh", "-c", write]).succeeds();
    project.prism(&["stop"]).succeeds();

    let thief = occupy(port);
    let started = project.prism(&["start"]).succeeds();
    let moved = format!("service `web` moves from port {port}, which process {} (`", std::process::id());
    assert!(started.stderr.contains(&moved), "{started}");
    assert_eq!(started.stderr.matches(" moves from port ").count(), 1, "one line says so: {started}");
    let new = web_port(&project);
    assert_ne!(new, port);
    let read = ["compose", "exec", "-T", "web", "cat", "/data/file", "/anonymous/file"];
    assert_eq!(project.prism(&read).succeeds().stdout, "named\nanonymous\n");

    drop(thief);
    project.prism(&["restart"]).succeeds();
    assert_eq!(web_port(&project), new, "what is reserved now stays");
    // Which finds the anonymous volume too, though the container that it was made for is gone.
    let mounts =
        docker(&["inspect", "--format", "{{range .Mounts}}{{.Name}} {{end}}", &project.containers()[0]]);
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
    let left = docker(&["volume", "ls", "--quiet"]);
    assert!(
        mounts.split_whitespace().count() == 2 && !mounts.split_whitespace().any(|name| left.contains(name))
    );
}

#[test]
fn a_port_that_another_container_took_is_replaced() {
    let project = Project::web();
    let port = web_port(&project);
    project.prism(&["stop"]).succeeds();
    let publish = format!("127.0.0.1:{port}:80");
    let thief = docker(&["run", "-d", "--rm", "-p", &publish, "prism-test:1", "sleep", "1000"]);
    let name = docker(&["inspect", "--format", "{{.Name}}", thief.trim()]);
    let started = project.prism(&["start"]).run();
    docker(&["rm", "-f", thief.trim()]);
    assert_eq!(started.status, 0, "{started}");
    let by = format!("which container `{}` has", name.trim().trim_start_matches('/'));
    assert!(started.stderr.contains(&by), "{started}");
    assert_ne!(web_port(&project), port);
}

#[test]
fn ports_bound_at_any_address_are_passed_over() {
    let project = Project::web();
    let port = web_port(&project);
    let mut before = port;
    for address in ["0.0.0.0", "::1", "::"] {
        project.prism(&["stop"]).succeeds();
        let thief = TcpListener::bind((address, before)).expect(address);
        let now = web_port(&project);
        assert_ne!(now, before, "{address}");
        drop(thief);
        before = now;
    }
}

#[test]
fn replicas_get_contiguous_ports_and_move_as_one() {
    let compose = |replicas: u32| {
        format!(
            "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /etc]\n    ports: [\"80\"]\n    deploy: {{replicas: {replicas}}}\n"
        )
    };
    let project = Project::new(&compose(2));
    let ports = |project: &Project| {
        let outcome =
            project.prism(&["exec", "--", "sh", "-c", "echo $WEB_1_PORT $WEB_2_PORT $WEB_3_PORT"]).succeeds();
        let mut ports: Vec<u16> =
            outcome.line().split_whitespace().map(|port| port.parse().expect("a port")).collect();
        ports.sort_unstable();
        ports
    };
    let two = ports(&project);
    assert_eq!(two, [two[0], two[0] + 1]);
    project.write("compose.yaml", &compose(3));
    let thief = occupy(two[1] + 1);
    let three = ports(&project);
    assert_eq!(three, [three[0], three[0] + 1, three[0] + 2]);
    assert!(!three.contains(&(two[1] + 1)), "{three:?}");
    drop(thief);
}

#[test]
fn random_leaves_the_choice_to_the_engine() {
    let project = Project::web();
    project.write("prism.yaml", "ports: random\n");
    let port = web_port(&project);
    let text = fs::read_to_string(project.directory.join("docker-compose.session.yml")).expect("override");
    assert!(!text.contains("published"), "{text}");
    let ports = project.prism(&["ports", "inspect"]).succeeds();
    assert!(ports.stdout.contains(&format!("{port}  web 80/tcp  running")), "{ports}");
    // From one policy to the other, and back.
    project.write("prism.yaml", "ports: sticky\n");
    let sticky = web_port(&project);
    assert!((20_000..30_000).contains(&sticky), "{sticky}");
    project.write("prism.yaml", "ports: random\n");
    assert_ne!(web_port(&project), sticky);
}

#[test]
fn a_label_that_somebody_edited_counts_as_not_there() {
    let project = Project::web();
    let port = web_port(&project);
    project.prism(&["stop"]).succeeds();
    let label = format!("label=dev-prism.working_dir={}", project.directory.display());
    let note = docker(&["volume", "ls", "-q", "--filter", &label, "--filter", "label=dev-prism.config"]);
    let directory = project.directory.display();
    docker(&["volume", "rm", note.trim()]);
    let labels = [
        "dev-prism.managed=true".to_owned(),
        format!("dev-prism.session_id={directory}"),
        format!("dev-prism.working_dir={directory}"),
        "dev-prism.config=".to_owned(),
        "dev-prism.scope={nonsense".to_owned(),
        "dev-prism.ports=web:80/tcp=99999,=,web,db:x=5,web:80/tcp=-1".to_owned(),
    ];
    let mut words = vec!["volume", "create"];
    for label in &labels {
        words.extend(["--label", label]);
    }
    words.push(note.trim());
    docker(&words);
    assert_eq!(web_port(&project), port);
}

#[test]
fn two_services_of_a_project_never_meet_and_those_of_others_are_passed_over() {
    let project = Project::web();
    let port = web_port(&project);
    let other = Project::web();
    // What a stopped session has reserved is respected: here, by a pool of which it has the first port.
    project.prism(&["stop"]).succeeds();
    other.write("prism.yaml", &format!("ports: {{range: {port}-{}}}\n", port + 1));
    let next = TcpListener::bind(("127.0.0.1", port + 1)).map(drop);
    let outcome = other.prism(&["exec", "--", "sh", "-c", "echo $WEB_PORT"]).run();
    if next.is_ok() {
        assert_eq!(outcome.line(), (port + 1).to_string(), "{outcome}");
    } else {
        assert_eq!(outcome.status, 125, "{outcome}");
    }
    assert_eq!(containers_of(&project.directory).len(), 1);
    assert_eq!(web_port(&project), port);
}

#[test]
fn an_engine_elsewhere_decides_alone() {
    let project = Project::web();
    let (first, last) = free_range(3);
    // Its first address, which an old Engine does not name.
    let bridge = docker(&["network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}"]);
    let gateway: &str = &format!("{}.1", bridge.rsplit_once(".0/").expect("a network").0);
    project.write("prism.yaml", &format!("bind: {gateway}\nports: {{range: {first}-{last}}}\n"));
    // Where the Engine seems to be far away, these are found only by its refusal.
    let thieves: Vec<TcpListener> =
        (first..last).map(|port| TcpListener::bind((gateway, port)).expect("a port")).collect();
    let address = super::endpoint::forwarded_at(gateway);
    let exec = || {
        project
            .prism(&["exec", "--", "sh", "-c", "echo $WEB_HOST:$WEB_PORT"])
            .env("DOCKER_HOST", &address)
            .succeeds()
    };
    assert_eq!(exec().line(), format!("{gateway}:{last}"));
    assert_eq!(project.containers().len(), 1);
    drop(thieves);
    assert_eq!(exec().line(), format!("{gateway}:{last}"));
}

#[test]
fn ports_are_listed_released_and_chosen_anew() {
    let project = Project::web();
    let port = web_port(&project);
    let directory = project.directory.to_str().expect("UTF-8").to_owned();
    let row = |state: &str| format!("{port}  web 80/tcp  {state}  {directory}\n");
    assert!(project.prism(&["ports", "inspect"]).succeeds().stdout.ends_with(&row("running")));
    let list: serde_json::Value =
        serde_json::from_str(&project.prism(&["ports", "--format", "json"]).succeeds().stdout).expect("json");
    let ports = list["ports"].as_array().expect("ports");
    let ours = ports.iter().find(|it| it["directory"] == directory.as_str()).expect("ours");
    assert_eq!((list["schema"].as_u64(), ours["port"].as_u64()), (Some(1), Some(port.into())));
    assert_eq!((&ours["service"], &ours["container_port"]), (&"web".into(), &"80/tcp".into()));

    let running = project.prism(&["ports", "clear", &directory]).exits(1);
    assert!(
        running.stderr.contains("runs: it needs its ports") && running.stderr.contains("prism stop"),
        "{running}"
    );

    let moved = project.prism(&["ports", "--reassign", "web"]).succeeds();
    assert!(moved.stderr.contains(&format!("service `web` moves from port {port}")), "{moved}");
    let new = web_port(&project);
    assert_ne!(new, port);
    let typo = project.prism(&["ports", "--reassign", "wbe"]).exits(2);
    assert!(typo.stderr.contains("did you mean `web`?"), "{typo}");
    project.prism(&["stop"]).succeeds();
    project.prism(&["ports", "--reassign", "web"]).succeeds();
    assert!(!project.prism(&["ports", "inspect"]).succeeds().stdout.contains(&format!("{new} ")));

    assert!(project.prism(&["ports", "clear", &directory]).succeeds().stderr.contains("released "));
    project.prism(&["ports", "inspect"]).exits(3);
    assert!(!project.prism(&["ports", "list"]).succeeds().stdout.contains(&directory));
    assert!(
        project.prism(&["ports", "clear", &directory]).succeeds().stderr.contains("has reserved nothing")
    );
    assert_eq!(web_port(&project), port, "the number follows from the directory again");
}

#[test]
fn destroy_releases_the_ports_also_where_it_keeps_the_data() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /data]\n    ports: [\"80\"]\n    volumes: [\"data:/data\"]\nvolumes: {data: {}}\n",
    );
    let port = web_port(&project);
    project.prism(&["compose", "exec", "-T", "web", "sh", "-c", "echo kept > /data/file"]).succeeds();
    project.prism(&["destroy", "--yes", "--keep-volumes"]).succeeds();
    project.prism(&["ports", "inspect"]).exits(3);
    assert_eq!(web_port(&project), port);
    assert_eq!(
        project.prism(&["compose", "exec", "-T", "web", "cat", "/data/file"]).succeeds().line(),
        "kept"
    );
}
