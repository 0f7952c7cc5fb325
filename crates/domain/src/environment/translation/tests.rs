use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::*;
use crate::engine::container::tests::container;
use crate::engine::container::{Binding, Container};
use crate::identity::name::ServiceName;
use crate::port::ContainerPort;
use crate::stack::dotenv_file::{Line, Mode, lines, select};
use crate::stack::plan::ServicePlan;
use crate::stack::settings::Translate;
use crate::variable::Variable;

/// A `db` of PostgreSQL at 5433 in the file, a `cache` of Redis at 6379, the project's own `api` at 8080, and two without a
/// port in the file.
pub(super) fn targets() -> Targets {
    targets_but(Translate::default())
}

fn targets_but(translate: Translate) -> Targets {
    let plans: Vec<(ServiceName, ServicePlan)> = [
        ("db", "postgres", 5432, Some(5433)),
        ("cache", "redis", 6379, Some(6379)),
        ("api", "none", 80, Some(8080)),
        ("mail", "mail", 1025, None),
        ("search", "elasticsearch", 9200, None),
    ]
    .map(|(name, kind, port, published)| {
        let port = ContainerPort::tcp(port);
        let declared = published.map(|published| (published, port)).into_iter().collect();
        let kind = Some(kind.to_owned());
        (
            name.into(),
            ServicePlan { primary: Some(port), kind, declared, replicas: 1, ..ServicePlan::default() },
        )
    })
    .into();
    let containers: Vec<Container> =
        plans.iter().zip(7001..).map(|((name, plan), host)| running(name, plan, host)).collect();
    let apps = BTreeMap::from([("web".to_owned(), 24_311)]);
    let services = plans.iter().map(|(name, plan)| (name, plan));
    Targets::new(
        "box".to_owned(),
        services,
        &containers,
        None,
        &apps,
        LeftAlone { translate, of_compose: ["FORWARD_DB_PORT".to_owned()].into() },
    )
}

fn running(name: &ServiceName, plan: &ServicePlan, host_port: u16) -> Container {
    let inside = plan.primary.expect("a port");
    let binding = Binding { container: inside, host_ip: Ipv4Addr::LOCALHOST.to_string(), host_port };
    Container { bindings: vec![binding], ..container(&name.0, "Up 2 minutes") }
}

pub(super) fn read(text: &str) -> Vec<Line> {
    select(&lines(text, ".env"), "", Mode::Development)
}

fn answered(text: &str) -> Vec<String> {
    answers(&read(text), &targets()).iter().map(|it| format!("{}={}", it.name, it.value)).collect()
}

