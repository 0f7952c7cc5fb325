//! What `docker compose config` prints, in its two forms. Neither says all of it: JSON has no extensions (`x-…`) and no
//! limit of 0, spells keys as Compose does not read them, and fails at `build.ssh`; YAML loses line breaks at the
//! beginning of a text.

use serde::de::Error;
use serde_json::Value;

/// Reads one form.
///
/// # Errors
/// It is neither.
pub fn read(text: &[u8]) -> Result<Value, serde_json::Error> {
    if text.trim_ascii_start().starts_with(b"{") {
        serde_json::from_slice(text)
    } else {
        serde_yaml::from_slice(text).map_err(serde_json::Error::custom)
    }
}

/// Reads both forms, or the one that there is.
///
/// # Errors
/// Neither can be read.
pub fn both(yaml: &[u8], json: Option<&[u8]>) -> Result<Value, serde_json::Error> {
    match (read(yaml), json) {
        (Ok(yaml), Some(json)) => Ok(joined(yaml, &read(json)?)),
        (Err(_), Some(json)) => read(json),
        (yaml, None) => yaml,
    }
}

/// Takes the texts of the JSON, and all else of the YAML.
fn joined(yaml: Value, json: &Value) -> Value {
    match (yaml, json) {
        (Value::Object(entries), Value::Object(others)) => {
            let entry = |(key, value): (String, Value)| {
                let value = match others.get(&key) {
                    Some(other) => joined(value, other),
                    None => value,
                };
                (key, value)
            };
            Value::Object(entries.into_iter().map(entry).collect())
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            items.into_iter().zip(others).map(|(item, other)| joined(item, other)).collect()
        }
        (Value::String(_), Value::String(text)) => Value::String(text.clone()),
        (yaml, _) => yaml,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What Compose 2.26 prints of one project.
    #[test]
    fn what_one_form_lacks_is_in_the_other() {
        let yaml = "services:\n  a:\n    command:\n      - |2\n        two\n    ulimits:\n      core:\n        soft: 0\n        hard: 0\n    x-own:\n      s: \"0755\"\nx-top:\n  a: 1\n";
        let json = json!({"services": {"a": {
            "command": ["\ntwo\n"], "entrypoint": null, "ulimits": {"core": {}},
        }}, "x-top": {"a": 1}});
        let found = both(yaml.as_bytes(), Some(json.to_string().as_bytes())).expect("a project");
        let expected = json!({"services": {"a": {
            "command": ["\ntwo\n"], "ulimits": {"core": {"soft": 0, "hard": 0}}, "x-own": {"s": "0755"},
        }}, "x-top": {"a": 1}});
        assert_eq!(found, expected);
    }

    #[test]
    fn one_form_is_better_than_none() {
        let json = json!({"name": "p"});
        assert_eq!(both(b"name: p\n", None).expect("YAML"), json);
        assert_eq!(both(b"name: [\n", Some(b"{\"name\": \"p\"}")).expect("JSON"), json);
        assert!(both(b"name: [\n", None).is_err());
    }
}
