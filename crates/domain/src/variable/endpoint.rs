//! Where a container's ports are reached from here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use crate::catalog;
use crate::engine::container::{Binding, Container, State};
use crate::engine::kind::kind_of;
use crate::port::ContainerPort;
use crate::text::url;

/// Where one port is reached from here. Two ports of one container may be bound at two addresses of the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// An address, or the name of the Engine's machine.
    pub host: String,
    /// The port there.
    pub port: u16,
}

/// `127.0.0.1:23817`, `[::1]:23818`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&url::address(&self.host, self.port))
    }
}

/// The reachable ports of one container, at least one.
pub(super) struct Endpoints {
    /// The container's number among the replicas.
    pub(super) number: u32,
    /// The port that clients use; none where nothing speaks TCP.
    pub(super) primary: Option<ContainerPort>,
    pub(super) ports: BTreeMap<ContainerPort, Place>,
}

impl Endpoints {
    /// Returns the port that clients use, and where it is.
    pub(super) fn primary(&self) -> Option<(ContainerPort, &Place)> {
        let (port, place) = self.ports.get_key_value(&self.primary?)?;
        Some((*port, place))
    }

    /// Returns the host of the port that clients use, else of the first one.
    pub(super) fn host(&self) -> &str {
        let first = || self.ports.values().next();
        let place = self.primary().map(|(_, place)| place).or_else(first);
        place.map_or("127.0.0.1", |place| &place.host)
    }
}

/// Returns where a container's primary port is reached from here.
pub fn primary_endpoint(container: &Container, all: &[Container], host: Option<&str>) -> Option<Place> {
    let endpoints = endpoints(container, all, host)?;
    endpoints.primary().map(|(_, place)| place.clone())
}

/// Lists where else a container's own TCP ports are reached from here: every binding but that of the primary port.
pub fn other_endpoints(
    container: &Container,
    primary: &Place,
    host: Option<&str>,
) -> Vec<(ContainerPort, Place)> {
    let bindings = container.live_bindings().iter().filter(|binding| binding.container.is_tcp());
    bindings
        .map(|binding| (binding.container, place(binding, host)))
        .filter(|(_, place)| place != primary)
        .collect()
}

/// Returns where a container's primary port is as a URL without credentials, for people to click.
pub fn primary_url(container: &Container, all: &[Container], host: Option<&str>) -> Option<String> {
    let endpoints = endpoints(container, all, host)?;
    let (port, place) = endpoints.primary()?;
    let kind = kind_of(container).filter(|kind| kind.speaks_at(port.number));
    let scheme = kind.and_then(|kind| kind.urls.first()?.split("://").next());
    let scheme = scheme.unwrap_or_else(|| catalog::generic_scheme(port));
    Some(format!("{scheme}://{place}"))
}

/// Lists the ports of the host that these containers have.
pub fn host_ports(containers: &[Container]) -> BTreeSet<u16> {
    let bound = containers.iter().flat_map(Container::live_bindings).map(|binding| binding.host_port);
    let on_host = containers.iter().filter(|container| container.host_network);
    let on_host =
        on_host.filter_map(|it| Some(it.label("internal_port")?.parse::<ContainerPort>().ok()?.number));
    bound.chain(on_host).collect()
}

/// Returns where one port of a container is reached from here.
pub fn endpoint(
    container: &Container,
    all: &[Container],
    host: Option<&str>,
    port: ContainerPort,
) -> Option<Place> {
    endpoints(container, all, host)?.ports.remove(&port)
}

/// Finds where a container can be reached from here; `None` if it publishes nothing.
pub(super) fn endpoints(container: &Container, all: &[Container], host: Option<&str>) -> Option<Endpoints> {
    let internal: Option<ContainerPort> = container.label("internal_port").and_then(|port| port.parse().ok());
    // The port of another one's network is there whether or not this one runs.
    if container.state != State::Running {
        return None;
    }
    if container.host_network {
        let port = internal?;
        let place = Place { host: host.unwrap_or("127.0.0.1").to_owned(), port: port.number };
        return Some(Endpoints {
            number: container.number,
            primary: Some(port),
            ports: [(port, place)].into(),
        });
    }
    let guest = container.label("via");
    let owner = match guest {
        Some(owner) => all.iter().find(|other| other.service.0 == owner)?,
        None => container,
    };
    // IPv4 first, of each port: most programs try the first address only.
    let mut bindings: Vec<&Binding> = owner.live_bindings().iter().collect();
    bindings.sort_by_key(|binding| binding.host_ip.parse::<IpAddr>().ok());
    let mut ports: BTreeMap<ContainerPort, Place> = BTreeMap::new();
    for binding in &bindings {
        ports.entry(binding.container).or_insert_with(|| place(binding, host));
    }
    if guest.is_some() {
        // A guest is credited with its own ports only; the others are the owner's.
        let own = guest_ports(container);
        ports.retain(|container, _| own.contains(container) || Some(*container) == internal);
    }
    let of_kind =
        kind_of(container).map_or(&[][..], |kind| kind.ports).iter().copied().map(ContainerPort::tcp);
    let primary = internal.into_iter().chain(of_kind).find(|port| ports.contains_key(port));
    let primary = primary.or_else(|| ports.keys().find(|port| port.is_tcp()).copied());
    (!ports.is_empty()).then_some(Endpoints { number: container.number, primary, ports })
}

/// Says where a binding is reached from here.
fn place(binding: &Binding, host: Option<&str>) -> Place {
    let host = host.map_or_else(|| url::reachable(&binding.host_ip), str::to_owned);
    Place { host, port: binding.host_port }
}

/// Lists the ports that a service in another's network publishes there.
fn guest_ports(container: &Container) -> Vec<ContainerPort> {
    let ports = container.label("guest_ports").unwrap_or_default().split(',');
    ports.filter_map(|port| port.parse().ok()).collect()
}
