//! The override: what a session's copy of a stack says differently from the user's own files.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::model::{Attachment, Dependency, Model, Network, Service};
use super::name::{ProjectName, ServiceName, SessionId};
use super::plan::{Plan, ServicePlan, service_of_container};
use super::settings::LABEL;
use super::yaml::{Node, put};

/// How often Docker runs a health check that says nothing of it.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);

/// What is often enough while a service starts.
const START_INTERVAL: Duration = Duration::from_secs(1);

/// The option that names a network's interface on the host.
const BRIDGE_NAME: &str = "com.docker.network.bridge.name";

/// What the override says of the session itself. All of it is the same at every run.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The Compose project.
    pub project: ProjectName,
    /// The session's identity.
    pub session_id: SessionId,
    /// The session directory.
    pub directory: String,
    /// `<user id>@<machine id>`.
    pub owner: String,
    /// RFC 3339, of the session's first creation.
    pub created_at: String,
    /// The Compose files interpolate names that prism gives to children: what they resolved to is stated, so
    /// that plain `docker compose up` in a child changes nothing.
    pub restated: bool,
    /// Services that the user leaves out, so that nothing may wait for them.
    pub excluded: Vec<ServiceName>,
}

/// Builds the override for every service of `model`, whatever its profile.
pub fn overlay(model: &Model, plan: &Plan, facts: &Facts) -> Node {
    let built = images_built_here(model);
    let services = model.services.iter().filter_map(|(name, service)| {
        let plan = plan.services.get(name)?;
        Some((name.0.clone(), Overlay { model, name, service, plan, facts, built: &built }.service()))
    });
    let mut root = Vec::new();
    put(&mut root, "services", Node::Map(services.collect()));
    put(&mut root, "networks", Node::Map(networks(model, facts)));
    put(&mut root, "volumes", Node::Map(volumes(model, facts)));
    Node::Map(root)
}

struct Overlay<'a> {
    model: &'a Model,
    name: &'a ServiceName,
    service: &'a Service,
    plan: &'a ServicePlan,
    facts: &'a Facts,
    built: &'a BTreeSet<String>,
}

