//! The kinds of `catalog/kinds/`, a case each. As in `kinds.rs`, the host ports are 7001, 7002, …

use super::kinds::case;
use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn stores() {
    case(
        "couchdb:3",
        &[5984],
        &["COUCHDB_USER=u", "COUCHDB_PASSWORD=p@"],
        &[],
        &["S_PASSWORD=p@", "S_URL=http://u:p%40@127.0.0.1:7001", "S_USER=u"],
    );
    let influx = [
        "DOCKER_INFLUXDB_INIT_MODE=setup",
        "DOCKER_INFLUXDB_INIT_USERNAME=u",
        "DOCKER_INFLUXDB_INIT_PASSWORD=p",
        "DOCKER_INFLUXDB_INIT_ORG=o",
        "DOCKER_INFLUXDB_INIT_BUCKET=b",
        "DOCKER_INFLUXDB_INIT_ADMIN_TOKEN=t",
    ];
    case(
        "influxdb:2.7",
        &[8086],
        &influx,
        &[],
        &[
            "INFLUXDB_V2_ORG=o",
            "INFLUXDB_V2_TOKEN=t",
            "INFLUXDB_V2_URL=http://127.0.0.1:7001",
            "INFLUX_HOST=http://127.0.0.1:7001",
            "INFLUX_ORG=o",
            "INFLUX_TOKEN=t",
            "S_BUCKET=b",
            "S_ORG=o",
            "S_PASSWORD=p",
            "S_TOKEN=t",
            "S_URL=http://127.0.0.1:7001",
            "S_USER=u",
        ],
    );
    case(
        "bitnami/influxdb:1.8",
        &[8086],
        &["INFLUXDB_DB=d", "INFLUXDB_USER=u", "INFLUXDB_USER_PASSWORD=p"],
        &[],
        &[
            "INFLUXDB_V2_URL=http://127.0.0.1:7001",
            "INFLUX_HOST=http://127.0.0.1:7001",
            "S_DATABASE=d",
            "S_PASSWORD=p",
            "S_URL=http://127.0.0.1:7001",
            "S_USER=u",
        ],
    );
    case(
        "questdb/questdb:8.2.1",
        &[9000, 8812, 9009],
        &["QDB_PG_PASSWORD=p"],
        &[],
        &[
            "QDB_CLIENT_CONF=http::addr=127.0.0.1:7001;",
            "S_DATABASE=qdb",
            "S_ILP_URL=tcp://127.0.0.1:7003",
            "S_PASSWORD=p",
            "S_PG_URL=postgresql://admin:p@127.0.0.1:7002/qdb",
            "S_URL=http://127.0.0.1:7001",
            "S_USER=admin",
        ],
    );
    let surreal =
        ["SURREAL_PASS=p", "SURREAL_USER=u", "S_PASSWORD=p", "S_URL=ws://127.0.0.1:7001", "S_USER=u"];
    let command = ["start", "--user", "u", "--pass=p"];
    case("surrealdb/surrealdb:v2", &[8000], &["SURREAL_USER=u", "SURREAL_PASS=p"], &["start"], &surreal);
    case("surrealdb/surrealdb:v2", &[8000], &[], &command, &surreal);
    case(
        "surrealdb/surrealdb:v2",
        &[8000],
        &[],
        &["start", "--unauthenticated"],
        &["S_URL=ws://127.0.0.1:7001"],
    );
    case(
        "cr.weaviate.io/semitechnologies/weaviate:1.28.4",
        &[8080, 50051],
        &["AUTHENTICATION_APIKEY_ALLOWED_KEYS=k,other"],
        &[],
        &[
            "S_GRPC_URL=http://127.0.0.1:7002",
            "S_PASSWORD=k",
            "S_URL=http://127.0.0.1:7001",
            "WEAVIATE_API_KEY=k",
            "WEAVIATE_URL=http://127.0.0.1:7001",
        ],
    );
    case(
        "ghcr.io/chroma-core/chroma:0.6.3",
        &[8000],
        &["CHROMA_SERVER_AUTHN_CREDENTIALS=t"],
        &[],
        &["S_PASSWORD=t", "S_URL=http://127.0.0.1:7001"],
    );
    case(
        "milvusdb/milvus:v2.5.4",
        &[19530, 9091],
        &[],
        &["milvus", "run", "standalone"],
        &[
            "MILVUS_URI=http://127.0.0.1:7001",
            "S_URL=http://127.0.0.1:7001",
            "S_WEB_URL=http://127.0.0.1:7002",
        ],
    );
    case(
        "apachepulsar/pulsar:4.0.2",
        &[6650, 8080],
        &[],
        &["bin/pulsar", "standalone"],
        &["S_ADMIN_URL=http://127.0.0.1:7002", "S_URL=pulsar://127.0.0.1:7001"],
    );
    case(
        "temporalio/auto-setup:1.26",
        &[7233],
        &["DEFAULT_NAMESPACE=n"],
        &[],
        &[
            "S_NAMESPACE=n",
            "S_URL=tcp://127.0.0.1:7001",
            "TEMPORAL_ADDRESS=127.0.0.1:7001",
            "TEMPORAL_NAMESPACE=n",
        ],
    );
}

