//! The resolved project: what the user's files and the override mean, with nothing left for Compose to interpolate.
//!
//! A child of `prism exec` has variables that the user's Compose files may name. Were Compose to read those files again,
//! `docker compose up` there would make something else of them, anywhere a variable can stand. So a project that reads
//! variables is resolved once, by Compose itself, and prism's own calls and the child's use what came out.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::stack::header::{GENERATOR, WARNING};
use crate::stack::input::seccomp_profile;
use crate::stack::model::EXTENSION;
use crate::text::hash::short_hash;

/// Tells a variable that is set to nothing from one that is not set.
const SET: &str = "=";

/// A resolved project, and what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The project, for a file that Compose reads.
    pub text: String,
    /// What its environment secrets hold, by the name that the project has for them.
    pub secrets: BTreeMap<String, String>,
}

/// Writes a Compose file that makes `config` print what it takes for these variables; `None` if there is none.
pub fn extension<'n>(names: impl Iterator<Item = &'n str>) -> Option<String> {
    let is_plain = |name: &&str| name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    let entries: Map<String, Value> = names
        .filter(is_plain)
        .map(|name| (name.to_owned(), format!("${{{name}+{SET}}}${{{name}-}}").into()))
        .collect();
    (!entries.is_empty()).then(|| serde_json::json!({ EXTENSION: entries }).to_string())
}

/// Makes the file of what `docker compose config` printed of the user's files, the override and the [`extension`]. What
/// relative paths follow is the project's `directory`, where this file need not be.
///
/// A name that is passed through and was not set is still passed through, unless it `is_given` to children: that one
/// was not in the environment in which the stack was started.
pub fn resolved(mut config: Value, directory: &str, is_given: impl Fn(&str) -> bool) -> Resolved {
    let values = config.as_object_mut().and_then(|root| root.remove(EXTENSION)).unwrap_or_default();
    // `config` doubles each `$`, which only what Compose reads as a project undoes.
    let value = |name: &str| values[name].as_str()?.strip_prefix(SET).map(str::to_owned);
    let mut secrets = BTreeMap::new();
    for (name, object) in entries_mut(&mut config, "secrets") {
        let Some((variable, value)) = object["environment"].as_str().and_then(|it| Some((it, value(it)?)))
        else {
            continue;
        };
        let own =
            format!("PRISM_SECRET_{}", short_hash(format!("{name} {variable}").as_bytes()).to_uppercase());
        object["environment"] = own.clone().into();
        secrets.insert(own, value.replace("$$", "$"));
    }
    for (_, object) in entries_mut(&mut config, "configs") {
        if let Some(value) = object["environment"].as_str().and_then(value)
            && let Some(object) = object.as_object_mut()
        {
            object.remove("environment");
            object.insert("content".to_owned(), value.into());
        }
    }
    for (_, service) in entries_mut(&mut config, "services") {
        for pointer in ["/environment", "/build/args"] {
            if let Some(Value::Object(variables)) = service.pointer_mut(pointer) {
                variables.retain(|name, value| !(value.is_null() && is_given(name)));
            }
        }
        if let Some(Value::Object(lists)) = service.get_mut("blkio_config") {
            lists.values_mut().for_each(lower_case);
        }
        set_unlimited_right(service);
        texts_mut(service, "/security_opt", |option| anchored(option, directory));
        texts_mut(service, "/build/ssh", |key| Some(key.replacen(": ", "=", 1)));
    }
    forget_usual_names(&mut config);
    let config = with_literal_keys(config);
    let text =
        format!("# {{\"generator\":\"{GENERATOR}\"}}\n{WARNING}{}\n", in_ascii(&format!("{config:#}")));
    Resolved { text, secrets }
}

