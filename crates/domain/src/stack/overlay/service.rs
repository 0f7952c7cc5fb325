//! What is different about one service.

use std::collections::BTreeMap;
use std::time::Duration;

use super::thing::beside_external;
use super::{Facts, session_labels, speech, text_map};
use crate::engine::claim::IMAGE;
use crate::identity::label::LABEL;
use crate::identity::name::ServiceName;
use crate::port::reservation::service_label;
use crate::stack::data::OwnMount;
use crate::stack::image::Built;
use crate::stack::input::seccomp_profile;
use crate::stack::model::{Attachment, Dependency, HealthCheck, Model, Service};
use crate::stack::plan::{ServicePlan, service_of_container};
use crate::stack::reader::Own;
use crate::text::hash::content_hash;
use crate::text::yaml::{Node, put};

/// How often Docker runs a health check that says nothing of it.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);

/// What is often enough while a service starts.
const START_INTERVAL: Duration = Duration::from_secs(1);

/// A service, and all that its override depends on.
pub(super) struct Overlay<'a> {
    pub(super) model: &'a Model,
    pub(super) name: &'a ServiceName,
    pub(super) service: &'a Service,
    pub(super) plan: &'a ServicePlan,
    pub(super) facts: &'a Facts,
    pub(super) built: &'a Built,
    /// What it says to other programs of the machine, where that differs.
    pub(super) own: Option<&'a Own>,
    /// Volumes of the session's in place of its bind mounts.
    pub(super) mounts: &'a [OwnMount],
}

