//! Every project of the corpus, twice: what Compose makes of both with prism's override must not meet.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::Value;

use crate::support::Sandbox;

fn projects() -> Vec<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut found: Vec<PathBuf> =
        fs::read_dir(corpus).expect("corpus").map(|entry| entry.expect("entry").path()).collect();
    found.retain(|path| path.is_dir());
    found.sort();
    found
}

#[test]
fn two_copies_of_every_project_share_nothing() {
    let projects = projects();
    assert!(projects.len() >= 40, "a corpus of {}", projects.len());
    let queue = Mutex::new(projects.iter());
    let wrong: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(project) = queue.lock().expect("queue").next() else { return };
                    let found = compare(project);
                    wrong.lock().expect("results").extend(found);
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().expect("results");
    wrong.sort();
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
}

/// Resolves two copies of a project with their overrides, and lists what they have in common.
fn compare(project: &Path) -> Vec<String> {
    let name = project.file_name().expect("name").to_string_lossy().into_owned();
    let sandbox = Sandbox::new();
    let resolved = ["one", "two"].map(|copy| {
        let directory = sandbox.work().join(copy).join("app");
        fs::create_dir_all(directory.parent().expect("parent")).expect("directory");
        let source = project.to_str().expect("UTF-8");
        sandbox
            .command("cp", &sandbox.work(), &["-r", source, directory.to_str().expect("UTF-8")])
            .succeeds();
        let outcome =
            sandbox.prism(&directory, &["compose", "--profile", "*", "config", "--format", "json"]).run();
        serde_json::from_str::<Value>(&outcome.stdout).map_err(|_| format!("{name}: {outcome}"))
    });
    match resolved {
        [Ok(one), Ok(two)] => {
            let mut findings = one_copy(&one);
            findings
                .extend(names(&one).intersection(&names(&two)).map(|shared| format!("both have {shared}")));
            findings.into_iter().map(|finding| format!("{name}: {finding}")).collect()
        }
        results => results.into_iter().filter_map(Result::err).collect(),
    }
}

fn entries<'v>(value: &'v Value, key: &str) -> Vec<(&'v String, &'v Value)> {
    value[key].as_object().into_iter().flatten().collect()
}

/// Names and addresses that Docker has once on a machine.
fn names(config: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::from([format!("project {}", config["name"])]);
    for (key, service) in entries(config, "services") {
        let built = !service["build"].is_null();
        names.extend(
            built
                .then(|| format!("image {} of {key}", service["image"]))
                .filter(|_| !service["image"].is_null()),
        );
        for tag in service["build"]["tags"].as_array().into_iter().flatten() {
            names.insert(format!("image tag {tag} of {key}"));
        }
        let has_own = has_own_traefik(config);
        names.extend(spoken(service).into_iter().filter(|name| !has_own || !name.starts_with("rule ")));
    }
    for kind in ["networks", "volumes"] {
        for (_, thing) in entries(config, kind).into_iter().filter(|(_, thing)| thing["external"] != true) {
            names.insert(format!("{kind} {}", thing["name"]));
            for pool in thing["ipam"]["config"].as_array().into_iter().flatten() {
                names.insert(format!("subnet {}", pool["subnet"]));
            }
            for option in ["com.docker.network.bridge.name", "parent"] {
                let value = &thing["driver_opts"][option];
                names.extend((!value.is_null()).then(|| format!("network option {option}={value}")));
            }
        }
    }
    names
}

/// Says whether a proxy of the project itself sees nothing but its session: rules are for that one.
fn has_own_traefik(config: &Value) -> bool {
    let is_constraint =
        |word: &Value| word.as_str().is_some_and(|word| word.starts_with("--providers.docker.constraints="));
    let mut services = entries(config, "services").into_iter();
    services.any(|(_, service)| service["command"].as_array().into_iter().flatten().any(is_constraint))
}

/// Names and rules that a proxy has once on a machine.
fn spoken(service: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in entries(service, "labels") {
        let words: Vec<&str> = key.split('.').collect();
        match words[..] {
            ["traefik", protocol, section, name, ..] => {
                found.push(format!("{section} {name} of {protocol}"));
                found.extend((words.last() == Some(&"rule")).then(|| format!("rule {value}")));
            }
            [caddy] if (caddy == "caddy" || caddy.starts_with("caddy_")) && value != "" => {
                found.push(format!("site {value}"));
            }
            _ => {}
        }
    }
    let host = &service["environment"]["VIRTUAL_HOST"];
    found.extend((!host.is_null()).then(|| format!("host {host}")));
    found
}

/// What no copy may have, whatever the other one has.
fn one_copy(config: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut taken = BTreeSet::new();
    for (key, service) in entries(config, "services") {
        if !service["container_name"].is_null() {
            wrong.push(format!("{key} has container_name {}", service["container_name"]));
        }
        for port in service["ports"].as_array().into_iter().flatten() {
            let host_ip = port["host_ip"].as_str().unwrap_or_default();
            if !host_ip.starts_with("127.") && host_ip != "::1" {
                wrong.push(format!("{key} binds {port}"));
            }
            let published =
                port["published"].as_str().and_then(|text| text.split('-').next()?.parse::<u16>().ok());
            if published.is_some_and(|published| !(20_000..30_000).contains(&published)) {
                wrong.push(format!("{key} has the fixed port {port}"));
            }
            if published.is_some_and(|published| !taken.insert((published, host_ip.to_owned()))) {
                wrong.push(format!("{key} has the port of another service, {port}"));
            }
        }
        for (network, attachment) in entries(service, "networks") {
            for field in ["ipv4_address", "ipv6_address", "link_local_ips", "mac_address"] {
                if !attachment[field].is_null() {
                    wrong.push(format!("{key} has {field} on {network}"));
                }
            }
        }
        if !service["mac_address"].is_null() {
            wrong.push(format!("{key} has a mac_address"));
        }
        if service["labels"]["dev-prism.session_id"].is_null() {
            wrong.push(format!("{key} lacks the session's label"));
        }
    }
    wrong
}
