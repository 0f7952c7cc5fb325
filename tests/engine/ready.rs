//! When a stack counts as ready.

use std::time::{Duration, Instant};

use crate::support::{Project, docker, eventually};

#[test]
fn a_slow_health_interval_costs_nothing() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sh -c 'sleep 0.5; touch /ready; sleep 1000'\n    healthcheck: {test: test -f /ready, interval: 1000s}\n",
    );
    let began = Instant::now();
    project.prism(&["exec", "true"]).succeeds();
    // One rule says everywhere that it is ready.
    let info = project.prism(&["info"]).succeeds().stdout;
    assert!(info.contains("healthy") && !info.contains("starting"), "{info}");
    let prompt = project.prism(&["prompt", "--format", "{state} {healthy}/{total}"]).succeeds().stdout;
    assert_eq!(prompt, "up 1/1\n");
    project.prism(&["exec", "true"]).succeeds();
    assert!(began.elapsed() < Duration::from_secs(60), "waited for the interval: {:?}", began.elapsed());
}

/// An interval that nobody waits for to its end where the Engine has a `start_interval`. An older one, and Compose on it,
/// waits for it in any case.
fn slow_interval() -> &'static str {
    let version = docker(&["version", "--format", "{{.Server.APIVersion}}"]);
    let minor: u32 = version.trim().rsplit('.').next().expect("a version").parse().expect("a number");
    if minor >= 44 { "1000s" } else { "2s" }
}

#[test]
fn a_slow_interval_costs_nothing_to_those_who_depend_on_it() {
    let interval = slow_interval();
    let project = Project::new(&format!(
        "services:\n  db:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    healthcheck: {{test: \"true\", interval: {interval}}}\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    depends_on: {{db: {{condition: service_healthy}}}}\n",
    ));
    project.prism(&["exec", "--wait-timeout", "30", "--", "true"]).succeeds();
}

#[test]
fn a_check_of_the_image_costs_nothing_to_those_who_depend_on_it_either() {
    let project = Project::new(
        "services:\n  db: {build: ., stop_signal: SIGKILL}\n  off: {build: ., stop_signal: SIGKILL, healthcheck: {disable: true}}\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    depends_on: {db: {condition: service_healthy}, off: {condition: service_started}}\n",
    );
    project.write(
        "Dockerfile",
        &format!(
            "FROM prism-test:1\nHEALTHCHECK --interval={} --timeout=7s CMD test -f /ready\nCMD [\"sh\", \"-c\", \"sleep 1; touch /ready; sleep 1000\"]\n",
            slow_interval()
        ),
    );
    project.prism(&["exec", "--wait-timeout", "30", "--", "true"]).succeeds();
    let containers = project.containers();
    assert_eq!(project.prism(&["exec", "--", "true"]).succeeds().stderr, "");
    assert_eq!(project.containers(), containers);
    project.prism(&["destroy", "--yes"]).succeeds();
}

#[test]
fn a_port_that_the_proxy_accepts_too_early_is_waited_for() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sh -c 'sleep 2; exec busybox httpd -f -p 80 -h /etc'\n    ports: [\"80\"]\n",
    );
    let script =
        "exec 3<>/dev/tcp/127.0.0.1/$WEB_PORT; printf 'GET /hostname HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3";
    let outcome = project.prism(&["exec", "--", "bash", "-c", script]).succeeds();
    assert!(outcome.stdout.contains("200 OK"), "{outcome}");
}

