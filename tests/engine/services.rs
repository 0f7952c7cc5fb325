//! Nine services of nine kinds: the usual client of each connects with nothing but what prism set.

use crate::support::Project;

const SERVICES: &str = r#"
services:
  main-db.1:
    image: postgres:17-alpine
    container_name: db
    ports: ["5432:5432"]
    environment: {POSTGRES_USER: "us er", POSTGRES_PASSWORD: "p@ss/w%rd: é", POSTGRES_DB: "a b/c?d"}
  orders:
    image: prism.test/mariadb:11
    environment: {MARIADB_USER: "us:er", MARIADB_PASSWORD: "/@% :'\\", MARIADB_DATABASE: "or ders", MARIADB_ROOT_PASSWORD: x}
  cache:
    image: redis:8-alpine
    command: [redis-server, --requirepass, "/@% :"]
  2nd-cache: {image: "prism.test/memcached:1", ports: ["11211"]}
  queue:
    image: prism.test/rabbitmq:3
    environment: {RABBITMQ_DEFAULT_USER: "us/er", RABBITMQ_DEFAULT_PASS: "/@% :", RABBITMQ_DEFAULT_VHOST: "/shop %"}
    # It takes seconds to listen. Where the machine is busy, Docker's proxy is silent for longer than prism listens.
    healthcheck: {test: [CMD, bash, -c, "</dev/tcp/127.0.0.1/5672"], interval: 1s, retries: 100}
  broker: {image: "prism.test/acme/eclipse-mosquitto:2"}
  registry: {image: "prism.test/coreos/etcd:v3@sha256:0"}
  proxy: {image: "prism.test/nginx:1", ports: ["8080:80"]}
  files:
    image: prism-test:1
    stop_signal: SIGKILL
    command: [busybox, httpd, -f, -p, "4566", -h, /etc]
    labels: {dev-prism.kind: localstack}
  guest:
    image: prism-test:1
    stop_signal: SIGKILL
    network_mode: service:files
    command: [sh, -c, "busybox httpd -p 81 -h /etc; exec busybox httpd -f -p 82 -h /etc"]
    labels: {dev-prism.publish: "81,82"}
"#;

/// A client's script, and a part of what it prints.
const CLIENTS: &[(&str, &str)] = &[
    ("psql -tAc 'select current_user || current_database()'", "us era b/c?d"),
    ("psql \"$MAIN_DB_1_URL\" -tAc 'select current_database()'", "a b/c?d"),
    ("mariadb -u \"$ORDERS_USER\" -D \"$ORDERS_DATABASE\" -sNe 'select database()'", "or ders"),
    // redis-cli takes the empty user of redis://:password@ for one with that name.
    ("REDISCLI_AUTH=$CACHE_PASSWORD redis-cli -u \"redis://${REDIS_URL##*@}\" ping", "PONG"),
    (
        "IFS=: read -r host port <<<\"$MEMCACHED_SERVERS\"; exec 3<>\"/dev/tcp/$host/$port\"; printf 'version\\r\\n' >&3; head -n1 <&3",
        "VERSION",
    ),
    ("amqp-declare-queue --url=\"$AMQP_URL\" -q jobs", "jobs"),
    ("mosquitto_pub -L \"$MQTT_URL/greetings\" -m hello && echo published", "published"),
    ("ETCDCTL_API=3 etcdctl put a b && ETCDCTL_API=3 etcdctl get a", "a\nb"),
    ("curl -fsS \"$PROXY_URL\"", "nginx"),
    (
        "curl -fsS $GUEST_HOST:$GUEST_PORT/hostname $GUEST_HOST:$GUEST_PORT_82/hostname >&2 && echo $GUEST_PORT_81",
        "",
    ),
    ("curl -fsS \"$AWS_ENDPOINT_URL/hostname\" && echo $AWS_ACCESS_KEY_ID", "test"),
];

#[test]
fn every_client_connects_with_what_prism_set() {
    let project = Project::new(&SERVICES.replace("@sha256:0", ""));
    project.prism(&["start"]).succeeds();
    let scripts: Vec<String> =
        CLIENTS.iter().map(|(script, _)| format!("({script}) 2>&1; echo \"status $?\"; echo ----")).collect();
    let all = project.prism(&["exec", "--", "bash", "-c", &scripts.join("\n")]).succeeds();
    let answers: Vec<&str> = all.stdout.split("----\n").collect();
    for ((script, expected), answer) in CLIENTS.iter().zip(answers) {
        assert!(answer.contains(expected) && answer.contains("status 0"), "{script}\n{answer}");
    }

    let explained = project.prism(&["env", "--explain"]).succeeds().stdout;
    assert!(
        explained.contains("DATABASE_URL is not set: `main-db.1` and `orders` would give it")
            || explained.contains("DATABASE_URL is not set: `orders` and `main-db.1` would give it"),
        "{explained}"
    );
    assert!(
        !explained.contains("p%40ss") && !explained.contains("p@ss"),
        "passwords are hidden: {explained}"
    );
    let row = explained.lines().find(|line| line.starts_with("MAIN_DB_1_URL ")).expect("a row");
    assert!(
        row.contains("us%20er:********@127.0.0.1:")
            && row.ends_with("URL of kind `postgres`")
            && row.contains(" 5432/tcp "),
        "{row}"
    );
    let shown = project.prism(&["env", "--explain", "--show-secrets"]).succeeds().stdout;
    assert!(shown.contains("p%40ss%2Fw%25rd%3A%20%C3%A9@127.0.0.1"), "{shown}");
    let verbose = project.prism(&["-v", "exec", "true"]).succeeds();
    assert!(
        verbose.stderr.contains("DATABASE_URL is not set") && !verbose.stderr.contains("p@ss"),
        "{verbose}"
    );
    assert!(
        verbose.stderr.contains("_2ND_CACHE_PORT: host port of its primary port of `2nd-cache`, 11211/tcp"),
        "{verbose}"
    );

    let get = |what: &str| project.prism(&["get", what]).succeeds().line().to_owned();
    assert_eq!(get("proxy:80"), get("PROXY_URL").trim_start_matches("http://"));
    assert_eq!(get("2nd-cache"), get("MEMCACHED_SERVERS"));
    let missing = project.prism(&["get", "DATABASE_URL"]).exits(1);
    assert!(missing.stderr.contains("DATABASE_URL is not set: `"), "{missing}");
    for typo in ["2nd-cach", "MEMCACHED_SERVER", "ordres:3306"] {
        let wrong = project.prism(&["get", typo]).exits(1);
        assert!(wrong.stderr.contains("did you mean"), "{wrong}");
    }
}