/// Takes away the names that Compose gives by itself: a child that calls the project otherwise means other things.
fn forget_usual_names(config: &mut Value) {
    let Some(project) = config["name"].as_str().map(str::to_owned) else { return };
    for kind in ["networks", "volumes", "secrets", "configs"] {
        for (key, object) in entries_mut(config, kind) {
            let is_usual = object["name"].as_str().is_some_and(|name| name == format!("{project}_{key}"));
            let is_external = object["external"].as_bool() == Some(true);
            if let Some(object) = object.as_object_mut().filter(|_| is_usual && !is_external) {
                object.remove("name");
            }
        }
    }
}

/// Compose writes "no limit" as a text, and reads it as a number only.
fn set_unlimited_right(service: &mut Value) {
    let keys = ["mem_limit", "mem_reservation", "memswap_limit", "shm_size"].map(|key| format!("/{key}"));
    let deploy = ["limits", "reservations"].map(|kind| format!("/deploy/resources/{kind}/memory"));
    for pointer in keys.iter().chain(&deploy) {
        if let Some(size) = service.pointer_mut(pointer).filter(|size| **size == "-1") {
            *size = (-1).into();
        }
    }
}

/// Changes texts of a list.
fn texts_mut(service: &mut Value, pointer: &str, change: impl Fn(&str) -> Option<String>) {
    for item in service.pointer_mut(pointer).and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(text) = item.as_str().and_then(&change) {
            *item = text.into();
        }
    }
}

/// Names a seccomp profile by its whole path: Compose leaves it as it was written.
fn anchored(option: &str, directory: &str) -> Option<String> {
    let file = seccomp_profile(option).filter(|file| !file.starts_with(['/', '~']))?;
    Some(format!("seccomp={}/{file}", directory.replace('$', "$$")))
}

/// Compose doubles each `$` when it writes, and undoes that in values alone when it reads.
fn with_literal_keys(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let entry = |(key, value): (String, Value)| (key.replace("$$", "$"), with_literal_keys(value));
            Value::Object(entries.into_iter().map(entry).collect())
        }
        Value::Array(items) => items.into_iter().map(with_literal_keys).collect(),
        other => other,
    }
}

/// Escapes what JSON may hold as it stands and YAML may not, or reads as something else: DEL, C1, the separators of lines.
fn in_ascii(json: &str) -> String {
    let is_plain = |c: char| matches!(c, ' '..='~' | '\n') || u32::from(c) > 0xffff;
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if is_plain(c) { text.push(c) } else { text += &format!("\\u{:04x}", u32::from(c)) }
    }
    text
}

/// Compose writes `Path` and `Rate` where it reads `path` and `rate`.
fn lower_case(list: &mut Value) {
    for entry in list.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        *entry = std::mem::take(entry).into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect();
    }
}