#[test]
fn clouds() {
    let azurite = |account: &str, key: &str| {
        [
            format!(
                "AZURE_STORAGE_CONNECTION_STRING=DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};\
                 BlobEndpoint=http://127.0.0.1:7001/{account};QueueEndpoint=http://127.0.0.1:7002/{account};\
                 TableEndpoint=http://127.0.0.1:7003/{account};"
            ),
            format!("S_PASSWORD={key}"),
            format!("S_QUEUE_URL=http://127.0.0.1:7002/{account}"),
            format!("S_TABLE_URL=http://127.0.0.1:7003/{account}"),
            format!("S_URL=http://127.0.0.1:7001/{account}"),
            format!("S_USER={account}"),
        ]
    };
    let usual = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    let image = "mcr.microsoft.com/azure-storage/azurite:3.33.0";
    for (environment, expected) in [
        (&[][..], azurite("devstoreaccount1", usual)),
        (&["AZURITE_ACCOUNTS=me:a/b==:c;you:d"], azurite("me", "a/b==")),
    ] {
        let expected = expected.each_ref().map(String::as_str);
        case(image, &[10000, 10001, 10002], environment, &[], &expected);
    }
    let blob = derived(&[(serving("s", image, &[(10000, 7001)]), Inspection::default())]);
    assert!(
        blob["AZURE_STORAGE_CONNECTION_STRING"]
            .ends_with("==;BlobEndpoint=http://127.0.0.1:7001/devstoreaccount1;")
    );
    case(
        "amazon/dynamodb-local:2.5.4",
        &[8000],
        &[],
        &["-jar", "DynamoDBLocal.jar"],
        &[
            "AWS_ACCESS_KEY_ID=local",
            "AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:7001",
            "AWS_SECRET_ACCESS_KEY=local",
            "S_PASSWORD=local",
            "S_URL=http://127.0.0.1:7001",
            "S_USER=local",
        ],
    );
    for (image, port, name) in [
        ("thekevjames/gcloud-pubsub-emulator", 8681, "PUBSUB_EMULATOR_HOST"),
        ("acme/pubsub-emulator", 8085, "PUBSUB_EMULATOR_HOST"),
        ("mtlynch/firestore-emulator", 8080, "FIRESTORE_EMULATOR_HOST"),
        ("acme/datastore-emulator", 8081, "DATASTORE_EMULATOR_HOST"),
        ("acme/bigtable-emulator", 8086, "BIGTABLE_EMULATOR_HOST"),
        ("gcr.io/cloud-spanner-emulator/emulator:1.5.28", 9010, "SPANNER_EMULATOR_HOST"),
    ] {
        let mut expected = [format!("{name}=127.0.0.1:7001"), "S_URL=http://127.0.0.1:7001".to_owned()];
        expected.sort();
        case(image, &[port], &[], &[], &expected.each_ref().map(String::as_str));
    }
    case(
        "andreysenov/firebase-tools:13",
        &[4000, 8080, 9099, 9000, 9199, 8085],
        &[],
        &["firebase", "emulators:start"],
        &[
            "FIREBASE_AUTH_EMULATOR_HOST=127.0.0.1:7003",
            "FIREBASE_DATABASE_EMULATOR_HOST=127.0.0.1:7004",
            "FIREBASE_STORAGE_EMULATOR_HOST=127.0.0.1:7005",
            "FIRESTORE_EMULATOR_HOST=127.0.0.1:7002",
            "PUBSUB_EMULATOR_HOST=127.0.0.1:7006",
            "S_URL=http://127.0.0.1:7001",
        ],
    );
}

