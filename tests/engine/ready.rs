//! When a stack counts as ready.

use std::time::{Duration, Instant};

use crate::support::{Project, docker};

#[test]
fn a_slow_health_interval_costs_nothing() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sh -c 'sleep 0.5; touch /ready; sleep 1000'\n    healthcheck: {test: test -f /ready, interval: 1000s}\n",
    );
    let began = Instant::now();
    project.prism(&["exec", "true"]).succeeds();
    project.prism(&["exec", "true"]).succeeds();
    assert!(began.elapsed() < Duration::from_secs(60), "waited for the interval: {:?}", began.elapsed());
}

#[test]
fn a_slow_interval_costs_nothing_to_those_who_depend_on_it() {
    let project = Project::new(
        "services:\n  db:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    healthcheck: {test: \"true\", interval: 1000s}\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n    depends_on: {db: {condition: service_healthy}}\n",
    );
    project.prism(&["exec", "--wait-timeout", "30", "--", "true"]).succeeds();
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