#[test]
fn what_leads_to_a_service_leads_to_the_sessions() {
    for (text, expected) in [
        // By the port that the file publishes, and by the usual one.
        (
            "DATABASE_URL=postgres://u:p@localhost:5433/shop?x=1",
            &["DATABASE_URL=postgres://u:p@127.0.0.1:7001/shop?x=1"][..],
        ),
        ("DATABASE_URL=postgres://u:p@localhost/shop", &["DATABASE_URL=postgres://u:p@127.0.0.1:7001/shop"]),
        (
            "SPRING_DATASOURCE_URL=jdbc:postgresql://localhost:5432/x",
            &["SPRING_DATASOURCE_URL=jdbc:postgresql://127.0.0.1:7001/x"],
        ),
        ("spring.redis.url=redis://localhost", &["spring.redis.url=redis://127.0.0.1:7002"]),
        ("NEXT_PUBLIC_API=http://localhost:8080/v1", &["NEXT_PUBLIC_API=http://localhost:7003/v1"]),
        ("U=u\nX=postgres://$U:${P:-p}@localhost:5433/a", &["X=postgres://u:p@127.0.0.1:7001/a"]),
        ("SMTP=smtp://localhost:1025", &["SMTP=smtp://127.0.0.1:7004"]),
        // Host and port in lines of their own, whatever they are called.
        (
            "POSTGRES_SERVER=localhost\nPOSTGRES_PORT=5433",
            &["POSTGRES_PORT=7001", "POSTGRES_SERVER=127.0.0.1"],
        ),
        ("DB_HOSTNAME=127.0.0.1\nDB_PORT=5432", &["DB_HOSTNAME=127.0.0.1", "DB_PORT=7001"]),
        ("X_ADDR=localhost\nX_PORT=6379", &["X_ADDR=127.0.0.1", "X_PORT=7002"]),
        ("API_HOST=http://localhost/\nAPI_PORT=8080", &["API_HOST=http://localhost/", "API_PORT=7003"]),
        ("BULL_REDIS_PORT=6379", &["BULL_REDIS_PORT=7002"]),
        (
            "database_hostname=localhost\ndatabase_port=5432",
            &["database_hostname=127.0.0.1", "database_port=7001"],
        ),
        (
            "spring.data.redis.host=localhost\nspring.data.redis.port=6379",
            &["spring.data.redis.host=127.0.0.1", "spring.data.redis.port=7002"],
        ),
        ("redisHost=localhost\nredisPort=6379", &["redisHost=127.0.0.1", "redisPort=7002"]),
        ("DBHOST=localhost\nDBPORT=5433", &["DBHOST=127.0.0.1", "DBPORT=7001"]),
        ("redis.host=localhost", &["redis.host=127.0.0.1", "redis.port=7002"]),
        ("REDISHOST=localhost\nEXPORT=5433\nserver.port=5433", &[]),
        ("DSN=host=localhost user=u dbname=a port=5433", &["DSN=host=127.0.0.1 user=u dbname=a port=7001"]),
        ("N=localhost:6379 localhost:5433", &["N=127.0.0.1:7002 127.0.0.1:7001"]),
        ("X_HOST=localhost:5433\nX_PORT=5433", &["X_HOST=127.0.0.1:7001", "X_PORT=7001"]),
        ("DEV_HOST=localhost:8080\nDEV_PORT=8080", &[]),
        ("X_HOST=prod.example:5433\nX_PORT=5433\nY_HOST=0.0.0.0:5433\nY_PORT=5433", &[]),
        // A host alone: the usual port of what the name speaks of.
        ("REDIS_HOST=localhost", &["REDIS_HOST=127.0.0.1", "REDIS_PORT=7002"]),
        ("CACHE_HOST=localhost", &["CACHE_HOST=127.0.0.1", "CACHE_PORT=7002"]),
        ("SHOP_DATABASE_ADDRESS=localhost", &["SHOP_DATABASE_ADDRESS=127.0.0.1", "SHOP_DATABASE_PORT=7001"]),
        ("PG_HOST=localhost", &[]),
        ("UNKNOWN_HOST=localhost", &[]),
        ("API_HTTP_HOST=localhost", &[]),
        (
            "ELASTICSEARCH_HOST=http://localhost/",
            &["ELASTICSEARCH_HOST=http://localhost/", "ELASTICSEARCH_PORT=7005"],
        ),
        // Elsewhere, or for those who listen.
        ("DATABASE_URL=postgres://prod.example:5432/x", &[]),
        ("DATABASE_URL=postgres://db:5432/x", &[]),
        ("DATABASE_URL=postgres://localhost:9/x", &[]),
        ("DB_HOST=prod.example\nDB_PORT=5432", &[]),
        ("DB_HOST=localhost\nDB_PORT=9", &[]),
        ("API_HOST=0.0.0.0\nAPI_PORT=8080", &[]),
        ("PORT=8080", &[]),
        ("API_PORT=8080", &[]),
        ("FORWARD_DB_PORT=5433", &[]),
        ("UVICORN_HOST=localhost\nUVICORN_PORT=5433\nLISTEN_ADDR=localhost:5433\nX=0.0.0.0:5433", &[]),
        ("COOKIE_DOMAIN=localhost:8080\nVITE_HMR_PORT=6379", &[]),
        ("X=postgres://u:p$$w@localhost:5433/a\nY='redis://localhost/`'", &[]),
        ("HTTP_PORT=5432", &[]),
        // Who may call is not called.
        ("CORS_ORIGINS=http://localhost:8080\nALLOWED_HOSTS=localhost:8080", &[]),
        ("PATH=localhost:5433\nLD_PRELOAD=localhost:5433\nPRISM_X=localhost:5433", &[]),
        // An app of the host.
        (
            "WEB_URL=http://localhost:3000/x\nVITE_WEB_URL=http://localhost:3000",
            &["VITE_WEB_URL=http://localhost:24311", "WEB_URL=http://localhost:24311/x"],
        ),
        ("SHOWEB_URL=http://localhost:3000\nGITHUB_WEB_URL=http://localhost:12111/v3", &[]),
        // What is beside a port says where that is; a flag is no host.
        ("WAREHOUSE_ENDPOINT=w.prod.example\nWAREHOUSE_PORT=5433", &[]),
        ("REPORT_HOSTS=a.prod,b.prod\nREPORT_PORT=6379", &[]),
        ("USE_REDIS_SERVER=0\nSCHEDULE=0:6379", &[]),
        ("REDIS_ENDPOINT=localhost", &["REDIS_ENDPOINT=127.0.0.1", "REDIS_PORT=7002"]),
        // Where a program of the project's own listens.
        ("DEV_HOST=localhost\nDEV_PORT=8080\nAPP_PORT=8080", &[]),
        // What needs more than the file is its reader's business.
        ("X=postgres://$HOME@localhost:5433/a", &[]),
        ("what is this\nY=redis://localhost", &["Y=redis://127.0.0.1:7002"]),
    ] {
        assert_eq!(answered(text), expected, "{text}");
    }
}

