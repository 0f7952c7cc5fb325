//! Container facts in, variables out.

mod kinds;
mod newer;

use super::*;
use crate::engine::container::Binding;
use crate::engine::container::tests::container;
use crate::engine::kind::needs_inspection;

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

/// A container that is there, but does not run.
fn stopped(service: &str, image: &str) -> Container {
    Container { state: crate::engine::container::State::Exited, ..serving(service, image, &[]) }
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
        variables.missing[0].to_string().contains("`my` and `pg`")
            || variables.missing[0].to_string().contains("`pg` and `my`"),
        "{:?}",
        variables.missing
    );
    let label = |container: &mut Container| {
        container.labels.insert("dev-prism.primary".into(), "true".into());
    };
    label(&mut pg);
    let mut both = [pg.clone(), my.clone()];
    both.iter_mut().for_each(label);
    let variables = derive(&both, &BTreeMap::new(), None).expect("variables");
    assert!(
        variables.list.iter().all(|variable| variable.name != "DATABASE_URL"),
        "two primary ones are none"
    );
    let variables = derive(&[pg, my], &BTreeMap::new(), None).expect("variables");
    assert!(
        variables
            .list
            .iter()
            .any(|variable| variable.name == "DATABASE_URL" && variable.value.contains(":7000"))
    );
}

#[test]
fn a_rival_that_does_not_run_is_a_rival() {
    let pg = serving("pg", "postgres", &[(5432, 7000)]);
    let variables = derive(&[pg, stopped("my", "mysql")], &BTreeMap::new(), None).expect("variables");
    assert!(
        variables.list.iter().all(|variable| variable.name != "DATABASE_URL"),
        "never the wrong database"
    );
    assert!(variables.missing[0].to_string().contains("DATABASE_URL is not set"), "{:?}", variables.missing);
}

#[test]
fn a_one_shot_of_the_same_image_is_no_rival() {
    let mut seed = stopped("seed", "postgres");
    seed.labels.insert("dev-prism.completes".into(), "true".into());
    let found = [serving("pg", "postgres", &[(5432, 7000)]), seed];
    let variables = derive(&found, &BTreeMap::new(), None).expect("variables");
    assert!(variables.list.iter().any(|variable| variable.name == "DATABASE_URL"));
}

#[test]
fn a_group_is_given_by_one_service_as_a_whole() {
    let minio = serving("minio", "minio/minio", &[(9000, 7000)]);
    let localstack = serving("cloud", "localstack/localstack", &[(4566, 7001)]);
    let names = |containers: &[Container]| -> Vec<String> {
        let variables = derive(containers, &BTreeMap::new(), None).expect("variables");
        variables.list.into_iter().map(|it| it.name).filter(|name| name.starts_with("AWS_")).collect()
    };
    let given = ["AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL_S3", "AWS_SECRET_ACCESS_KEY"];
    assert_eq!(names(std::slice::from_ref(&minio)), given);

    assert!(names(&[minio, localstack]).is_empty(), "whose keys would the endpoint get?");
}

#[test]
fn every_variable_says_where_it_comes_from() {
    let db = serving("db", "postgres", &[(5432, 7000)]);
    let seen = BTreeMap::from([(db.id.clone(), inspected(&[("POSTGRES_PASSWORD", "x")], &[]))]);
    let variables = derive(&[db], &seen, None).expect("variables");
    let row = |name: &str| {
        let it = variables.list.iter().find(|variable| variable.name == name).expect(name);
        let service = it.service.as_ref().map_or("-", |service| &service.0);
        format!("{service} {} {} {}", it.port.map_or("-".into(), |port| port.to_string()), it.secret, it.rule)
    };
    assert_eq!(row("DB_HOST"), "db - false where its ports are bound");
    assert_eq!(row("DB_PORT"), "db 5432/tcp false host port of its primary port");
    assert_eq!(row("DB_URL"), "db 5432/tcp true URL of kind `postgres`");
    assert_eq!(row("DB_USER"), "db 5432/tcp false default of kind `postgres`");
    assert_eq!(row("PGPASSWORD"), "db 5432/tcp true the only service that gives it");
    assert_eq!(row("DB_PASSWORD"), "db 5432/tcp true POSTGRES_PASSWORD of its container");
}

