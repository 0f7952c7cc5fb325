//! What the author wrote is there, up to what keeps two copies apart.

use std::collections::BTreeSet;

use serde_json::Value;

use super::entries;

/// Labels that are read for a whole machine, and so are each session's own.
const READ: [&str; 14] = [
    "traefik.",
    "caddy",
    "com.dnsdock.",
    "homepage.",
    "sablier.",
    "com.centurylinklabs.watchtower.",
    "ofelia.",
    "pangolin.",
    "tsdproxy.",
    "glance.",
    "kuma.",
    "dozzle.",
    "swag",
    "autokuma.",
];

/// Variables that are read so.
const HOSTS: [&str; 5] =
    ["VIRTUAL_HOST", "VIRTUAL_HOST_MULTIPORTS", "LETSENCRYPT_HOST", "ACME_HOST", "CADDY_INGRESS_NETWORKS"];

/// Variables of a project's own reader, and of the test.
const READERS: [&str; 2] = ["CADDY_DOCKER_LABEL_PREFIX", "CORPUS"];

/// Names of the corpus that prism sets for children: passed through, they would not be what they were at the start.
const GIVEN: [&str; 4] = ["PGHOST", "REDIS_URL", "COMPOSE_FILE", "PRISM_SESSION"];

/// Lists what is other in a copy than its author wrote.
pub(super) fn changes(author: &Value, copy: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut say = |place: &str, was: &Value, is: &Value| wrong.push(format!("{place} was {was}, is {is}"));
    let built = built(author);
    let project = author["name"].as_str().expect("a name");
    for (name, service) in entries(author, "services") {
        let own = &copy["services"][name];
        let keys: BTreeSet<&String> =
            [service, own].iter().filter_map(|it| it.as_object()).flatten().map(|(key, _)| key).collect();
        for key in keys {
            let (was, is) = (&service[key], &own[key]);
            let is_image = key == "image" && is.as_str().is_some_and(|image| image.starts_with(project));
            if !is_image && !is_kept(key, was, is, &built) {
                say(&format!("{name}.{key}"), was, is);
            }
        }
    }
    for (kind, own) in [
        ("networks", &["name", "labels", "ipam", "driver", "driver_opts"][..]),
        ("volumes", &["name", "labels"]),
        ("configs", &["name", "environment", "content"]),
        ("secrets", &["name", "environment"]),
    ] {
        for (name, thing) in entries(author, kind) {
            let (was, is) = (without(thing, own), without(&copy[kind][name], own));
            if was != is || copy[kind][name].is_null() {
                say(&format!("{kind}.{name}"), thing, &copy[kind][name]);
            }
        }
    }
    wrong
}

/// Images that the project builds.
fn built(config: &Value) -> BTreeSet<&str> {
    let services = entries(config, "services").into_iter().map(|(_, service)| service);
    services.filter(|it| !it["build"].is_null()).filter_map(|it| it["image"].as_str()).collect()
}

/// Says whether a name means an image that the project builds, with the default registry or without.
fn is_built(image: &str, built: &BTreeSet<&str>) -> bool {
    built.iter().any(|own| image.ends_with(own) || own.ends_with(image))
}

/// Says whether a key of a service has what its author wrote, as far as it may.
fn is_kept(key: &str, was: &Value, is: &Value, built: &BTreeSet<&str>) -> bool {
    let is_of_container = |value: &Value| value.to_string().contains("container:");
    match key {
        // Once on a machine.
        "ports" => true,
        "container_name" | "mac_address" | "hostname" | "domainname" | "pull_policy" => {
            was == is || is.is_null()
        }
        "image" => was == is || was.as_str().is_some_and(|image| is_built(image, built)),
        "network_mode" | "pid" | "ipc" => was == is || is_of_container(was) || is.is_null(),
        "volumes_from" => was == is || is_of_container(was),
        // Those to the project's own containers are aliases.
        "external_links" => {
            is.as_array().into_iter().flatten().all(|link| was.as_array().is_some_and(|it| it.contains(link)))
        }
        "networks" => entries_of(was).all(|(name, _)| is.get(name).is_some()),
        "labels" => entries_of(was)
            .all(|(name, value)| is[name] == *value || READ.iter().any(|reader| name.starts_with(reader))),
        "environment" => {
            let is_equal = |(name, value): (&String, &Value)| {
                let (name, own) = (name.as_str(), is.get(name));
                let is_left_out = value.is_null() && own.is_none() && GIVEN.contains(&name);
                own == Some(value) || HOSTS.contains(&name) || is_left_out
            };
            let is_new =
                |(name, _): (&String, &Value)| was.get(name).is_none() && !READERS.contains(&name.as_str());
            entries_of(was).all(is_equal) && !entries_of(is).any(is_new)
        }
        "command" => was == is || is.to_string().contains("--providers.docker.constraints="),
        "build" => {
            let own = ["labels", "tags", "cache_to", "additional_contexts"];
            let contexts = |value: &Value| value["additional_contexts"].clone();
            let labels = |value: &Value| value["labels"].clone();
            without(was, &own) == without(is, &own)
                && [contexts(was), labels(was)]
                    .iter()
                    .zip([contexts(is), labels(is)])
                    .all(|(was, is)| entries_of(was).all(|(name, value)| is[name] == *value))
        }
        "healthcheck" => {
            let own: Vec<&str> =
                ["start_interval", "start_period"].into_iter().filter(|key| was[*key].is_null()).collect();
            without(was, &own) == without(is, &own)
        }
        _ => without_nothing(was) == without_nothing(is),
    }
}

fn entries_of(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn without(value: &Value, keys: &[&str]) -> Value {
    let mut value = without_nothing(value);
    if let Some(entries) = value.as_object_mut() {
        entries.retain(|key, _| !keys.contains(&key.as_str()));
    }
    if value == serde_json::json!({}) { Value::Null } else { value }
}

/// Leaves out objects without an entry: `config` writes one where nothing is said. A null says something.
fn without_nothing(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let kept = entries.iter().map(|(key, value)| (key.clone(), without_nothing(value)));
            let kept: serde_json::Map<String, Value> =
                kept.filter(|(_, value)| *value != serde_json::json!({})).collect();
            Value::Object(kept)
        }
        Value::Array(items) => items.iter().map(without_nothing).collect(),
        other => other.clone(),
    }
}