impl Overlay<'_> {
    fn service(&self) -> Node {
        let mut out = Vec::new();
        if self.service.container_name.is_some() {
            put(&mut out, "container_name", Node::Reset);
        }
        if let Some(image) =
            self.service.image.as_deref().filter(|image| self.built.contains(&with_tag(image)))
        {
            put(&mut out, "image", Node::text(session_tag(image, &self.facts.project)));
        }
        if let Some(build) = &self.service.build {
            let mut section = vec![("labels".to_owned(), labels_of_things(self.facts))];
            if !build.tags.is_empty() {
                put(&mut section, "tags", Node::Reset);
            }
            put(&mut out, "build", Node::Map(section));
        }
        self.ports(&mut out);
        self.health_check(&mut out);
        if self.facts.restated {
            self.restate(&mut out);
        }
        self.dependencies(&mut out);
        self.namespaces(&mut out);
        put(&mut out, "networks", Node::Map(self.attachments()));
        put(&mut out, "labels", text_map(self.labels()));
        Node::Map(out)
    }

    fn ports(&self, out: &mut Vec<(String, Node)>) {
        let entries: Vec<Node> = self
            .plan
            .ports
            .iter()
            .map(|port| {
                Node::Map(vec![
                    ("target".to_owned(), Node::Int(port.container.number.into())),
                    ("host_ip".to_owned(), Node::text(port.host_ip.to_string())),
                    ("protocol".to_owned(), Node::text(port.container.protocol.to_string())),
                ])
            })
            .collect();
        if !entries.is_empty() || !self.service.ports.is_empty() {
            out.push(("ports".to_owned(), Node::Override(Box::new(Node::Seq(entries)))));
        }
    }

    /// Lets a health check that others wait for run often while its service starts: Compose waits for Docker's
    /// verdict, which comes once in an interval.
    fn health_check(&self, out: &mut Vec<(String, Node)>) {
        let Some(check) = self.service.healthcheck.as_ref().filter(|_| self.service.has_health_check())
        else {
            return;
        };
        let interval = check.interval.as_deref().and_then(|text| humantime::parse_duration(text).ok());
        let is_slow = interval.unwrap_or(DEFAULT_INTERVAL) > START_INTERVAL;
        if !is_slow || check.start_interval.is_some() || !self.model.is_awaited_to_be_healthy(self.name) {
            return;
        }
        let mut entry = vec![("start_interval".to_owned(), Node::text("500ms"))];
        if check.start_period.is_none() {
            entry.push(("start_period".to_owned(), Node::text("30s")));
        }
        put(out, "healthcheck", Node::Map(entry));
    }

    /// States what the user's file resolved to, as literal values.
    fn restate(&self, out: &mut Vec<(String, Node)>) {
        // A variable that is passed through and not set stays out: `!reset` does not reach into a list.
        let set = |(name, value): (&String, &Option<String>)| Some((name.clone(), Node::Str(value.clone()?)));
        let entries: Vec<_> = self.service.environment.iter().filter_map(set).collect();
        if !self.service.environment.is_empty() {
            out.push(("environment".to_owned(), Node::Override(Box::new(Node::Map(entries)))));
        }
        for (key, words) in [("command", &self.service.command), ("entrypoint", &self.service.entrypoint)] {
            if let Some(words) = words {
                put(out, key, Node::Override(Box::new(Node::Seq(words.iter().map(Node::text).collect()))));
            }
        }
    }

    /// Lets nothing wait for a service that is left out: Compose would start it.
    fn dependencies(&self, out: &mut Vec<(String, Node)>) {
        let is_excluded = |name: &ServiceName| self.facts.excluded.contains(name);
        if !self.service.depends_on.keys().any(is_excluded) {
            return;
        }
        let kept = self.service.depends_on.iter().filter(|(name, _)| !is_excluded(name));
        let entry = |dependency: &Dependency| {
            let mut entry = vec![
                ("condition".to_owned(), Node::text(dependency.condition.clone())),
                ("required".to_owned(), Node::Bool(dependency.required)),
            ];
            if dependency.restart {
                entry.push(("restart".to_owned(), Node::Bool(true)));
            }
            Node::Map(entry)
        };
        let kept = kept.map(|(name, dependency)| (name.0.clone(), entry(dependency))).collect();
        out.push(("depends_on".to_owned(), Node::Override(Box::new(Node::Map(kept)))));
    }

    /// Rewrites references to containers whose fixed name is gone.
    fn namespaces(&self, out: &mut Vec<(String, Node)>) {
        let rewritten = |mode: &Option<String>| {
            let container = mode.as_deref()?.strip_prefix("container:")?;
            Some(Node::text(format!("service:{}", service_of_container(self.model, container)?)))
        };
        for (key, mode) in [
            ("network_mode", &self.service.network_mode),
            ("pid", &self.service.pid),
            ("ipc", &self.service.ipc),
        ] {
            if let Some(node) = rewritten(mode) {
                put(out, key, node);
            }
        }
        let from: Vec<Option<String>> = self
            .service
            .volumes_from
            .iter()
            .map(|entry| {
                let rest = entry.strip_prefix("container:")?;
                let (container, mode) = rest.split_once(':').map_or((rest, None), |(c, m)| (c, Some(m)));
                let service = service_of_container(self.model, container)?;
                Some(mode.map_or_else(|| service.0.clone(), |mode| format!("{service}:{mode}")))
            })
            .collect();
        if from.iter().any(Option::is_some) {
            let entries = from.into_iter().zip(&self.service.volumes_from);
            let entries = entries.map(|(new, old)| Node::text(new.unwrap_or_else(|| old.clone()))).collect();
            put(out, "volumes_from", Node::Override(Box::new(Node::Seq(entries))));
        }
    }

    /// Removes fixed addresses, and keeps a former container name as an alias on the session's own networks.
    fn attachments(&self) -> Vec<(String, Node)> {
        if self.service.network_mode.is_some() {
            return Vec::new();
        }
        let nothing = Attachment::default();
        let mut attachments = Vec::new();
        for (key, attachment) in &self.service.networks {
            let external = self.model.networks.get(key).is_some_and(|network| network.external);
            let attachment = attachment.as_ref().unwrap_or(&nothing);
            let mut entry = Vec::new();
            if let (false, Some(alias)) = (external, self.alias()) {
                put(&mut entry, "aliases", Node::Seq(vec![Node::text(alias)]));
            }
            for (field, fixed) in [
                ("ipv4_address", attachment.ipv4_address.is_some()),
                ("ipv6_address", attachment.ipv6_address.is_some()),
                ("link_local_ips", attachment.link_local_ips.is_some()),
                ("mac_address", attachment.mac_address.is_some()),
            ] {
                if fixed {
                    put(&mut entry, field, Node::Reset);
                }
            }
            put(&mut attachments, key, Node::Map(entry));
        }
        attachments
    }

    /// Returns the container name that others may know it by.
    fn alias(&self) -> Option<&str> {
        self.service.container_name.as_deref().filter(|name| *name != self.name.0)
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = session_labels(self.facts);
        let mut label = |key: &str, value: String| labels.insert(format!("{LABEL}{key}"), value);
        label("service", self.name.0.clone());
        label("created_at", self.facts.created_at.clone());
        if let Some(port) = self.plan.primary {
            label("internal_port", port.number.to_string());
        }
        if let Some(owner) = &self.plan.via {
            label("via", owner.0.clone());
        }
        // What prism.yaml says of a service is told to whoever reads containers alone.
        for (key, value) in [
            ("kind", self.plan.kind.clone()),
            ("prefix", self.plan.prefix.clone()),
            ("primary", self.plan.preferred.then(|| "true".to_owned())),
            ("ignore", self.plan.ignored.then(|| "true".to_owned())),
        ] {
            if let Some(value) = value {
                label(key, value);
            }
        }
        if self.facts.restated {
            let own = self.service.labels.iter().filter(|(name, _)| !name.starts_with(LABEL));
            labels.extend(own.map(|(name, value)| (name.clone(), value.clone())));
        }
        labels.retain(|name, value| !name.starts_with(LABEL) || self.service.labels.get(name) != Some(value));
        labels
    }
}

