//! Where a container's ports are reached from here.

use std::collections::{BTreeMap, BTreeSet};

use super::kind_of;
use crate::domain::container::{Binding, Container};
use crate::domain::port::ContainerPort;
use crate::domain::{catalog, url};

/// The reachable ports of one container.
pub(super) struct Endpoints {
    /// The container's number among the replicas.
    pub(super) number: u32,
    pub(super) host: String,
    pub(super) primary: Option<(ContainerPort, u16)>,
    pub(super) ports: BTreeMap<ContainerPort, u16>,
}

/// Returns the host and port at which a container's primary port is reached from here.
pub fn primary_endpoint(
    container: &Container,
    all: &[Container],
    host: Option<&str>,
) -> Option<(String, u16)> {
    let endpoints = endpoints(container, all, host)?;
    Some((endpoints.host, endpoints.primary?.1))
}

/// Returns where a container's primary port is as a URL without credentials, for people to click.
pub fn primary_url(container: &Container, all: &[Container]) -> Option<String> {
    let endpoints = endpoints(container, all, None)?;
    let (port, bound) = endpoints.primary?;
    let kind = kind_of(container).filter(|kind| kind.speaks_at(port.number));
    let scheme = kind.and_then(|kind| kind.urls.first()?.split("://").next());
    let scheme = scheme.unwrap_or_else(|| catalog::generic_scheme(port));
    Some(format!("{scheme}://{}", url::address(&endpoints.host, bound)))
}

/// Lists the ports of the host that these containers have.
pub fn host_ports(containers: &[Container]) -> BTreeSet<u16> {
    let bound = containers.iter().flat_map(Container::live_bindings).map(|binding| binding.host_port);
    let on_host = containers.iter().filter(|container| container.host_network);
    let on_host =
        on_host.filter_map(|it| Some(it.label("internal_port")?.parse::<ContainerPort>().ok()?.number));
    bound.chain(on_host).collect()
}

/// Returns the host and port at which one port of a container is reached from here.
pub fn endpoint(
    container: &Container,
    all: &[Container],
    host: Option<&str>,
    port: ContainerPort,
) -> Option<(String, u16)> {
    let endpoints = endpoints(container, all, host)?;
    Some((endpoints.host, *endpoints.ports.get(&port)?))
}

/// Finds where a container can be reached from here; `None` if it publishes nothing.
pub(super) fn endpoints(container: &Container, all: &[Container], host: Option<&str>) -> Option<Endpoints> {
    let internal: Option<ContainerPort> = container.label("internal_port").and_then(|port| port.parse().ok());
    if container.host_network {
        let port = internal?;
        let host = host.unwrap_or("127.0.0.1").to_owned();
        return Some(Endpoints {
            number: container.number,
            host,
            primary: Some((port, port.number)),
            ports: [(port, port.number)].into(),
        });
    }
    let guest = container.label("via");
    let owner = match guest {
        Some(owner) => all.iter().find(|other| other.service.0 == owner)?,
        None => container,
    };
    // IPv4 first: most programs try the first address only.
    let mut bindings: Vec<&Binding> = owner.live_bindings().iter().collect();
    bindings.sort_by_key(|binding| (binding.host_ip.contains(':'), binding.container));
    let first = bindings.first()?;
    let mut ports: BTreeMap<ContainerPort, u16> = BTreeMap::new();
    for binding in &bindings {
        ports.entry(binding.container).or_insert(binding.host_port);
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
    let host = host.map_or_else(|| reachable(&first.host_ip), str::to_owned);
    Some(Endpoints {
        number: container.number,
        host,
        primary: primary.and_then(|port| Some((port, *ports.get(&port)?))),
        ports,
    })
}

/// Lists the ports that a service in another's network publishes there.
fn guest_ports(container: &Container) -> Vec<ContainerPort> {
    let ports = container.label("guest_ports").unwrap_or_default().split(',');
    ports.filter_map(|port| port.parse().ok()).collect()
}

/// An unspecified address is bound, but cannot be connected to everywhere.
fn reachable(host_ip: &str) -> String {
    match host_ip {
        "" | "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" => "::1".to_owned(),
        other => other.to_owned(),
    }
}
