//! A Compose project as `docker compose config --format json` resolves it, as far as prism needs it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::identity::name::ServiceName;
use crate::stack::printed;
use crate::text::hash::content_hash;

/// The extension under which Compose tells prism what it took for the variables of environment secrets and configs.
pub const EXTENSION: &str = "x-prism";

/// A resolved Compose project, with every profile active.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Model {
    /// Services by name.
    pub services: BTreeMap<ServiceName, Service>,
    /// Networks by their key in the file, not by their name in Docker.
    pub networks: BTreeMap<String, Network>,
    /// Volumes by their key in the file.
    pub volumes: BTreeMap<String, Volume>,
    /// Configs by their key in the file.
    pub configs: BTreeMap<String, Given>,
    /// Secrets by their key in the file.
    pub secrets: BTreeMap<String, Given>,
    /// The whole, as Compose printed it.
    #[serde(skip)]
    whole: Value,
}

/// One service.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Service {
    /// The image; absent where Compose names the image that it builds.
    pub image: Option<String>,
    /// Present if the image is built here.
    pub build: Option<Build>,
    /// When the image is pulled.
    pub pull_policy: Option<String>,
    /// A fixed hardware address.
    pub mac_address: Option<String>,
    /// Its own name for itself, by which networks know it too.
    pub hostname: Option<String>,
    /// The domain of that name.
    pub domainname: Option<String>,
    /// A fixed container name.
    pub container_name: Option<String>,
    /// Published ports, ranges expanded by Compose where it can.
    pub ports: Vec<PublishedPort>,
    /// Exposed ports, not expanded.
    pub expose: Vec<String>,
    /// `host`, `none`, `bridge`, `service:x`, `container:x`.
    pub network_mode: Option<String>,
    /// Networks by key; null where nothing is said of the attachment.
    pub networks: BTreeMap<String, Option<Attachment>>,
    /// `host`, `service:x`, `container:x`.
    pub pid: Option<String>,
    /// `host`, `shareable`, `service:x`, `container:x`.
    pub ipc: Option<String>,
    /// `x`, `x:ro`, `container:x`.
    pub volumes_from: Vec<String>,
    /// `container:alias`.
    pub external_links: Vec<String>,
    /// Services that must come first, by name.
    pub depends_on: BTreeMap<ServiceName, Dependency>,
    /// Its environment; null where the caller's variable is passed through and not set.
    pub environment: BTreeMap<String, Option<String>>,
    /// Replaces the image's command.
    pub command: Option<Vec<String>>,
    /// Replaces the image's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// Volumes and bind mounts.
    pub volumes: Vec<Mount>,
    /// A health check stated in the file; one of the image is not seen here.
    pub healthcheck: Option<HealthCheck>,
    /// `no`, `always`, `on-failure[:n]`, `unless-stopped`.
    pub restart: Option<String>,
    /// Replicas and the swarm restart policy.
    pub deploy: Option<Deploy>,
    /// The older way to say replicas.
    pub scale: Option<u32>,
    /// Labels of the container.
    pub labels: BTreeMap<String, String>,
    /// Configs that it sees.
    pub configs: Vec<Grant>,
    /// Secrets that it sees.
    pub secrets: Vec<Grant>,
    /// Words on what it may do.
    pub security_opt: Vec<String>,
    /// Profiles; a service with none always belongs to the project.
    pub profiles: Vec<String>,
}

/// A config or a secret.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Given {
    /// What it holds, written in the Compose file.
    pub content: Option<String>,
    /// The variable that holds it.
    pub environment: Option<String>,
    /// The file that holds it, absolute.
    pub file: Option<String>,
}

/// A file that a service sees as a config or a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenFile<'m> {
    /// `config` or `secret`.
    pub kind: &'static str,
    /// Its key.
    pub key: &'m str,
    /// Its path.
    pub path: &'m str,
}

/// That a service sees a config or a secret.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Grant {
    /// Its key.
    pub source: String,
}

/// One entry of `volumes:`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Mount {
    /// `bind`, `volume`, `tmpfs`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The path on the host, absolute, or the volume's key.
    pub source: Option<String>,
    /// The path in the container.
    pub target: String,
    /// What is said of a volume that is mounted.
    pub volume: Option<MountedVolume>,
    /// It cannot be written to.
    pub read_only: bool,
}

/// How a volume is mounted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct MountedVolume {
    /// The directory of the volume that is seen; all of it where none is named.
    pub subpath: Option<String>,
}