#[test]
fn tools() {
    case(
        "ghcr.io/openzipkin/zipkin-slim:3",
        &[9411],
        &[],
        &[],
        &["OTEL_EXPORTER_ZIPKIN_ENDPOINT=http://127.0.0.1:7001/api/v2/spans", "S_URL=http://127.0.0.1:7001"],
    );
    case(
        "grafana/grafana-oss:11",
        &[3000],
        &["GF_SECURITY_ADMIN_PASSWORD=p"],
        &[],
        &["S_PASSWORD=p", "S_URL=http://127.0.0.1:7001", "S_USER=admin"],
    );
    for (image, port) in [("prom/prometheus:v3.1.0", 9090), ("wiremock/wiremock:3.10.0", 8080)] {
        case(image, &[port], &[], &[], &["S_URL=http://127.0.0.1:7001"]);
    }
    case(
        "grafana/loki:3.3.2",
        &[3100],
        &[],
        &[],
        &["LOKI_ADDR=http://127.0.0.1:7001", "S_URL=http://127.0.0.1:7001"],
    );
    case(
        "ollama/ollama:0.5.7",
        &[11434],
        &[],
        &[],
        &["OLLAMA_HOST=127.0.0.1:7001", "S_URL=http://127.0.0.1:7001"],
    );
    case(
        "selenium/standalone-chrome:4.27",
        &[4444, 7900],
        &["SE_ROUTER_USERNAME=u", "SE_ROUTER_PASSWORD=p"],
        &[],
        &[
            "SELENIUM_REMOTE_URL=http://u:p@127.0.0.1:7001",
            "S_PASSWORD=p",
            "S_URL=http://u:p@127.0.0.1:7001",
            "S_USER=u",
            "S_VNC_URL=http://127.0.0.1:7002",
        ],
    );
    case(
        "selenium/hub:4.27",
        &[4444],
        &[],
        &[],
        &["SELENIUM_REMOTE_URL=http://127.0.0.1:7001", "S_URL=http://127.0.0.1:7001"],
    );
    let image = "ghcr.io/browserless/chromium";
    case(image, &[3000], &["TOKEN=t&"], &[], &["S_PASSWORD=t&", "S_URL=ws://127.0.0.1:7001?token=t%26"]);
    case(image, &[3000], &[], &[], &["S_URL=ws://127.0.0.1:7001"]);
    for (environment, command) in
        [(&["SFTP_USERS=u:p:1001 v:q"][..], &[][..]), (&[], &["/entrypoint", "u:p:::upload"])]
    {
        case(
            "atmoz/sftp:alpine",
            &[22],
            environment,
            command,
            &["S_PASSWORD=p", "S_URL=sftp://u:p@127.0.0.1:7001", "S_USER=u"],
        );
    }
    for command in ["u:$1$0G2g0GSt$ewU0t6:e:1001", "u::1001"] {
        let expected = ["S_URL=sftp://u@127.0.0.1:7001", "S_USER=u"];
        case("atmoz/sftp", &[22], &[], &["/entrypoint", command], &expected);
    }
    case(
        "osixia/openldap:1.5.0",
        &[389, 636],
        &["LDAP_ADMIN_PASSWORD=p"],
        &[],
        &[
            "LDAPURI=ldap://127.0.0.1:7001",
            "S_PASSWORD=p",
            "S_TLS_URL=ldaps://127.0.0.1:7002",
            "S_URL=ldap://127.0.0.1:7001",
        ],
    );
    case(
        "bitnami/openldap:2",
        &[1389],
        &[],
        &[],
        &["LDAPURI=ldap://127.0.0.1:7001", "S_URL=ldap://127.0.0.1:7001"],
    );
}

