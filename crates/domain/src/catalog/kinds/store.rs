//! Databases and queues that are younger, or more special, than those of the first table.

use super::{PLAIN, database, default_login, group, login};
use crate::catalog::{Database, DefaultDatabase, Fact, Kind, Login, Other, User};

#[rustfmt::skip] // a row reads better than a column
pub(super) const KINDS: &[Kind] = &[
    // The image's page: https://hub.docker.com/_/couchdb. Clients have no name of their own for it.
    Kind {
        name: "couchdb", images: &["couchdb"], ports: &[5984],
        logins: &[login(User::From(&["COUCHDB_USER"]), &["COUCHDB_PASSWORD"])],
        urls: &["http://{auth}{address}"],
        servers: &["couchdb", "run.sh"], ..PLAIN
    },
    // The image's page: https://hub.docker.com/_/influxdb. The `influx` command and the clients of version 3 read
    // INFLUX_…: https://docs.influxdata.com/influxdb/v2/reference/cli/influx/; those of version 2 INFLUXDB_V2_… (their
    // `from_env_properties`).
    Kind {
        name: "influxdb", images: &["influxdb"], ports: &[8086, 8181],
        logins: &[
            login(
                User::From(&["DOCKER_INFLUXDB_INIT_USERNAME", "INFLUXDB_ADMIN_USER"]),
                &["DOCKER_INFLUXDB_INIT_PASSWORD", "INFLUXDB_ADMIN_PASSWORD", "INFLUXDB_ADMIN_USER_PASSWORD"],
            ),
            login(User::From(&["INFLUXDB_USER"]), &["INFLUXDB_USER_PASSWORD"]),
        ],
        database: database(&["INFLUXDB_DB"], DefaultDatabase::Nothing),
        facts: &[
            Fact {
                suffix: "TOKEN",
                variables: &["DOCKER_INFLUXDB_INIT_ADMIN_TOKEN", "INFLUXDB_ADMIN_USER_TOKEN"],
                is_secret: true,
            },
            Fact {
                suffix: "ORG", variables: &["DOCKER_INFLUXDB_INIT_ORG", "INFLUXDB_ADMIN_ORG"], is_secret: false,
            },
            Fact {
                suffix: "BUCKET", variables: &["DOCKER_INFLUXDB_INIT_BUCKET", "INFLUXDB_ADMIN_BUCKET"], is_secret: false,
            },
        ],
        urls: &["http://{address}"],
        servers: &["influxd", "influxdb3 serve", "run.sh"],
        globals: &[&group("INFLUX_*", &[
            ("INFLUX_HOST", "{url}"), ("INFLUX_TOKEN", "{TOKEN}"), ("INFLUX_ORG", "{ORG}"),
            ("INFLUXDB_V2_URL", "{url}"), ("INFLUXDB_V2_TOKEN", "{TOKEN}"), ("INFLUXDB_V2_ORG", "{ORG}"),
        ])], ..PLAIN
    },
    // https://questdb.com/docs/configuration/overview/: `pg.user` is QDB_PG_USER, admin and quest by default;
    // https://questdb.com/docs/ingestion-overview/: its clients read QDB_CLIENT_CONF.
    Kind {
        name: "questdb", images: &["questdb"], ports: &[9000],
        logins: &[default_login(User::FromOr(&["QDB_PG_USER"], "admin"), &["QDB_PG_PASSWORD"], "quest")],
        database: database(&[], DefaultDatabase::Named("qdb")),
        urls: &["http://{address}"],
        others: &[
            Other { suffix: "PG_URL", ports: &[8812], url: "postgresql://{auth}{address}/{database}" },
            Other { suffix: "ILP_URL", ports: &[9009], url: "tcp://{address}" },
        ],
        globals: &[&group("QDB_CLIENT_CONF", &[("QDB_CLIENT_CONF", "http::addr={address};")])], ..PLAIN
    },
    // https://surrealdb.com/docs/surrealdb/cli/start: SURREAL_USER and SURREAL_PASS, or the flags.
    Kind {
        name: "surrealdb", images: &["surrealdb"], ports: &[8000],
        logins: &[
            login(User::From(&["SURREAL_USER"]), &["SURREAL_PASS"]),
            login(User::WithPassword("root"), &["SURREAL_PASS"]),
        ],
        user_flag: Some("--user"), password_flag: Some("--pass"),
        urls: &["ws://{address}"],
        servers: &["surreal start", "start"],
        globals: &[&group("SURREAL_*", &[("SURREAL_USER", "{user}"), ("SURREAL_PASS", "{password}")])], ..PLAIN
    },
    // https://docs.weaviate.io/deploy/configuration/env-vars: the keys stand in a list;
    // https://docs.weaviate.io/weaviate/quickstart: clients are given WEAVIATE_URL and WEAVIATE_API_KEY.
    Kind {
        name: "weaviate", images: &["weaviate"], ports: &[8080],
        logins: &[Login { ends: &[','], ..login(User::Nobody, &["AUTHENTICATION_APIKEY_ALLOWED_KEYS"]) }],
        urls: &["http://{address}"],
        others: &[Other { suffix: "GRPC_URL", ports: &[50051], url: "http://{address}" }],
        globals: &[&group("WEAVIATE_*", &[("WEAVIATE_URL", "{url}"), ("WEAVIATE_API_KEY", "{password}")])], ..PLAIN
    },
    // https://docs.trychroma.com/guides/deploy/docker. Its client has no variable for a server of one's own.
    Kind {
        name: "chroma", images: &["chroma", "chromadb"], ports: &[8000],
        logins: &[login(User::Nobody, &["CHROMA_SERVER_AUTHN_CREDENTIALS", "CHROMA_SERVER_AUTH_CREDENTIALS"])],
        urls: &["http://{address}"], ..PLAIN
    },
    // https://milvus.io/docs/install_standalone-docker-compose.md; pymilvus reads MILVUS_URI (`settings.py`).
    Kind {
        name: "milvus", images: &["milvus"], ports: &[19530],
        urls: &["http://{address}"],
        others: &[Other { suffix: "WEB_URL", ports: &[9091], url: "http://{address}" }],
        servers: &["milvus run"],
        globals: &[&group("MILVUS_URI", &[("MILVUS_URI", "{url}")])], ..PLAIN
    },
    // https://pulsar.apache.org/docs/getting-started-docker/. Clients have no name of their own for it.
    Kind {
        name: "pulsar", images: &["pulsar", "pulsar-all"], ports: &[6650],
        urls: &["pulsar://{address}"],
        others: &[Other { suffix: "ADMIN_URL", ports: &[8080], url: "http://{address}" }],
        servers: &["pulsar"], ..PLAIN
    },
    // https://docs.temporal.io/references/client-environment-configuration: host and port.
    Kind {
        name: "temporal", images: &["temporalio/auto-setup", "temporalio/server", "temporalio/temporal"], ports: &[7233],
        database: Database {
            suffix: "NAMESPACE", variables: &["DEFAULT_NAMESPACE"], default: DefaultDatabase::Nothing,
        },
        urls: &["tcp://{address}"],
        others: &[Other { suffix: "WEB_URL", ports: &[8233], url: "http://{address}" }],
        globals: &[&group("TEMPORAL_*", &[("TEMPORAL_ADDRESS", "{address}"), ("TEMPORAL_NAMESPACE", "{database}")])],
        ..PLAIN
    },
];