/// A `build:` section.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Build {
    /// The directory that the image is built from, absolute; or an address.
    pub context: Option<String>,
    /// Further names for the built image.
    pub tags: Vec<String>,
    /// Where its layers are exported to.
    pub cache_to: Vec<String>,
    /// Secrets that the build sees.
    pub secrets: Vec<Grant>,
}

/// One entry of `ports:`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PublishedPort {
    /// The address of the host, where the file names one.
    pub host_ip: Option<String>,
    /// The container port.
    pub target: u16,
    /// The host port or a range of them; absent or empty where the Engine chooses.
    #[serde(deserialize_with = "text_or_number")]
    pub published: Option<String>,
    /// `tcp`, `udp`, `sctp`; empty means `tcp`.
    pub protocol: String,
}

/// How a service is attached to a network.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Attachment {
    /// Names by which others find it there.
    pub aliases: Option<Vec<String>>,
    /// A fixed address.
    pub ipv4_address: Option<String>,
    /// A fixed IPv6 address.
    pub ipv6_address: Option<String>,
    /// Fixed link-local addresses.
    pub link_local_ips: Option<Vec<String>>,
    /// A fixed hardware address.
    pub mac_address: Option<String>,
}

/// A condition of `depends_on`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Dependency {
    /// `service_started`, `service_healthy`, `service_completed_successfully`.
    pub condition: String,
    /// Compose starts it along; otherwise only if it is to be started anyway.
    #[serde(default = "yes")]
    pub required: bool,
    /// It is restarted along.
    pub restart: bool,
}

fn yes() -> bool {
    true
}

/// A health check.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct HealthCheck {
    /// Switched off.
    pub disable: bool,
    /// `["NONE"]` switches it off too.
    pub test: Option<Vec<String>>,
    /// How often it runs.
    pub interval: Option<String>,
    /// How long failures do not count after the start.
    pub start_period: Option<String>,
    /// How often it runs during that time.
    pub start_interval: Option<String>,
}

/// A `deploy:` section.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Deploy {
    /// How many containers.
    pub replicas: Option<u32>,
    /// The restart policy there.
    pub restart_policy: Option<RestartPolicy>,
}

/// `deploy.restart_policy`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RestartPolicy {
    /// `none`, `on-failure`, `any`.
    pub condition: Option<String>,
}

/// A network.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Network {
    /// Its name in Docker.
    pub name: Option<String>,
    /// Made outside this project.
    pub external: bool,
    /// Without a way out, and so without published ports.
    pub internal: bool,
    /// `bridge`, `macvlan`, …
    pub driver: Option<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, Value>,
    /// Fixed subnets.
    pub ipam: Option<Ipam>,
    /// Containers get IPv6 addresses.
    pub enable_ipv6: bool,
}

/// Address management of a network.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Ipam {
    /// Address pools.
    pub config: Option<Vec<Value>>,
}

/// A volume.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// Its name in Docker.
    pub name: Option<String>,
    /// Made outside this project.
    pub external: bool,
    /// Options of the driver; those of `local` are mount options.
    pub driver_opts: BTreeMap<String, Value>,
}

