//! Answers with words that this prism does not know yet: an Engine of another age or make has states of its own.

use bollard::errors::Error;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How many unknown words an answer may have.
const MANY: usize = 64;

/// Where people's own words stand, not the Engine's.
const FREE: [&str; 9] =
    ["Labels", "Annotations", "Options", "DriverOpts", "Config", "Env", "Name", "Image", "Hostname"];

/// Takes an answer as it is; where a word in it is unknown, as if the Engine had not said that word.
pub(super) fn understood<T: DeserializeOwned>(answer: Result<T, Error>) -> Result<T, Error> {
    match answer {
        Err(Error::JsonDataError { contents, message, column }) => {
            reread(&contents).ok_or(Error::JsonDataError { contents, message, column })
        }
        other => other,
    }
}

fn reread<T: DeserializeOwned>(contents: &str) -> Option<T> {
    let mut value: Value = serde_json::from_str(contents).ok()?;
    for _ in 0..MANY {
        // Written again: bollard reads bytes, too, and its models take a megabyte of code for each other way to read.
        let message = match serde_json::from_slice(value.to_string().as_bytes()) {
            Ok(answer) => return Some(answer),
            Err(error) => error.to_string(),
        };
        if !forget(&mut value, unknown(&message)?) {
            return None;
        }
    }
    None
}

/// Finds the word in what serde's and bollard's own readers say of it.
fn unknown(message: &str) -> Option<&str> {
    let of_serde = || message.strip_prefix("unknown variant `")?.split('`').next();
    let of_bollard = || message.strip_prefix("Invalid enum type: ")?.split(" at line ").next();
    of_serde().or_else(of_bollard)
}

/// Puts what prism knows in place of a word, or the empty one, which is a word of every kind. Says whether the word was there.
fn forget(value: &mut Value, word: &str) -> bool {
    match value {
        Value::String(text) if text == word => {
            *value = synonym(word).unwrap_or_default().into();
            true
        }
        Value::Array(items) => items.iter_mut().fold(false, |found, item| forget(item, word) | found),
        Value::Object(entries) => {
            let words = entries.iter_mut().filter(|(key, _)| !FREE.contains(&key.as_str()));
            words.fold(false, |found, (_, entry)| forget(entry, word) | found)
        }
        _ => false,
    }
}

/// Podman's words for what Docker calls otherwise (`libpod/define`).
fn synonym(word: &str) -> Option<&'static str> {
    match word {
        "stopped" => Some("exited"),
        "configured" | "initialized" => Some("created"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::{
        ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummary, ContainerSummaryStateEnum,
        HealthStatusEnum, VolumeListResponse,
    };

    use super::*;

    #[test]
    fn a_container_in_an_unknown_state_hides_no_other_one() {
        let list: Vec<ContainerSummary> = reread(
            r#"[{"Id":"a","State":"running"},{"Id":"b","State":"stopped","Labels":{"x":"stopped"}},
                {"Id":"c","State":"hibernating","Ports":[{"PrivatePort":1,"Type":"quic"}]}]"#,
        )
        .expect("a list");
        let states: Vec<_> = list.iter().map(|container| container.state).collect();
        assert_eq!(
            states,
            [
                Some(ContainerSummaryStateEnum::RUNNING),
                Some(ContainerSummaryStateEnum::EXITED),
                Some(ContainerSummaryStateEnum::EMPTY)
            ]
        );
        assert_eq!(list[1].labels.as_ref().expect("labels")["x"], "stopped");
        assert_eq!(list[2].ports.as_ref().expect("ports")[0].private_port, 1);
    }

    #[test]
    fn other_answers_are_read_as_far_as_they_are_understood() {
        let seen: ContainerInspectResponse = reread(
            r#"{"Id":"a","State":{"Status":"initialized","Health":{"Status":"dozing","FailingStreak":0}},
                "HostConfig":{"CgroupnsMode":"odd","RestartPolicy":{"Name":"always"}}}"#,
        )
        .expect("an inspection");
        let state = seen.state.expect("a state");
        assert_eq!(state.status, Some(ContainerStateStatusEnum::CREATED));
        assert_eq!(state.health.expect("health").status, Some(HealthStatusEnum::EMPTY));
        let volumes: VolumeListResponse = reread(
            r#"{"Volumes":[{"Name":"v","Driver":"local","Mountpoint":"/v","Labels":{},"Scope":"galaxy","Options":{}}]}"#,
        )
        .expect("volumes");
        assert_eq!(volumes.volumes.expect("a list")[0].name, "v");
        assert!(reread::<Vec<ContainerSummary>>("[{\"Id\":1}]").is_none(), "no answer of this kind");
    }
}
