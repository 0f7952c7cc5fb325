//! What each service of a session publishes, when it is ready, and what of it cannot be isolated.

mod host;
mod names;
mod network;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use self::host::Publication;
use self::network::publish_on_owners;
pub use self::network::service_of_container;
use crate::catalog::{self, Kind, Runs};
use crate::engine::container::Container;
use crate::failure::Failure;
use crate::identity::name::ServiceName;
use crate::port::allocation::Policy;
use crate::port::{ContainerPort, Protocol, expand_exposed, expand_range};
use crate::stack::data::{Data, Own};
use crate::stack::model::{Model, Service};
use crate::stack::settings::{Ports, Ready, ServiceSettings, Settings};
use crate::text::loopback;

/// The decisions for all services, those of inactive profiles included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// By service name.
    pub services: BTreeMap<ServiceName, ServicePlan>,
    /// What two sessions will share all the same, a sentence each.
    pub shared: Vec<String>,
    /// What gets a volume of the session's in place of what the file names.
    pub own: Own,
}

/// The decisions for one service. Kept in the override's header, so every field is data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePlan {
    /// What its container publishes, the ports of services that share its network included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Publication>,
    /// The port that clients use, and that tells whether it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<ContainerPort>,
    /// How many containers it wants.
    pub replicas: u32,
    /// Exit status 0 is success: it is a one-shot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub completes: bool,
    /// The user's word on when it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    /// Its kind, by the user's word or its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The prefix that the user names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The user calls it the primary one of its kind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preferred: bool,
    /// prism has nothing to do with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
    /// The service whose network, and so whose published ports, it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<ServiceName>,
    /// Of the ports of the service whose network it uses, those that are its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guest_ports: Vec<ContainerPort>,
    /// Fixed host ports in the user's file, which no session binds, each with the container port behind it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub declared: BTreeMap<u16, ContainerPort>,
    /// Addresses of this machine at which the user's file publishes some of them, besides all and the usual ones of the loopback.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub addresses: BTreeSet<IpAddr>,
    /// None of its ports can be bound: it uses the host's network, none, or one without a way out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// Its profiles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// The user's word on whose files it writes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
    /// It belongs to a session unless the user says otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_default: bool,
    /// What its container is told of it.
    #[serde(skip)]
    pub marks: Marks,
}

/// What the labels of a container say for those who know nothing else of it. They follow from the Compose files alone:
/// what `prism.yaml` says beside them is prism's business, and a change of it must not make a container anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// As [`ServicePlan::primary`].
    pub primary: Option<ContainerPort>,
    /// As [`ServicePlan::kind`].
    pub kind: Option<String>,
    /// It is a one-shot of a known image: a client, not a server.
    pub completes: bool,
}

impl ServicePlan {
    /// Gives a container the labels that it would have if it were made now, as far as `prism.yaml` has a say in them.
    pub fn dress(&self, container: &mut Container) {
        let yes = |said: bool| said.then(|| "true".to_owned());
        for (key, value) in [
            ("internal_port", self.primary.map(|port| port.number.to_string())),
            ("kind", self.kind.clone()),
            ("completes", yes(self.completes && self.kind.is_some())),
            ("prefix", self.prefix.clone()),
            ("primary", yes(self.preferred)),
            ("ignore", yes(self.ignored)),
        ] {
            container.set_label(key, value);
        }
    }
}

/// Decides for every service of `model`.
///
/// `bind` is the address for ports that name none; `profiles` are the active ones.
///
/// # Errors
/// A label or a setting of a service has a wrong value, or `prism.yaml` names a service that is not there.
pub fn plan(model: &Model, settings: &Settings, bind: IpAddr, profiles: &[String]) -> Result<Plan, Failure> {
    names::check_services(model, settings)?;
    let mut plan = Plan { services: BTreeMap::new(), shared: Vec::new(), own: Own::default() };
    for (name, service) in &model.services {
        let said = ServiceSettings::merged(name, &service.labels, settings.services.get(name))?;
        let ports = settings.ports;
        let mut decided =
            Decision { model, name, service, said, bind, ports, profiles }.service(&mut plan.shared)?;
        let of_prism = settings.services.get(name).map(ServiceSettings::of_container);
        let said = ServiceSettings::merged(name, &service.labels, of_prism.as_ref())?;
        // What only prism.yaml makes sense of has no marks.
        let marked = Decision { model, name, service, said, bind, ports, profiles }.service(&mut Vec::new());
        if let Ok(marked) = marked {
            let completes = marked.completes && marked.kind.is_some();
            decided.marks = Marks { primary: marked.primary, kind: marked.kind, completes };
        }
        plan.services.insert(name.clone(), decided);
    }
    publish_on_owners(&mut plan.services);
    Ok(plan)
}