#[test]
fn what_takes_any_keys_takes_those_of_the_others() {
    let dynamo = serving("dynamo", "amazon/dynamodb-local", &[(8000, 7000)]);
    let minio = serving("minio", "minio/minio", &[(9000, 7001)]);
    let variables = derive(&[dynamo, minio], &BTreeMap::new(), None).expect("variables");
    let aws = variables.list.iter().filter(|it| it.name.starts_with("AWS_"));
    let aws: Vec<String> = aws.map(|it| format!("{}={}", it.name, it.value)).collect();
    assert_eq!(
        aws,
        [
            "AWS_ACCESS_KEY_ID=minioadmin",
            "AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:7000",
            "AWS_ENDPOINT_URL_S3=http://127.0.0.1:7001",
            "AWS_SECRET_ACCESS_KEY=minioadmin",
        ]
    );
    assert_eq!(variables.missing, []);
}

#[test]
fn who_does_not_publish_an_emulator_is_no_rival_of_who_does() {
    let firebase = serving("firebase", "firebase-tools", &[(4000, 7000), (8080, 7001)]);
    let pubsub = serving("pubsub", "pubsub-emulator", &[(8085, 7002)]);
    let found = derived(&[(firebase, Inspection::default()), (pubsub, Inspection::default())]);
    assert_eq!(found["PUBSUB_EMULATOR_HOST"], "127.0.0.1:7002");
    assert_eq!(found["FIRESTORE_EMULATOR_HOST"], "127.0.0.1:7001");
}

#[test]
fn a_program_that_asks_for_its_own_server_gets_it_whatever_the_service_is_called() {
    for (service, image, port, name, value) in [
        ("ollama", "ollama/ollama", 11434, "OLLAMA_HOST", Some("127.0.0.1:7000")),
        ("ollama", "acme/chat", 11434, "OLLAMA_HOST", None),
        ("influx", "influxdb:2", 8086, "INFLUX_HOST", Some("http://127.0.0.1:7000")),
        ("influx", "acme/metrics", 8086, "INFLUX_HOST", None),
        ("pubsub-emulator", "acme/pubsub-emulator", 8085, "PUBSUB_EMULATOR_HOST", Some("127.0.0.1:7000")),
        ("localstack", "localstack/localstack", 4566, "LOCALSTACK_HOST", Some("127.0.0.1:7000")),
        ("meilisearch", "getmeili/meilisearch", 7700, "MEILISEARCH_HOST", Some("http://127.0.0.1:7000")),
    ] {
        let found = derived(&[(serving(service, image, &[(port, 7000)]), Inspection::default())]);
        assert_eq!(found.get(name).map(String::as_str), value, "{service} {image}");
    }
}

#[test]
fn what_holds_a_password_is_a_secret() {
    let services = [
        (
            serving("b", "browserless/chrome", &[(3000, 1)]),
            inspected(&["TOKEN=t"].map(|it| it.split_once('=').expect("=")), &[]),
        ),
        (
            serving("i", "influxdb", &[(8086, 2)]),
            inspected(&[("DOCKER_INFLUXDB_INIT_ADMIN_TOKEN", "t")], &[]),
        ),
        (serving("a", "azurite", &[(10000, 3)]), Inspection::default()),
    ];
    let containers: Vec<Container> = services.iter().map(|(container, _)| container.clone()).collect();
    let seen = services.iter().map(|(container, seen)| (container.id.clone(), seen.clone())).collect();
    let variables = derive(&containers, &seen, None).expect("variables");
    let secrets = variables.list.iter().filter(|it| it.secret).map(|it| it.name.as_str());
    assert_eq!(
        secrets.collect::<Vec<_>>(),
        [
            "AZURE_STORAGE_CONNECTION_STRING",
            "A_PASSWORD",
            "B_PASSWORD",
            "B_URL",
            "INFLUXDB_V2_TOKEN",
            "INFLUX_TOKEN",
            "I_TOKEN"
        ]
    );
}
