use super::*;
use crate::stack::plan::plan;
use crate::stack::settings::Settings;

fn decided(model: &Model, settings: &str) -> Plan {
    let settings = Settings::parse(settings, "prism.yaml").expect("settings");
    let mut plan = plan(model, &settings, std::net::Ipv4Addr::LOCALHOST.into(), &[]).expect("plan");
    plan.own = own(model, &plan, "/w/shop");
    plan
}

const PROJECT: &str = r#"{
  "services": {
    "db": {"image": "postgres:17", "volumes": [
      {"type": "volume", "source": "ext", "target": "/var/lib/postgresql/data"},
      {"type": "bind", "source": "/srv/init", "target": "/docker-entrypoint-initdb.d"},
      {"type": "bind", "source": "/etc/localtime", "target": "/etc/localtime"}
    ]},
    "backup": {"image": "acme/backup", "volumes": [
      {"type": "volume", "source": "ext", "target": "/from", "read_only": true},
      {"type": "bind", "source": "/srv/minio", "target": "/minio", "read_only": true},
      {"type": "bind", "source": "/srv/backup", "target": "/backup"}
    ]},
    "store": {"image": "minio/minio", "command": ["server", "/export"], "volumes": [
      {"type": "bind", "source": "/srv/minio", "target": "/export"},
      {"type": "bind", "source": "/w/shop/certs", "target": "/root/.minio/certs"}
    ]},
    "cache": {"image": "redis", "volumes": [{"type": "volume", "source": "here", "target": "/data"}]},
    "search": {"image": "elasticsearch:8", "volumes": [
      {"type": "bind", "source": "/w/shop/es", "target": "/usr/share/elasticsearch/data"},
      {"type": "bind", "source": "/w/shop/es.yml", "target": "/usr/share/elasticsearch/config/elasticsearch.yml"}
    ]},
    "wiki": {"image": "acme/wiki", "volumes": [
      {"type": "volume", "source": "nas", "target": "/pages"},
      {"type": "bind", "source": "/w/shop/src", "target": "/src"},
      {"type": "volume", "source": "plain", "target": "/more"}
    ]}
  },
  "volumes": {
    "ext": {"external": true, "name": "the-data"},
    "here": {"driver_opts": {"type": "none", "o": "bind", "device": "/srv/redis"}},
    "nas": {"driver_opts": {"type": "nfs", "o": "addr=10.0.0.1,rw", "device": ":/srv"}},
    "plain": {}
  }
}"#;

fn model() -> Model {
    Model::parse(PROJECT.as_bytes()).expect("model")
}

#[test]
fn what_is_written_to_outside_of_a_session() {
    let (model, all) = (model(), |model: &Model| model.services.keys().cloned().collect::<Vec<_>>());
    let written = |settings: &str| {
        let found = stores(&model, &decided(&model, settings), &all(&model), "/w/shop");
        found.iter().map(|it| format!("{} {} {}", it.service, it.origin, it.certain)).collect::<Vec<_>>()
    };
    assert_eq!(
        written(""),
        [
            "cache `/srv/redis` true",
            "db volume `the-data` true",
            "search `/w/shop/es` true",
            "store `/srv/minio` true",
            "wiki `nfs://10.0.0.1:/srv` false",
            "wiki `/w/shop/src` false",
        ]
    );
    let said = "services: {db: {data: own}, store: {data: own}, cache: {data: shared}, search: {data: own}, wiki: {data: own}}";
    // A directory of the project's own may be anything: only the image can tell.
    assert_eq!(written(said), ["wiki `/w/shop/src` false"]);
}

#[test]
fn who_reads_the_files_of_a_server_reads_the_sessions() {
    let model = model();
    let own = decided(&model, "services: {db: {data: own}, store: {data: own}, wiki: {data: own}}").own;
    assert_eq!(own.volumes.iter().collect::<Vec<_>>(), ["ext", "nas"]);
    let mounts: Vec<_> =
        own.mounts.iter().flat_map(|(name, all)| all.iter().map(move |it| (name, it))).collect();
    let of = |name: &str, target: &str, read_only| {
        (
            ServiceName(name.into()),
            OwnMount { target: target.into(), volume: "prism-store-export".into(), read_only },
        )
    };
    let expected = [of("backup", "/minio", true), of("store", "/export", false)];
    assert_eq!(mounts, expected.iter().map(|(name, mount)| (name, mount)).collect::<Vec<_>>());
}

#[test]
fn where_the_data_of_a_kind_are() {
    for (image, target, is_kept) in [
        ("postgres", "/var/lib/postgresql/data", true),
        ("postgres", "/var/lib/postgresql", true),
        ("postgres", "/var/lib/postgresql/data/pgdata", true),
        ("postgres", "/var/lib", true),
        ("postgres", "/docker-entrypoint-initdb.d", false),
        ("bitnami/postgresql", "/bitnami/postgresql", true),
        ("bitnami/postgresql", "/bitnami/postgresql/conf", false),
        ("mysql", "/etc/mysql/conf.d", false),
        ("mongo", "/data/configdb", true),
        ("kafka", "/tmp/kraft-combined-logs", true),
        ("memcached", "/data", false),
        ("nginx", "/var/lib/postgresql/data", false),
    ] {
        assert_eq!(keeps(None, image, target), is_kept, "{image} {target}");
    }
    assert!(keeps(Some("postgres"), "acme/db", "/var/lib/postgresql/data"));
    assert!(!keeps(Some("none"), "postgres", "/var/lib/postgresql/data"));
}