/// Labels by which everything that belongs to a session is found.
pub fn session_labels(facts: &Facts) -> BTreeMap<String, String> {
    [
        ("managed", "true"),
        ("working_dir", &facts.directory),
        ("session_id", &facts.session_id.0),
        ("owner", &facts.owner),
    ]
    .into_iter()
    .map(|(key, value)| (format!("{LABEL}{key}"), value.to_owned()))
    .collect()
}

fn labels_of_things(facts: &Facts) -> Node {
    text_map(session_labels(facts))
}

fn text_map(entries: BTreeMap<String, String>) -> Node {
    Node::Map(entries.into_iter().map(|(key, value)| (key, Node::Str(value))).collect())
}

fn networks(model: &Model, facts: &Facts) -> Vec<(String, Node)> {
    let own = model.networks.iter().filter(|(_, network)| !network.external);
    own.map(|(key, network)| {
        let mut entry = Vec::new();
        if !is_default_name(network.name.as_deref(), key, facts) {
            put(&mut entry, "name", Node::Reset);
        }
        if network.driver_opts.contains_key(BRIDGE_NAME) {
            put(&mut entry, "driver_opts", Node::Map(vec![(BRIDGE_NAME.to_owned(), Node::Reset)]));
        }
        if has_fixed_subnet(network) {
            put(&mut entry, "ipam", Node::Reset);
        }
        put(&mut entry, "labels", labels_of_things(facts));
        (key.clone(), Node::Map(entry))
    })
    .collect()
}

fn volumes(model: &Model, facts: &Facts) -> Vec<(String, Node)> {
    let own = model.volumes.iter().filter(|(_, volume)| !volume.external);
    own.map(|(key, volume)| {
        let mut entry = Vec::new();
        if !is_default_name(volume.name.as_deref(), key, facts) {
            put(&mut entry, "name", Node::Reset);
        }
        put(&mut entry, "labels", labels_of_things(facts));
        (key.clone(), Node::Map(entry))
    })
    .collect()
}

/// Compose's own name for a thing is `<project>_<key>`, and so the session's own.
fn is_default_name(name: Option<&str>, key: &str, facts: &Facts) -> bool {
    name.is_none_or(|name| name == format!("{}_{key}", facts.project))
}

fn has_fixed_subnet(network: &Network) -> bool {
    network.ipam.as_ref().and_then(|ipam| ipam.config.as_ref()).is_some_and(|config| !config.is_empty())
}

/// Collects the image names that some service builds: what a session builds must stay its own.
fn images_built_here(model: &Model) -> BTreeSet<String> {
    let builders = model.services.values().filter(|service| service.build.is_some());
    builders.filter_map(|service| service.image.as_deref()).map(with_tag).collect()
}

/// Names the tag that an image without one means.
fn with_tag(image: &str) -> String {
    let (repository, tag) = split_tag(image);
    format!("{repository}:{}", tag.unwrap_or("latest"))
}

/// Appends the session to an image's tag; the name stays, so that its kind is still recognised.
fn session_tag(image: &str, project: &ProjectName) -> String {
    let (repository, tag) = split_tag(image);
    format!("{repository}:{}-{}", tag.unwrap_or("latest"), project.suffix())
}

fn split_tag(image: &str) -> (&str, Option<&str>) {
    match image.rsplit_once(':') {
        // A colon before a slash belongs to a registry's port.
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (image, None),
    }
}