/// How a service reaches the world, by its `network_mode` and networks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    /// Its published ports are bound.
    Bridged,
    /// It listens on the host itself.
    Host,
    /// It uses another service's network.
    Of(ServiceName),
    /// No port of it can be published: no network, an internal one, or a foreign container's.
    Closed,
}

struct Decision<'a> {
    model: &'a Model,
    name: &'a ServiceName,
    service: &'a Service,
    said: ServiceSettings,
    bind: IpAddr,
    ports: Ports,
    profiles: &'a [String],
}

impl Decision<'_> {
    fn service(self, shared: &mut Vec<String>) -> Result<ServicePlan, Failure> {
        let of_image = self.kind();
        let kind = of_image.filter(|kind| self.is_server(kind));
        let network = self.network();
        let mut wanted = if self.said.ignore == Some(true) { Vec::new() } else { self.publications(kind)? };
        let primary = primary(&wanted, kind);
        let name = self.name;
        // Where nothing speaks TCP, a pin means the first port.
        let pinned = primary.or_else(|| Some(wanted.first()?.container));
        for port in &mut wanted {
            port.policy = self.said.policy(Some(port.container) == pinned, self.ports);
        }
        let ports = match network {
            Reach::Bridged | Reach::Of(_) => wanted,
            Reach::Host => {
                shared.push(format!("service `{name}` uses the host's network, which every session shares"));
                Vec::new()
            }
            Reach::Closed => {
                if !self.service.ports.is_empty() {
                    shared.push(format!(
                        "service `{name}` has no network that reaches the host: no port of it is published"
                    ));
                }
                Vec::new()
            }
        };
        if self.said.port.is_some() && ports.is_empty() {
            return Err(Failure::new(format!("service `{name}` publishes no port that could be pinned"))
                .hint("remove `dev-prism.port`, or name a container port: `dev-prism.publish`"));
        }
        let closed = network == Reach::Closed;
        Ok(ServicePlan {
            completes: self.completes(&ports),
            ready: self.said.ready,
            replicas: self.service.replicas(),
            primary: primary.filter(|_| !closed),
            closed: closed || network == Reach::Host,
            declared: self.declared(),
            addresses: self.addresses(),
            profiles: self.service.profiles.clone(),
            via: if let Reach::Of(other) = network { Some(other) } else { None },
            by_default: self.service.profiles.is_empty()
                || self.service.profiles.iter().any(|profile| self.profiles.contains(profile))
                || self.profiles.iter().any(|profile| profile == "*"),
            ports,
            kind: match (of_image, &self.said.kind) {
                (None, None) => None,
                _ => Some(kind.map_or(catalog::NO_KIND, |kind| kind.name).to_owned()),
            },
            guest_ports: Vec::new(),
            data: self.said.data,
            prefix: self.said.prefix,
            preferred: self.said.primary == Some(true),
            ignored: self.said.ignore == Some(true),
            marks: Marks::default(),
        })
    }

    fn kind(&self) -> Option<&'static Kind> {
        let image = self.service.image.as_deref().unwrap_or_default();
        // One that does not exist was refused when it was read.
        catalog::kind(self.said.kind.as_deref(), image).ok().flatten()
    }

    /// Says whether it runs the server of its kind. Its image alone does not tell: who dumps a database has the
    /// database's image, too. What prism cannot tell is a server if the user or another service counts on it.
    fn is_server(&self, kind: &Kind) -> bool {
        let (service, said) = (self.service, &self.said);
        let is_named = said.kind.is_some()
            || said.primary == Some(true)
            || said.port.is_some()
            || said.range.is_some()
            || matches!(said.ready, Some(Ready::Tcp))
            || !said.publish.is_empty();
        if is_named || !service.ports.is_empty() || !service.expose.is_empty() {
            return true;
        }
        match kind.runs(service.entrypoint.as_deref(), service.command.as_deref()) {
            Runs::Server => true,
            Runs::Client => false,
            Runs::Other => service.has_health_check() || self.model.is_awaited_to_run(self.name),
        }
    }

    fn network(&self) -> Reach {
        match self.service.network_mode.as_deref() {
            Some("host") => Reach::Host,
            Some("none") => Reach::Closed,
            Some(mode) if mode.starts_with("service:") => Reach::Of(mode["service:".len()..].into()),
            Some(mode) if mode.starts_with("container:") => {
                match service_of_container(self.model, &mode["container:".len()..]) {
                    Some(service) => Reach::Of(service.clone()),
                    None => Reach::Closed,
                }
            }
            Some(_) if self.model.network_of_mode(self.service).is_some() => Reach::Bridged,
            _ => {
                let is_internal =
                    |key: &String| self.model.networks.get(key).is_some_and(|network| network.internal);
                let networks = &self.service.networks;
                let closed = !networks.is_empty() && networks.keys().all(is_internal);
                if closed { Reach::Closed } else { Reach::Bridged }
            }
        }
    }

    /// Lists what is to be published: the file's ports, else the exposed ones, else the kind's; and `publish`.
    fn publications(&self, kind: Option<&Kind>) -> Result<Vec<Publication>, Failure> {
        let wrong = |error: String| Failure::new(format!("service `{}`: {error}", self.name));
        let mut ports: Vec<Publication> = Vec::new();
        let mut add = |publication: Publication| {
            if !ports.iter().any(|port| port.is_at(&publication)) {
                ports.push(publication);
            }
        };
        let at = |container, host_ip| Publication {
            container,
            host_ip,
            host_port: None,
            policy: Policy::default(),
        };
        let here = |container| at(container, self.bind);
        for port in &self.service.ports {
            let protocol = port.protocol.parse().map_err(wrong)?;
            let host_ip = port.host_ip.as_deref().and_then(|text| text.parse::<IpAddr>().ok());
            // Only loopback addresses are kept: a second session must not show up on the network either.
            let host_ip = host_ip.filter(IpAddr::is_loopback).unwrap_or(self.bind);
            add(at(ContainerPort { number: port.target, protocol }, host_ip));
        }
        if self.service.ports.is_empty() {
            for text in &self.service.expose {
                expand_exposed(text).map_err(wrong)?.into_iter().for_each(|port| add(here(port)));
            }
            if let (true, Some(kind)) = (self.service.expose.is_empty(), kind) {
                add(here(ContainerPort::tcp(kind.port())));
            }
        }
        for &number in &self.said.publish {
            add(here(ContainerPort::tcp(number)));
        }
        Ok(ports)
    }

    fn declared(&self) -> BTreeMap<u16, ContainerPort> {
        let mut declared = BTreeMap::new();
        for port in &self.service.ports {
            let protocol = port.protocol.parse().unwrap_or(Protocol::Tcp);
            let container = ContainerPort { number: port.target, protocol };
            let published = port.published.as_deref().and_then(|text| expand_range(text).ok());
            for number in published.into_iter().flatten() {
                // Of one number for both protocols, most clients mean TCP.
                let known = declared.entry(number).or_insert(container);
                if container.is_tcp() {
                    *known = container;
                }
            }
        }
        declared
    }

    fn addresses(&self) -> BTreeSet<IpAddr> {
        let named = self.service.ports.iter().filter(|port| port.published.is_some());
        let named = named.filter_map(|port| port.host_ip.as_deref()?.parse::<IpAddr>().ok());
        named.filter(|it| !it.is_unspecified() && !loopback::USUAL.contains(it)).collect()
    }

    /// Decides whether exit status 0 means success (DESIGN.md, section 8).
    fn completes(&self, ports: &[Publication]) -> bool {
        let service = self.service;
        self.said.ready == Some(Ready::Completed)
            || self.model.is_awaited_to_complete(self.name)
            || (ports.is_empty() && !service.has_health_check() && !service.restarts_after_success())
    }
}

/// Picks the port that clients use: the kind's, else the first TCP port.
fn primary(ports: &[Publication], kind: Option<&Kind>) -> Option<ContainerPort> {
    let tcp = || ports.iter().map(|port| port.container).filter(|port| port.is_tcp());
    let mut of_kind = kind.map_or(&[][..], |kind| kind.ports).iter();
    of_kind.find_map(|number| tcp().find(|port| port.number == *number)).or_else(|| tcp().next())
}