#[test]
fn drivers_say_where_volumes_are() {
    let place = |options: &[(&str, &'static str)]| {
        place_by_driver(|name| options.iter().find(|(key, _)| *key == name).map(|(_, value)| *value))
    };
    assert_eq!(place(&[("type", "none"), ("o", "bind"), ("device", "/srv")]).as_deref(), Some("/srv"));
    assert_eq!(place(&[("o", "rw,bind"), ("device", "/srv")]).as_deref(), Some("/srv"));
    let nfs = place(&[("type", "nfs"), ("o", "addr=nas,rw"), ("device", ":/srv")]);
    assert_eq!(nfs.as_deref(), Some("nfs://nas:/srv"));
    assert_eq!(place(&[("type", "nfs4"), ("o", "addr=nas"), ("device", ":/srv")]), nfs);
    let layers = [("type", "overlay"), ("o", "lowerdir=/a,upperdir=/b,workdir=/c"), ("device", "overlay")];
    assert_eq!(place(&layers).as_deref(), Some("/b"));
    assert_eq!(place(&[("type", "tmpfs"), ("device", "tmpfs")]), None);
    assert_eq!(place(&[]), None);
}

#[test]
fn where_a_server_is_told_to_keep_its_data() {
    for (service, is_meant) in [
        (r#""image": "postgres", "environment": {"PGDATA": "/srv/pg-17.2"}"#, true),
        (r#""image": "postgres", "environment": {"PGDATA": "/srv/backup/pg"}"#, true),
        (r#""image": "postgres", "environment": {"BACKUPS": "/srv/backup"}"#, false),
        (r#""image": "kafka", "environment": {"KAFKA_LOG_DIRS": "/kafka,/srv/logs"}"#, true),
        (r#""image": "mysql", "command": ["mysqld", "--datadir=/srv/init"]"#, true),
        (r#""image": "redis", "command": ["redis-server", "--dir", "/srv/dump"]"#, true),
        (r#""image": "redis", "command": ["redis-server", "/srv/conf"]"#, false),
    ] {
        let target = service.split(['"', ',', '=']).find(|part| part.starts_with("/srv")).expect("a path");
        let text = format!(
            r#"{{"services": {{"s": {{{service}, "volumes": [{{"type": "bind", "source": "/x", "target": "{target}"}}]}}}}}}"#
        );
        let model = Model::parse(text.as_bytes()).expect("model");
        let found = stores(&model, &decided(&model, ""), &[ServiceName("s".into())], "/w/shop");
        assert_eq!(found.iter().any(|store| store.certain), is_meant, "{service}");
    }
}

#[test]
fn a_volume_of_another_service_is_written_to_as_well() {
    let model = Model::parse(
        br#"{"services": {
          "holder": {"image": "acme/none", "volumes": [{"type": "volume", "source": "pg", "target": "/var/lib/postgresql/data"}]},
          "between": {"image": "acme/none", "volumes_from": ["holder"]},
          "db": {"image": "postgres:17", "volumes_from": ["between", "db"]},
          "reader": {"image": "postgres:17", "volumes_from": ["holder:ro", "container:foreign"]},
          "mine": {"image": "acme/my-database", "environment": {"PGDATA": "/mnt/x/y"}, "volumes": [
            {"type": "bind", "source": "/ext", "target": "/mnt/x"}, {"type": "bind", "source": "/more", "target": "/mnt/z"}]},
          "tool": {"image": "acme/tool", "command": ["--dir", "/srv/x"], "volumes": [{"type": "bind", "source": "/srv", "target": "/srv"}]}
        }, "volumes": {"pg": {"external": true, "name": "ext"}}}"#,
    );
    let model = model.expect("model");
    let all: Vec<ServiceName> = model.services.keys().cloned().collect();
    let found = stores(&model, &decided(&model, ""), &all, "/w/shop");
    let shown: Vec<String> =
        found.iter().map(|it| format!("{} {} {}", it.service, it.target, it.certain)).collect();
    assert_eq!(
        shown,
        [
            "between /var/lib/postgresql/data false",
            "db /var/lib/postgresql/data true",
            "holder /var/lib/postgresql/data false",
            "mine /mnt/x true",
            "mine /mnt/z false",
            "tool /srv false",
        ]
    );
}

#[test]
fn what_is_in_a_volume_of_an_image() {
    for (volume, target, is_in) in [
        ("/data", "/data", true),
        ("/data/", "/data", true),
        ("/x/../data/.", "/data/db", true),
        ("/data", "/data/backup", false),
        ("/srv/backup", "/srv/backup", true),
        ("/data/db", "/data", false),
        ("/data", "/database", false),
        ("/", "/data", false),
    ] {
        assert_eq!(is_in_volume(&BTreeSet::from([volume.to_owned()]), target), is_in, "{volume} {target}");
    }
}
