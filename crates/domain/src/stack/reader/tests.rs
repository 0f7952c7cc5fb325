use super::*;

/// The session's suffix in every case.
const PROJECT: &str = "shop-1a2b3c4d";

fn spoken_of(config: &serde_json::Value) -> Spoken {
    let model = Model::parse(config.to_string().as_bytes()).expect("model");
    spoken(&model, &ProjectName::reported(PROJECT))
}

fn labels_of(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    let entries = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).into()));
    let labels: serde_json::Map<_, _> = entries.collect();
    let found = spoken_of(&serde_json::json!({"services": {"web": {"labels": labels}}}));
    found.services.get(&"web".into()).and_then(|own| own.labels.clone()).unwrap_or_default()
}

/// A label beside what it depends on, and what becomes of it.
type Case = (&'static [(&'static str, &'static str)], &'static str, &'static str);

const MIDDLEWARE: (&str, &str) = ("traefik.http.middlewares.auth.basicauth.users", "a:b");
const RULE: (&str, &str) = ("traefik.http.routers.web.rule", "Host(`shop.localhost`)");

const CASES: &[Case] = &[
    (&[RULE], "traefik.http.routers.web-1a2b3c4d.rule", "Host(`shop.shop-1a2b3c4d.localhost`)"),
    (
        &[("traefik.HTTP.Routers.Web.Rule", "Host(\"a.example\")")],
        "traefik.http.routers.Web-1a2b3c4d.Rule",
        "Host(\"a.example.shop-1a2b3c4d.localhost\")",
    ),
    (
        &[
            RULE,
            MIDDLEWARE,
            ("traefik.http.routers.web.middlewares", "auth@docker, auth,hsts@file,other@docker"),
        ],
        "traefik.http.routers.web-1a2b3c4d.middlewares",
        "auth-1a2b3c4d@docker,auth-1a2b3c4d,hsts@file,other@docker",
    ),
    (&[MIDDLEWARE], "traefik.http.middlewares.auth-1a2b3c4d.basicauth.users", "a:b"),
    (
        &[MIDDLEWARE, ("traefik.http.middlewares.both.chain.middlewares", "auth")],
        "traefik.http.middlewares.both-1a2b3c4d.chain.middlewares",
        "auth-1a2b3c4d",
    ),
    (
        &[
            RULE,
            ("traefik.http.services.s.loadbalancer.server.port", "80"),
            ("traefik.http.routers.web.service", "s"),
        ],
        "traefik.http.routers.web-1a2b3c4d.service",
        "s-1a2b3c4d",
    ),
    (
        &[RULE, ("traefik.http.routers.web.service", "api@internal")],
        "traefik.http.routers.web-1a2b3c4d.service",
        "api@internal",
    ),
    (
        &[RULE, ("traefik.http.middlewares.r.redirectregex.regex", "^https?://shop\\.localhost/(.*)")],
        "traefik.http.middlewares.r-1a2b3c4d.redirectregex.regex",
        "^https?://shop\\.shop-1a2b3c4d\\.localhost/(.*)",
    ),
    (
        &[RULE, ("traefik.http.middlewares.r.redirectregex.replacement", "https://shop.localhost/x")],
        "traefik.http.middlewares.r-1a2b3c4d.redirectregex.replacement",
        "https://shop.shop-1a2b3c4d.localhost/x",
    ),
    (
        &[RULE, ("traefik.http.routers.web.tls.domains[0].sans", "*.shop.example")],
        "traefik.http.routers.web-1a2b3c4d.tls.domains[0].sans",
        "*.shop.example.shop-1a2b3c4d.localhost",
    ),
    (
        &[("traefik.http.routers.web.tls", "true")],
        "traefik.http.routers.web-1a2b3c4d.rule",
        "Host(`web.shop-1a2b3c4d.localhost`)",
    ),
    (
        &[("traefik.enable", "true")],
        "traefik.http.routers.web-1a2b3c4d.rule",
        "Host(`web.shop-1a2b3c4d.localhost`)",
    ),
    (
        &[("traefik.tcp.routers.db.rule", "HostSNI(`*`)")],
        "traefik.tcp.routers.db-1a2b3c4d.rule",
        "HostSNI(`shop-1a2b3c4d.localhost`)",
    ),
    (
        &[("traefik.udp.routers.dns.entrypoints", "dns")],
        "traefik.udp.routers.dns-1a2b3c4d.entrypoints",
        "dns-1a2b3c4d",
    ),
    (
        &[("traefik.udp.services.dns.loadbalancer.server.port", "53")],
        "traefik.udp.services.dns-1a2b3c4d.loadbalancer.server.port",
        "53",
    ),
    (
        &[("traefik.frontend.rule", "Host:a.example;PathPrefix:/x")],
        "traefik.frontend.rule",
        "Host:a.example.shop-1a2b3c4d.localhost;PathPrefix:/x",
    ),
    (
        &[
            ("traefik.http.routers.shop-1a2b3c4d-web.rule", "Host(`shop-1a2b3c4d.localhost`)"),
            ("tsdproxy.name", "x"),
        ],
        "traefik.http.routers.shop-1a2b3c4d-web.rule",
        "Host(`shop-1a2b3c4d.localhost`)",
    ),
    (
        &[("caddy", "http://a.example:8080, b.localhost")],
        "caddy",
        "http://a.example.shop-1a2b3c4d.localhost:8080, b.shop-1a2b3c4d.localhost",
    ),
    (&[("caddy_0", ":80")], "caddy_0", "shop-1a2b3c4d.localhost:80"),
    (&[("caddy_1", "(logs)"), ("caddy.1_import", "logs 7")], "caddy.1_import", "logs-1a2b3c4d 7"),
    (&[("caddy_1", "(logs)")], "caddy_1", "(logs-1a2b3c4d)"),
    (
        &[("caddy", "{$DOMAIN:localhost}"), ("caddy.reverse_proxy", "{{upstreams 80}}")],
        "caddy.reverse_proxy",
        "{{upstreams 80}}",
    ),
    (
        &[("caddy", "*.a.example"), ("caddy.@api.host", "api.a.example")],
        "caddy.@api.host",
        "api.a.example.shop-1a2b3c4d.localhost",
    ),
    (
        &[("caddy", "a.example"), ("caddy.@api", "host api.a.example")],
        "caddy.@api",
        "host api.a.example.shop-1a2b3c4d.localhost",
    ),
    (
        &[("caddy", "a.example"), ("caddy.redir", "https://a.example{uri}")],
        "caddy.redir",
        "https://a.example.shop-1a2b3c4d.localhost{uri}",
    ),
    (&[("com.dnsdock.name", "db")], "com.dnsdock.name", "db-1a2b3c4d"),
    (
        &[("com.dnsdock.alias", "db.docker, cache.docker")],
        "com.dnsdock.alias",
        "db-1a2b3c4d.docker,cache-1a2b3c4d.docker",
    ),
    (
        &[RULE, ("homepage.href", "https://shop.localhost/"), ("homepage.name", "Shop")],
        "homepage.href",
        "https://shop.shop-1a2b3c4d.localhost/",
    ),
    (&[("homepage.name", "Shop")], "homepage.name", "Shop-1a2b3c4d"),
    (&[("sablier.group", "shop")], "sablier.group", "shop-1a2b3c4d"),
    (
        &[("traefik.http.middlewares.s.plugin.sablier.group", "shop")],
        "traefik.http.middlewares.s-1a2b3c4d.plugin.sablier.group",
        "shop-1a2b3c4d",
    ),
    (
        &[("com.centurylinklabs.watchtower.scope", "shop")],
        "com.centurylinklabs.watchtower.scope",
        "shop-1a2b3c4d",
    ),
    (&[("ofelia.job-exec.backup.schedule", "@daily")], "ofelia.job-exec.backup-1a2b3c4d.schedule", "@daily"),
    (&[("kuma.shop.http.url", "http://x")], "kuma.shop-1a2b3c4d.http.url", "http://x"),
    (&[("swag_url", "shop.example.com")], "swag_url", "shop.example.com.shop-1a2b3c4d.localhost"),
    (
        &[("pangolin.public-resources.shop.full-domain", "shop.example.com")],
        "pangolin.public-resources.shop-1a2b3c4d.full-domain",
        "shop.example.com.shop-1a2b3c4d.localhost",
    ),
    (&[("tsdproxy.name", "shop")], "tsdproxy.name", "shop-1a2b3c4d"),
    (&[("glance.parent", "shop")], "glance.parent", "shop-1a2b3c4d"),
];

#[test]
fn labels_by_reader() {
    for (labels, key, expected) in CASES {
        let found = labels_of(labels);
        assert_eq!(found.get(*key).map(String::as_str), Some(*expected), "{labels:?}: {found:?}");
    }
}

#[test]
fn labels_of_nobody_stay() {
    for label in [
        ("traefik.enable", "false"),
        ("traefik.docker.network", "elsewhere"),
        ("caddyshack", "shop.localhost"),
        ("caddy.email", "me@example.com"),
        ("diun.enable", "true"),
        ("ofelia.enabled", "true"),
        ("sablier.enable", "true"),
        ("org.example.traefik.http.routers.web.rule", "Host(`a`)"),
    ] {
        assert!(labels_of(&[label]).is_empty(), "{label:?}");
    }
}

/// Rules, and the session's own ones.
#[test]
fn rules() {
    const SITE: &str = "Host(`shop-1a2b3c4d.localhost`)";
    for (rule, expected) in [
        ("Host(`a.x`) || Host(`b.x`, 'c.x')", "Host(`a.x.@`) || Host(`b.x.@`, 'c.x.@')".to_owned()),
        ("Host(`localhost`) && PathPrefix(`/)`)", format!("{SITE} && PathPrefix(`/)`)")),
        ("PathPrefix(`/api`)", format!("{SITE} && PathPrefix(`/api`)")),
        ("Host(`a.x`) || PathPrefix(`/who`)", format!("Host(`a.x.@`) || {SITE} && PathPrefix(`/who`)")),
        (
            "(Host(`a.x`)||PathPrefix(`/b`)) && Method(`GET`)",
            format!("(Host(`a.x.@`) || {SITE} && PathPrefix(`/b`)) && Method(`GET`)"),
        ),
        ("!Host(`a.x`)", format!("{SITE} && !Host(`a.x.@`)")),
        ("HostRegexp(`{sub:[a-z]+}.a.x`)", "HostRegexp(`{sub:[a-z]+}.a.x.@`)".to_owned()),
        (r"HostRegexp(`^(a|b)\.x$`)", r"HostRegexp(`^(a|b)\.x\.shop-1a2b3c4d\.localhost$`)".to_owned()),
        ("HostRegexp(`.+`)", r"HostRegexp(`.+\.shop-1a2b3c4d\.localhost$`)".to_owned()),
        ("HostRegexp(`^a$|^b$`)", SITE.to_owned()),
        ("Host(`a.x`", SITE.to_owned()),
    ] {
        let found = labels_of(&[("traefik.http.routers.r.rule", rule)]);
        let expected = expected.replace('@', "shop-1a2b3c4d.localhost");
        assert_eq!(found["traefik.http.routers.r-1a2b3c4d.rule"], expected, "{rule}");
    }
}

#[test]
fn variables_of_proxies() {
    for (name, value, expected) in [
        ("VIRTUAL_HOST", "a.example,*.b.localhost,c.example.*", "a.example.@,*.b.@,c.example.@"),
        ("VIRTUAL_HOST", r"~^a\..*\.example$", r"~^a\..*\.example\.shop-1a2b3c4d\.localhost$"),
        ("LETSENCRYPT_HOST", "a.example", "a.example.@"),
        ("LETSENCRYPT_shop_HOST", "a.example", "a.example.@"),
        (
            "VIRTUAL_HOST_MULTIPORTS",
            "a.example:\n  /: {port: 80}\nb.example:\n",
            r#"{"a.example.@":{"/":{"port":80}},"b.example.@":null}"#,
        ),
        ("DNSDOCK_NAME", "db", "db-1a2b3c4d"),
    ] {
        let found = spoken_of(
            &serde_json::json!({"services": {"web": {"environment": {name: value, "VIRTUAL_PORT": "80", "X": null}}}}),
        );
        let own = &found.services[&"web".into()].environment;
        let expected = expected.replace('@', "shop-1a2b3c4d.localhost");
        assert_eq!(own, &BTreeMap::from([(name.to_owned(), expected)]));
    }
}

#[test]
fn references_are_followed_into_other_services_networks_and_containers() {
    let found = spoken_of(&serde_json::json!({
        "networks": {"web": {"name": "web"}, "default": {"name": "shop-1a2b3c4d_default"}, "out": {"name": "proxy", "external": true}},
        "services": {
            "auth": {"labels": {"traefik.http.middlewares.auth.forwardauth.address": "http://auth:9091/verify"}, "networks": {"out": null}},
            "web": {"container_name": "the-web", "networks": {"default": null, "out": null}, "labels": {
                "traefik.http.routers.w.middlewares": "auth@docker", "traefik.docker.network": "shop_default"}},
            "api": {"networks": {"out": null}, "labels": {"traefik.docker.network": "proxy", "com.centurylinklabs.watchtower.depends-on": "the-web,other"}},
            "db": {"networks": {"web": null}, "labels": {"traefik.docker.network": "web"}},
        },
    }));
    let label = |service: &str, key: &str| {
        found.services[&service.into()].labels.as_ref().expect("labels")[key].clone()
    };
    assert_eq!(label("web", "traefik.http.routers.w-1a2b3c4d.middlewares"), "auth-1a2b3c4d@docker");
    assert_eq!(
        label("auth", "traefik.http.middlewares.auth-1a2b3c4d.forwardauth.address"),
        "http://auth-1a2b3c4d:9091/verify"
    );
    assert_eq!(label("web", "traefik.docker.network"), "shop-1a2b3c4d_default");
    assert_eq!(label("db", "traefik.docker.network"), "shop-1a2b3c4d_web");
    assert_eq!(label("api", "traefik.docker.network"), "proxy");
    assert_eq!(label("api", "com.centurylinklabs.watchtower.depends-on"), "shop-1a2b3c4d-web-1,other");
}

#[test]
fn a_reader_inside_the_project_is_restricted_or_named() {
    let socket = serde_json::json!([{"type": "bind", "source": "/var/run/docker.sock"}]);
    let found = spoken_of(&serde_json::json!({
        "networks": {"web": {"name": "web"}},
        "services": {
            "words": {"image": "traefik:v3.1", "volumes": socket, "networks": {"web": null},
                "command": ["--providers.docker=true", "--providers.docker.network=web"]},
            "more": {"image": "docker.io/library/traefik", "volumes": socket,
                "command": ["--providers.docker", "--providers.docker.constraints=Label(`a`,`b`)"]},
            "variables": {"image": "traefik", "volumes": socket, "environment": {"TRAEFIK_PROVIDERS_DOCKER": "true"}},
            "file": {"image": "traefik", "volumes": socket},
            "tower": {"image": "containrrr/watchtower", "volumes": socket, "command": ["--scope", "shop"]},
            "everything": {"image": "containrrr/watchtower", "volumes": socket},
        },
    }));
    let command = |service: &str| found.services[&service.into()].command.clone().expect("a command");
    assert_eq!(
        command("words"),
        [
            "--providers.docker=true",
            "--providers.docker.network=shop-1a2b3c4d_web",
            "--providers.docker.constraints=Label(`com.docker.compose.project`,`shop-1a2b3c4d`)"
        ]
    );
    assert_eq!(
        command("more")[1],
        "--providers.docker.constraints=(Label(`a`,`b`)) && Label(`com.docker.compose.project`,`shop-1a2b3c4d`)"
    );
    assert_eq!(command("tower"), ["--scope", "shop-1a2b3c4d"]);
    assert_eq!(
        found.services[&"variables".into()].environment["TRAEFIK_PROVIDERS_DOCKER_CONSTRAINTS"],
        "Label(`com.docker.compose.project`,`shop-1a2b3c4d`)"
    );
    let named: Vec<_> = found.said.iter().filter_map(|said| said.split('`').nth(1)).collect();
    assert_eq!(named, ["everything", "file"], "{:?}", found.said);
}

#[test]
fn rules_that_are_for_a_traefik_of_the_project_stay() {
    let mut config = serde_json::json!({"services": {
        "proxy": {"image": "traefik:v3", "command": ["--providers.docker"]},
        "web": {"environment": {"VIRTUAL_HOST": "a.example"}, "labels": {
            "traefik.enable": "true", "traefik.http.routers.w.rule": "PathPrefix(`/`)", "traefik.udp.routers.u.entrypoints": "dns"}},
    }});
    let labels = |found: &Spoken| found.services[&"web".into()].labels.clone().expect("labels");
    let own = spoken_of(&config);
    assert_eq!(labels(&own)["traefik.http.routers.w-1a2b3c4d.rule"], "PathPrefix(`/`)");
    assert_eq!(labels(&own)["traefik.udp.routers.u-1a2b3c4d.entrypoints"], "dns");
    assert_ne!(own.services[&"web".into()].environment["VIRTUAL_HOST"], "a.example", "for somebody else");
    // Nobody can tell one with a configuration of its own what to see.
    config["services"]["proxy"]["command"] = serde_json::Value::Null;
    assert_ne!(labels(&spoken_of(&config))["traefik.http.routers.w-1a2b3c4d.rule"], "PathPrefix(`/`)");
}

#[test]
fn a_caddy_of_the_project_reads_labels_of_the_sessions_own_prefix() {
    let mut config = serde_json::json!({"services": {
        "proxy": {"image": "lucaslorentz/caddy-docker-proxy:ci-alpine", "labels": {"caddy.email": "a@b.example"}},
        "web": {"labels": {"caddy": ":80", "caddy_1": "(x)", "caddy_1.respond": "no", "caddyshack": "1"}},
    }});
    let found = spoken_of(&config);
    assert_eq!(found.services[&"proxy".into()].environment["CADDY_DOCKER_LABEL_PREFIX"], "caddy-1a2b3c4d");
    let labels = found.services[&"web".into()].labels.as_ref().expect("labels");
    let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let expected =
        ["caddy-1a2b3c4d=:80", "caddy-1a2b3c4d_1=(x)", "caddy-1a2b3c4d_1.respond=no", "caddyshack=1"];
    assert_eq!(labels, expected);
    assert!(found.said.is_empty(), "{:?}", found.said);
    config["services"]["proxy"]["environment"] = serde_json::json!({"CADDY_DOCKER_LABEL_PREFIX": "other"});
    let labels = spoken_of(&config).services[&"web".into()].labels.clone().expect("labels");
    assert_eq!(labels["caddy"], "shop-1a2b3c4d.localhost:80");
}

#[test]
fn what_is_another_host_is_said() {
    let found = spoken_of(&serde_json::json!({"services": {"web": {
        "labels": {"traefik.http.routers.w.rule": "Host(`shop.localhost`)", "traefik.tcp.routers.t.rule": "HostSNI(`*`)"},
        "environment": {"APP_URL": "https://shop.localhost", "OTHER": "https://myshop.localhost"},
    }}}));
    let said = found.said.join("\n");
    for expected in
        ["router `t` of `web`", "`shop.localhost` is `shop.shop-1a2b3c4d.localhost`", "`APP_URL` of `web`"]
    {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(found.services[&"web".into()].environment.is_empty());
}