#[test]
fn a_database_that_listens_and_lets_nobody_in_is_not_ready() {
    let project = Project::new(
        "services:\n  db:\n    image: postgres:17-alpine\n    environment: {POSTGRES_USER: app, POSTGRES_HOST_AUTH_METHOD: trust}\n    ports: [\"5432\"]\n",
    );
    let query = ["exec", "--wait-timeout", "60", "--", "psql", "-tAc", "select 1"];
    assert_eq!(project.prism(&query).succeeds().line(), "1");
    let db = project.containers().pop().expect("a container");
    let in_data = |command: &str| {
        docker(&["exec", &db, "sh", "-c", &format!("cd \"$PGDATA\" && {command}")]);
        docker(&["restart", &db]);
    };
    // It waits for what a primary would send, and says so to everybody.
    in_data("touch standby.signal && echo 'hot_standby = off' >>postgresql.auto.conf");
    let outcome = project.prism(&["exec", "--wait-timeout", "3", "--", "true"]).exits(125);
    assert!(outcome.stderr.contains("gave up after 3 s waiting for `db` (port 5432/tcp)"), "{outcome}");
    in_data("rm standby.signal");
    assert_eq!(project.prism(&query).succeeds().line(), "1");
    // Nobody was asked for who is not there.
    let log = project.prism(&["logs", "db"]).succeeds();
    assert!(log.stdout.contains("ready to accept connections"), "{log}");
    assert!(!log.stdout.contains("FATAL:  role"), "{log}");
}

#[test]
fn a_client_with_its_servers_image_is_no_server() {
    let project = Project::new(
        "services:\n  cache: {image: \"redis:8-alpine\"}\n  watch:\n    image: redis:8-alpine\n    command: redis-cli -h cache monitor\n    depends_on: [cache]\n    restart: on-failure\n  nightly:\n    image: redis:8-alpine\n    stop_signal: SIGKILL\n    entrypoint: [sh, -c]\n    command: [\"while redis-cli -h cache --rdb /tmp/dump; do sleep 1000; done\"]\n    depends_on: [cache]\n",
    );
    let show = "echo $REDIS_URL ${WATCH_HOST-} ${NIGHTLY_URL-}";
    let outcome = project.prism(&["exec", "--wait-timeout", "30", "--", "sh", "-c", show]).succeeds();
    let cache = project.prism(&["get", "cache"]).succeeds();
    assert_eq!(outcome.line().trim_end(), format!("redis://{}", cache.line()));
    assert_eq!(project.prism(&["exec", "--", "sh", "-c", show]).succeeds().stderr, "");
    let why = project.prism(&["get", "NIGHTLY_URL"]).exits(1);
    assert!(why.stderr.contains("runs something else; `dev-prism.kind: redis` says that it is one"), "{why}");
}

#[test]
fn a_server_at_another_port_is_found_and_named() {
    let project = Project::new(
        "services:\n  cache: {image: \"redis:8-alpine\", command: redis-server --port 6390}\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"127.0.0.1:80\", -h, /etc]\n    ports: [\"80\"]\n",
    );
    let cache = "`cache` (port 6379/tcp): nobody listens there, but on 6390/tcp; ";
    let web = "`web` (port 80/tcp): it listens there for itself alone, on its own loopback address";
    let outcome = project.prism(&["exec", "--wait-timeout", "20", "--", "true"]).exits(125);
    let remedy = "give `cache` `ports: [\"6390\"]`, if that is its port; `";
    for words in [
        format!("prism: waiting 10 s for {cache}{web}\nprism: {remedy}dev-prism.ready"),
        format!("prism: error: gave up after 20 s waiting for {cache}{web}\n"),
        format!("hint: {remedy}--wait-timeout"),
    ] {
        assert!(outcome.stderr.contains(&words), "{words}: {outcome}");
    }
    project.prism(&["destroy", "--yes"]).succeeds();
    project.write(
        "compose.yaml",
        "services: {cache: {image: \"redis:8-alpine\", command: redis-server --port 6390, ports: [\"6390\"]}}",
    );
    project.prism(&["exec", "--wait-timeout", "30", "--", "true"]).succeeds();
}