#[test]
fn names_that_are_left_alone() {
    let text = "A=redis://localhost\nB=redis://localhost\nC_HOST=localhost\nC_PORT=6379";
    for (translate, expected) in [
        (Translate::All(false), &[][..]),
        (Translate::Except(vec!["A".to_owned(), "C_PORT".to_owned()]), &["B", "C_HOST"]),
    ] {
        let targets = targets_but(translate);
        let names: Vec<String> = answers(&read(text), &targets).into_iter().map(|it| it.name).collect();
        assert_eq!(names, expected);
    }
}

/// Of two databases, none is the one at the usual port, and none is *the* database.
#[test]
fn what_is_not_clear_is_left_alone() {
    let plan = |port: u16, published: u16| ServicePlan {
        primary: Some(ContainerPort::tcp(port)),
        kind: Some("postgres".to_owned()),
        declared: [(published, ContainerPort::tcp(port))].into(),
        replicas: 1,
        ..ServicePlan::default()
    };
    let plans: [(ServiceName, ServicePlan); 2] =
        [("main".into(), plan(5432, 5440)), ("audit".into(), plan(5432, 5441))];
    let containers: Vec<Container> =
        plans.iter().zip(7001..).map(|((name, plan), host)| running(name, plan, host)).collect();
    let services = plans.iter().map(|(name, plan)| (name, plan));
    let targets =
        Targets::new(String::new(), services, &containers, None, &BTreeMap::new(), LeftAlone::default());
    let text =
        "A=postgres://localhost/x\nDB_HOST=localhost\nB=postgres://localhost:5441/x\nAUDIT_DB_HOST=localhost";
    let found: Vec<String> =
        answers(&read(text), &targets).iter().map(|it| format!("{}={}", it.name, it.value)).collect();
    assert_eq!(found, ["AUDIT_DB_HOST=127.0.0.1", "AUDIT_DB_PORT=7002", "B=postgres://127.0.0.1:7002/x"]);
}

#[test]
fn credentials_that_stand_beside_an_answer_stay_with_it() {
    let variable =
        |name: &str, value: &str| Variable { name: name.into(), value: value.into(), ..Variable::default() };
    let own =
        ["DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "CACHE_PASSWORD"].map(|name| variable(name, "own"));
    let text = "DB_HOST=localhost\nDB_USER=app\nDB_PASSWORD=\nCACHE_PASSWORD=x\nOTHER=y";
    let found = apply(own.to_vec(), &read(text), &targets());
    let shown: Vec<String> = found.iter().map(|it| format!("{}={} {}", it.name, it.value, it.rule)).collect();
    assert_eq!(
        shown,
        [
            "CACHE_PASSWORD=own ",
            "DB_HOST=127.0.0.1 `.env`, line 1, with 7001 for 5432",
            "DB_PASSWORD= `.env`, line 3",
            "DB_PORT=7001 `.env`, line 1, with 7001 for 5432",
            "DB_USER=app `.env`, line 2",
        ]
    );
    assert_eq!(apply(own.to_vec(), &read("DB_USER=app"), &targets()), own);
    let url = "DATABASE_URL=postgres://me:hunter2@localhost:5433/x";
    let [found] = &apply(Vec::new(), &read(url), &targets())[..] else { panic!("one") };
    assert!(found.secret && found.service == Some("db".into()), "{found:?}");
}
