//! Where the images of each kind keep their data.

use super::Kind;

/// The directories by the kind's name; of one without any, nothing is lost when two servers share it.
const DATA: &[(&str, &[&str])] = &[
    (
        "postgres",
        &["/var/lib/postgresql/data", "/var/lib/postgresql", "/bitnami/postgresql", "/home/postgres/pgdata"],
    ),
    ("mysql", &["/var/lib/mysql", "/bitnami/mysql"]),
    ("mariadb", &["/var/lib/mysql", "/bitnami/mariadb"]),
    ("redis", &["/data", "/bitnami/redis", "/bitnami/valkey"]),
    ("mongo", &["/data/db", "/data/configdb", "/bitnami/mongodb"]),
    ("rabbitmq", &["/var/lib/rabbitmq", "/bitnami/rabbitmq"]),
    ("kafka", &["/var/lib/kafka", "/bitnami/kafka", "/tmp/kraft-combined-logs", "/var/lib/redpanda"]),
    ("nats", &["/data"]),
    ("elasticsearch", &["/usr/share/elasticsearch/data", "/bitnami/elasticsearch"]),
    ("opensearch", &["/usr/share/opensearch/data", "/bitnami/opensearch"]),
    ("memcached", &[]),
    ("mail", &[]),
    ("minio", &["/data", "/bitnami/minio"]),
    ("localstack", &["/var/lib/localstack"]),
    ("clickhouse", &["/var/lib/clickhouse", "/bitnami/clickhouse"]),
    ("mssql", &["/var/opt/mssql"]),
    ("oracle", &["/opt/oracle/oradata"]),
    ("cassandra", &["/var/lib/cassandra", "/var/lib/scylla", "/bitnami/cassandra"]),
    ("neo4j", &["/data", "/bitnami/neo4j"]),
    ("meilisearch", &["/meili_data"]),
    ("typesense", &["/data"]),
    ("mosquitto", &["/mosquitto/data", "/opt/emqx/data"]),
    ("etcd", &["/etcd-data", "/default.etcd", "/bitnami/etcd"]),
    ("vault", &["/vault/file", "/vault/data"]),
    ("otel", &[]),
    ("keycloak", &["/opt/keycloak/data"]),
    ("iris", &["/dur", "/durable"]),
    ("qdrant", &["/qdrant/storage"]),
    ("couchdb", &["/opt/couchdb/data", "/bitnami/couchdb"]),
    ("influxdb", &["/var/lib/influxdb2", "/var/lib/influxdb", "/var/lib/influxdb3", "/bitnami/influxdb"]),
    ("questdb", &["/var/lib/questdb"]),
    ("surrealdb", &[]),
    ("weaviate", &["/var/lib/weaviate"]),
    ("chroma", &["/data", "/chroma/chroma"]),
    ("milvus", &["/var/lib/milvus"]),
    ("pulsar", &["/pulsar/data"]),
    ("temporal", &[]),
    ("azurite", &["/data"]),
    ("dynamodb", &["/home/dynamodblocal/data"]),
    ("pubsub", &[]),
    ("firestore", &[]),
    ("datastore", &[]),
    ("bigtable", &[]),
    ("spanner", &[]),
    ("firebase", &[]),
    ("zipkin", &[]),
    ("grafana", &["/var/lib/grafana", "/bitnami/grafana"]),
    ("prometheus", &["/prometheus", "/opt/bitnami/prometheus/data"]),
    ("loki", &["/loki"]),
    // Models, which sessions may well share.
    ("ollama", &[]),
    ("wiremock", &[]),
    ("selenium", &[]),
    ("browserless", &[]),
    ("sftp", &[]),
    ("ldap", &["/var/lib/ldap", "/etc/ldap/slapd.d", "/bitnami/openldap"]),
];

/// Kinds that write their own address into their data, each with what to do about it.
const IDENTITY: &[(&str, &str)] = &[
    (
        "rabbitmq",
        "RabbitMQ keeps its data under its host name: give it a fixed `hostname:`, or the copy begins empty",
    ),
    (
        "mongo",
        "a MongoDB replica set keeps its members' addresses: give members by service name, or `rs.reconfig(…, {force: true})`",
    ),
    (
        "kafka",
        "Kafka keeps its cluster's id and its listeners: advertise them by service name, not by a host port",
    ),
    (
        "etcd",
        "etcd keeps its members' addresses: give them by service name, or start it with `--force-new-cluster`",
    ),
    (
        "cassandra",
        "Cassandra keeps its node's address: a single node takes the new one, a ring needs its seeds by service name",
    ),
];

impl Kind {
    /// Says what whoever copies its data should know: it keeps its own address or host name in them.
    pub fn identity(&self) -> Option<&'static str> {
        IDENTITY.iter().find(|(name, _)| *name == self.name).map(|(_, sentence)| *sentence)
    }

    /// Lists the directories in which its images keep data; none if it keeps nothing that could be lost.
    pub fn data(&self) -> &'static [&'static str] {
        DATA.iter().find(|(name, _)| *name == self.name).map_or(&[], |(_, directories)| *directories)
    }
}

#[cfg(test)]
mod tests {
    use super::super::kinds;
    use super::*;

    #[test]
    fn every_kind_says_where_its_data_are() {
        let of_table: Vec<_> = DATA.iter().map(|(name, _)| *name).collect();
        assert_eq!(kinds().map(|kind| kind.name).collect::<Vec<_>>(), of_table);
    }

    #[test]
    fn what_keeps_its_own_address_is_a_kind_that_keeps_data() {
        let known = |name: &str| kinds().any(|kind| kind.name == name && !kind.data().is_empty());
        assert!(IDENTITY.iter().all(|(name, _)| known(name)));
        assert_eq!(kinds().filter(|kind| kind.identity().is_some()).count(), IDENTITY.len());
    }
}