#[test]
fn a_port_that_did_not_answer_is_not_believed_for_its_age() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [sh, -c, \"while [ ! -e /go ]; do sleep 0.1; done; exec busybox httpd -f -p 80 -h /etc\"]\n    ports: [\"80\"]\n",
    );
    let outcome = project.prism(&["exec", "--wait-timeout", "11", "--", "true"]).exits(125);
    assert!(
        outcome.stderr.contains("(port 80/tcp): nobody listens there, nor at any other port"),
        "{outcome}"
    );
    // It is older than ten seconds now.
    project.prism(&["exec", "--wait-timeout", "1", "--", "true"]).exits(125);
    docker(&["exec", &project.containers()[0], "touch", "/go"]);
    for _ in 0..2 {
        let outcome = project.prism(&["exec", "--wait-timeout", "30", "--", "true"]).succeeds();
        assert_eq!(outcome.stderr, "");
    }
    let header =
        std::fs::read_to_string(project.directory.join("docker-compose.session.yml")).expect("the override");
    assert!(!header.contains("unanswered"), "{header}");
}

#[test]
fn what_is_taken_away_while_it_is_waited_for_is_brought_back() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [sh, -c, \"sleep 5; exec busybox httpd -f -p 80 -h /etc\"]\n    ports: [\"80\"]\n",
    );
    let mut run = project.prism(&["exec", "--wait-timeout", "60", "--", "echo", "ready"]).live();
    eventually("Compose to end", || {
        let header = std::fs::read_to_string(project.directory.join("docker-compose.session.yml"));
        header.is_ok_and(|header| header.contains("\"settled\":true"))
    });
    let web = project.containers().pop().expect("a container");
    docker(&["pause", &web]);
    run.says("ready");
    run.exits(0);
    let errors = run.errors();
    assert!(
        errors.contains("bringing up again what did not stay up: `web` (its container is paused)"),
        "{errors}"
    );
    assert_eq!(project.containers(), [web]);
}

#[test]
fn two_copies_of_a_resolver_that_speaks_udp_only_come_up_at_once() {
    let script =
        "import socket; u=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); u.bind((str(),53)); u.recv(1)";
    let service = format!(
        "image: prism-test:1, stop_signal: SIGKILL, restart: unless-stopped, command: [python3, -c, \"{script}\"]"
    );
    let text = format!(
        "services:\n  cloudflared: {{{service}, container_name: cloudflared, ports: [\"5053:53/tcp\", \"5053:53/udp\"], networks: {{dns: {{ipv4_address: 172.30.9.2}}}}}}\n  pihole: {{{service}, container_name: pihole, depends_on: [cloudflared], ports: [\"53:53/tcp\", \"53:53/udp\"], networks: {{dns: {{ipv4_address: 172.30.9.3}}}}}}\nnetworks: {{dns: {{ipam: {{config: [{{subnet: 172.30.9.0/24}}]}}}}}}\n"
    );
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let project = Project::new(&text);
                let show = "echo $PIHOLE_PORT_53_UDP $CLOUDFLARED_PORT_53";
                let outcome =
                    project.prism(&["exec", "--wait-timeout", "60", "--", "sh", "-c", show]).succeeds();
                assert_eq!(outcome.line().split(' ').count(), 2, "{outcome}");
            });
        }
    });
}

#[test]
fn a_one_shot_that_succeeded_is_success_and_runs_before_the_child() {
    let project = Project::new(
        "services:\n  migrate:\n    image: prism-test:1\n    command: sh -c 'sleep 0.3; echo done > /data/migrated'\n    volumes: [\"data:/data\"]\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /data]\n    ports: [\"80\"]\n    volumes: [\"data:/data\"]\n    depends_on: {migrate: {condition: service_completed_successfully}}\nvolumes: {data: }\n",
    );
    project.prism(&["exec", "true"]).succeeds();
    assert_eq!(
        project.prism(&["compose", "exec", "-T", "web", "cat", "/data/migrated"]).succeeds().line(),
        "done"
    );
    let warm = project.prism(&["exec", "true"]).succeeds();
    assert_eq!(warm.stderr, "", "a finished one-shot is not started again");
    let info = project.prism(&["info", "--format", "json"]).succeeds().stdout;
    assert!(info.contains("\"state\": \"up\"") && info.contains("\"done\""), "{info}");
}

