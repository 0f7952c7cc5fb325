//! What the loopback of a command's own network leads to: the session's services at the ports of the Compose file, and what
//! this machine has on its loopback as it is.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::engine::container::Container;
use crate::engine::socket::Listening;
use crate::identity::name::ServiceName;
use crate::port::{ContainerPort, Protocol};
use crate::stack::plan::ServicePlan;
use crate::text::hash::number_of;
use crate::text::loopback::USUAL;
use crate::text::url::{self, reachable};
use crate::variable::{self, Place};

/// What may lead somewhere.
const BOTH: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];

/// From here on, a UDP port most likely is that of a client.
const FIRST_OF_CLIENTS: u16 = 32_768;

/// The port of a resolver, which may listen on all addresses.
const RESOLVER: u16 = 53;

/// A port of the command's own loopback, and where it leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// The protocol.
    pub protocol: Protocol,
    /// A loopback address inside.
    pub inner: SocketAddr,
    /// An address of this machine, or of a remote Engine's.
    pub outer: SocketAddr,
}

/// What listens within a command's own network, as it is reached from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandPort {
    /// Where it listens.
    pub port: u16,
    /// Where that is on this machine's loopback.
    pub host_port: u16,
}

impl CommandPort {
    /// Returns where that is, `host:port`.
    pub fn address(self) -> String {
        url::address(HOST, self.host_port)
    }
}

/// The address of the loopback at which they are.
const HOST: &str = "127.0.0.1";

/// The numbers from which a session's own ones for its commands are: above those that are reserved for services, below those
/// that systems hand out.
const OWN: RangeInclusive<u16> = 30_000..=32_767;

/// So many of them are tried.
const TRIES: u16 = 100;

/// Returns where on this machine something is to be reached that listens at `port` in a network of `session`, in the order in
/// which it is tried: at the same number, or where it was `exposed`, and else at a number that stays the session's own.
pub fn host_ports(
    session: &str,
    port: u16,
    exposed: &BTreeMap<u16, Option<u16>>,
) -> impl Iterator<Item = u16> + use<> {
    let count = OWN.end() - OWN.start() + 1;
    let hash = number_of(&[session, "localhost", &port.to_string()]);
    let place = u16::try_from(hash % u64::from(count)).unwrap_or_default();
    let own = (0..TRIES).map(move |step| OWN.start() + (place + step) % count);
    let first = match exposed.get(&port) {
        Some(exposed) => *exposed,
        None => Some(port),
    };
    first.into_iter().chain(own)
}

/// What the loopback of a command's own network is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Plan {
    /// What is the session's: its services, and its own host ports.
    pub forwards: Vec<Forward>,
    /// What was on this machine's loopback when it was looked, and is passed on as it is.
    pub passed: Vec<Forward>,
    /// What of the loopback is a service's, whether or not it runs, and whether or not it is the session's.
    pub taken: BTreeSet<(Protocol, SocketAddr)>,
}

impl Plan {
    /// Lists the ports of the Compose file at which other addresses of this machine are nobody. A resolver is what all names
    /// are asked of.
    pub fn closed(&self) -> BTreeSet<u16> {
        self.taken.iter().map(|(_, place)| place.port()).filter(|port| *port != RESOLVER).collect()
    }

    /// Leads a port there, unless it leads somewhere already.
    fn lead(&mut self, protocol: Protocol, inner: SocketAddr, outer: SocketAddr) {
        if !self.leads(protocol, inner) {
            self.forwards.push(Forward { protocol, inner, outer });
        }
    }

    /// Leads a port of several addresses there.
    fn lead_all(&mut self, protocol: Protocol, addresses: &[IpAddr], number: u16, outer: SocketAddr) {
        for &address in addresses {
            self.lead(protocol, (address, number).into(), outer);
        }
    }

    /// Says whether a port is the session's.
    pub fn leads(&self, protocol: Protocol, inner: SocketAddr) -> bool {
        self.forwards.iter().any(|it| it.protocol == protocol && it.inner == inner)
    }

    /// Says which of what waits on this machine is passed on as it is: what is on the loopback, unless that is the session's.
    pub fn passed(&self, around: &[Listening]) -> Vec<Forward> {
        let found: BTreeSet<(Protocol, SocketAddr)> = around.iter().flat_map(on_loopback).collect();
        let is_free = |(protocol, there): &(Protocol, SocketAddr)| {
            !self.taken.contains(&(*protocol, *there)) && !self.leads(*protocol, *there)
        };
        let free = found.into_iter().filter(is_free);
        free.map(|(protocol, there)| Forward { protocol, inner: there, outer: there }).collect()
    }
}

