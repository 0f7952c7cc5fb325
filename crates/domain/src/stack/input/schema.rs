//! Every key of Compose's own schema that takes text is judged: a newer schema that has one more fails here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{EXTENDS, INCLUDE, VALUES};

const SCHEMA: &str = include_str!("../../../../../tests/schema/compose-spec.json");
const JUDGED: &str = include_str!("../../../../../tests/schema/judged.txt");
const CLASSES: [&str; 7] = ["input", "mounted", "creation", "build", "watched", "inside", "-"];

/// Collects the path of each key whose value may be text, or is described elsewhere in the schema.
fn collect(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    let is_text = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.contains(&"string".into()),
        Some(kind) => kind == "string",
        None => false,
    };
    if !path.is_empty() && (is_text || schema.get("$ref").is_some()) {
        found.insert(path.to_owned());
    }
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
    let named = |key: &str| schema.get(key).and_then(Value::as_object).into_iter().flatten();
    for (name, inner) in named("properties") {
        collect(inner, &below(name), found);
    }
    for (_, inner) in named("patternProperties").filter(|(pattern, _)| *pattern != "^x-") {
        collect(inner, &below("*"), found);
    }
    for inner in ["oneOf", "anyOf", "allOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten() {
        collect(inner, path, found);
    }
    for (key, name) in [("items", "[]"), ("additionalProperties", "*")] {
        if let Some(inner) = schema.get(key).filter(|inner| inner.is_object()) {
            collect(inner, &below(name), found);
        }
    }
}

fn keys(schema: &str) -> BTreeSet<String> {
    let schema: Value = serde_json::from_str(schema).expect("the schema");
    let mut found = BTreeSet::new();
    collect(&schema, "", &mut found);
    let definitions = ["$defs", "definitions"].iter().filter_map(|key| schema.get(key)?.as_object());
    for (name, definition) in definitions.flatten() {
        collect(definition, &format!("#{name}"), &mut found);
    }
    found
}

fn judged() -> BTreeMap<&'static str, &'static str> {
    let entries = JUDGED.lines().map(|line| line.split_once(' ').expect("a class and a key"));
    entries.map(|(class, key)| (key, class)).collect()
}

#[test]
fn every_key_that_may_name_a_file_is_judged() {
    let (keys, judged) = (keys(SCHEMA), judged());
    let new: Vec<&String> = keys.iter().filter(|key| !judged.contains_key(key.as_str())).collect();
    let gone: Vec<&&str> = judged.keys().filter(|key| !keys.contains(**key)).collect();
    assert!(new.is_empty() && gone.is_empty(), "to be judged in judged.txt: {new:?}; gone: {gone:?}");
    assert!(judged.values().all(|class| CLASSES.contains(class)));
    // What the test is for: a key that Compose may have one day.
    let one_more = "\"secrets_file\": {\"type\": \"string\"}, \"label_file\":";
    let newer = self::keys(&SCHEMA.replacen("\"label_file\":", one_more, 1));
    assert!(newer.iter().any(|key| !judged.contains_key(key.as_str())));
}

#[test]
fn every_key_that_names_an_input_is_followed() {
    let owner = |key: &str| {
        let key = key.trim_start_matches("#service/").trim_start_matches('#');
        key.split('/').next().unwrap_or_default().to_owned()
    };
    let inputs = judged().into_iter().filter(|(_, class)| *class == "input").map(|(key, _)| owner(key));
    let followed = VALUES.iter().chain([&INCLUDE, &EXTENDS]).map(|key| (*key).to_owned());
    assert_eq!(inputs.collect::<BTreeSet<_>>(), followed.collect());
}