fn entries_mut<'v>(
    config: &'v mut Value,
    kind: &str,
) -> impl Iterator<Item = (&'v String, &'v mut Value)> + use<'v> {
    config.get_mut(kind).and_then(Value::as_object_mut).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_given(name: &str) -> bool {
        name.starts_with("DB_")
    }

    fn project(resolved: &Resolved) -> Value {
        serde_json::from_str(resolved.text.split_once(WARNING).expect("a body").1).expect("JSON")
    }

    #[test]
    fn what_is_passed_through_stays_so_but_for_what_prism_gives() {
        let config = json!({"services": {"api": {
            "environment": {"DB_URL": null, "TOKEN": null, "MODE": "dev"},
            "build": {"args": {"DB_HOST": null, "PROXY": null}},
        }}});
        let found = project(&resolved(config, "/w/$", is_given));
        assert_eq!(found["services"]["api"]["environment"], json!({"TOKEN": null, "MODE": "dev"}));
        assert_eq!(found["services"]["api"]["build"]["args"], json!({"PROXY": null}));
    }

    #[test]
    fn secrets_and_configs_of_the_environment_keep_what_they_held() {
        let mut config = json!({
            "secrets": {"s": {"name": "p_s", "environment": "DB_PASSWORD"}, "t": {"environment": "TOKEN"}},
            "configs": {"c": {"environment": "DB_URL"}, "d": {"content": "$$x"}},
        });
        config["x-prism"] = json!({"DB_PASSWORD": "=a$$b", "DB_URL": "=x$$y", "TOKEN": ""});
        let resolved = resolved(config, "/w/$", is_given);
        let found = project(&resolved);
        let own = found["secrets"]["s"]["environment"].as_str().expect("a name");
        assert_eq!(resolved.secrets, BTreeMap::from([(own.to_owned(), "a$b".to_owned())]));
        assert_eq!(found["secrets"]["t"]["environment"], "TOKEN");
        assert_eq!(found["configs"], json!({"c": {"content": "x$$y"}, "d": {"content": "$$x"}}));
        assert!(found.get("x-prism").is_none());
    }

    #[test]
    fn text_stays_as_it_is_for_a_reader_of_yaml() {
        let config = json!({"services": {"a": {
            "labels": {"a$$b": "c$$d"},
            "environment": {"DEL": "\u{7f}", "C1": "\u{9b}", "LINES": "a\u{85}b\u{2028}c\td\u{feff}", "FACE": "\u{1f600}é"},
        }}});
        let text = resolved(config.clone(), "/w", is_given).text;
        assert!(text.chars().all(|c| c == '\n' || (' '..='~').contains(&c) || c == '\u{1f600}'), "{text}");
        let found: Value = serde_yaml::from_str(&text).expect("YAML");
        assert_eq!(found["services"]["a"]["environment"], config["services"]["a"]["environment"]);
        assert_eq!(found["services"]["a"]["labels"], json!({"a$b": "c$$d"}));
    }

    #[test]
    fn only_names_that_somebody_gave_stand_there() {
        let config = json!({
            "name": "p",
            "networks": {"default": {"name": "p_default"}, "own": {"name": "mine"}},
            "volumes": {"data": {"name": "p_data"}, "given": {"name": "p_given", "external": true}},
        });
        let found = project(&resolved(config, "/w", is_given));
        assert_eq!(found["networks"], json!({"default": {}, "own": {"name": "mine"}}));
        assert_eq!(found["volumes"], json!({"data": {}, "given": {"name": "p_given", "external": true}}));
    }

    #[test]
    fn limits_of_devices_can_be_read_again() {
        let config = json!({"services": {"db": {"blkio_config": {
            "weight": 300, "device_read_bps": [{"Path": "/dev/sda", "Rate": "1024"}],
        }}}});
        let found = project(&resolved(config, "/w/$", is_given));
        let expected = json!({"weight": 300, "device_read_bps": [{"path": "/dev/sda", "rate": "1024"}]});
        assert_eq!(found["services"]["db"]["blkio_config"], expected);
    }

    #[test]
    fn what_is_not_written_as_it_is_read_is_set_right() {
        let config = json!({"services": {"a": {
            "build": {"ssh": ["k: /w/f", "default"]},
            "memswap_limit": "-1",
            "security_opt": ["seccomp:p.json", "seccomp=/w/p.json", "seccomp=unconfined", "label:disable"],
        }}});
        let found = project(&resolved(config, "/w/$", is_given));
        let expected = json!({
            "build": {"ssh": ["k=/w/f", "default"]},
            "memswap_limit": -1,
            "security_opt": ["seccomp=/w/$$/p.json", "seccomp=/w/p.json", "seccomp=unconfined", "label:disable"],
        });
        assert_eq!(found["services"]["a"], expected);
    }

    #[test]
    fn compose_is_asked_for_the_variables_that_it_can_name() {
        let text = extension(["DB_URL", "odd.name"].into_iter()).expect("one");
        assert_eq!(text, r#"{"x-prism":{"DB_URL":"${DB_URL+=}${DB_URL-}"}}"#);
        assert_eq!(extension(std::iter::empty()), None);
    }
}
