//! The table of kinds: a row each. To add a kind, add a row here, a case in `variable/tests/kinds.rs`, and a line in
//! docs/variables.md.

mod cloud;
mod store;
mod tool;

use super::{Address, Database, DefaultDatabase, Group, Kind, Login, Other, Probe, User};

/// Lists every kind that prism knows.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    [KINDS, store::KINDS, cloud::KINDS, tool::KINDS].into_iter().flatten()
}

/// What most rows do not say.
const PLAIN: Kind = Kind {
    name: "",
    images: &[],
    ports: &[],
    servers: &[],
    probe: Probe::Tcp,
    logins: &[],
    user_flag: None,
    password_flag: None,
    without_password: &[],
    database: database(&[], DefaultDatabase::Nothing),
    facts: &[],
    urls: &[],
    others: &[],
    globals: &[],
};

const fn database(variables: &'static [&'static str], default: DefaultDatabase) -> Database {
    Database { suffix: "DATABASE", variables, default }
}

const fn login(user: User, password: &'static [&'static str]) -> Login {
    Login { user, password, default_password: None, ends: &[] }
}

const fn default_login(
    user: User,
    password: &'static [&'static str],
    default_password: &'static str,
) -> Login {
    Login { user, password, default_password: Some(default_password), ends: &[] }
}

const fn group(name: &'static str, variables: &'static [(&'static str, &'static str)]) -> Group {
    Group { name, variables, rivals: &[], address: None, takes_any: false }
}