#[test]
fn a_port_that_is_known_for_something_else_gives_no_url_of_the_kind() {
    let found = derived(&[(serving("mq", "rabbitmq", &[(15672, 7000)]), Inspection::default())]);
    assert_eq!((found["MQ_URL"].as_str(), found.get("AMQP_URL")), ("tcp://127.0.0.1:7000", None));
    let found = derived(&[(serving("db", "postgres", &[(5433, 7000)]), inspected(&[], &[]))]);
    assert_eq!(
        found["DATABASE_URL"], "postgresql://postgres@127.0.0.1:7000/postgres",
        "a port of the user's choice"
    );
}

#[test]
fn any_url_comes_back_whole_from_a_parser() {
    // Every byte that UTF-8 has, but NUL, which no environment can hold.
    let every_byte: String =
        (1..0x11_0000).filter(|code| *code < 0x800 || code % 997 == 0).filter_map(char::from_u32).collect();
    let bytes: std::collections::BTreeSet<u8> = every_byte.bytes().collect();
    assert_eq!(bytes.len(), 242, "all but 0, 0xc0, 0xc1 and 0xf5 upward");
    let parts =
        every_byte.chars().map(String::from).chain([every_byte.clone(), "%41%".into(), "a b+c".into()]);
    for part in parts {
        let environment =
            [("POSTGRES_USER", part.as_str()), ("POSTGRES_PASSWORD", &part), ("POSTGRES_DB", &part)];
        let url =
            &derived(&[(serving("db", "postgres", &[(5432, 7000)]), inspected(&environment, &[]))])["DB_URL"];
        let parsed = ::url::Url::parse(url).expect("a URL");
        let decoded = |text: &str| {
            percent_encoding::percent_decode_str(text).decode_utf8().expect("UTF-8").into_owned()
        };
        assert_eq!(decoded(parsed.username()), part, "{url}");
        assert_eq!(decoded(parsed.password().expect("a password")), part, "{url}");
        assert_eq!((parsed.host_str(), parsed.port()), (Some("127.0.0.1"), Some(7000)), "{url}");
        // A path of dots means another one to every parser, encoded or not.
        if part != "." {
            assert_eq!(decoded(parsed.path().strip_prefix('/').expect("a path")), part, "{url}");
        }
    }
}

#[test]
fn a_service_called_docker_does_not_move_the_engine() {
    let variables =
        derive(&[serving("docker", "x", &[(2375, 7000)])], &BTreeMap::new(), None).expect("variables");
    assert!(variables.list.is_empty());
    let missing = variables.missing[0].to_string();
    assert!(
        missing.starts_with("DOCKER_HOST, DOCKER_PORT, DOCKER_PORT_2375, DOCKER_URL are not set: "),
        "{missing}"
    );
    assert!(missing.contains("prefix"), "{missing}");
}

#[test]
fn settings_of_frameworks_are_left_to_them() {
    let variables =
        derive(&[serving("server", "x", &[(8080, 7000)])], &BTreeMap::new(), None).expect("variables");
    let names: Vec<&str> = variables.list.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["SERVER_PORT_8080", "SERVER_URL"]);
    let missing = variables.missing[1].to_string();
    assert!(missing.starts_with("SERVER_PORT is not set: Spring Boot takes its own settings"), "{missing}");
}

#[test]
fn of_two_services_called_alike_neither_gives_variables() {
    let services = [serving("a-b", "x", &[(1, 2)]), serving("a.b", "redis", &[(6379, 3)])];
    let variables = derive(&services, &BTreeMap::new(), None).expect("variables");
    let names: Vec<&str> = variables.list.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["REDIS_URL"]);
    let missing = variables.missing[0].to_string();
    assert!(
        missing.starts_with("A_B_HOST, A_B_PORT, A_B_URL are not set: services `a-b` and `a.b`"),
        "{missing}"
    );
}