#[test]
fn completed_waits_for_a_one_shot_without_dependents() {
    let project = Project::new(
        "services:\n  seed:\n    image: prism-test:1\n    command: sh -c 'sleep 1; echo seeded'\n    labels: {dev-prism.ready: completed}\n",
    );
    project.prism(&["exec", "true"]).succeeds();
    assert!(project.prism(&["compose", "logs", "seed"]).succeeds().stdout.contains("seeded"));
}

#[test]
fn an_ignored_service_is_not_awaited_and_publishes_nothing() {
    let project = Project::new(
        "services:\n  broken:\n    image: prism-test:1\n    command: sh -c 'exit 1'\n    ports: [\"18081:80\"]\n    labels: {dev-prism.ignore: \"true\"}\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n",
    );
    let outcome = project.prism(&["exec", "--", "sh", "-c", "echo ${BROKEN_PORT-none}"]).succeeds();
    assert_eq!(outcome.line(), "none");
}

#[test]
fn services_of_inactive_profiles_neither_start_nor_break_anything() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n  debug:\n    image: localhost:1/nope:1\n    profiles: [debug]\n",
    );
    project.prism(&["exec", "true"]).succeeds();
    assert_eq!(project.containers().len(), 1);
}

#[test]
fn what_a_failing_health_check_says_is_shown() {
    let project = Project::new(
        "services:\n  db:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    healthcheck: {test: \"echo looking >&2; echo no such role >&2; exit 1\", interval: 1000s, start_period: 1000s}\n",
    );
    let outcome = project.prism(&["exec", "--wait-timeout", "30", "--", "true"]).exits(125);
    for words in [
        "prism: waiting 10 s for `db` (health check): it fails with `no such role`\n",
        "prism: error: gave up after 30 s waiting for `db` (health check): it fails with `no such role`\n",
    ] {
        assert!(outcome.stderr.contains(words), "{words}: {outcome}");
    }
    let project = Project::new(
        "services:\n  db:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    healthcheck: {test: \"echo no such role; exit 1\", interval: 1s, retries: 1}\n",
    );
    let outcome = project.prism(&["exec", "--", "true"]).exits(125);
    assert!(outcome.stderr.contains("`db` is unhealthy: its check says `no such role`\n"), "{outcome}");
}

/// A server of DNS by TCP and UDP that crashes when it is started for the first time, as one of two that compete may.
fn resolver(settings: &str) -> Project {
    let project = Project::new(
        "services:\n  resolver:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    restart: always\n    command:\n      - sh\n      - -c\n      - |\n        if [ ! -e /tmp/again ]; then\n          touch /tmp/again\n          busybox timeout 1 busybox httpd -f -p 53 -h /etc\n          exit 1\n        fi\n        sleep 1\n        exec busybox httpd -f -p 53 -h /etc\n    ports: [\"53:53/udp\", \"53:53/tcp\"]\n",
    );
    project.write("prism.yaml", settings);
    project
}

#[test]
fn a_server_that_is_started_again_meanwhile_is_found_where_it_is_then() {
    for settings in ["ports: sticky\n", "ports: random\n"] {
        let project = resolver(settings);
        let script = "exec 3<>/dev/tcp/127.0.0.1/$RESOLVER_PORT; printf 'GET /hostname HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3";
        // While the first one runs, it answers: what is asked later is asked of the second.
        let ask = || project.prism(&["exec", "--wait-timeout", "60", "--", "bash", "-c", script]).run();
        eventually("the second one", || {
            let outcome = ask();
            assert!(!outcome.stderr.contains("gave up"), "{settings}: {outcome}");
            let restarts = docker(&["inspect", "--format", "{{.RestartCount}}", &project.containers()[0]]);
            outcome.stdout.contains("200 OK") && restarts == "1\n"
        });
        let bound = docker(&["port", &project.containers()[0], "53/tcp"]);
        let got = project.prism(&["get", "resolver:53"]).succeeds();
        assert_eq!(bound.lines().next(), Some(got.line()), "{settings}");
    }
}