#[rustfmt::skip] // a row reads better than a column
const KINDS: &[Kind] = &[
    Kind {
        name: "postgres",
        images: &["postgres", "postgresql", "postgis", "pgvector", "timescaledb", "timescaledb-ha"], ports: &[5432],
        probe: Probe::Postgres,
        logins: &[login(
            User::FromOr(&["POSTGRES_USER", "POSTGRESQL_USERNAME"], "postgres"),
            &["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"],
        )],
        without_password: &[("POSTGRES_HOST_AUTH_METHOD", "trust")],
        database: database(&["POSTGRES_DB", "POSTGRESQL_DATABASE"], DefaultDatabase::LikeUser),
        urls: &["postgresql://{auth}{address}/{database}"],
        servers: &["postgres", "postmaster", "pg_ctl", "pg_ctlcluster", "patroni", "run.sh"],
        globals: &[&DATABASE_URL, &PG], ..PLAIN
    },
    Kind {
        name: "mysql", images: &["mysql", "percona", "percona-server", "mysql-server"],
        logins: &[
            login(User::From(&["MYSQL_USER"]), &["MYSQL_PASSWORD"]),
            login(User::Named("root"), &["MYSQL_ROOT_PASSWORD"]),
        ],
        database: database(&["MYSQL_DATABASE"], DefaultDatabase::Nothing),
        ..MYSQL_LIKE
    },
    Kind {
        name: "mariadb", images: &["mariadb"],
        logins: &[
            login(User::From(&["MARIADB_USER", "MYSQL_USER"]), &["MARIADB_PASSWORD", "MYSQL_PASSWORD"]),
            login(User::Named("root"), &["MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD"]),
        ],
        database: database(&["MARIADB_DATABASE", "MYSQL_DATABASE"], DefaultDatabase::Nothing),
        ..MYSQL_LIKE
    },
    Kind {
        name: "redis",
        images: &["redis", "valkey", "valkey-bundle", "dragonfly", "keydb", "redis-stack", "redis-stack-server"],
        ports: &[6379], probe: Probe::Redis,
        logins: &[login(User::Nobody, &["REDIS_PASSWORD", "VALKEY_PASSWORD"])],
        password_flag: Some("--requirepass"),
        // Without a user: Redis 5 refuses one, and every library takes it so. redis-cli alone does not, and has
        // REDISCLI_AUTH instead.
        urls: &["redis://{auth}{address}"],
        servers: &["redis-server", "valkey-server", "keydb-server", "dragonfly", "run.sh"],
        globals: &[&group("REDIS_URL", &[("REDIS_URL", "{url}")])], ..PLAIN
    },
    Kind {
        name: "mongo", images: &["mongo", "mongodb", "mongodb-community-server", "mongodb-enterprise-server"],
        ports: &[27017],
        logins: &[
            login(
                User::From(&["MONGO_INITDB_ROOT_USERNAME", "MONGODB_INITDB_ROOT_USERNAME", "MONGODB_ROOT_USER"]),
                &["MONGO_INITDB_ROOT_PASSWORD", "MONGODB_INITDB_ROOT_PASSWORD", "MONGODB_ROOT_PASSWORD"],
            ),
            login(User::WithPassword("root"), &["MONGODB_ROOT_PASSWORD"]),
        ],
        database: database(
            &["MONGO_INITDB_DATABASE", "MONGODB_INITDB_DATABASE", "MONGODB_DATABASE"],
            DefaultDatabase::Named("test"),
        ),
        urls: &[
            "mongodb://{user}:{password}@{address}/{database}?authSource=admin",
            "mongodb://{address}/{database}",
        ],
        servers: &["mongod", "mongos", "run.sh"],
        globals: &[&group("MONGODB_*", &[("MONGODB_URL", "{url}"), ("MONGODB_URI", "{url}")])], ..PLAIN
    },
    // Its listener is the last thing that it starts: who can connect can log in, and needs no probe of its own.
    Kind {
        name: "rabbitmq", images: &["rabbitmq"], ports: &[5672],
        logins: &[default_login(
            User::FromOr(&["RABBITMQ_DEFAULT_USER", "RABBITMQ_USERNAME"], "guest"),
            &["RABBITMQ_DEFAULT_PASS", "RABBITMQ_PASSWORD"],
            "guest",
        )],
        database: Database {
            suffix: "VHOST",
            variables: &["RABBITMQ_DEFAULT_VHOST", "RABBITMQ_VHOST"],
            default: DefaultDatabase::Nothing,
        },
        urls: &["amqp://{auth}{address}/{database}", "amqp://{auth}{address}"],
        others: &[Other { suffix: "MANAGEMENT_URL", ports: &[15672], url: "http://{address}" }],
        globals: &[&group("AMQP_URL and RABBITMQ_URL", &[("AMQP_URL", "{url}"), ("RABBITMQ_URL", "{url}")])],
        servers: &["rabbitmq-server", "run.sh"],
        ..PLAIN
    },
    Kind {
        name: "kafka", images: &["kafka", "kafka-native", "cp-kafka", "cp-server", "confluent-local", "redpanda"],
        ports: &[9092],
        urls: &["kafka://{address}"],
        globals: &[&group("KAFKA_*", &[("KAFKA_BROKERS", "{address}"), ("KAFKA_BOOTSTRAP_SERVERS", "{address}")])],
        servers: &["run", "launch", "kafka-server-start", "kafka-server-start.sh", "redpanda start", "rpk redpanda start", "start", "run.sh"],
        ..PLAIN
    },
    Kind {
        name: "nats", images: &["nats"], ports: &[4222],
        urls: &["nats://{address}"],
        others: &[Other { suffix: "MONITOR_URL", ports: &[8222], url: "http://{address}" }],
        servers: &["nats-server"],
        globals: &[&group("NATS_URL", &[("NATS_URL", "{url}")])], ..PLAIN
    },
    Kind {
        name: "elasticsearch", images: &["elasticsearch"], ports: &[9200],
        logins: &[login(User::WithPassword("elastic"), &["ELASTIC_PASSWORD", "ELASTICSEARCH_PASSWORD"])],
        without_password: &[("xpack.security.enabled", "false")],
        urls: &["http://{auth}{address}"],
        servers: &["elasticsearch", "eswrapper", "run.sh"],
        globals: &[&group("ELASTICSEARCH_URL", &[("ELASTICSEARCH_URL", "{url}")])], ..PLAIN
    },
    Kind {
        name: "opensearch", images: &["opensearch"], ports: &[9200],
        logins: &[login(User::WithPassword("admin"), &["OPENSEARCH_INITIAL_ADMIN_PASSWORD"])],
        without_password: &[("DISABLE_SECURITY_PLUGIN", "true"), ("plugins.security.disabled", "true")],
        urls: &["http://{auth}{address}"],
        servers: &["opensearch", "run.sh"],
        globals: &[&group("OPENSEARCH_URL", &[("OPENSEARCH_URL", "{url}")])], ..PLAIN
    },
    Kind {
        name: "memcached", images: &["memcached"], ports: &[11211],
        urls: &["memcached://{address}"],
        servers: &["memcached", "run.sh"],
        globals: &[&group("MEMCACHED_SERVERS", &[("MEMCACHED_SERVERS", "{address}")])], ..PLAIN
    },
    Kind {
        name: "mail", images: &["mailpit", "mailhog", "mailcatcher", "maildev"], ports: &[1025, 25],
        urls: &["smtp://{address}"],
        others: &[Other { suffix: "WEB_URL", ports: &[8025, 1080, 80], url: "http://{address}" }],
        globals: &[&Group {
            address: Some(Address { hosts: &["SMTP_HOST"], port: "SMTP_PORT", default: 25 }),
            ..group(
                "MAILER_DSN and SMTP_*",
                &[("MAILER_DSN", "{url}"), ("SMTP_HOST", "{host}"), ("SMTP_PORT", "{port}")],
            )
        }],
        ..PLAIN
    },
    Kind {
        name: "minio", images: &["minio"], ports: &[9000],
        logins: &[default_login(
            User::FromOr(&["MINIO_ROOT_USER", "MINIO_ACCESS_KEY"], "minioadmin"),
            &["MINIO_ROOT_PASSWORD", "MINIO_SECRET_KEY"],
            "minioadmin",
        )],
        urls: &["http://{address}"],
        others: &[Other { suffix: "CONSOLE_URL", ports: &[9001], url: "http://{address}" }],
        globals: &[&Group {
            variables: &[
                ("AWS_ENDPOINT_URL_S3", "{url}"),
                ("AWS_ACCESS_KEY_ID", "{user}"),
                ("AWS_SECRET_ACCESS_KEY", "{password}"),
            ],
            ..AWS
        }],
        servers: &["minio server", "server", "run.sh"],
        ..PLAIN
    },
    Kind {
        name: "localstack", images: &["localstack", "localstack-pro"], ports: &[4566],
        logins: &[default_login(User::Named("test"), &[], "test")],
        urls: &["http://{address}"],
        globals: &[&Group {
            variables: &[
                ("AWS_ENDPOINT_URL", "{url}"),
                ("AWS_ACCESS_KEY_ID", "{user}"),
                ("AWS_SECRET_ACCESS_KEY", "{password}"),
            ],
            ..AWS
        }, &group("LOCALSTACK_HOST", &[("LOCALSTACK_HOST", "{address}")])],
        ..PLAIN
    },
    Kind {
        name: "clickhouse", images: &["clickhouse", "clickhouse-server"], ports: &[8123],
        logins: &[login(
            User::FromOr(&["CLICKHOUSE_USER", "CLICKHOUSE_ADMIN_USER"], "default"),
            &["CLICKHOUSE_PASSWORD", "CLICKHOUSE_ADMIN_PASSWORD"],
        )],
        database: database(&["CLICKHOUSE_DB"], DefaultDatabase::Named("default")),
        urls: &["http://{auth}{address}/?database={database}"],
        others: &[Other { suffix: "NATIVE_URL", ports: &[9000], url: "clickhouse://{auth}{address}/{database}" }],
        servers: &["clickhouse-server", "clickhouse server", "run.sh"],
        globals: &[&group("CLICKHOUSE_URL", &[("CLICKHOUSE_URL", "{url}")])], ..PLAIN
    },
    Kind {
        name: "mssql", images: &["mssql", "mssql/server", "mssql-server", "azure-sql-edge"], ports: &[1433],
        logins: &[login(User::Named("sa"), &["MSSQL_SA_PASSWORD", "SA_PASSWORD"])],
        urls: &["sqlserver://{auth}{address}"],
        servers: &["sqlservr", "launch_sqlservr.sh"],
        globals: &[&DATABASE_URL], ..PLAIN
    },
    Kind {
        name: "oracle", images: &["oracle", "oracle-free", "oracle-xe", "database/free", "database/express"],
        ports: &[1521],
        logins: &[
            login(User::From(&["APP_USER"]), &["APP_USER_PASSWORD"]),
            login(User::Named("system"), &["ORACLE_PASSWORD", "ORACLE_PWD"]),
        ],
        database: database(
            &["ORACLE_DATABASE"],
            DefaultDatabase::ByImage {
                images: &["oracle-free", "database/free"],
                then: "FREEPDB1",
                otherwise: "XEPDB1",
            },
        ),
        urls: &["oracle://{auth}{address}/{database}"],
        globals: &[&DATABASE_URL], ..PLAIN
    },
    Kind {
        name: "cassandra", images: &["cassandra", "scylla"], ports: &[9042],
        urls: &["cassandra://{address}"],
        servers: &["cassandra", "scylla", "run.sh"],
        globals: &[&group("CASSANDRA_CONTACT_POINTS", &[("CASSANDRA_CONTACT_POINTS", "{address}")])], ..PLAIN
    },
    Kind {
        name: "neo4j", images: &["neo4j"], ports: &[7687],
        logins: &[login(User::Joined { variable: "NEO4J_AUTH", separator: '/' }, &[])],
        urls: &["bolt://{address}"],
        others: &[Other { suffix: "HTTP_URL", ports: &[7474], url: "http://{address}" }],
        globals: &[&group(
            "NEO4J_*",
            &[("NEO4J_URI", "{url}"), ("NEO4J_USERNAME", "{user}"), ("NEO4J_PASSWORD", "{password}")],
        )],
        servers: &["neo4j"],
        ..PLAIN
    },
    Kind {
        name: "meilisearch", images: &["meilisearch"], ports: &[7700],
        logins: &[login(User::Nobody, &["MEILI_MASTER_KEY"])],
        password_flag: Some("--master-key"),
        urls: &["http://{address}"],
        globals: &[&group(
            "MEILISEARCH_* and MEILI_MASTER_KEY",
            &[("MEILISEARCH_URL", "{url}"), ("MEILISEARCH_HOST", "{url}"), ("MEILI_MASTER_KEY", "{password}")],
        )],
        servers: &["meilisearch"],
        ..PLAIN
    },
    Kind {
        name: "typesense", images: &["typesense"], ports: &[8108],
        logins: &[login(User::Nobody, &["TYPESENSE_API_KEY"])],
        password_flag: Some("--api-key"),
        urls: &["http://{address}"],
        globals: &[&group("TYPESENSE_*", &[("TYPESENSE_URL", "{url}"), ("TYPESENSE_API_KEY", "{password}")])],
        servers: &["typesense-server"],
        ..PLAIN
    },
    Kind {
        name: "mosquitto", images: &["mosquitto", "eclipse-mosquitto", "emqx"], ports: &[1883],
        urls: &["mqtt://{address}"],
        servers: &["mosquitto", "emqx"],
        globals: &[&group("MQTT_URL", &[("MQTT_URL", "{url}")])], ..PLAIN
    },
    Kind {
        name: "etcd", images: &["etcd"], ports: &[2379],
        urls: &["http://{address}"],
        servers: &["etcd", "run.sh"],
        globals: &[&group("ETCDCTL_ENDPOINTS", &[("ETCDCTL_ENDPOINTS", "{url}")])], ..PLAIN
    },
    Kind {
        name: "vault", images: &["vault"], ports: &[8200],
        logins: &[login(User::Nobody, &["VAULT_DEV_ROOT_TOKEN_ID"])],
        password_flag: Some("-dev-root-token-id"),
        urls: &["http://{address}"],
        globals: &[&Group {
            rivals: &["VAULT_AGENT_ADDR", "VAULT_NAMESPACE"],
            ..group("VAULT_*", &[("VAULT_ADDR", "{url}"), ("VAULT_TOKEN", "{password}")])
        }],
        servers: &["vault server", "server"],
        ..PLAIN
    },
    Kind {
        name: "otel", images: &[
            "opentelemetry-collector",
            "opentelemetry-collector-contrib",
            "otel-collector",
            "otel-lgtm",
            "jaeger",
            "jaegertracing/all-in-one",
        ],
        ports: &[4318],
        urls: &["http://{address}"],
        others: &[Other { suffix: "GRPC_URL", ports: &[4317], url: "http://{address}" }],
        globals: &[&group("OTEL_EXPORTER_OTLP_ENDPOINT", &[("OTEL_EXPORTER_OTLP_ENDPOINT", "{url}")])], ..PLAIN
    },
    Kind {
        name: "keycloak", images: &["keycloak"], ports: &[8080],
        logins: &[login(
            User::From(&["KC_BOOTSTRAP_ADMIN_USERNAME", "KEYCLOAK_ADMIN"]),
            &["KC_BOOTSTRAP_ADMIN_PASSWORD", "KEYCLOAK_ADMIN_PASSWORD"],
        )],
        urls: &["http://{address}"],
        servers: &["kc.sh", "start", "start-dev", "run.sh"],
        globals: &[&group("KEYCLOAK_URL", &[("KEYCLOAK_URL", "{url}")])], ..PLAIN
    },
    Kind {
        name: "iris", images: &["iris", "iris-community", "irishealth", "irishealth-community"], ports: &[1972],
        logins: &[default_login(User::Named("_SYSTEM"), &[], "SYS")],
        database: Database {
            suffix: "NAMESPACE", variables: &[], default: DefaultDatabase::Named("USER"),
        },
        urls: &["iris://{auth}{address}/{database}"],
        others: &[Other { suffix: "WEB_URL", ports: &[52773], url: "http://{address}" }],
        globals: &[&Group {
            address: Some(Address { hosts: &["IRIS_HOST"], port: "IRIS_PORT", default: 1972 }),
            ..group("IRIS_*", &[
                ("IRIS_URL", "{url}"), ("IRIS_HOST", "{host}"), ("IRIS_PORT", "{port}"),
                ("IRIS_NAMESPACE", "{database}"), ("IRIS_USERNAME", "{user}"), ("IRIS_PASSWORD", "{password}"),
            ])
        }],
        ..PLAIN
    },
    Kind {
        name: "qdrant", images: &["qdrant"], ports: &[6333],
        logins: &[login(User::Nobody, &["QDRANT__SERVICE__API_KEY"])],
        urls: &["http://{address}"],
        others: &[Other { suffix: "GRPC_URL", ports: &[6334], url: "http://{address}" }],
        globals: &[&group("QDRANT_*", &[("QDRANT_URL", "{url}"), ("QDRANT_API_KEY", "{password}")])], ..PLAIN
    },
];

