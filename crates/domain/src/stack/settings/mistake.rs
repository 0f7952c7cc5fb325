//! What is wrong in a `prism.yaml` or a label: where, and what was most likely meant. The value stays out of it, as it may
//! be a secret.

use super::KEYS;
use crate::failure::Failure;
use crate::identity::label::LABEL;
use crate::identity::name::ServiceName;
use crate::text::template::nearest;

/// Explains why serde could not read the file called `file`.
pub(super) fn explain(error: &serde_yaml::Error, file: &str) -> Failure {
    let place = error.location().map(|at| format!(", line {}, column {}", at.line(), at.column()));
    let place = format!("`{file}`{}", place.unwrap_or_default());
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let (path, what) = path_and_complaint(message);
    let failure = |text: String| Failure::new(format!("{place}: {text}"));
    let mut quoted = what.split('`').skip(1).step_by(2);
    if what.starts_with("unknown field") || what.starts_with("unknown variant") {
        let (wrong, known) = (quoted.next().unwrap_or_default(), quoted.collect::<Vec<_>>());
        let is_key = what.starts_with("unknown field");
        let failure = match (is_key, path) {
            (true, "") => failure(format!("there is no key `{wrong}`")),
            (true, path) => failure(format!("there is no key `{path}.{wrong}`")),
            (false, path) => failure(format!("`{path}` cannot be `{wrong}`")),
        };
        return match nearest(wrong, known.iter().copied()) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None if is_key => failure.hint(format!("the keys are: {}", known.join(", "))),
            None => failure.hint(format!("it takes: {}", known.join(", "))),
        };
    }
    let path = if path.is_empty() { "the file".to_owned() } else { format!("`{path}`") };
    let wanted = what.rsplit_once(", expected ").map(|(_, wanted)| type_name(wanted));
    let found = what.strip_prefix("invalid type: ").map(type_name);
    match (wanted, found) {
        (Some(wanted), Some(found)) => failure(format!("{path} takes {wanted}, not {found}")),
        (Some(wanted), None) => failure(format!("{path} takes {wanted}")),
        _ if path == "the file" => failure(what.to_owned()),
        _ => failure(format!("{path}: {what}")),
    }
    .hint("docs/configuration.md describes every key")
}

/// Divides `services.db: unknown field …`.
fn path_and_complaint(message: &str) -> (&str, &str) {
    const COMPLAINTS: [&str; 6] =
        ["unknown field", "unknown variant", "invalid type", "invalid value", "invalid IP", "duplicate "];
    let at = COMPLAINTS.iter().filter_map(|complaint| message.find(complaint)).min();
    at.map_or(("", message), |at| (message[..at].trim_end_matches(": "), &message[at..]))
}

/// Says serde's names of types in the words of YAML.
fn type_name(text: &str) -> &str {
    let known = [
        ("a boolean", "`true` or `false`"),
        ("boolean", "`true` or `false`"),
        ("a sequence", "a list"),
        ("sequence", "a list"),
        ("a map", "keys with values"),
        ("map", "keys with values"),
        ("struct", "keys with values"),
        ("a string", "a text"),
        ("string", "a text"),
        ("integer", "a number"),
        ("floating point", "a number"),
        ("a nonzero u16", "a number from 1 to 65535"),
        ("nonzero u16", "a number from 1 to 65535"),
        ("u16", "a number from 0 to 65535"),
        ("unit value", "nothing"),
    ];
    known.iter().find(|(serde, _)| text.starts_with(serde)).map_or(text, |(_, name)| name)
}

/// Fails on a label that is none of prism's, but nearly one that users set.
pub(super) fn check_label(key: &str, service: &ServiceName) -> Result<(), Failure> {
    match nearest(key, KEYS.iter().copied()) {
        Some(near) if !KEYS.contains(&key) && !OWN.contains(&key) => {
            Err(Failure::new(format!("label `{LABEL}{key}` of service `{service}` is none that prism knows"))
                .hint(format!("did you mean `{LABEL}{near}`?")))
        }
        _ => Ok(()),
    }
}

/// The labels that prism sets on containers.
const OWN: &[&str] = &[
    "managed",
    "working_dir",
    "session_id",
    "service",
    "internal_port",
    "created_at",
    "owner",
    "ports",
    "via",
    "guest_ports",
    "completes",
];
