//! The table of docs/variables.md, kind by kind: what a container of that image says, and which variables follow. Names that
//! every service has (`S_HOST`, `S_PORT`, `S_PORT_<n>`) are left out; the host ports are 7001, 7002, …

use super::*;

/// Derives the variables of a service `s` and compares them, sorted, with `expected`: a line each.
pub(super) fn case(image: &str, ports: &[u16], environment: &[&str], command: &[&str], expected: &[&str]) {
    let bound: Vec<(u16, u16)> = ports.iter().copied().zip(7001..).collect();
    let environment: Vec<(&str, &str)> =
        environment.iter().filter_map(|entry| entry.split_once('=')).collect();
    let mut found = derived(&[(serving("s", image, &bound), inspected(&environment, command))]);
    assert_eq!(found.remove("S_HOST").as_deref(), Some("127.0.0.1"));
    assert_eq!(
        found.remove("S_PORT").as_deref(),
        Some("7001"),
        "{image}: the primary port comes first in these cases"
    );
    for (inside, outside) in bound {
        assert_eq!(found.remove(&format!("S_PORT_{inside}")), Some(outside.to_string()));
    }
    let found: Vec<String> = found.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(found, expected, "{image} {environment:?} {command:?}");
}

#[test]
fn sql() {
    case(
        "ghcr.io/acme/postgres:17",
        &[5432],
        &["POSTGRES_PASSWORD=p@ss w/rd:%"],
        &[],
        &[
            "DATABASE_URL=postgresql://postgres:p%40ss%20w%2Frd%3A%25@127.0.0.1:7001/postgres",
            "PGDATABASE=postgres",
            "PGHOST=127.0.0.1",
            "PGPASSWORD=p@ss w/rd:%",
            "PGPORT=7001",
            "PGUSER=postgres",
            "S_DATABASE=postgres",
            "S_PASSWORD=p@ss w/rd:%",
            "S_URL=postgresql://postgres:p%40ss%20w%2Frd%3A%25@127.0.0.1:7001/postgres",
            "S_USER=postgres",
        ],
    );
    let trust =
        ["POSTGRES_USER=me", "POSTGRES_DB=shop", "POSTGRES_PASSWORD=x", "POSTGRES_HOST_AUTH_METHOD=trust"];
    case(
        "postgres",
        &[5432],
        &trust,
        &[],
        &[
            "DATABASE_URL=postgresql://me@127.0.0.1:7001/shop",
            "PGDATABASE=shop",
            "PGHOST=127.0.0.1",
            "PGPORT=7001",
            "PGUSER=me",
            "S_DATABASE=shop",
            "S_URL=postgresql://me@127.0.0.1:7001/shop",
            "S_USER=me",
        ],
    );
}