#[test]
fn what_is_derived_gives_way_to_what_a_service_is_called() {
    let replica = |number: u16| Container {
        number: number.into(),
        id: format!("web{number}"),
        ..serving("web", "x", &[(80, 7000 + number)])
    };
    for (services, name, value, why) in [
        (
            vec![
                serving("minio", "minio/minio", &[(9000, 1), (9001, 2)]),
                serving("minio-console", "x", &[(80, 3)]),
            ],
            "MINIO_CONSOLE_URL",
            "http://127.0.0.1:3",
            "MINIO_CONSOLE_URL is `minio-console`'s, as it is called, and not `minio`'s; another prefix",
        ),
        (
            vec![serving("web-1", "x", &[(80, 3)]), replica(1), replica(2)],
            "WEB_1_PORT",
            "3",
            "WEB_1_PORT is `web-1`'s, as it is called, and not `web`'s",
        ),
        (
            vec![serving("database", "mongo", &[(27017, 1)]), serving("pg", "postgres", &[(5432, 2)])],
            "DATABASE_URL",
            "mongodb://127.0.0.1:1/test",
            "DATABASE_URL is `database`'s, as it is called, and not `pg`'s",
        ),
        (
            vec![serving("smtp", "x", &[(80, 1)]), serving("mail", "axllent/mailpit", &[(1025, 2)])],
            "SMTP_PORT",
            "1",
            "MAILER_DSN is not set: `mail` gives it only together with SMTP_HOST, SMTP_PORT; SMTP_HOST, SMTP_PORT are `smtp`'s, as it is called, and not `mail`'s",
        ),
    ] {
        for services in [services.clone(), services.into_iter().rev().collect()] {
            let variables = derive(&services, &BTreeMap::new(), None).expect("variables");
            let found = variables.list.iter().find(|it| it.name == name).map(|it| it.value.as_str());
            assert_eq!(found, Some(value), "{name}");
            let missing: Vec<String> = variables.missing.iter().map(ToString::to_string).collect();
            assert!(missing.iter().any(|it| it.starts_with(why)), "{missing:?}");
            assert_nothing_set_is_missing(&variables);
        }
    }
}

fn assert_nothing_set_is_missing(variables: &Variables) {
    for name in variables.missing.iter().flat_map(|missing| &missing.names) {
        assert!(!variables.list.iter().any(|it| it.name == *name), "{name}: {variables:?}");
    }
}