/// Decides what the loopback leads to. `services` are those of the Compose file, and `scope` those of them that are the
/// session's; `around` is what waits for somebody on this machine; `host` is where a remote Engine's ports are, and `resolve`
/// finds the address of a name.
///
/// A port of the Compose file is its service's alone: one that does not run, or that the session does without, leads nowhere.
/// Where nothing else has the number, a service is at the port of its container, too.
pub fn plan(
    services: &BTreeMap<ServiceName, ServicePlan>,
    scope: &[ServiceName],
    containers: &[Container],
    around: &[Listening],
    host: Option<&str>,
    resolve: impl Fn(&str) -> Option<IpAddr>,
) -> Plan {
    // Whatever the protocol: of a number that is published by both, a plan knows one.
    let declared = services.values().flat_map(|service| {
        let places = move |number: u16| of_loopback(service).into_iter().map(move |it| (it, number).into());
        service.declared.keys().copied().flat_map(places)
    });
    let taken = declared.flat_map(|place: SocketAddr| BOTH.map(|protocol| (protocol, place))).collect();
    let mut plan = Plan { taken, ..Plan::default() };
    let mut usual: BTreeMap<(Protocol, u16), BTreeSet<SocketAddr>> = BTreeMap::new();
    let outer = |Place { host, port }: Place| Some(SocketAddr::new(resolve(&host)?, port));
    for (name, service) in scope.iter().filter_map(|name| services.get_key_value(name)) {
        let container = containers.iter().filter(|it| it.service == *name).min_by_key(|it| it.number);
        for (published, port) in &service.declared {
            for protocol in BOTH {
                let port = ContainerPort { protocol, ..*port };
                let place = container.and_then(|it| variable::endpoint(it, containers, host, port));
                if let Some(outer) = place.and_then(outer) {
                    plan.lead_all(protocol, &of_loopback(service), *published, outer);
                    usual.entry((protocol, port.number)).or_default().insert(outer);
                }
            }
        }
    }
    lead_own(&mut plan, containers);
    plan.passed = plan.passed(around);
    let is_held = |plan: &Plan, protocol, number| {
        let led = plan.forwards.iter().chain(&plan.passed).map(|it| (it.protocol, it.inner));
        plan.taken.iter().copied().chain(led).any(|(of, at)| of == protocol && at.port() == number)
    };
    for ((protocol, number), outers) in usual {
        // Of two services, neither is the one that is meant.
        if let (Some(outer), 1) = (outers.first(), outers.len())
            && !is_held(&plan, protocol, number)
        {
            plan.lead_all(protocol, &USUAL, number, *outer);
        }
    }
    plan
}

/// Lists the addresses of the loopback at which a service's ports are.
fn of_loopback(service: &ServicePlan) -> Vec<IpAddr> {
    let named = service.addresses.iter().copied().filter(IpAddr::is_loopback);
    USUAL.into_iter().chain(named).collect()
}

/// Keeps the session's own host ports as they are: its variables name them.
fn lead_own(plan: &mut Plan, containers: &[Container]) {
    for binding in containers.iter().flat_map(Container::live_bindings) {
        let Ok(address) = reachable(&binding.host_ip).parse::<IpAddr>() else { continue };
        if !address.is_loopback() || binding.container.protocol == Protocol::Sctp {
            continue;
        }
        let outer = SocketAddr::new(address, binding.host_port);
        plan.lead(binding.container.protocol, outer, outer);
    }
}

/// Returns the addresses of the loopback at which something waits.
fn on_loopback(listening: &Listening) -> Vec<(Protocol, SocketAddr)> {
    let Listening { port: ContainerPort { number, protocol }, address, .. } = *listening;
    let is_meant = match protocol {
        Protocol::Tcp => true,
        Protocol::Udp => number < FIRST_OF_CLIENTS && (address.is_loopback() || number == RESOLVER),
        Protocol::Sctp => false,
    };
    let addresses = match address {
        _ if !is_meant => vec![],
        IpAddr::V4(it) if it.is_unspecified() => vec![USUAL[0]],
        // It takes IPv4 as well, unless it says otherwise.
        IpAddr::V6(it) if it.is_unspecified() => USUAL.to_vec(),
        it if it.is_loopback() => vec![it],
        _ => vec![],
    };
    addresses.into_iter().map(|address| (protocol, SocketAddr::new(address, number))).collect()
}
