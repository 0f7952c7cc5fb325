//! Two copies of a project behind one program that reads the labels of all containers, as Traefik does.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::isolation::Copies;
use crate::support::docker;
use crate::support::project::containers_of;

/// What a proxy knows of a machine: by the name of a router, the rules that it was given and the containers that gave
/// them. What has one name is one.
#[derive(Debug, Default)]
struct Proxy {
    routers: BTreeMap<String, Router>,
    middlewares: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug, Default)]
struct Router {
    rules: BTreeSet<String>,
    middlewares: BTreeSet<String>,
    containers: BTreeSet<String>,
}

impl Proxy {
    fn reads(containers: &[String]) -> Self {
        let mut proxy = Self::default();
        let mut arguments = vec!["inspect"];
        arguments.extend(containers.iter().map(String::as_str));
        let inspected: Vec<Value> = serde_json::from_str(&docker(&arguments)).expect("JSON");
        for container in &inspected {
            let id = container["Id"].as_str().expect("an id");
            for (key, value) in container["Config"]["Labels"].as_object().expect("labels") {
                proxy.label(id, key, value.as_str().expect("text"));
            }
        }
        proxy
    }

    fn label(&mut self, container: &str, key: &str, value: &str) {
        let words: Vec<&str> = key.split('.').collect();
        let ["traefik", "http", section, name, option, ..] = words[..] else { return };
        let container = container.to_owned();
        match (section, option) {
            ("routers", option) => {
                let router = self.routers.entry(name.to_owned()).or_default();
                router.containers.insert(container);
                match option {
                    "rule" => drop(router.rules.insert(value.to_owned())),
                    "middlewares" => router.middlewares.extend(value.split(',').map(str::to_owned)),
                    _ => {}
                }
            }
            ("middlewares", _) => {
                self.middlewares.entry(name.to_owned()).or_default().insert(container);
            }
            _ => {}
        }
    }
}

const SERVICE: &str = "image: prism-test:1\n    stop_signal: SIGKILL\n    command: sleep 1000\n";

#[test]
fn two_copies_behind_one_proxy_share_no_router() {
    let copies = Copies::new(&format!(
        "services:\n  web:\n    {SERVICE}    container_name: shop-web\n    environment: {{VIRTUAL_HOST: shop.localhost, PASSED: null}}\n    labels:\n      traefik.enable: 'true'\n      traefik.docker.network: edge\n      traefik.http.routers.web.rule: Host(`shop.localhost`) || PathPrefix(`/shop`)\n      traefik.http.routers.web.middlewares: auth@docker,headers@file\n      money: costs $$5\n    networks: [edge]\n  gate:\n    {SERVICE}    labels:\n      - traefik.http.middlewares.auth.basicauth.users=dev:$$apr1$$x\n      - caddy=gate.localhost\nnetworks: {{edge: {{name: edge}}}}\n"
    ));
    copies.started("{{.Id}}");
    let of_both = copies.both().map(containers_of);
    let proxy = Proxy::reads(&of_both.concat());
    assert_eq!(proxy.routers.len(), 2, "{proxy:?}");
    for router in proxy.routers.values() {
        assert_eq!((router.containers.len(), router.rules.len()), (1, 1), "{proxy:?}");
        let known = router.middlewares.iter().filter_map(|name| name.strip_suffix("@docker"));
        for middleware in known {
            let owners = &proxy.middlewares[middleware];
            let is_of_one = |ids: &[String]| {
                owners.iter().chain(&router.containers).all(|container| ids.contains(container))
            };
            assert!(of_both.iter().any(|ids| is_of_one(ids)), "{middleware}: {proxy:?}");
        }
        assert!(router.middlewares.contains("headers@file"), "{proxy:?}");
    }
    let rules: BTreeSet<_> = proxy.routers.values().flat_map(|router| &router.rules).collect();
    assert_eq!(rules.len(), 2, "a request is for one of them: {rules:?}");
    assert!(rules.iter().all(|rule| !rule.contains("Host(`shop.localhost`)")), "{rules:?}");

    let [one, two] = copies.both();
    let networks = docker(&[
        "inspect",
        "--format",
        "{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}{{index .Config.Labels \"traefik.docker.network\"}} {{.Config.Env}} {{.Config.Labels.money}}",
        &web(&of_both[1]),
    ]);
    let words: Vec<&str> = networks.split_whitespace().collect();
    assert_eq!(words[0], words[1], "the label follows the network: {networks}");
    assert!(!networks.contains("VIRTUAL_HOST=shop.localhost "), "{networks}");
    assert!(networks.trim_end().ends_with("costs $5"), "{networks}");

    for directory in [one, two] {
        copies.prism(directory, &["start"]).succeeds();
        copies.prism(directory, &["exec", "--", "docker", "compose", "up", "-d"]).succeeds();
    }
    assert_eq!(copies.both().map(containers_of), of_both, "nothing is recreated for it");
}

fn web(containers: &[String]) -> String {
    let is_web = |id: &&String| {
        docker(&["inspect", "--format", "{{index .Config.Labels \"dev-prism.service\"}}", id]).trim() == "web"
    };
    containers.iter().find(is_web).expect("a container of `web`").clone()
}

#[test]
fn a_first_start_says_at_which_host_a_proxy_has_it() {
    let copies = Copies::new(&format!(
        "services:\n  web:\n    {SERVICE}    labels: {{traefik.http.routers.web.rule: Host(`shop.localhost`)}}\n"
    ));
    let [one, _] = copies.both();
    let started = copies.prism(one, &["start"]).succeeds();
    assert!(started.stderr.contains("`shop.localhost` is `shop."), "{started}");
    assert!(!copies.prism(one, &["restart"]).succeeds().stderr.contains("shop.localhost"));
}
