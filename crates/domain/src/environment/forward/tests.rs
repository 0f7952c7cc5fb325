use super::*;
use crate::engine::container::Binding;
use crate::engine::container::tests::container;

/// A service with the ports of the Compose file, each with the one of the container and, if it runs, the host port.
fn service(name: &str, ports: &[(u16, &str, Option<u16>)]) -> (ServiceName, ServicePlan, Container) {
    let port = |text: &str| text.parse::<ContainerPort>().expect("a port");
    let declared = ports.iter().map(|(published, inside, _)| (*published, port(inside))).collect();
    let bindings = ports.iter().filter_map(|(_, inside, host_port)| {
        Some(Binding { container: port(inside), host_ip: "127.0.0.1".to_owned(), host_port: (*host_port)? })
    });
    let name = ServiceName::from(name);
    let container = Container { bindings: bindings.collect(), ..container(&name.0, "Up 2 minutes") };
    (name, ServicePlan { declared, replicas: 1, ..ServicePlan::default() }, container)
}

fn around(text: &str) -> Vec<Listening> {
    let read = |word: &str| {
        let (protocol, address) = word.split_once('/').expect("protocol/address");
        let address: SocketAddr = address.parse().expect("an address");
        let port = ContainerPort { number: address.port(), protocol: protocol.parse().expect("protocol") };
        Listening { port, address: address.ip(), inode: 0 }
    };
    text.split_whitespace().map(read).collect()
}

fn decided(services: &[(ServiceName, ServicePlan, Container)], around: &[Listening]) -> Vec<String> {
    let scope: Vec<ServiceName> = services.iter().map(|(name, ..)| name.clone()).collect();
    decided_of(&scope, services, around)
}

fn decided_of(
    scope: &[ServiceName],
    services: &[(ServiceName, ServicePlan, Container)],
    around: &[Listening],
) -> Vec<String> {
    let containers: Vec<Container> = services.iter().map(|(.., container)| container.clone()).collect();
    let services = services.iter().map(|(name, plan, _)| (name.clone(), plan.clone())).collect();
    let plan = plan(&services, scope, &containers, around, None, |host| host.parse().ok());
    let mut led: Vec<&Forward> = plan.forwards.iter().chain(&plan.passed).collect();
    led.sort_by_key(|it| (it.protocol, it.inner));
    let lines = led.iter().map(|it| format!("{}/{} {}", it.protocol, it.inner, it.outer));
    lines.collect()
}

#[test]
fn a_port_of_the_compose_file_is_the_services_whoever_else_has_it() {
    let db = service("db", &[(5433, "5432", Some(7001))]);
    let strangers = around("tcp/127.0.0.1:5433 tcp/0.0.0.0:5433 tcp/[::]:5433 tcp/[::1]:5433");
    let expected = [
        "tcp/127.0.0.1:5432 127.0.0.1:7001",
        "tcp/127.0.0.1:5433 127.0.0.1:7001",
        "tcp/127.0.0.1:7001 127.0.0.1:7001",
        "tcp/[::1]:5432 127.0.0.1:7001",
        "tcp/[::1]:5433 127.0.0.1:7001",
    ];
    assert_eq!(decided(&[db], &strangers), expected);
    let stopped = service("db", &[(5433, "5432", None)]);
    assert_eq!(decided(&[stopped], &strangers), Vec::<String>::new());
}

#[test]
fn a_port_of_a_service_that_is_left_out_is_nowhere_rather_than_somebody_elses() {
    let services = [
        service("db", &[(5432, "5432", Some(7001))]),
        service("cache", &[(6379, "6379", None), (6380, "6380/udp", None)]),
    ];
    let strangers =
        around("tcp/127.0.0.1:6379 udp/[::1]:6379 tcp/0.0.0.0:6380 udp/127.0.0.1:6380 tcp/127.0.0.1:9000");
    let expected = [
        "tcp/127.0.0.1:5432 127.0.0.1:7001",
        "tcp/127.0.0.1:7001 127.0.0.1:7001",
        "tcp/127.0.0.1:9000 127.0.0.1:9000",
        "tcp/[::1]:5432 127.0.0.1:7001",
    ];
    assert_eq!(decided_of(&["db".into()], &services, &strangers), expected);
}

#[test]
fn the_containers_number_is_given_only_where_nobody_has_it() {
    let db = || service("db", &[(5433, "5432", Some(7001))]);
    let with = |number: u16, lines: &[String]| lines.iter().any(|line| line.contains(&format!(":{number} ")));
    assert!(with(5432, &decided(&[db()], &[])));
    let held = decided(&[db()], &around("tcp/127.0.0.1:5432"));
    assert!(held.contains(&"tcp/127.0.0.1:5432 127.0.0.1:5432".to_owned()), "{held:?}");
    assert!(!held.iter().any(|line| line.starts_with("tcp/[::1]:5432")), "{held:?}");
    let two = decided(&[db(), service("other", &[(5434, "5432", Some(7002))])], &[]);
    assert!(!with(5432, &two), "{two:?}");
}