#[test]
fn what_is_set_is_not_said_to_be_missing() {
    let called = [serving("redis", "redis", &[(6379, 1)]), serving("dragonfly", "dragonfly", &[(6379, 2)])];
    let variables = derive(&called, &BTreeMap::new(), None).expect("variables");
    assert!(variables.list.iter().any(|it| it.name == "REDIS_URL" && it.value == "redis://127.0.0.1:1"));
    assert_eq!(variables.missing, []);

    // Half of a group is what a service is called; the other half is said.
    let iris = [serving("iris", "iris", &[(1972, 1)]), serving("b", "iris-community", &[(1972, 2)])];
    let variables = derive(&iris, &BTreeMap::new(), None).expect("variables");
    let missing: Vec<String> = variables.missing.iter().map(ToString::to_string).collect();
    assert_eq!(
        missing,
        [
            "IRIS_USERNAME is not set: `iris` and `b` would give it; label one of them `dev-prism.primary: \"true\"`"
        ]
    );
    assert_nothing_set_is_missing(&variables);

    let stopped = [stopped("dragonfly", "dragonfly"), serving("redis", "nginx", &[(80, 1)])];
    let variables = derive(&stopped, &BTreeMap::new(), None).expect("variables");
    assert_nothing_set_is_missing(&variables);

    // What prism.yaml and apps give is known only later.
    let two = [serving("a", "redis", &[(6379, 1)]), serving("b", "redis", &[(6379, 2)])];
    let variables = derive(&two, &BTreeMap::new(), None).expect("variables");
    assert_eq!(variables.missing[0].names, ["REDIS_URL"]);
    let configured = Variable { name: "REDIS_URL".into(), ..Variable::default() };
    assert_eq!(unset(variables.missing, &[configured]), []);
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
    let found = derived(&[(owner.clone(), Inspection::default()), (guest.clone(), Inspection::default())]);
    assert_eq!(found["CACHE_URL"], "redis://127.0.0.1:7000");
    assert_eq!(found.get("CACHE_PORT_1"), None, "the owner's");
    guest.labels.insert("dev-prism.guest_ports".into(), "6379/tcp,1/tcp".into());
    let found = derived(&[(owner, Inspection::default()), (guest, Inspection::default())]);
    assert_eq!((found["CACHE_PORT"].as_str(), found["CACHE_PORT_1"].as_str()), ("7000", "7001"));
    let mut stopped = stopped("cache", "redis");
    stopped.labels.insert("dev-prism.via".into(), "vpn".into());
    let owner = serving("vpn", "x", &[(6379, 7000)]);
    let found = derived(&[(owner, Inspection::default()), (stopped, Inspection::default())]);
    assert!(found.contains_key("VPN_PORT") && !found.contains_key("CACHE_PORT"), "{found:?}");
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

#[test]
fn a_client_of_a_database_is_no_database() {
    let mut client = serving("nightly", "postgres:17", &[]);
    client.labels.insert("dev-prism.kind".into(), "none".into());
    let db = (serving("db", "postgres:17", &[(5432, 7000)]), Inspection::default());
    let variables = derive(&[db.0, client.clone()], &BTreeMap::new(), None).expect("variables");
    assert!(variables.list.iter().any(|variable| variable.name == "DATABASE_URL"));
    assert!(!needs_inspection(&client));
    let missing: Vec<String> = variables.missing.iter().map(ToString::to_string).collect();
    assert_eq!(
        missing,
        [
            "NIGHTLY_HOST, NIGHTLY_PORT, NIGHTLY_URL are not set: `nightly` has the image of a server of kind `postgres`, but runs something else; `dev-prism.kind: postgres` says that it is one"
        ]
    );
}

#[test]
fn each_port_has_the_host_that_it_is_bound_at() {
    let bound = |ports: &[(u16, &str, u16)]| {
        let mut it = serving("six", "redis", &[]);
        let binding = |&(inside, host_ip, host_port): &(u16, &str, u16)| Binding {
            container: ContainerPort::tcp(inside),
            host_ip: host_ip.into(),
            host_port,
        };
        it.bindings = ports.iter().map(binding).collect();
        it.labels.insert("dev-prism.internal_port".into(), "6379".into());
        it
    };
    let mixed =
        bound(&[(6400, "127.0.0.1", 7000), (6379, "::1", 7001), (80, "127.0.0.2", 7002), (80, "::", 7003)]);
    let at = |port: u16| endpoint(&mixed, &[], None, ContainerPort::tcp(port)).map(|place| place.to_string());
    assert_eq!(at(6379).as_deref(), Some("[::1]:7001"));
    assert_eq!(at(6400).as_deref(), Some("127.0.0.1:7000"));
    assert_eq!(at(80).as_deref(), Some("127.0.0.2:7002"), "IPv4 first");
    assert_eq!(at(81), None);
    let primary = primary_endpoint(&mixed, &[], None).expect("the primary port");
    let others: Vec<String> =
        other_endpoints(&mixed, &primary, None).iter().map(|(port, at)| format!("{port} {at}")).collect();
    assert_eq!(others, ["6400/tcp 127.0.0.1:7000", "80/tcp 127.0.0.2:7002", "80/tcp [::1]:7003"]);
    assert_eq!(primary_url(&mixed, &[], None).as_deref(), Some("redis://[::1]:7001"));
    let found = derived(&[(mixed, Inspection::default())]);
    for (name, value) in [
        ("SIX_HOST", Some("::1")),
        ("SIX_PORT", Some("7001")),
        ("SIX_URL", Some("redis://[::1]:7001")),
        ("REDIS_URL", Some("redis://[::1]:7001")),
        ("SIX_HOST_6379", None),
        ("SIX_HOST_6400", Some("127.0.0.1")),
        ("SIX_PORT_6400", Some("7000")),
        ("SIX_HOST_80", Some("127.0.0.2")),
    ] {
        assert_eq!(found.get(name).map(String::as_str), value, "{name}");
    }
    let one =
        derived(&[(bound(&[(6379, "127.0.0.1", 7001), (80, "127.0.0.1", 7002)]), Inspection::default())]);
    assert!(!one.keys().any(|name| name.starts_with("SIX_HOST_")), "{one:?}");
}

#[test]
fn every_name_that_a_service_gives_is_one_that_it_may_give() {
    for kind in catalog::kinds() {
        let ports: Vec<(u16, u16)> = kind.ports.iter().chain(&[9]).map(|port| (*port, 7000)).collect();
        let first = serving("s", kind.images[0], &ports);
        let mut second = first.clone();
        (second.number, second.id) = (2, "2".into());
        for name in derived(&[(first, Inspection::default()), (second, Inspection::default())]).keys() {
            let suffix = name.strip_prefix("S_");
            assert!(suffix.is_none_or(|suffix| catalog::is_suffix(Some(kind), suffix)), "{name}");
        }
    }
    for suffix in ["STUN_SERVERS", "PORTS", "PORT_", "PORT_X", "X_PORT", "URLS", "USER"] {
        assert!(!catalog::is_suffix(None, suffix), "{suffix}");
    }
}