impl Model {
    /// Reads what `docker compose config` printed.
    ///
    /// # Errors
    /// The text is not of the expected shape.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        let mut value = printed::read(text)?;
        undouble_dollars(&mut value);
        let model: Self = serde_json::from_value(value.clone())?;
        Ok(Self { whole: value, ..model })
    }

    /// Says whether the service, network or volume at the beginning of a path exists, and the end of it does not.
    pub fn lacks(&self, path: &[String]) -> bool {
        let found = |path: &[String]| path.iter().try_fold(&self.whole, |value, key| value.get(key));
        path.len() > 2 && found(&path[..2]).is_some() && found(path).is_none()
    }

    /// Lists what Compose copies into a service's containers when it makes them, and never again. A file is mounted.
    pub fn copied<'m>(&'m self, service: &Service) -> Vec<&'m str> {
        let configs = service.configs.iter().filter_map(|grant| self.configs.get(&grant.source));
        let secrets = service.secrets.iter().filter_map(|grant| self.secrets.get(&grant.source));
        configs.chain(secrets).filter_map(|given| self.text(given)).collect()
    }

    /// Lists the files that a service sees as configs and secrets, when it runs or when it is built.
    pub fn files<'m>(&'m self, service: &'m Service) -> impl Iterator<Item = GivenFile<'m>> {
        let configs = service.configs.iter().map(|grant| ("config", &self.configs, grant));
        let of_build = service.build.iter().flat_map(|build| &build.secrets);
        let secrets = service.secrets.iter().chain(of_build).map(|grant| ("secret", &self.secrets, grant));
        configs.chain(secrets).filter_map(|(kind, given, Grant { source: key })| {
            Some(GivenFile { kind, key, path: given.get(key)?.file.as_deref()? })
        })
    }

    fn text<'m>(&'m self, given: &'m Given) -> Option<&'m str> {
        let of_variable = || self.whole.get(EXTENSION)?.get(given.environment.as_deref()?)?.as_str();
        given.content.as_deref().or_else(of_variable)
    }

    /// Hashes the `build:` sections that are not those of another reading of the same project, by service.
    pub fn builds_unlike(&self, other: &Self) -> BTreeMap<ServiceName, String> {
        let build = |model: &Self, name: &ServiceName| model.whole["services"][&name.0]["build"].clone();
        let changed = self.services.keys().filter(|name| build(self, name) != build(other, name));
        changed.map(|name| (name.clone(), content_hash(build(self, name).to_string().as_bytes()))).collect()
    }

    /// Says whether some service waits for `name` to complete.
    pub fn is_awaited_to_complete(&self, name: &ServiceName) -> bool {
        self.is_awaited(name, "service_completed_successfully")
    }

    /// Says whether some service waits for `name` to run, be it until it is healthy.
    pub fn is_awaited_to_run(&self, name: &ServiceName) -> bool {
        self.is_awaited(name, "service_started") || self.is_awaited_to_be_healthy(name)
    }

    /// Says whether some service waits for `name` to be healthy.
    pub fn is_awaited_to_be_healthy(&self, name: &ServiceName) -> bool {
        self.is_awaited(name, "service_healthy")
    }

    /// Finds the project's own network that a `network_mode` names by its name in Docker.
    pub fn network_of_mode(&self, service: &Service) -> Option<&str> {
        let mode = service.network_mode.as_deref()?;
        let own = self.networks.iter().filter(|(_, network)| !network.external);
        own.filter(|(_, network)| network.name.as_deref() == Some(mode)).map(|(key, _)| key.as_str()).next()
    }

    fn is_awaited(&self, name: &ServiceName, condition: &str) -> bool {
        let mut dependencies = self.services.values().filter_map(|service| service.depends_on.get(name));
        dependencies.any(|dependency| dependency.condition == condition)
    }
}

impl Network {
    /// Lists its fixed subnets.
    pub fn pools(&self) -> impl Iterator<Item = &str> {
        let pools = self.ipam.iter().filter_map(|ipam| ipam.config.as_ref()).flatten();
        pools.filter_map(|pool| pool.get("subnet")?.as_str())
    }

    /// Says whether it sits on an interface of the host itself.
    pub fn is_on_host_interface(&self) -> bool {
        matches!(self.driver.as_deref(), Some("macvlan" | "ipvlan"))
    }
}

impl Service {
    /// Says whether the file gives it a health check.
    pub fn has_health_check(&self) -> bool {
        self.healthcheck.as_ref().is_some_and(|check| {
            !check.disable
                && check.test.as_ref().is_none_or(|test| test.first().is_none_or(|word| word != "NONE"))
        })
    }

    /// Says whether Docker starts it again after it ended with status 0.
    pub fn restarts_after_success(&self) -> bool {
        let by_policy = self
            .deploy
            .as_ref()
            .and_then(|deploy| deploy.restart_policy.as_ref())
            .and_then(|policy| policy.condition.as_deref())
            .is_some_and(|condition| condition == "any");
        by_policy || matches!(self.restart.as_deref(), Some("always" | "unless-stopped"))
    }

    /// Returns how many containers it wants.
    pub fn replicas(&self) -> u32 {
        self.deploy.as_ref().and_then(|deploy| deploy.replicas).or(self.scale).unwrap_or(1)
    }
}

/// Compose doubles every `$` of a value in what `config` prints, so that it can be read again.
fn undouble_dollars(value: &mut Value) {
    match value {
        Value::String(text) if text.contains("$$") => *text = text.replace("$$", "$"),
        Value::Array(items) => items.iter_mut().for_each(undouble_dollars),
        Value::Object(entries) => entries.values_mut().for_each(undouble_dollars),
        _ => {}
    }
}

fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) if !text.is_empty() => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}
