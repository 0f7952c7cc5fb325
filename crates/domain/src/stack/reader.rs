//! Programs that read the labels and variables of all containers of a machine: proxies, DNS servers, schedulers,
//! dashboards. Two copies of a project with one name are one to them, so a session's names are its own.
//!
//! A name gets the session's suffix wherever the project defines it and wherever it refers to it. A host becomes one
//! below the session's [`Names::site`]. What is defined outside of the project keeps its name.

mod caddy;
mod host;
mod inside;
mod known;
mod rule;
#[cfg(test)]
mod tests;
mod traefik;

use std::collections::{BTreeMap, BTreeSet};

pub use self::host::Names;
use crate::identity::name::{ProjectName, ServiceName};
use crate::stack::model::{Model, Service};

/// How many hosts a sentence names.
const NAMED: usize = 3;

/// What a service says in place of what its file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// All of the user's labels, if one of them differs.
    pub labels: Option<BTreeMap<String, String>>,
    /// The variables that differ.
    pub environment: BTreeMap<String, String>,
    /// The whole command, if a word of it differs.
    pub command: Option<Vec<String>>,
}

/// What a session's services say to the readers of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spoken {
    /// The services that say something else than their file.
    pub services: BTreeMap<ServiceName, Own>,
    /// What could not be made the session's own, and at which hosts it is found, a sentence each.
    pub said: Vec<String>,
}

/// What the labels and variables of a project mean together.
struct Project<'m> {
    model: &'m Model,
    session: &'m ProjectName,
    names: Names,
    /// Names that the project itself defines: `http.middlewares.auth`, `snippet.auth`.
    defined: BTreeSet<String>,
    /// The project has a Traefik that sees this session only: its rules are addressed to that one, and stay.
    has_own_traefik: bool,
    /// The project has a caddy-docker-proxy, which reads the labels of a prefix: the session's is its own.
    has_own_caddy: bool,
}

/// Makes the names of `model` that other programs read those of the session.
pub fn spoken(model: &Model, project: &ProjectName) -> Spoken {
    let mut defined = BTreeSet::new();
    for service in model.services.values() {
        traefik::define(&service.labels, &mut defined);
        caddy::define(&service.labels, &mut defined);
    }
    let has_own_traefik = model.services.values().any(inside::can_be_constrained);
    let names = Names::of(project);
    let has_own_caddy = model.services.values().any(inside::can_have_prefix);
    let project = Project { model, session: project, names, defined, has_own_traefik, has_own_caddy };
    // The first look collects the hosts, which the second one replaces in whatever else refers to them.
    let _ = project.services(&mut Vec::new());
    let mut said = Vec::new();
    let services = project.services(&mut said);
    said.extend(project.hosts());
    Spoken { services, said }
}

impl Project<'_> {
    fn services(&self, said: &mut Vec<String>) -> BTreeMap<ServiceName, Own> {
        let mut changed = BTreeMap::new();
        for (name, service) in &self.model.services {
            let labels = self.labels(name, service, said);
            let mut own = Own {
                labels: (labels != service.labels).then_some(labels),
                environment: self.environment(service, said),
                command: None,
            };
            self.inside(name, service, &mut own, said);
            if own != Own::default() {
                changed.insert(name.clone(), own);
            }
        }
        changed
    }

    fn labels(
        &self,
        name: &ServiceName,
        service: &Service,
        said: &mut Vec<String>,
    ) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::new();
        for (key, value) in &service.labels {
            let (key, value) = self
                .traefik_label(name, service, key, value, said)
                .or_else(|| self.caddy_label(key, value))
                .or_else(|| self.known_label(service, key, value))
                .unwrap_or_else(|| (key.clone(), value.clone()));
            labels.insert(key, value);
        }
        if !self.has_own_traefik {
            self.complete_routers(name, &mut labels, said);
        }
        labels
    }

    fn environment(&self, service: &Service, said: &mut Vec<String>) -> BTreeMap<String, String> {
        let set = service.environment.iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let changed = set.filter_map(|(name, value)| {
            let own = self.known_variable(name, value, said)?;
            (own != value).then(|| (name.clone(), own))
        });
        changed.collect()
    }

    /// Says at which hosts a session is found, and who still names the others.
    fn hosts(&self) -> Vec<String> {
        let hosts = self.names.hosts();
        let shown: Vec<String> =
            hosts.iter().take(NAMED).map(|(old, new)| format!("`{old}` is `{new}`")).collect();
        let mut said = Vec::new();
        if !shown.is_empty() {
            let more = hosts.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more likewise") } else { String::new() };
            said.push(format!("for proxies that read labels, {} in this session{more}", shown.join(", ")));
        }
        for (name, service) in &self.model.services {
            let is_left = |(variable, value): &(&String, &Option<String>)| {
                let value = value.as_deref().unwrap_or_default();
                !known::is_known_variable(variable) && self.names.replaced(value) != value
            };
            if let Some((variable, _)) = service.environment.iter().find(is_left) {
                said.push(format!(
                    "`{variable}` of `{name}` names a host that is another one for proxies in this session: it is left as it is"
                ));
            }
        }
        said
    }

    /// Returns the session's name of a network that a value names as Docker does.
    fn network(&self, service: &Service, value: &str) -> String {
        let is_external = |network: &str| {
            let mut all = self.model.networks.iter().filter(|(_, it)| it.external);
            all.any(|(key, it)| it.name.as_deref().unwrap_or(key) == network)
        };
        if is_external(value) {
            return value.to_owned();
        }
        let is_meant = |key: &&String| {
            let network = &self.model.networks[*key];
            let of_project = || {
                let attached = service.networks.contains_key(*key) || service.networks.is_empty();
                attached && value.strip_suffix(key.as_str()).is_some_and(|rest| rest.ends_with(['_', '-']))
            };
            !network.external && (network.name.as_deref() == Some(value) || of_project())
        };
        let key = self.model.networks.keys().find(is_meant);
        key.map_or_else(|| value.to_owned(), |key| format!("{}_{key}", self.session))
    }

    /// Returns the session's name of a container whose fixed name is gone.
    fn container(&self, name: &str) -> String {
        match crate::stack::plan::service_of_container(self.model, name) {
            Some(service) => format!("{}-{service}-1", self.session),
            None => name.to_owned(),
        }
    }

    /// Follows the session's hosts, and its services where a network is everybody's, in a value about something else.
    fn text(&self, value: &str) -> String {
        let is_elsewhere = |name: &str| {
            let service = self.model.services.get(&ServiceName::from(name));
            service.is_some_and(|service| {
                let mut networks = service.networks.keys().filter_map(|key| self.model.networks.get(key));
                networks.any(|network| network.external)
            })
        };
        let word = |word: &str| {
            let address = host::UrlParts::of(word);
            let is_address = !address.scheme.is_empty() || address.rest.starts_with(':');
            if is_address && is_elsewhere(address.host) {
                format!("{}{}{}", address.scheme, self.names.own(address.host), address.rest)
            } else {
                word.to_owned()
            }
        };
        let replaced = self.names.replaced(value);
        replaced.split(' ').map(word).collect::<Vec<_>>().join(" ")
    }
}
