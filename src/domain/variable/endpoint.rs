//! Where a container's ports are reached from here.

use std::collections::BTreeMap;

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
    let kind = kind_of(container).filter(|kind| kind.port == port.number);
    let scheme = kind.and_then(|kind| kind.url.split("://").next());
    let scheme = scheme.unwrap_or_else(|| catalog::generic_scheme(port));
    Some(format!("{scheme}://{}", url::address(&endpoints.host, bound)))
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
        // A guest is credited with its own port only; the others are the owner's.
        let port = internal?;
        ports.retain(|container, _| *container == port);
    }
    let kind_port = kind_of(container).map(|kind| ContainerPort::tcp(kind.port));
    let primary = [internal, kind_port].into_iter().flatten().find(|port| ports.contains_key(port));
    let primary = primary.or_else(|| ports.keys().find(|port| port.is_tcp()).copied());
    let host = host.map_or_else(|| reachable(&first.host_ip), str::to_owned);
    Some(Endpoints {
        number: container.number,
        host,
        primary: primary.and_then(|port| Some((port, *ports.get(&port)?))),
        ports,
    })
}

/// An unspecified address is bound, but cannot be connected to everywhere.
fn reachable(host_ip: &str) -> String {
    match host_ip {
        "" | "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" => "::1".to_owned(),
        other => other.to_owned(),
    }
}
