//! Variables of the caller's that lead to a port of this machine, and whether somebody else's data is there.

use std::collections::{BTreeMap, BTreeSet};

use super::Merged;
use crate::domain::catalog::Address;
use crate::domain::name::ServiceName;
use crate::domain::url;
use crate::domain::variable::is_reserved;

/// A variable of the caller's that leads to a port of this machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lead {
    /// The variable.
    pub name: String,
    /// The port.
    pub port: u16,
}

/// Who has which port of this machine.
#[derive(Debug, Default)]
pub struct Ports {
    /// Bound by this session.
    pub own: BTreeSet<u16>,
    /// Fixed in the Compose file, and bound by no session.
    pub declared: BTreeMap<u16, ServiceName>,
    /// Bound by another session: the service and the session's directory.
    pub held: BTreeMap<u16, (ServiceName, String)>,
}

/// A variable that leads to what is not this session's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// The variable.
    pub name: String,
    /// The port.
    pub port: u16,
    /// Whose it is: a clause.
    pub whose: String,
}

/// Finds the caller's variables that lead to a port of this machine. A URL does, whatever its name; `host:port` does
/// under a name that the session has too; and so does a kept group, unless its host is another machine's.
pub fn leads(merged: &Merged) -> Vec<Lead> {
    let value_of =
        |name: &str| merged.environment.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.to_str());
    let mut found = BTreeSet::new();
    for name in merged.inherited.iter().filter(|name| !is_reserved(name)) {
        let Some(value) = value_of(name) else { continue };
        let ports = if value.contains("://") {
            url::loopback_ports(value)
        } else if merged.kept.contains(name) {
            value
                .split(',')
                .filter_map(|address| url::loopback_ports(&format!("tcp://{address}")).pop())
                .collect()
        } else {
            Vec::new()
        };
        found.extend(ports.into_iter().map(|port| Lead { name: name.clone(), port }));
    }
    for group in &merged.kept_groups {
        let Some(Address { hosts, port, default }) = &group.address else { continue };
        let is_here = |host: &str| host.is_empty() || host.starts_with('/') || url::is_loopback(host);
        if !hosts.iter().filter_map(|host| value_of(host)).all(is_here) {
            continue;
        }
        let is_inherited = |name: &&&str| merged.inherited.iter().any(|inherited| inherited == **name);
        // Without a word on host and port, programs go to this machine, and to the usual port.
        let others = || {
            let names = group.variables.iter().map(|(name, _)| name);
            let is_led_elsewhere = group.rivals.iter().any(|rival| value_of(rival).is_some());
            names.filter(move |_| !is_led_elsewhere)
        };
        let is_url = |name: &&&str| value_of(name).is_some_and(|value| value.contains("://"));
        let said = std::iter::once(port).chain(*hosts).find(is_inherited);
        let name = said.or_else(|| others().filter(is_inherited).find(|name| !is_url(name)));
        let port = value_of(port).and_then(|value| value.parse().ok()).unwrap_or(*default);
        found.extend(name.map(|name| Lead { name: (*name).to_owned(), port }));
    }
    found.into_iter().collect()
}

/// Picks those that lead to the port that the Compose file would have published, or to another session's.
pub fn strays(leads: &[Lead], ports: &Ports) -> Vec<Stray> {
    let stray = |Lead { name, port }: &Lead| {
        let whose = match (ports.held.get(port), ports.declared.get(port)) {
            _ if ports.own.contains(port) => return None,
            (Some((service, directory)), _) => {
                format!("which is service `{service}` of the session of `{directory}`")
            }
            (None, Some(service)) => format!(
                "the port that the Compose file gives service `{service}`, which is not this session's"
            ),
            (None, None) => return None,
        };
        Some(Stray { name: name.clone(), port: *port, whose })
    };
    leads.iter().filter_map(stray).collect()
}