#[test]
fn more_sql() {
    let mysql = |url: &str, user: &str, password: &str, database: &str| {
        let all = [
            format!("DATABASE_URL={url}"),
            "MYSQL_HOST=127.0.0.1".into(),
            format!("MYSQL_PWD={password}"),
            "MYSQL_TCP_PORT=7001".into(),
            format!("S_DATABASE={database}"),
            format!("S_PASSWORD={password}"),
            format!("S_URL={url}"),
            format!("S_USER={user}"),
        ];
        all.into_iter().filter(|it| it != "S_DATABASE=").collect::<Vec<String>>()
    };
    let whole = ["MYSQL_USER=u", "MYSQL_PASSWORD=p", "MYSQL_ROOT_PASSWORD=r", "MYSQL_DATABASE=d"];
    let root_only = ["MARIADB_ROOT_PASSWORD=r", "MYSQL_ROOT_PASSWORD=no", "MYSQL_USER=without a password"];
    let prefers =
        ["MARIADB_USER=u", "MARIADB_PASSWORD=p", "MYSQL_USER=no", "MYSQL_PASSWORD=no", "MARIADB_DATABASE=d"];
    for (image, environment, expected) in [
        ("mysql:8", &whole[..], mysql("mysql://u:p@127.0.0.1:7001/d", "u", "p", "d")),
        (
            "percona/percona-server:8.0",
            &whole[2..],
            mysql("mysql://root:r@127.0.0.1:7001/d", "root", "r", "d"),
        ),
        ("mariadb", &root_only, mysql("mysql://root:r@127.0.0.1:7001", "root", "r", "")),
        ("lts/mariadb", &prefers, mysql("mysql://u:p@127.0.0.1:7001/d", "u", "p", "d")),
    ] {
        case(image, &[3306], environment, &[], &expected.iter().map(String::as_str).collect::<Vec<_>>());
    }
    case(
        "mcr.microsoft.com/mssql/server:2022-latest",
        &[1433],
        &["SA_PASSWORD=no", "MSSQL_SA_PASSWORD=P@1"],
        &[],
        &[
            "DATABASE_URL=sqlserver://sa:P%401@127.0.0.1:7001",
            "S_PASSWORD=P@1",
            "S_URL=sqlserver://sa:P%401@127.0.0.1:7001",
            "S_USER=sa",
        ],
    );
    case(
        "gvenzl/oracle-free:23",
        &[1521],
        &["ORACLE_PASSWORD=x", "APP_USER=app", "APP_USER_PASSWORD=y"],
        &[],
        &[
            "DATABASE_URL=oracle://app:y@127.0.0.1:7001/FREEPDB1",
            "S_DATABASE=FREEPDB1",
            "S_PASSWORD=y",
            "S_URL=oracle://app:y@127.0.0.1:7001/FREEPDB1",
            "S_USER=app",
        ],
    );
    case(
        "gvenzl/oracle-xe",
        &[1521],
        &["ORACLE_PASSWORD=x"],
        &[],
        &[
            "DATABASE_URL=oracle://system:x@127.0.0.1:7001/XEPDB1",
            "S_DATABASE=XEPDB1",
            "S_PASSWORD=x",
            "S_URL=oracle://system:x@127.0.0.1:7001/XEPDB1",
            "S_USER=system",
        ],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn stores() {
    let redis = |password: &str, url: &str| {
        [format!("REDIS_URL={url}"), format!("S_PASSWORD={password}"), format!("S_URL={url}")]
    };
    for (image, environment, command, expected) in [
        (
            "redis:8",
            &[][..],
            &["redis-server", "--requirepass", "s:cret"][..],
            redis("s:cret", "redis://:s%3Acret@127.0.0.1:7001"),
        ),
        ("dragonfly", &["x=y"], &["--requirepass", "$x"], redis("$x", "redis://:%24x@127.0.0.1:7001")),
        ("dragonfly", &[], &["--requirepass=x"], redis("x", "redis://:x@127.0.0.1:7001")),
        (
            "valkey",
            &["P=x"],
            &["sh", "-c", "exec valkey-server --requirepass \"$P\""],
            redis("x", "redis://:x@127.0.0.1:7001"),
        ),
        (
            "keydb",
            &[],
            &["sh", "-c", "keydb-server --requirepass ${P:-x}"],
            redis("x", "redis://:x@127.0.0.1:7001"),
        ),
        ("redis/redis-stack:7", &["REDIS_PASSWORD=x"], &[], redis("x", "redis://:x@127.0.0.1:7001")),
    ] {
        case(image, &[6379], environment, command, &expected.each_ref().map(String::as_str));
    }
    let by_file = ["sh", "-c", "redis-server --requirepass \"$(cat /run/secrets/p)\""];
    for command in [&["redis-server"][..], &by_file] {
        case(
            "redis",
            &[6379],
            &[],
            command,
            &["REDIS_URL=redis://127.0.0.1:7001", "S_URL=redis://127.0.0.1:7001"],
        );
    }
    case(
        "bitnami/mongodb",
        &[27017],
        &["MONGODB_ROOT_PASSWORD=x"],
        &[],
        &[
            "MONGODB_URI=mongodb://root:x@127.0.0.1:7001/test?authSource=admin",
            "MONGODB_URL=mongodb://root:x@127.0.0.1:7001/test?authSource=admin",
            "S_DATABASE=test",
            "S_PASSWORD=x",
            "S_URL=mongodb://root:x@127.0.0.1:7001/test?authSource=admin",
            "S_USER=root",
        ],
    );
    case(
        "mongo:7",
        &[27017],
        &["MONGO_INITDB_ROOT_USERNAME=me", "MONGO_INITDB_ROOT_PASSWORD=p/w"],
        &[],
        &[
            "MONGODB_URI=mongodb://me:p%2Fw@127.0.0.1:7001/test?authSource=admin",
            "MONGODB_URL=mongodb://me:p%2Fw@127.0.0.1:7001/test?authSource=admin",
            "S_DATABASE=test",
            "S_PASSWORD=p/w",
            "S_URL=mongodb://me:p%2Fw@127.0.0.1:7001/test?authSource=admin",
            "S_USER=me",
        ],
    );
    case(
        "mongo",
        &[27017],
        &["MONGO_INITDB_DATABASE=shop"],
        &[],
        &[
            "MONGODB_URI=mongodb://127.0.0.1:7001/shop",
            "MONGODB_URL=mongodb://127.0.0.1:7001/shop",
            "S_DATABASE=shop",
            "S_URL=mongodb://127.0.0.1:7001/shop",
        ],
    );
    case(
        "memcached:1",
        &[11211],
        &[],
        &[],
        &["MEMCACHED_SERVERS=127.0.0.1:7001", "S_URL=memcached://127.0.0.1:7001"],
    );
    case(
        "clickhouse/clickhouse-server:24",
        &[8123, 9000],
        &["CLICKHOUSE_PASSWORD=x", "CLICKHOUSE_DB=d"],
        &[],
        &[
            "CLICKHOUSE_URL=http://default:x@127.0.0.1:7001/?database=d",
            "S_DATABASE=d",
            "S_NATIVE_URL=clickhouse://default:x@127.0.0.1:7002/d",
            "S_PASSWORD=x",
            "S_URL=http://default:x@127.0.0.1:7001/?database=d",
            "S_USER=default",
        ],
    );
    case(
        "scylladb/scylla",
        &[9042],
        &[],
        &[],
        &["CASSANDRA_CONTACT_POINTS=127.0.0.1:7001", "S_URL=cassandra://127.0.0.1:7001"],
    );
    case(
        "neo4j:5",
        &[7687, 7474],
        &["NEO4J_AUTH=neo4j/pass/word"],
        &[],
        &[
            "NEO4J_PASSWORD=pass/word",
            "NEO4J_URI=bolt://127.0.0.1:7001",
            "NEO4J_USERNAME=neo4j",
            "S_HTTP_URL=http://127.0.0.1:7002",
            "S_PASSWORD=pass/word",
            "S_URL=bolt://127.0.0.1:7001",
            "S_USER=neo4j",
        ],
    );
    case(
        "neo4j:5",
        &[7687],
        &["NEO4J_AUTH=none"],
        &[],
        &["NEO4J_URI=bolt://127.0.0.1:7001", "S_URL=bolt://127.0.0.1:7001"],
    );
    case(
        "quay.io/coreos/etcd:v3.5.17",
        &[2379],
        &[],
        &[],
        &["ETCDCTL_ENDPOINTS=http://127.0.0.1:7001", "S_URL=http://127.0.0.1:7001"],
    );
}

#[test]
fn queues_and_mail() {
    let rabbit = |url: &str, user: &str, password: &str| {
        [
            format!("AMQP_URL={url}"),
            format!("RABBITMQ_URL={url}"),
            format!("S_PASSWORD={password}"),
            format!("S_URL={url}"),
            format!("S_USER={user}"),
        ]
    };
    let guest = rabbit("amqp://guest:guest@127.0.0.1:7001", "guest", "guest");
    case("rabbitmq:3", &[5672], &[], &[], &guest.each_ref().map(String::as_str));
    let given = ["RABBITMQ_DEFAULT_USER=me", "RABBITMQ_DEFAULT_PASS=p w", "RABBITMQ_DEFAULT_VHOST=/shop"];
    case(
        "rabbitmq:3-management",
        &[5672, 15672],
        &given,
        &[],
        &[
            "AMQP_URL=amqp://me:p%20w@127.0.0.1:7001/%2Fshop",
            "RABBITMQ_URL=amqp://me:p%20w@127.0.0.1:7001/%2Fshop",
            "S_MANAGEMENT_URL=http://127.0.0.1:7002",
            "S_PASSWORD=p w",
            "S_URL=amqp://me:p%20w@127.0.0.1:7001/%2Fshop",
            "S_USER=me",
            "S_VHOST=/shop",
        ],
    );
    for image in ["apache/kafka:3.9", "docker.redpanda.com/redpandadata/redpanda"] {
        case(
            image,
            &[9092],
            &[],
            &[],
            &[
                "KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:7001",
                "KAFKA_BROKERS=127.0.0.1:7001",
                "S_URL=kafka://127.0.0.1:7001",
            ],
        );
    }
    case(
        "nats:2",
        &[4222, 8222],
        &[],
        &[],
        &[
            "NATS_URL=nats://127.0.0.1:7001",
            "S_MONITOR_URL=http://127.0.0.1:7002",
            "S_URL=nats://127.0.0.1:7001",
        ],
    );
    for (image, ports) in
        [("axllent/mailpit", [1025, 8025]), ("maildev/maildev", [1025, 1080]), ("acme/mailcatcher", [25, 80])]
    {
        case(
            image,
            &ports,
            &[],
            &[],
            &[
                "MAILER_DSN=smtp://127.0.0.1:7001",
                "SMTP_HOST=127.0.0.1",
                "SMTP_PORT=7001",
                "S_URL=smtp://127.0.0.1:7001",
                "S_WEB_URL=http://127.0.0.1:7002",
            ],
        );
    }
    for image in ["eclipse-mosquitto:2", "emqx/emqx"] {
        case(image, &[1883], &[], &[], &["MQTT_URL=mqtt://127.0.0.1:7001", "S_URL=mqtt://127.0.0.1:7001"]);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn search_and_clouds() {
    for (image, environment, name, user) in [
        (
            "docker.elastic.co/elasticsearch/elasticsearch:8.15.0",
            "ELASTIC_PASSWORD=x",
            "ELASTICSEARCH_URL",
            "elastic",
        ),
        ("opensearchproject/opensearch:2", "OPENSEARCH_INITIAL_ADMIN_PASSWORD=x", "OPENSEARCH_URL", "admin"),
    ] {
        let url = format!("http://{user}:x@127.0.0.1:7001");
        let expected = [
            format!("{name}={url}"),
            "S_PASSWORD=x".into(),
            format!("S_URL={url}"),
            format!("S_USER={user}"),
        ];
        case(image, &[9200], &[environment], &[], &expected.each_ref().map(String::as_str));
        let open = [format!("{name}=http://127.0.0.1:7001"), "S_URL=http://127.0.0.1:7001".into()];
        case(image, &[9200], &[], &[], &open.each_ref().map(String::as_str));
        let off = [environment, "xpack.security.enabled=false", "DISABLE_SECURITY_PLUGIN=true"];
        case(image, &[9200], &off, &[], &open.each_ref().map(String::as_str));
    }
    for (environment, command) in
        [(&["MEILI_MASTER_KEY=k"][..], &[][..]), (&[], &["meilisearch", "--master-key=k"])]
    {
        case(
            "getmeili/meilisearch:v1",
            &[7700],
            environment,
            command,
            &[
                "MEILISEARCH_HOST=http://127.0.0.1:7001",
                "MEILISEARCH_URL=http://127.0.0.1:7001",
                "MEILI_MASTER_KEY=k",
                "S_PASSWORD=k",
                "S_URL=http://127.0.0.1:7001",
            ],
        );
    }
    case(
        "typesense/typesense:27.1",
        &[8108],
        &[],
        &["--data-dir", "/data", "--api-key=k"],
        &[
            "S_PASSWORD=k",
            "S_URL=http://127.0.0.1:7001",
            "TYPESENSE_API_KEY=k",
            "TYPESENSE_URL=http://127.0.0.1:7001",
        ],
    );
    case(
        "quay.io/minio/minio",
        &[9000, 9001],
        &["MINIO_ROOT_USER=me"],
        &[],
        &[
            "AWS_ACCESS_KEY_ID=me",
            "AWS_ENDPOINT_URL_S3=http://127.0.0.1:7001",
            "AWS_SECRET_ACCESS_KEY=minioadmin",
            "S_CONSOLE_URL=http://127.0.0.1:7002",
            "S_PASSWORD=minioadmin",
            "S_URL=http://127.0.0.1:7001",
            "S_USER=me",
        ],
    );
    case(
        "localstack/localstack:3",
        &[4566],
        &[],
        &[],
        &[
            "AWS_ACCESS_KEY_ID=test",
            "AWS_ENDPOINT_URL=http://127.0.0.1:7001",
            "AWS_SECRET_ACCESS_KEY=test",
            "LOCALSTACK_HOST=127.0.0.1:7001",
            "S_PASSWORD=test",
            "S_URL=http://127.0.0.1:7001",
            "S_USER=test",
        ],
    );
    case(
        "hashicorp/vault:1.18",
        &[8200],
        &["VAULT_DEV_ROOT_TOKEN_ID=root"],
        &[],
        &[
            "S_PASSWORD=root",
            "S_URL=http://127.0.0.1:7001",
            "VAULT_ADDR=http://127.0.0.1:7001",
            "VAULT_TOKEN=root",
        ],
    );
    for (image, ports, more) in [
        (
            "otel/opentelemetry-collector-contrib",
            &[4318, 4317][..],
            &["S_GRPC_URL=http://127.0.0.1:7002"][..],
        ),
        ("jaegertracing/all-in-one:1.62", &[4318], &[]),
    ] {
        let expected =
            [&["OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:7001"], more, &["S_URL=http://127.0.0.1:7001"]];
        case(image, ports, &[], &[], &expected.concat());
    }
    let admin = ["KC_BOOTSTRAP_ADMIN_USERNAME=admin", "KC_BOOTSTRAP_ADMIN_PASSWORD=x"];
    case(
        "quay.io/keycloak/keycloak:26",
        &[8080],
        &admin,
        &["start-dev"],
        &[
            "KEYCLOAK_URL=http://127.0.0.1:7001",
            "S_PASSWORD=x",
            "S_URL=http://127.0.0.1:7001",
            "S_USER=admin",
        ],
    );
}

#[test]
fn iris_and_qdrant() {
    case(
        "intersystemsdc/iris-community:latest",
        &[1972, 52773],
        &[],
        &[],
        &[
            "IRIS_HOST=127.0.0.1",
            "IRIS_NAMESPACE=USER",
            "IRIS_PASSWORD=SYS",
            "IRIS_PORT=7001",
            "IRIS_URL=iris://_SYSTEM:SYS@127.0.0.1:7001/USER",
            "IRIS_USERNAME=_SYSTEM",
            "S_NAMESPACE=USER",
            "S_PASSWORD=SYS",
            "S_URL=iris://_SYSTEM:SYS@127.0.0.1:7001/USER",
            "S_USER=_SYSTEM",
            "S_WEB_URL=http://127.0.0.1:7002",
        ],
    );
    case(
        "qdrant/qdrant:v1.13.4",
        &[6333, 6334],
        &["QDRANT__SERVICE__API_KEY=k"],
        &[],
        &[
            "QDRANT_API_KEY=k",
            "QDRANT_URL=http://127.0.0.1:7001",
            "S_GRPC_URL=http://127.0.0.1:7002",
            "S_PASSWORD=k",
            "S_URL=http://127.0.0.1:7001",
        ],
    );
}

#[test]
fn every_kind_is_documented() {
    let documented = include_str!("../../../../../docs/variables.md");
    for kind in catalog::kinds() {
        assert!(
            documented.contains(&format!("`{}`", kind.name)),
            "{} is missing in docs/variables.md",
            kind.name
        );
        for (name, _) in kind.globals.iter().flat_map(|group| group.variables) {
            assert!(documented.contains(name), "{name} is missing in docs/variables.md");
        }
    }
}
