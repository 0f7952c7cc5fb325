#![allow(clippy::disallowed_methods, reason = "the schema is written where people find it")]

use super::*;
use crate::failure::render;

#[test]
fn a_mistake_is_named_with_its_key_and_place() {
    for (text, message, hint) in [
        (
            "servces: {}\n",
            "`p.yaml`, line 1, column 1: there is no key `servces`",
            "did you mean `services`?",
        ),
        (
            "services:\n  db:\n    prefx: MAIN\n",
            "`p.yaml`, line 3, column 5: there is no key `services.db.prefx`",
            "did you mean `prefix`?",
        ),
        (
            "services:\n  db: {colour: red}\n",
            "`p.yaml`, line 2, column 8: there is no key `services.db.colour`",
            "the keys are: ready, kind, prefix, publish, primary, ignore",
        ),
        (
            "services:\n  db:\n    primary: hunter2\n",
            "`p.yaml`, line 3, column 14: `services.db.primary` takes `true` or `false`, not a text",
            "docs/configuration.md describes every key",
        ),
        (
            "services:\n  db: {ready: heathy}\n",
            "`p.yaml`, line 2, column 15: `services.db.ready` cannot be `heathy`",
            "did you mean `healthy`?",
        ),
        (
            "templates:\n  x: {mode: 3}\n",
            "`p.yaml`, line 2, column 13: `templates.x.mode` cannot be `3`",
            "it takes: docker, native",
        ),
        ("compose: a.yaml\n", "`p.yaml`, line 1, column 10: `compose` takes a list, not a text", "describes"),
        (
            "services:\n  db: {publish: [70000]}\n",
            "`p.yaml`, line 2, column 18: `services.db.publish[0]` takes a number from 0 to 65535",
            "describes",
        ),
        ("env: [A=1]\n", "`p.yaml`, line 1, column 6: `env` takes keys with values, not a list", "describes"),
        ("env:\n  A: [1]\n", "`p.yaml`, line 2, column 6: `env.A` takes a text, not a list", "describes"),
        ("- a\n", "`p.yaml`, line 1, column 1: the file takes keys with values, not a list", "describes"),
        ("project: a\nproject: b\n", "`p.yaml`, line 1, column 1: duplicate field `project`", "describes"),
        ("env:\n  A: x\n  A: y\n", "duplicate entry with key \"A\"", "describes"),
        ("bind: here\n", "`p.yaml`, line 1, column 7: `bind`: invalid IP address syntax", "describes"),
        ("env: {A: x\n", "`p.yaml`, line 2, column 1: ", "describes"),
    ] {
        let error = render(&Settings::parse(text, "p.yaml").expect_err(text).into());
        assert!(error.contains(message) && error.contains(hint), "{text}\n{error}\n{message}\n{hint}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_value_that_no_service_can_have_is_named_alike() {
    for (text, message, hint) in [
        (
            "services:\n  db: {kind: postgress}\n",
            "`services.db.kind` in prism.yaml (line 2, column 14) is `postgress`, a kind that prism does not know",
            "did you mean `postgres`?",
        ),
        (
            "services:\n  db: {prefix: \"\"}\n",
            "`services.db.prefix` in prism.yaml (line 2, column 16)",
            "MAIN_URL",
        ),
        ("apps:\n  a b: {}\n", "`apps.a b` in prism.yaml (line 2, column 8): an app cannot", "letters"),
    ] {
        let error = render(&Settings::parse(text, "p.yaml").expect_err(text).into());
        assert!(error.contains(message) && error.contains(hint), "{text}\n{error}");
    }
    let labels = BTreeMap::from([("dev-prism.prefix".to_owned(), String::new())]);
    let error = ServiceSettings::merged(&"db".into(), &labels, None).expect_err("no prefix");
    assert_eq!(error.to_string(), "label `dev-prism.prefix` of service `db` has no letter and no digit");
}

#[test]
fn values_of_env_are_taken_as_they_are_written() {
    let text = "env: {A: 1.10, B: yes, C: , D: 0x1F, E: \"x\"}\n";
    let env = Settings::parse(text, "prism.yaml").expect("valid").env;
    assert_eq!(env.values().collect::<Vec<_>>(), ["1.10", "yes", "", "0x1F", "x"]);
}

/// Describes texts by name: what YAML takes for a number is one as well.
pub(super) fn texts(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]}
    })
}