impl Overlay<'_> {
    /// States the difference.
    pub(super) fn service(&self) -> Node {
        let mut out = Vec::new();
        if self.service.container_name.is_some() {
            put(&mut out, "container_name", Node::Reset);
        }
        if self.service.mac_address.is_some() {
            put(&mut out, "mac_address", Node::Reset);
        }
        // Docker answers to a host name on every network, and an external one is everybody's.
        for (key, name) in [("hostname", &self.service.hostname), ("domainname", &self.service.domainname)] {
            if name.is_some() && self.is_on_external_network() {
                put(&mut out, key, Node::Reset);
            }
        }
        self.image(&mut out);
        self.ports(&mut out);
        self.health_check(&mut out);
        if let Some(own) = self.own {
            speech::state(own, &mut out);
        }
        self.dependencies(&mut out);
        self.namespaces(&mut out);
        self.network_by_name(&mut out);
        put(&mut out, "volumes", Node::Seq(self.mounts.iter().map(mount).collect()));
        put(&mut out, "networks", Node::Map(self.attachments()));
        self.labels(&mut out);
        Node::Map(out)
    }

    fn image(&self, out: &mut Vec<(String, Node)>) {
        let image = self.service.image.as_deref();
        if let Some(session) = image.and_then(|image| self.built.session_name(image)) {
            put(out, "image", Node::text(session));
            if self.service.pull_policy.is_some() && self.service.build.is_none() {
                // No registry has the session's image.
                put(out, "pull_policy", Node::Reset);
            }
        }
        let Some(build) = &self.service.build else { return };
        let mut labels = session_labels(self.facts);
        if let Some(session) = image.and_then(|image| self.built.session_name(image)) {
            labels.insert(format!("{LABEL}{IMAGE}"), session.to_owned());
        }
        if let Some(hash) = self.facts.builds.get(self.name) {
            labels.insert(format!("{LABEL}built"), hash.clone());
        }
        let mut section = vec![("labels".to_owned(), text_map(labels))];
        for (key, is_shared) in [("tags", !build.tags.is_empty()), ("cache_to", !build.cache_to.is_empty())] {
            if is_shared {
                put(&mut section, key, Node::Reset);
            }
        }
        put(&mut section, "additional_contexts", self.built.contexts(image));
        put(out, "build", Node::Map(section));
    }

    fn ports(&self, out: &mut Vec<(String, Node)>) {
        let entry = |port: &crate::stack::plan::Publication| {
            let mut entry = vec![
                ("target".to_owned(), Node::Int(port.container.number.into())),
                ("host_ip".to_owned(), Node::text(port.host_ip.to_string())),
            ];
            if let Some(block) = self.plan.block(port) {
                put(&mut entry, "published", Node::text(block.to_string()));
            }
            put(&mut entry, "protocol", Node::text(port.container.protocol.to_string()));
            Node::Map(entry)
        };
        let entries: Vec<Node> = self.plan.ports.iter().map(entry).collect();
        if !entries.is_empty() || !self.service.ports.is_empty() {
            out.push(("ports".to_owned(), Node::Override(Box::new(Node::Seq(entries)))));
        }
    }

    /// Lets a health check that others wait for run often while its service starts: Compose waits for Docker's
    /// verdict, which comes once in an interval. The Engine takes what is not stated, the command above all, from the
    /// check of the image; where that has none, there is none.
    fn health_check(&self, out: &mut Vec<(String, Node)>) {
        let nothing = HealthCheck::default();
        let check = self.service.healthcheck.as_ref().unwrap_or(&nothing);
        let is_off = self.service.healthcheck.is_some() && !self.service.has_health_check();
        let interval = check.interval.as_deref().and_then(|text| humantime::parse_duration(text).ok());
        let is_slow = interval.unwrap_or(DEFAULT_INTERVAL) > START_INTERVAL;
        if !self.facts.has_start_interval
            || is_off
            || !is_slow
            || check.start_interval.is_some()
            || !self.model.is_awaited_to_be_healthy(self.name)
        {
            return;
        }
        let mut entry = vec![("start_interval".to_owned(), Node::text("500ms"))];
        if check.start_period.is_none() {
            // Without a command in the file it is the image's check, whose own period must not become shorter.
            let period = if check.test.is_some() { "30s" } else { "2m" };
            entry.push(("start_period".to_owned(), Node::text(period)));
        }
        put(out, "healthcheck", Node::Map(entry));
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
        let from = self.service.volumes_from.iter().map(|entry| {
            let rest = entry.strip_prefix("container:")?;
            let (container, mode) = rest.split_once(':').map_or((rest, None), |(c, m)| (c, Some(m)));
            let service = service_of_container(self.model, container)?;
            Some(mode.map_or_else(|| service.0.clone(), |mode| format!("{service}:{mode}")))
        });
        let from: Vec<Option<String>> = from.collect();
        if from.iter().any(Option::is_some) {
            let entries = from.into_iter().zip(&self.service.volumes_from);
            let entries = entries.map(|(new, old)| Node::text(new.unwrap_or_else(|| old.clone()))).collect();
            put(out, "volumes_from", Node::Override(Box::new(Node::Seq(entries))));
        }
        let is_own = |link: &&String| {
            service_of_container(self.model, link.split(':').next().unwrap_or(link)).is_some()
        };
        if self.service.external_links.iter().any(|link| is_own(&link)) {
            let foreign = self.service.external_links.iter().filter(|link| !is_own(link));
            let foreign = foreign.map(|link| Node::text(link.as_str())).collect();
            out.push(("external_links".to_owned(), Node::Override(Box::new(Node::Seq(foreign)))));
        }
    }

    /// A `network_mode` that is one of the project's own networks by its fixed name becomes an attachment.
    fn network_by_name(&self, out: &mut Vec<(String, Node)>) {
        if let Some(key) = self.model.network_of_mode(self.service) {
            out.push(("network_mode".to_owned(), Node::Reset));
            out.push(("networks".to_owned(), Node::Map(vec![(key.to_owned(), Node::Map(Vec::new()))])));
        }
    }

    /// Removes fixed addresses, and keeps former names as aliases on the session's own networks. On an external
    /// network another session's service would answer to them: the services of this one find each other on a
    /// network of the session beside it.
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
            if external {
                let users = attachment.aliases.iter().flatten().cloned();
                let names: Vec<String> = self.aliases().into_iter().chain(users.clone()).collect();
                let mut beside = Vec::new();
                put(&mut beside, "aliases", Node::Seq(names.into_iter().map(Node::Str).collect()));
                attachments.push((beside_external(key), Node::Map(beside)));
                if attachment.aliases.is_some() {
                    let suffix = self.facts.project.suffix();
                    let own = users.map(|alias| Node::text(format!("{alias}-{suffix}"))).collect();
                    put(&mut entry, "aliases", Node::Override(Box::new(Node::Seq(own))));
                }
            } else {
                put(&mut entry, "aliases", Node::Seq(self.aliases().into_iter().map(Node::Str).collect()));
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
            if external {
                // The network beside it would take the place of an implicit `default`.
                attachments.push((key.clone(), Node::Map(entry)));
            } else {
                put(&mut attachments, key, Node::Map(entry));
            }
        }
        attachments
    }

    fn is_on_external_network(&self) -> bool {
        let is_external = |key: &String| self.model.networks.get(key).is_some_and(|network| network.external);
        self.service.networks.keys().any(is_external)
    }

    /// Lists the names by which others may know it: a host name that was taken away, its container name, and
    /// those that links gave to that.
    fn aliases(&self) -> Vec<String> {
        let hostname = self.service.hostname.clone().filter(|_| self.is_on_external_network());
        let mut aliases: Vec<String> = hostname.into_iter().chain(self.container_aliases()).collect();
        aliases.retain(|alias| *alias != self.name.0);
        aliases.dedup();
        aliases
    }

    fn container_aliases(&self) -> Vec<String> {
        let Some(container) = self.service.container_name.as_deref() else { return Vec::new() };
        let links = self.model.services.values().flat_map(|service| &service.external_links);
        let of_links = links.filter_map(|link| link.split_once(':')).filter(|(name, _)| *name == container);
        let mut aliases: Vec<String> = of_links.map(|(_, alias)| alias.to_owned()).collect();
        aliases.insert(0, container.to_owned());
        aliases
    }

    /// Hashes what a container gets when it is made, and not again: what Compose copies into it, and files whose text the
    /// Engine is given. To change it, the container has to be made anew. The session's id keeps short secrets from being
    /// looked up by their hash.
    fn copied(&self) -> Option<String> {
        let mut texts = self.model.copied(self.service);
        let profiles = self.service.security_opt.iter().filter_map(|option| seccomp_profile(option));
        texts.extend(profiles.filter_map(|file| self.facts.profiles.get(file)).map(String::as_str));
        let id = self.facts.session_id.as_str();
        (!texts.is_empty()).then(|| content_hash([&[id], &texts[..]].concat().join("\0").as_bytes()))
    }

    fn labels(&self, out: &mut Vec<(String, Node)>) {
        let mut labels = session_labels(self.facts);
        let mut label = |key: &str, value: String| labels.insert(format!("{LABEL}{key}"), value);
        label("service", self.name.0.clone());
        label("created_at", self.facts.created_at.clone());
        if let Some(port) = self.plan.marks.primary {
            label("internal_port", port.number.to_string());
        }
        let reserved =
            self.plan.ports.iter().filter_map(|port| Some((port.container, self.plan.block(port)?)));
        let reserved = service_label(reserved);
        if !reserved.is_empty() {
            label("ports", reserved);
        }
        if let Some(owner) = &self.plan.via {
            label("via", owner.0.clone());
        }
        if !self.plan.guest_ports.is_empty() {
            let ports = self.plan.guest_ports.iter().map(ToString::to_string);
            label("guest_ports", ports.collect::<Vec<_>>().join(","));
        }
        if let Some(hash) = self.copied() {
            label("copied", hash);
        }
        if let Some(kind) = &self.plan.marks.kind {
            label("kind", kind.clone());
        }
        // A one-shot of a database's image is a client of a database.
        if self.plan.marks.completes {
            label("completes", "true".to_owned());
        }
        // Merged with another file, Compose would read a key with `=` as a key and a value.
        let must_replace = self.service.labels.keys().any(|name| name.contains('='));
        let own = self.own.and_then(|own| own.labels.as_ref());
        let must_replace = must_replace || own.is_some();
        let users: BTreeMap<String, String> = own.unwrap_or(&self.service.labels).clone();
        if must_replace {
            labels = users.into_iter().chain(labels).collect();
        } else {
            labels.retain(|name, value| users.get(name) != Some(value));
        }
        let labels = text_map(labels);
        let node = if must_replace { Node::Override(Box::new(labels)) } else { labels };
        put(out, "labels", node);
    }
}

/// States a volume where the file has a bind mount: Compose merges by the path in the container.
fn mount(own: &OwnMount) -> Node {
    let mut entry = vec![
        ("type".to_owned(), Node::text("volume")),
        ("source".to_owned(), Node::text(own.volume.as_str())),
        ("target".to_owned(), Node::text(own.target.as_str())),
    ];
    if own.read_only {
        entry.push(("read_only".to_owned(), Node::Bool(true)));
    }
    Node::Map(entry)
}
