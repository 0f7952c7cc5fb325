use super::*;

const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn planned(services: &str) -> Plan {
    let model = Model::parse(
        format!(r#"{{"services":{services},"networks":{{"in":{{"internal":true}}}}}}"#).as_bytes(),
    );
    plan(&model.expect("model"), &Settings::default(), LOOPBACK, &[]).expect("plan")
}

fn ports(plan: &Plan, service: &str) -> Vec<String> {
    let service = &plan.services[&service.into()];
    service.ports.iter().map(|port| format!("{}={}", port.host_ip, port.container)).collect()
}

#[test]
fn ports_by_service() {
    // What the file says of a service → what is published.
    for (service, expected) in [
        (
            r#"{"image":"x","ports":[{"target":80,"published":"8080"},{"target":80,"published":"8081"}]}"#,
            vec!["127.0.0.1=80/tcp"],
        ),
        (
            r#"{"image":"x","ports":[{"target":53},{"target":53,"protocol":"udp"}]}"#,
            vec!["127.0.0.1=53/tcp", "127.0.0.1=53/udp"],
        ),
        (
            r#"{"image":"x","ports":[{"target":1,"host_ip":"::1"},{"target":2,"host_ip":"0.0.0.0"}]}"#,
            vec!["::1=1/tcp", "127.0.0.1=2/tcp"],
        ),
        (
            r#"{"image":"x","expose":["1000-1001","2000/udp"]}"#,
            vec!["127.0.0.1=1000/tcp", "127.0.0.1=1001/tcp", "127.0.0.1=2000/udp"],
        ),
        (r#"{"image":"postgres:17"}"#, vec!["127.0.0.1=5432/tcp"]),
        (r#"{"image":"postgres:17","ports":[{"target":9187}]}"#, vec!["127.0.0.1=9187/tcp"]),
        (r#"{"image":"x","labels":{"dev-prism.publish":"7,8"}}"#, vec!["127.0.0.1=7/tcp", "127.0.0.1=8/tcp"]),
        (
            r#"{"image":"postgres","labels":{"dev-prism.publish":"9187"}}"#,
            vec!["127.0.0.1=5432/tcp", "127.0.0.1=9187/tcp"],
        ),
        (r#"{"image":"redis","labels":{"dev-prism.ignore":"true"}}"#, vec![]),
        (r#"{"image":"redis","command":["redis-cli","monitor"]}"#, vec![]),
        (r#"{"image":"redis","command":["redis-cli","monitor"],"expose":["1"]}"#, vec!["127.0.0.1=1/tcp"]),
        (
            r#"{"image":"redis","command":["/start"],"labels":{"dev-prism.kind":"redis"}}"#,
            vec!["127.0.0.1=6379/tcp"],
        ),
        (r#"{"image":"redis","command":["/start"]}"#, vec![]),
        (
            r#"{"image":"redis","command":["/start"],"healthcheck":{"test":["CMD","true"]}}"#,
            vec!["127.0.0.1=6379/tcp"],
        ),
        (r#"{"image":"redis","labels":{"dev-prism.kind":"none"}}"#, vec![]),
        (r#"{"image":"redis","network_mode":"host"}"#, vec![]),
        (r#"{"image":"redis","networks":{"in":null}}"#, vec![]),
        (r#"{"image":"redis","networks":{"in":null,"default":null}}"#, vec!["127.0.0.1=6379/tcp"]),
        (r#"{"image":"x"}"#, vec![]),
    ] {
        assert_eq!(ports(&planned(&format!(r#"{{"s":{service}}}"#)), "s"), expected, "{service}");
    }
}

#[test]
fn what_prism_cannot_tell_is_a_server_if_others_wait_for_it() {
    for (condition, kind) in [
        ("service_started", "postgres"),
        ("service_healthy", "postgres"),
        ("service_completed_successfully", "none"),
    ] {
        let plan = planned(&format!(
            r#"{{"db":{{"image":"postgres","entrypoint":["/start"]}},"web":{{"depends_on":{{"db":{{"condition":"{condition}"}}}}}}}}"#
        ));
        assert_eq!(plan.services[&"db".into()].kind.as_deref(), Some(kind), "{condition}");
    }
}

#[test]
fn the_primary_port_is_the_kinds_else_the_first() {
    let plan = planned(
        r#"{"db":{"image":"postgres","ports":[{"target":9187},{"target":5432}]},
            "web":{"image":"x","ports":[{"target":9,"protocol":"udp"},{"target":81},{"target":80}]}}"#,
    );
    assert_eq!(plan.services[&"db".into()].primary, Some(ContainerPort::tcp(5432)));
    assert_eq!(plan.services[&"web".into()].primary, Some(ContainerPort::tcp(81)));
}

#[test]
fn a_guest_publishes_on_the_owner_of_its_network() {
    let plan = planned(
        r#"{"vpn":{"image":"x","container_name":"vpn","ports":[{"target":1}]},
            "a":{"image":"redis","network_mode":"service:b"},
            "b":{"image":"x","network_mode":"container:vpn"}}"#,
    );
    assert_eq!(ports(&plan, "vpn"), ["127.0.0.1=1/tcp", "127.0.0.1=6379/tcp"]);
    assert_eq!(plan.services[&"a".into()].via, Some("vpn".into()));
    assert_eq!(plan.services[&"b".into()].via, Some("vpn".into()));
    assert!(ports(&plan, "a").is_empty());
}

#[test]
fn what_counts_as_a_one_shot() {
    let plan = planned(
        r#"{"migrate":{"image":"x"},"seed":{"image":"x","restart":"on-failure"},
            "worker":{"image":"x","restart":"always"},"db":{"image":"postgres"},
            "checked":{"image":"x","healthcheck":{"test":["CMD","true"]}},
            "odd":{"image":"x","ports":[{"target":1}]},
            "app":{"image":"x","restart":"always","depends_on":{"odd":{"condition":"service_completed_successfully"}}}}"#,
    );
    let completes: Vec<&str> =
        plan.services.iter().filter(|(_, plan)| plan.completes).map(|(name, _)| name.0.as_str()).collect();
    assert_eq!(completes, ["migrate", "odd", "seed"]);
}

#[test]
fn an_unknown_kind_and_an_unknown_service_are_errors() {
    let model =
        Model::parse(br#"{"services":{"db":{"labels":{"dev-prism.kind":"postgras"}}}}"#).expect("model");
    let error = plan(&model, &Settings::default(), LOOPBACK, &[]).expect_err("kind");
    assert!(error.to_string().contains("`postgras`"));
    let settings = Settings::parse("services: {dv: {primary: true}}", "prism.yaml").expect("settings");
    let error = plan(&model, &settings, LOOPBACK, &[]).expect_err("service");
    assert!(error.to_string().contains("no service `dv`"));
    let settings = Settings::parse("templates:\n  x: {without: [dv]}\n", "prism.yaml").expect("settings");
    let model = Model::parse(br#"{"services":{"db":{}}}"#).expect("model");
    let error = plan(&model, &settings, LOOPBACK, &[]).expect_err("template");
    let message = "`templates.x.without` in prism.yaml (line 2, column 16): there is no service `dv`";
    assert_eq!(error.to_string(), message);
}

#[test]
fn an_app_and_a_service_that_give_the_same_variables_are_an_error() {
    let settings = Settings::parse("apps: {my-db: {}}", "prism.yaml").expect("settings");
    let model = Model::parse(br#"{"services":{"my.db":{"image":"postgres"},"x":{}}}"#).expect("model");
    let plan = plan(&model, &settings, LOOPBACK, &[]).expect("a plan");
    let error = plan.check_apps(&settings, &["my.db".into()]).expect_err("one prefix");
    assert_eq!(
        error.to_string(),
        "`apps.my-db` in prism.yaml (line 1, column 15) and service `my.db` both give variables that begin with `MY_DB_`"
    );
    assert!(plan.check_apps(&settings, &["x".into()]).is_ok(), "it is left out");
}

#[test]
fn templates_name_what_the_chosen_services_give() {
    let model = Model::parse(
        br#"{"services":{"pg":{"image":"postgres"},"my":{"image":"mysql"},"cache":{"image":"redis"},
             "main":{"image":"postgres","labels":{"dev-prism.primary":"true"}}}}"#,
    )
    .expect("model");
    let fails = |yaml: &str, scope: &[&str], app: Option<&str>| {
        let settings = Settings::parse(yaml, "prism.yaml").expect("settings");
        let plan = plan(&model, &settings, LOOPBACK, &[]).expect("a plan");
        let scope: Vec<ServiceName> = scope.iter().map(|name| (*name).into()).collect();
        plan.check_templates(&settings, &scope, app).err().map(|error| error.to_string())
    };
    let env = "env: {X: '${DATABASE_URL}'}";
    assert_eq!(fails(env, &["pg", "cache"], None), None);
    for scope in [&["cache"][..], &[], &["pg", "my"]] {
        let said = fails(env, scope, None).expect("nobody gives it");
        assert!(said.contains("`env.X`") && said.contains("DATABASE_URL"), "{said}");
    }
    assert_eq!(fails(env, &["pg", "my", "main"], None), None, "the primary one does");
    assert!(fails("env: {X: '${CACHE_URL}'}", &["pg"], None).is_some(), "it is left out");
    assert!(fails("{services: {pg: {ignore: true}}, env: {X: '${PG_URL}'}}", &["pg"], None).is_some());
    // An app's own are asked for where that app is to run.
    let app = "{env: {Y: y}, apps: {web: {env: {X: '${CACHE_URL}/${Y}/${WEB_PORT}/${PORT}'}}}}";
    assert_eq!(fails(app, &["cache"], Some("web")), None);
    assert_eq!(fails(app, &["pg"], None), None);
    let said = fails(app, &["pg"], Some("web")).expect("it is left out");
    assert!(said.contains("`apps.web.env.X`") && said.contains("CACHE_URL"), "{said}");
}

#[test]
fn what_stays_shared_is_said() {
    let plan = planned(r#"{"x":{"image":"x","network_mode":"host"}}"#);
    assert_eq!(plan.shared, ["service `x` uses the host's network, which every session shares"]);
}

#[test]
fn a_pin_is_the_primary_ports_else_the_first_ones() {
    let labels = r#""labels":{"dev-prism.port":"9000"}"#;
    let pinned = |ports: &str| {
        let plan = planned(&format!(r#"{{"s":{{"image":"x","ports":[{ports}],{labels}}}}}"#));
        let ports = plan.services[&"s".into()].ports.iter();
        let pinned = ports.filter(|port| port.policy == Policy::Pin(9000));
        pinned.map(|port| port.container.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(pinned(r#"{"target":53,"protocol":"udp"},{"target":80}"#), ["80/tcp"]);
    assert_eq!(pinned(r#"{"target":53,"protocol":"udp"},{"target":54,"protocol":"udp"}"#), ["53/udp"]);
}
