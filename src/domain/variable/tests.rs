//! Container facts in, variables out.

use super::*;
use crate::domain::container::Binding;
use crate::domain::container::tests::container;

fn serving(service: &str, image: &str, ports: &[(u16, u16)]) -> Container {
    let mut it = container(service, "Up 2 minutes");
    it.image = image.into();
    it.bindings = ports
        .iter()
        .map(|&(inside, outside)| Binding {
            container: ContainerPort::tcp(inside),
            host_ip: "127.0.0.1".into(),
            host_port: outside,
        })
        .collect();
    it
}

fn inspected(environment: &[(&str, &str)], command: &[&str]) -> Inspection {
    Inspection {
        environment: environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        ..Inspection::default()
    }
}

fn derived(services: &[(Container, Inspection)]) -> BTreeMap<String, String> {
    let containers: Vec<Container> = services.iter().map(|(container, _)| container.clone()).collect();
    let inspections = services.iter().map(|(container, seen)| (container.id.clone(), seen.clone())).collect();
    let variables = derive(&containers, &inspections, None).expect("variables");
    variables.list.into_iter().map(|variable| (variable.name, variable.value)).collect()
}

/// Container facts in, variables out: a row per case.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn kinds() {
    type Row = (
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
        &'static [&'static str],
        &'static [(&'static str, &'static str)],
    );
    let rows: &[Row] = &[
        (
            "db",
            "ghcr.io/acme/postgres:17",
            &[("POSTGRES_PASSWORD", "p@ss w/rd")],
            &[],
            &[
                ("DATABASE_URL", "postgres://postgres:p%40ss%20w%2Frd@127.0.0.1:7000/postgres"),
                ("DB_DATABASE", "postgres"),
                ("DB_HOST", "127.0.0.1"),
                ("DB_PASSWORD", "p@ss w/rd"),
                ("DB_PORT", "7000"),
                ("DB_PORT_5432", "7000"),
                ("DB_URL", "postgres://postgres:p%40ss%20w%2Frd@127.0.0.1:7000/postgres"),
                ("DB_USER", "postgres"),
                ("PGDATABASE", "postgres"),
                ("PGHOST", "127.0.0.1"),
                ("PGPASSWORD", "p@ss w/rd"),
                ("PGPORT", "7000"),
                ("PGUSER", "postgres"),
            ],
        ),
        (
            "db",
            "postgres",
            &[
                ("POSTGRES_USER", "me"),
                ("POSTGRES_DB", "shop"),
                ("POSTGRES_PASSWORD", "x"),
                ("POSTGRES_HOST_AUTH_METHOD", "trust"),
            ],
            &[],
            &[
                ("DATABASE_URL", "postgres://me@127.0.0.1:7000/shop"),
                ("DB_DATABASE", "shop"),
                ("DB_HOST", "127.0.0.1"),
                ("DB_PORT", "7000"),
                ("DB_PORT_5432", "7000"),
                ("DB_URL", "postgres://me@127.0.0.1:7000/shop"),
                ("DB_USER", "me"),
                ("PGDATABASE", "shop"),
                ("PGHOST", "127.0.0.1"),
                ("PGPORT", "7000"),
                ("PGUSER", "me"),
            ],
        ),
        (
            "m",
            "mysql:8",
            &[
                ("MYSQL_USER", "u"),
                ("MYSQL_PASSWORD", "p"),
                ("MYSQL_ROOT_PASSWORD", "r"),
                ("MYSQL_DATABASE", "d"),
            ],
            &[],
            &[
                ("DATABASE_URL", "mysql://u:p@127.0.0.1:7000/d"),
                ("MYSQL_HOST", "127.0.0.1"),
                ("MYSQL_PWD", "p"),
                ("MYSQL_TCP_PORT", "7000"),
                ("M_DATABASE", "d"),
                ("M_HOST", "127.0.0.1"),
                ("M_PASSWORD", "p"),
                ("M_PORT", "7000"),
                ("M_PORT_3306", "7000"),
                ("M_URL", "mysql://u:p@127.0.0.1:7000/d"),
                ("M_USER", "u"),
            ],
        ),
        (
            "m",
            "mariadb",
            &[("MARIADB_ROOT_PASSWORD", "r"), ("MYSQL_ROOT_PASSWORD", "no")],
            &[],
            &[
                ("DATABASE_URL", "mysql://root:r@127.0.0.1:7000"),
                ("MYSQL_HOST", "127.0.0.1"),
                ("MYSQL_PWD", "r"),
                ("MYSQL_TCP_PORT", "7000"),
                ("M_HOST", "127.0.0.1"),
                ("M_PASSWORD", "r"),
                ("M_PORT", "7000"),
                ("M_PORT_3306", "7000"),
                ("M_URL", "mysql://root:r@127.0.0.1:7000"),
                ("M_USER", "root"),
            ],
        ),
        (
            "redis",
            "redis:8-alpine",
            &[],
            &["redis-server", "--requirepass", "s:cret"],
            &[
                ("REDIS_HOST", "127.0.0.1"),
                ("REDIS_PASSWORD", "s:cret"),
                ("REDIS_PORT", "7000"),
                ("REDIS_PORT_6379", "7000"),
                ("REDIS_URL", "redis://:s%3Acret@127.0.0.1:7000"),
            ],
        ),
        (
            "c",
            "valkey",
            &[("P", "x")],
            &["sh", "-c", "exec valkey-server --requirepass \"$P\""],
            &[
                ("C_HOST", "127.0.0.1"),
                ("C_PASSWORD", "x"),
                ("C_PORT", "7000"),
                ("C_PORT_6379", "7000"),
                ("C_URL", "redis://:x@127.0.0.1:7000"),
                ("REDIS_URL", "redis://:x@127.0.0.1:7000"),
            ],
        ),
    ];
    for (service, image, environment, command, expected) in rows {
        let port = catalog::kind(None, image).ok().flatten().expect("a kind").port;
        let found = derived(&[(serving(service, image, &[(port, 7000)]), inspected(environment, command))]);
        let found: Vec<(&str, &str)> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(&found, expected, "{image} {environment:?}");
    }
}

