//! Emulators of what clouds offer.

use super::{AWS, PLAIN, default_login, group, login};
use crate::catalog::{Group, Kind, Login, Other, User};

/// The key of the account that Azurite has by default: <https://learn.microsoft.com/azure/storage/common/storage-use-azurite>
const AZURITE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

#[rustfmt::skip] // a row reads better than a column
pub(super) const KINDS: &[Kind] = &[
    // https://learn.microsoft.com/azure/storage/common/storage-use-azurite: its accounts stand in AZURITE_ACCOUNTS
    // as `name:key:key;…`; AZURE_STORAGE_CONNECTION_STRING is what the `az` command and the samples of every SDK read.
    Kind {
        name: "azurite", images: &["azurite"], ports: &[10000],
        logins: &[
            Login {
                ends: &[':', ';'],
                ..login(User::Joined { variable: "AZURITE_ACCOUNTS", separator: ':' }, &[])
            },
            default_login(User::Named("devstoreaccount1"), &[], AZURITE_KEY),
        ],
        urls: &["http://{address}/{user}"],
        others: &[
            Other { suffix: "QUEUE_URL", ports: &[10001], url: "http://{address}/{user}" },
            Other { suffix: "TABLE_URL", ports: &[10002], url: "http://{address}/{user}" },
        ],
        globals: &[&group("AZURE_STORAGE_CONNECTION_STRING", &[
            (
                "AZURE_STORAGE_CONNECTION_STRING",
                "DefaultEndpointsProtocol=http;AccountName={user};AccountKey={password};\
                 BlobEndpoint=http://{address}/{user};QueueEndpoint=http://{address:10001}/{user};\
                 TableEndpoint=http://{address:10002}/{user};",
            ),
            (
                "AZURE_STORAGE_CONNECTION_STRING",
                "DefaultEndpointsProtocol=http;AccountName={user};AccountKey={password};\
                 BlobEndpoint=http://{address}/{user};QueueEndpoint=http://{address:10001}/{user};",
            ),
            (
                "AZURE_STORAGE_CONNECTION_STRING",
                "DefaultEndpointsProtocol=http;AccountName={user};AccountKey={password};\
                 BlobEndpoint=http://{address}/{user};",
            ),
        ])], ..PLAIN
    },
    // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DynamoDBLocal.UsageNotes.html: it takes any
    // keys; https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html: the name of its endpoint.
    Kind {
        name: "dynamodb", images: &["dynamodb-local"], ports: &[8000],
        logins: &[default_login(User::Named("local"), &[], "local")],
        urls: &["http://{address}"],
        globals: &[&Group {
            variables: &[
                ("AWS_ENDPOINT_URL_DYNAMODB", "{url}"),
                ("AWS_ACCESS_KEY_ID", "{user}"),
                ("AWS_SECRET_ACCESS_KEY", "{password}"),
            ],
            takes_any: true,
            ..AWS
        }], ..PLAIN
    },
    // https://cloud.google.com/pubsub/docs/emulator
    Kind {
        name: "pubsub", images: &["pubsub-emulator", "gcloud-pubsub-emulator"], ports: &[8085, 8681],
        urls: &["http://{address}"],
        globals: &[&group("PUBSUB_EMULATOR_HOST", &[("PUBSUB_EMULATOR_HOST", "{address}")])], ..PLAIN
    },
    // https://cloud.google.com/firestore/docs/emulator
    Kind {
        name: "firestore", images: &["firestore-emulator"], ports: &[8080],
        urls: &["http://{address}"],
        globals: &[&group("FIRESTORE_EMULATOR_HOST", &[("FIRESTORE_EMULATOR_HOST", "{address}")])], ..PLAIN
    },
    // https://cloud.google.com/datastore/docs/tools/datastore-emulator
    Kind {
        name: "datastore", images: &["datastore-emulator"], ports: &[8081],
        urls: &["http://{address}"],
        globals: &[&group("DATASTORE_EMULATOR_HOST", &[("DATASTORE_EMULATOR_HOST", "{address}")])], ..PLAIN
    },
    // https://cloud.google.com/bigtable/docs/emulator
    Kind {
        name: "bigtable", images: &["bigtable-emulator"], ports: &[8086],
        urls: &["http://{address}"],
        globals: &[&group("BIGTABLE_EMULATOR_HOST", &[("BIGTABLE_EMULATOR_HOST", "{address}")])], ..PLAIN
    },
    // https://cloud.google.com/spanner/docs/emulator: gRPC at 9010, REST at 9020.
    Kind {
        name: "spanner", images: &["cloud-spanner-emulator/emulator", "spanner-emulator"], ports: &[9010],
        urls: &["http://{address}"],
        others: &[Other { suffix: "REST_URL", ports: &[9020], url: "http://{address}" }],
        globals: &[&group("SPANNER_EMULATOR_HOST", &[("SPANNER_EMULATOR_HOST", "{address}")])], ..PLAIN
    },
    // https://firebase.google.com/docs/emulator-suite/install_and_configure: the ports, the user interface first;
    // https://firebase.google.com/docs/emulator-suite/connect_firestore and its neighbours: the names.
    Kind {
        name: "firebase", images: &["firebase-tools", "firebase-emulator", "firebase-emulators"],
        ports: &[4000, 8080, 9099, 9000, 9199, 8085, 5001, 5000, 4400],
        urls: &["http://{address}"],
        globals: &[
            &group("FIRESTORE_EMULATOR_HOST", &[("FIRESTORE_EMULATOR_HOST", "{address:8080}")]),
            &group("FIREBASE_AUTH_EMULATOR_HOST", &[("FIREBASE_AUTH_EMULATOR_HOST", "{address:9099}")]),
            &group("FIREBASE_DATABASE_EMULATOR_HOST", &[("FIREBASE_DATABASE_EMULATOR_HOST", "{address:9000}")]),
            &group("FIREBASE_STORAGE_EMULATOR_HOST", &[("FIREBASE_STORAGE_EMULATOR_HOST", "{address:9199}")]),
            &group("PUBSUB_EMULATOR_HOST", &[("PUBSUB_EMULATOR_HOST", "{address:8085}")]),
        ], ..PLAIN
    },
];