#[test]
fn an_address_of_the_loopback_that_the_file_names_is_the_services_too() {
    let mut services =
        [service("db", &[(5433, "5432", Some(7001))]), service("cache", &[(6379, "6379", None)])];
    services[0].1.addresses = ["127.0.0.3", "192.0.2.1"].map(|it| it.parse().expect("address")).into();
    services[1].1.addresses = ["127.0.0.4".parse().expect("address")].into();
    let strangers = around("tcp/127.0.0.3:5433 tcp/127.0.0.4:6379 tcp/127.0.0.5:6379");
    let decided = decided_of(&["db".into()], &services, &strangers);
    let others: Vec<&String> =
        decided.iter().filter(|it| !it.contains("127.0.0.1:") || it.contains("127.0.0.3")).collect();
    assert_eq!(others, ["tcp/127.0.0.3:5433 127.0.0.1:7001", "tcp/127.0.0.5:6379 127.0.0.5:6379"],);
}

#[test]
fn what_waits_on_the_loopback_is_passed_on_as_it_is() {
    for (there, expected) in [
        ("tcp/127.0.0.1:8000", vec!["tcp/127.0.0.1:8000 127.0.0.1:8000"]),
        ("tcp/0.0.0.0:8000", vec!["tcp/127.0.0.1:8000 127.0.0.1:8000"]),
        ("tcp/[::]:8000", vec!["tcp/127.0.0.1:8000 127.0.0.1:8000", "tcp/[::1]:8000 [::1]:8000"]),
        ("tcp/192.0.2.1:8000", vec![]),
        ("udp/127.0.0.53:53", vec!["udp/127.0.0.53:53 127.0.0.53:53"]),
        ("udp/0.0.0.0:53", vec!["udp/127.0.0.1:53 127.0.0.1:53"]),
        ("udp/0.0.0.0:68 udp/127.0.0.1:40000", vec![]),
    ] {
        assert_eq!(decided(&[], &around(there)), expected, "{there}");
    }
}

#[test]
fn a_commands_port_is_at_the_same_number_or_at_one_that_stays_the_sessions() {
    let first = |session: &str, port: u16, exposed: &[(u16, Option<u16>)]| {
        let exposed = exposed.iter().copied().collect();
        host_ports(session, port, &exposed).take(2).collect::<Vec<u16>>()
    };
    let [same, own] = first("/w/shop", 3000, &[])[..] else { panic!("two places") };
    assert_eq!((same, own), (3000, 31_306), "a release must not move everybody's bookmarks");
    assert_eq!(first("/w/shop", 3000, &[(3000, None)])[0], own);
    assert_eq!(first("/w/shop", 3000, &[(3000, Some(24_311))]), [24_311, own]);
    assert_eq!(first("/w/shop", 3000, &[(8000, None)])[0], 3000);
    assert_ne!(first("/w/other", 3000, &[])[1], own);
    assert!(host_ports("/w/shop", 1, &BTreeMap::new()).skip(1).all(|port| OWN.contains(&port)));
}

#[test]
fn udp_goes_where_udp_is_published() {
    let mut dns = service("dns", &[(53, "53/udp", Some(7001))]);
    assert_eq!(decided(&[dns.clone()], &[])[0], "udp/127.0.0.1:53 127.0.0.1:7001");
    let tcp = Binding { container: ContainerPort::tcp(53), host_ip: "127.0.0.1".to_owned(), host_port: 7002 };
    dns.2.bindings.push(tcp);
    let both = decided(&[dns], &around("udp/127.0.0.53:53 tcp/127.0.0.1:53"));
    assert!(both.contains(&"tcp/127.0.0.1:53 127.0.0.1:7002".to_owned()), "{both:?}");
    assert!(both.contains(&"udp/127.0.0.1:53 127.0.0.1:7001".to_owned()), "{both:?}");
    assert!(both.contains(&"udp/127.0.0.53:53 127.0.0.53:53".to_owned()), "{both:?}");
}

#[test]
fn what_begins_later_is_passed_on_unless_it_is_the_sessions() {
    let (name, service, container) = service("db", &[(5433, "5432", Some(7001))]);
    let services = BTreeMap::from([(name.clone(), service)]);
    let plan = plan(&services, &[name], &[container], &[], None, |host| host.parse().ok());
    let later = around("tcp/0.0.0.0:5432 tcp/127.0.0.1:5433 tcp/127.0.0.1:7001 tcp/[::1]:7001 tcp/[::]:8000");
    let passed: Vec<String> =
        plan.passed(&later).iter().map(|it| format!("{} {}", it.inner, it.outer)).collect();
    let expected = ["127.0.0.1:8000 127.0.0.1:8000", "[::1]:7001 [::1]:7001", "[::1]:8000 [::1]:8000"];
    assert_eq!(passed, expected);
}