#[test]
fn a_password_file_is_not_a_password() {
    let found = derived(&[(
        serving("db", "postgres", &[(5432, 7000)]),
        inspected(&[("POSTGRES_PASSWORD_FILE", "/run/x")], &[]),
    )]);
    assert_eq!(found.get("PGPASSWORD"), None);
}

#[test]
fn a_service_of_no_known_kind_gets_generic_variables() {
    let mut web = serving("my-web.1", "x", &[(8080, 7000), (9, 7001)]);
    web.labels.insert("dev-prism.internal_port".into(), "8080".into());
    web.bindings.push(Binding {
        container: ContainerPort { number: 9, protocol: Protocol::Udp },
        host_ip: "127.0.0.1".into(),
        host_port: 7002,
    });
    let found = derived(&[(web, Inspection::default())]);
    assert_eq!(found["MY_WEB_1_URL"], "http://127.0.0.1:7000");
    assert_eq!(found["MY_WEB_1_PORT_9"], "7001");
    assert_eq!(found["MY_WEB_1_PORT_9_UDP"], "7002");
}

#[test]
fn prefixes() {
    for (name, expected) in
        [("db", "DB"), ("my-db", "MY_DB"), ("1st", "_1ST"), ("größe", "GR__E"), ("a.b_c", "A_B_C")]
    {
        assert_eq!(prefix(name), expected);
    }
}

#[test]
fn two_sql_services_give_no_database_url_unless_one_is_primary() {
    let mut pg = serving("pg", "postgres", &[(5432, 7000)]);
    let my = serving("my", "mysql", &[(3306, 7001)]);
    let variables = derive(&[pg.clone(), my.clone()], &BTreeMap::new(), None).expect("variables");
    assert!(variables.list.iter().all(|variable| variable.name != "DATABASE_URL"));
    assert!(
        variables.list.iter().any(|variable| variable.name == "PGPORT"),
        "the only postgres keeps its own names"
    );
    assert!(
        variables.notes[0].contains("`my` and `pg`") || variables.notes[0].contains("`pg` and `my`"),
        "{:?}",
        variables.notes
    );
    pg.labels.insert("dev-prism.primary".into(), "true".into());
    let variables = derive(&[pg, my], &BTreeMap::new(), None).expect("variables");
    assert!(
        variables
            .list
            .iter()
            .any(|variable| variable.name == "DATABASE_URL" && variable.value.contains(":7000"))
    );
}

#[test]
fn a_service_called_docker_does_not_move_the_engine() {
    let variables =
        derive(&[serving("docker", "x", &[(2375, 7000)])], &BTreeMap::new(), None).expect("variables");
    assert!(variables.list.is_empty());
    assert!(variables.notes[0].contains("prefix"));
}

#[test]
fn equal_prefixes_are_an_error_that_names_both() {
    let error =
        derive(&[serving("a-b", "x", &[(1, 2)]), serving("a.b", "x", &[(1, 3)])], &BTreeMap::new(), None);
    let error = error.expect_err("collision").to_string();
    assert!(error.contains("`a-b`") && error.contains("`a.b`") && error.contains("`A_B_`"), "{error}");
}

#[test]
fn replicas_are_numbered() {
    let first = serving("w", "x", &[(80, 7000)]);
    let mut second = serving("w", "x", &[(80, 7001)]);
    second.number = 2;
    let found = derived(&[(first, Inspection::default()), (second, Inspection::default())]);
    assert_eq!(
        (found["W_PORT"].as_str(), found["W_1_PORT"].as_str(), found["W_2_PORT"].as_str()),
        ("7000", "7000", "7001")
    );
}

#[test]
fn a_guest_is_found_at_the_owner_of_its_network() {
    let owner = serving("vpn", "x", &[(6379, 7000), (1, 7001)]);
    let mut guest = serving("cache", "redis", &[]);
    guest
        .labels
        .extend([("dev-prism.via".into(), "vpn".into()), ("dev-prism.internal_port".into(), "6379".into())]);
    let found = derived(&[(owner, Inspection::default()), (guest, Inspection::default())]);
    assert_eq!(found["CACHE_URL"], "redis://127.0.0.1:7000");
}

#[test]
fn on_the_hosts_network_the_container_port_is_the_port() {
    let mut host = serving("cache", "redis", &[]);
    host.host_network = true;
    host.labels.insert("dev-prism.internal_port".into(), "6379".into());
    assert_eq!(derived(&[(host, Inspection::default())])["CACHE_PORT"], "6379");
}

#[test]
fn ipv4_comes_first_and_a_remote_engine_has_its_own_host() {
    let mut web = serving("web", "x", &[(80, 7000)]);
    web.bindings
        .insert(0, Binding { container: ContainerPort::tcp(80), host_ip: "::1".into(), host_port: 7009 });
    let variables = derive(&[web.clone()], &BTreeMap::new(), Some("box")).expect("variables");
    assert!(variables.list.iter().any(|variable| variable.value == "http://box:7000"));
    web.bindings.truncate(1);
    assert_eq!(derived(&[(web, Inspection::default())])["WEB_URL"], "http://[::1]:7009");
}
