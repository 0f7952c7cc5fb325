//! What `prism.yaml` may say, and the labels that say the same of one service.

mod app;
mod mistake;
mod place;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use self::app::{App, Ports, of_directory};
use crate::catalog;
use crate::engine::container::Container;
use crate::engine::selection::Selection;
use crate::failure::Failure;
use crate::identity::label::LABEL;
use crate::identity::name::ServiceName;
use crate::port::allocation::Policy;
use crate::port::{ContainerPort, PortRange};
use crate::stack::data::Data;
use crate::text::template::nearest;
use crate::text::yaml;

/// `prism.yaml`. Everything has a default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The project's name; by default that of Compose, else the main worktree's directory name.
    pub project: Option<String>,
    /// The Compose files; by default what Compose itself would read.
    pub compose: Vec<String>,
    /// Profiles whose services belong to the session by default.
    pub profiles: Vec<String>,
    /// Which services belong to a session, unless a command says otherwise.
    pub select: Selection,
    /// The address that published ports bind.
    pub bind: Option<std::net::IpAddr>,
    /// How host ports are chosen.
    #[serde(deserialize_with = "serde_yaml::with::singleton_map::deserialize")]
    pub ports: Ports,
    /// Puts the caller's environment last.
    #[serde(rename = "override")]
    pub override_environment: bool,
    /// Whether addresses in the project's dotenv files are translated, or which names are left alone.
    pub translate: Translate,
    /// What is done if somebody else answers at a port of the Compose file.
    pub guard: Guard,
    /// When `exec` gives its command a network of its own, in which `localhost` is the session (Linux).
    pub localhost: Localhost,
    /// Settings per service.
    pub services: BTreeMap<ServiceName, ServiceSettings>,
    /// Variables for every command, with templates: `${NAME}`, `${NAME:-default}`, `${NAME:?message}`, `$$`.
    #[cfg_attr(test, schemars(schema_with = "tests::texts"))]
    pub env: BTreeMap<String, String>,
    /// Apps that run on the host.
    pub apps: BTreeMap<String, App>,
    /// Selections by name.
    pub templates: BTreeMap<String, Selection>,
    /// Where `create` puts worktrees, relative to the main worktree.
    pub sessions_dir: Option<String>,
    /// What `create` begins with.
    pub data: Beginning,
    /// Files that `create` copies from the main worktree.
    pub env_files: Vec<String>,
    /// Commands that `create` runs, each by `sh -c`.
    pub setup: Vec<String>,
    /// The text of the file, to tell where a mistake is.
    #[serde(skip)]
    text: String,
}

/// `translate:`, all or nothing, or all but these names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Translate {
    /// Every name, or none.
    All(bool),
    /// Every name but these.
    Except(Vec<String>),
}

impl Default for Translate {
    fn default() -> Self {
        Self::All(true)
    }
}

/// `guard:`, what follows if somebody else answers at a port that the Compose file publishes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Guard {
    /// A line.
    #[default]
    Note,
    /// The command is not run.
    Error,
    /// Nothing.
    Off,
}

/// `localhost:`, when a command gets a network of its own, in which `localhost` is the session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Localhost {
    /// When something else answers at a port of the Compose file, and where it can be had.
    #[default]
    Auto,
    /// Always; where it cannot be had, the command is not run.
    Always,
    /// Never.
    Never,
}

/// What may be said of one service, here or as labels `dev-prism.<key>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ServiceSettings {
    /// When it counts as ready.
    pub ready: Option<Ready>,
    /// A row of the catalog, whatever the image is called.
    #[cfg_attr(test, schemars(extend("examples" = catalog::kinds().map(|kind| kind.name).collect::<Vec<_>>())))]
    pub kind: Option<String>,
    /// Replaces the upper-case service name in variable names.
    pub prefix: Option<String>,
    /// Container ports to publish beside those of the Compose file.
    pub publish: Vec<u16>,
    /// This one gives the global names of its kind.
    pub primary: Option<bool>,
    /// No variables, no ports, never waited for.
    pub ignore: Option<bool>,
    /// The host port of its primary port.
    #[serde(deserialize_with = "pinned")]
    pub port: Option<u16>,
    /// The host ports from which those of all its ports are chosen.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub range: Option<PortRange>,
    /// Whose files it writes to, where the Compose file names ones outside of the session.
    pub data: Option<Data>,
}

/// `data:`, what the volumes of a session that `create` makes begin with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Beginning {
    /// A copy of another session's, by its directory or `main`, or of a snapshot's; empty volumes where nothing is said.
    pub from: Option<String>,
}

/// When a service counts as ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
        // Read into a map, of two equal keys the second would silently win.
        let doubled = || yaml::read::<serde_yaml::Value>(text).map(drop);
        let settings = yaml::read(text).and_then(|settings| doubled().map(|()| settings));
        let settings: Self = settings.map_err(|error| mistake::explain(&error, path))?;
        let settings = Self { text: text.to_owned(), ..settings };
        settings.check_services()?;
        app::check(&settings)?;
        Ok(settings)
    }

    /// Names a key for messages, with its place.
    pub fn name(&self, path: &[&str]) -> String {
        let key = path.join(".");
        match place::place(&self.text, path) {
            Some((line, column)) => format!("`{key}` in prism.yaml (line {line}, column {column})"),
            None => format!("`{key}` in prism.yaml"),
        }
    }

    fn check_services(&self) -> Result<(), Failure> {
        for (service, said) in &self.services {
            said.check().map_err(|(key, what, hint)| {
                let name = self.name(&["services", &service.0, key]);
                Failure::new(format!("{name} {what}")).hint(hint)
            })?;
            if said.port.is_some() && said.range.is_some() {
                let name = self.name(&["services", &service.0]);
                return Err(Failure::new(format!("{name} has both `port` and `range`")).hint(
                    "`port` pins one number, `range` lets prism choose from several: keep one of them",
                ));
            }
        }
        Ok(())
    }
}

