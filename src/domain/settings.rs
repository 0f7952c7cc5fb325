//! What `prism.yaml` may say, and the labels that say the same of one service.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::name::ServiceName;
use super::port::ContainerPort;
use super::scope::Selection;
use crate::error::Failure;

/// `prism.yaml`. Everything has a default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The project's name; by default the main worktree's directory name.
    pub project: Option<String>,
    /// The Compose files; by default what Compose itself would read.
    pub compose: Vec<String>,
    /// Profiles whose services belong to the session by default.
    pub profiles: Vec<String>,
    /// The address that published ports bind.
    pub bind: Option<std::net::IpAddr>,
    /// Puts the caller's environment last.
    #[serde(rename = "override")]
    pub override_environment: bool,
    /// Settings per service.
    pub services: BTreeMap<ServiceName, ServiceSettings>,
    /// Variables for every command, with templates.
    pub env: BTreeMap<String, String>,
    /// Selections by name.
    pub templates: BTreeMap<String, Selection>,
    /// Where `create` puts worktrees, relative to the main worktree.
    pub sessions_dir: Option<String>,
    /// Files that `create` copies from the main worktree.
    pub env_files: Vec<String>,
    /// Commands that `create` runs, each by `sh -c`.
    pub setup: Vec<String>,
}

/// What may be said of one service, here or as labels `dev-prism.<key>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceSettings {
    /// When it counts as ready.
    pub ready: Option<Ready>,
    /// A row of the catalog, whatever the image is called.
    pub kind: Option<String>,
    /// Replaces the upper-case service name in variable names.
    pub prefix: Option<String>,
    /// Container ports to publish beside those of the Compose file.
    pub publish: Vec<u16>,
    /// This one gives the global names of its kind.
    pub primary: Option<bool>,
    /// No variables, no ports, never waited for.
    pub ignore: Option<bool>,
}

/// When a service counts as ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ready {
    /// As soon as it runs.
    None,
    /// When its primary port answers.
    Tcp,
    /// When its health check succeeds.
    Healthy,
    /// When it exited with status 0.
    Completed,
}

/// The prefix of labels that users and prism put on things in Docker.
pub const LABEL: &str = "dev-prism.";

impl Settings {
    /// Reads the text of a `prism.yaml` called `path` in messages.
    ///
    /// # Errors
    /// Not YAML, an unknown key, a value of the wrong type: each with its place and, for a key, the nearest
    /// one that exists.
    pub fn parse(text: &str, path: &str) -> Result<Self, Failure> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        serde_yaml::from_str(text).map_err(|error| {
            let message = error.to_string();
            let failure = Failure::new(format!("cannot read `{path}`: {message}"));
            match nearest_known_key(&message) {
                Some(key) => failure.hint(format!("did you mean `{key}`?")),
                None => failure.hint("docs/configuration.md describes every key"),
            }
        })
    }
}

impl ServiceSettings {
    /// Merges the labels of a service, read first, with its block in `prism.yaml`, which wins.
    ///
    /// # Errors
    /// A label's value is not of its key's type.
    pub fn merged(
        service: &ServiceName,
        labels: &BTreeMap<String, String>,
        block: Option<&Self>,
    ) -> Result<Self, Failure> {
        let mut settings = Self::default();
        for (key, value) in labels.iter().filter_map(|(name, value)| Some((name.strip_prefix(LABEL)?, value)))
        {
            settings.apply_label(key, value).map_err(|expected| {
                Failure::new(format!("label `{LABEL}{key}` of service `{service}` is `{value}`"))
                    .hint(format!("it takes {expected}"))
            })?;
        }
        if let Some(block) = block {
            let block = block.clone();
            settings = Self {
                ready: block.ready.or(settings.ready),
                kind: block.kind.or(settings.kind),
                prefix: block.prefix.or(settings.prefix),
                publish: if block.publish.is_empty() { settings.publish } else { block.publish },
                primary: block.primary.or(settings.primary),
                ignore: block.ignore.or(settings.ignore),
            };
        }
        Ok(settings)
    }

    /// Applies one label; the error says what the label takes. Labels that prism itself sets are passed over.
    fn apply_label(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        let truth = || match value {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err("`true` or `false`"),
        };
        match key {
            "ready" => {
                self.ready = Some(match value {
                    "none" => Ready::None,
                    "tcp" => Ready::Tcp,
                    "healthy" => Ready::Healthy,
                    "completed" => Ready::Completed,
                    _ => return Err("`none`, `tcp`, `healthy` or `completed`"),
                });
            }
            "kind" => self.kind = Some(value.to_owned()),
            "prefix" => self.prefix = Some(value.to_owned()),
            "publish" => {
                let ports = value.split([',', ' ']).filter(|port| !port.is_empty());
                let ports: Result<_, _> =
                    ports.map(|port| port.parse::<ContainerPort>().map(|p| p.number)).collect();
                self.publish = ports.map_err(|_| "container ports, as in `5432,9187`")?;
            }
            "primary" => self.primary = truth()?,
            "ignore" => self.ignore = truth()?,
            _ => {}
        }
        Ok(())
    }
}

/// Finds the key nearest to the one that serde calls an unknown field, among those that it lists.
fn nearest_known_key(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("unknown field `")?;
    let mut quoted = rest.split('`').step_by(2);
    let unknown = quoted.next()?;
    quoted
        .filter(|key| !key.is_empty() && !key.starts_with(" at line"))
        .map(|key| (strsim::damerau_levenshtein(unknown, key), key))
        .filter(|(distance, key)| *distance <= key.len().div_ceil(2))
        .min()
        .map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::render;

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_nearest_one() {
        let error =
            Settings::parse("services:\n  db:\n    prefx: MAIN\n", "prism.yaml").expect_err("unknown");
        let text = render(&error.into());
        assert!(text.contains("services.db") && text.contains("prefx") && text.contains("line 3"), "{text}");
        assert!(text.contains("did you mean `prefix`?"), "{text}");
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
    fn a_label_of_the_wrong_type_is_an_error() {
        let labels = BTreeMap::from([("dev-prism.ready".to_owned(), "soon".to_owned())]);
        let error = ServiceSettings::merged(&"db".into(), &labels, None).expect_err("wrong");
        assert_eq!(error.to_string(), "label `dev-prism.ready` of service `db` is `soon`");
    }
}