const MYSQL_LIKE: Kind = Kind {
    ports: &[3306],
    servers: &["mysqld", "mysqld_safe", "mariadbd", "mariadbd-safe", "run.sh"],
    probe: Probe::Mysql,
    urls: &["mysql://{auth}{address}/{database}", "mysql://{auth}{address}"],
    globals: &[&DATABASE_URL, &MYSQL],
    ..PLAIN
};

const DATABASE_URL: Group = group("DATABASE_URL", &[("DATABASE_URL", "{url}")]);

const PG: Group = Group {
    name: "PG*",
    variables: &[
        ("PGHOST", "{host}"),
        ("PGPORT", "{port}"),
        ("PGUSER", "{user}"),
        ("PGPASSWORD", "{password}"),
        ("PGDATABASE", "{database}"),
    ],
    rivals: &["PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE"],
    takes_any: false,
    address: Some(Address { hosts: &["PGHOSTADDR", "PGHOST"], port: "PGPORT", default: 5432 }),
};

const MYSQL: Group = Group {
    name: "MYSQL_*",
    variables: &[("MYSQL_HOST", "{host}"), ("MYSQL_TCP_PORT", "{port}"), ("MYSQL_PWD", "{password}")],
    rivals: &["MYSQL_UNIX_PORT"],
    takes_any: false,
    address: Some(Address { hosts: &["MYSQL_HOST"], port: "MYSQL_TCP_PORT", default: 3306 }),
};

/// The part that these clouds share.
const AWS: Group = Group {
    name: "AWS_*",
    variables: &[],
    rivals: &["AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB"],
    address: None,
    takes_any: false,
};