/// The keys of [`ServiceSettings`], which labels may have too.
const KEYS: &[&str] = &["ready", "kind", "prefix", "publish", "primary", "ignore", "port", "range", "data"];

/// The JSON Schema of `prism.yaml`, by which editors complete it.
pub const SCHEMA: &str = include_str!("../../../../docs/prism.schema.json");

impl ServiceSettings {
    /// Returns what of this a container is made with; the rest is for prism alone.
    #[must_use]
    pub fn of_container(&self) -> Self {
        Self {
            ready: None,
            kind: None,
            prefix: None,
            primary: None,
            ignore: None,
            data: None,
            ..self.clone()
        }
    }

    /// Gives a container the labels that say the same.
    pub fn dress(&self, container: &mut Container) {
        let flag = |said: Option<bool>| said.map(|said| said.to_string());
        for (key, value) in [
            ("kind", self.kind.clone()),
            ("prefix", self.prefix.clone()),
            ("primary", flag(self.primary)),
            ("ignore", flag(self.ignore)),
        ] {
            if value.is_some() {
                container.set_label(key, value);
            }
        }
    }

    /// Merges the labels of a service, read first, with its block in `prism.yaml`, which wins.
    ///
    /// # Errors
    /// A label's value is not of its key's type, or its key is most likely mistyped.
    pub fn merged(
        service: &ServiceName,
        labels: &BTreeMap<String, String>,
        block: Option<&Self>,
    ) -> Result<Self, Failure> {
        let mut settings = Self::default();
        for (key, value) in labels.iter().filter_map(|(name, value)| Some((name.strip_prefix(LABEL)?, value)))
        {
            mistake::check_label(key, service)?;
            settings.apply_label(key, value).map_err(|expected| {
                Failure::new(format!("label `{LABEL}{key}` of service `{service}` is `{value}`"))
                    .hint(format!("it takes {expected}"))
            })?;
        }
        settings.check().map_err(|(key, what, hint)| {
            Failure::new(format!("label `{LABEL}{key}` of service `{service}` {what}")).hint(hint)
        })?;
        if let Some(block) = block {
            let block = block.clone();
            settings = Self {
                ready: block.ready.or(settings.ready),
                kind: block.kind.or(settings.kind),
                prefix: block.prefix.or(settings.prefix),
                publish: if block.publish.is_empty() { settings.publish } else { block.publish },
                primary: block.primary.or(settings.primary),
                ignore: block.ignore.or(settings.ignore),
                // They exclude one another.
                port: block.port.or(settings.port.filter(|_| block.range.is_none())),
                range: block.range.or(settings.range),
                data: block.data.or(settings.data),
            };
        }
        Ok(settings)
    }

    /// Looks for values that no service can have: the key, what is wrong with it, and a hint.
    fn check(&self) -> Result<(), (&'static str, String, String)> {
        if let Some(kind) = &self.kind
            && let Err(unknown) = catalog::kind(Some(kind), "")
        {
            let known: Vec<&str> = catalog::kinds().map(|kind| kind.name).collect();
            let hint = match nearest(unknown, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the kinds are: {}", known.join(", ")),
            };
            return Err(("kind", format!("is `{unknown}`, a kind that prism does not know"), hint));
        }
        match &self.prefix {
            Some(prefix) if !prefix.chars().any(|c| c.is_ascii_alphanumeric()) => {
                let hint = "it takes the place of the service's name in variables, as `MAIN` in MAIN_URL";
                Err(("prefix", "has no letter and no digit".to_owned(), hint.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Returns how the host port of one of its ports is chosen.
    pub fn policy(&self, is_pinned: bool, otherwise: Ports) -> Policy {
        match (self.port.filter(|_| is_pinned), self.range) {
            (Some(port), _) => Policy::Pin(port),
            (None, Some(range)) => Policy::Range(range),
            (None, None) => otherwise.into(),
        }
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
            "data" => {
                self.data = Some(match value {
                    "own" => Data::Own,
                    "shared" => Data::Shared,
                    "copy" => Data::Copy,
                    "fresh" => Data::Fresh,
                    _ => return Err("`own`, `shared`, `copy` or `fresh`"),
                });
            }
            "primary" => self.primary = truth()?,
            "ignore" => self.ignore = truth()?,
            "port" => {
                let port = value.parse().ok().filter(|port| *port > 0);
                self.port = Some(port.ok_or("a host port from 1 to 65535")?);
            }
            "range" => {
                self.range =
                    Some(value.parse().map_err(|_| "host ports from 1 to 65535, as in `1972-1981`")?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Reads a pin; 0 would mean a port of the Engine's choice.
fn pinned<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    Option::<std::num::NonZeroU16>::deserialize(deserializer).map(|port| port.map(std::num::NonZeroU16::get))
}