#[test]
fn the_schema_is_that_of_the_types() {
    let mut schema = schemars::schema_for!(Settings);
    schema.insert("title".to_owned(), "prism.yaml".into());
    let now = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
    if std::env::var_os("PRISM_TEST_WRITE").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/prism.schema.json"), now)
            .expect("written");
        return;
    }
    assert_eq!(SCHEMA, now, "run `PRISM_TEST_WRITE=1 cargo nextest run the_schema_is_that_of_the_types`");
}

#[test]
fn a_label_of_a_mistyped_key_is_an_error() {
    let merged = |label: &str| {
        let labels = BTreeMap::from([(label.to_owned(), "x".to_owned())]);
        ServiceSettings::merged(&"db".into(), &labels, None).map_err(|error| render(&error.into()))
    };
    let error = merged("dev-prism.prefx").expect_err("a typo");
    assert!(error.contains("label `dev-prism.prefx` of service `db`"), "{error}");
    assert!(error.contains("did you mean `dev-prism.prefix`?"), "{error}");
    assert!(merged("dev-prism.managed").is_ok() && merged("dev-prism.of-another-tool").is_ok());
}

#[test]
fn an_empty_file_means_the_defaults() {
    assert_eq!(Settings::parse("# nothing yet\n", "prism.yaml").expect("empty"), Settings::default());
}

#[test]
fn labels_and_the_block_mean_the_same_and_the_block_wins() {
    let labels = BTreeMap::from([
        ("dev-prism.prefix".to_owned(), "MAIN".to_owned()),
        ("dev-prism.publish".to_owned(), "5432, 9187".to_owned()),
        ("dev-prism.primary".to_owned(), "true".to_owned()),
        ("dev-prism.managed".to_owned(), "true".to_owned()),
    ]);
    let block = ServiceSettings { prefix: Some("OTHER".to_owned()), ..ServiceSettings::default() };
    let merged = ServiceSettings::merged(&"db".into(), &labels, Some(&block)).expect("valid");
    assert_eq!(merged.prefix.as_deref(), Some("OTHER"));
    assert_eq!(merged.publish, [5432, 9187]);
    assert_eq!(merged.primary, Some(true));
}

#[test]
fn a_range_of_the_block_takes_the_place_of_a_pin_by_label() {
    let labels = BTreeMap::from([("dev-prism.port".to_owned(), "8080".to_owned())]);
    let settings = Settings::parse("services: {db: {range: 1-2}}", "prism.yaml").expect("settings");
    let merged = ServiceSettings::merged(&"db".into(), &labels, settings.services.get(&"db".into()));
    let policy = merged.expect("valid").policy(true, Ports::Sticky);
    assert!(matches!(policy, Policy::Range(_)), "{policy:?}");
}

#[test]
fn a_label_of_the_wrong_type_is_an_error() {
    let labels = BTreeMap::from([("dev-prism.ready".to_owned(), "soon".to_owned())]);
    let error = ServiceSettings::merged(&"db".into(), &labels, None).expect_err("wrong");
    assert_eq!(error.to_string(), "label `dev-prism.ready` of service `db` is `soon`");
}

#[test]
fn every_key_of_a_service_may_be_a_label() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
    let keys = schema["$defs"]["ServiceSettings"]["properties"].as_object().expect("keys");
    assert_eq!(keys.keys().collect::<Vec<_>>(), KEYS);
}
