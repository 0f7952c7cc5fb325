//! Variables that lead to a port of this machine, and whether somebody else's data is there.

use std::collections::{BTreeMap, BTreeSet};

use super::{Merged, Origin};
use crate::catalog::{Address, Group, kinds};
use crate::environment::translation::{is_of_another, is_of_origins, is_of_server};
use crate::identity::address_name::Half;
use crate::identity::name::ServiceName;
use crate::identity::variable_name::is_reserved;
use crate::text::loopback::{self, bare_host, is_for_all, is_here};

/// A variable that leads to a port of this machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lead {
    /// The variable.
    pub name: String,
    /// The port.
    pub port: u16,
    /// It names host or port itself: it does not lead there for want of others.
    pub is_address: bool,
    /// It names a port, and nothing a host: that it leads there is known of ports that the Compose file fixes alone.
    pub is_bare: bool,
}

/// Who has which port of this machine.
#[derive(Debug, Default)]
pub struct PortHolders {
    /// Bound or reserved by this session.
    pub own: BTreeSet<u16>,
    /// Fixed in the Compose file, and bound by no session.
    pub declared: BTreeMap<u16, ServiceName>,
    /// Those of them behind which a server of a known kind is, and not the project itself.
    pub of_servers: BTreeSet<u16>,
    /// Bound or reserved by another session: the service and the session's directory.
    pub held: BTreeMap<u16, (ServiceName, String)>,
}

/// A variable that leads to what is not this session's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// The variable, and how it leads there.
    pub lead: Lead,
    /// Who gave it.
    pub origin: Origin,
    /// Whose the port is: a clause.
    pub whose: String,
}

impl Stray {
    /// Says what leads where.
    pub fn message(&self) -> String {
        let Self { lead: Lead { name, port, is_address, .. }, origin, whose } = self;
        let leads = format!("leads to port {port} of this machine, {whose}");
        match origin {
            Origin::Caller if *is_address => format!("{name} in your environment {leads}"),
            Origin::Caller => {
                format!("{name} in your environment, without a host and a port of yours, {leads}")
            }
            Origin::File(place) => format!("{place}: {name} {leads}"),
            Origin::Configuration(key) => format!("`{key}` in prism.yaml {leads}"),
        }
    }

    /// Says what to do about it in `prism exec`.
    pub fn ways_out(&self) -> String {
        let Lead { name, is_address, .. } = &self.lead;
        match &self.origin {
            Origin::Caller if *is_address => format!(
                "`prism exec --override …` takes the session's word instead; `-e {name}` says that yours is meant"
            ),
            // The others of its group are the session's only if this one is given by the flag.
            Origin::Caller => format!(
                "`-e {name}=\"${name}\"` keeps it and takes host and port of the session, `--override` takes all of them"
            ),
            Origin::File(_) => {
                format!("take the line out, or {NAME_PORT}; `-e {name}=…` says that it is meant")
            }
            Origin::Configuration(_) => format!("{NAME_PORT}; `-e {name}=…` says that it is meant"),
        }
    }

    /// Says what to do about it in a verb that takes no variables.
    pub fn ways_out_of(&self, verb: &str) -> String {
        match self.origin {
            Origin::Caller => format!("`env -u {} prism {verb} …` leaves it out", self.lead.name),
            _ => NAME_PORT.to_owned(),
        }
    }
}

const NAME_PORT: &str = "name the session's port there, as `${…_PORT}` (`prism env` lists them)";

/// Finds the variables that lead to a port of this machine, called `hostname`, and that nobody named for this command: by
/// their own value, or together with others, as host and port.
pub fn leads(merged: &Merged, hostname: &str) -> Vec<Lead> {
    let variables: BTreeMap<&str, &str> = merged
        .environment
        .iter()
        .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
        .collect();
    let see = See { merged, variables, hostname };
    let mut found = BTreeSet::new();
    // Who may call is not called, and who listens calls nobody. What `package.json` says, npm says whoever runs.
    let is_other = |name: &str| {
        is_reserved(name) || is_of_origins(name) || is_of_server(name) || name.starts_with("npm_package_")
    };
    for name in merged.origins.keys().filter(|name| !is_other(name)) {
        let value = see.value(name).unwrap_or_default();
        let of_value = loopback::ports(value, hostname).into_iter();
        found.extend(of_value.map(|port| Lead {
            name: name.clone(),
            port,
            is_address: true,
            is_bare: false,
        }));
        let half = Half::of_host(name).or_else(|| Half::of_port(name));
        // What a known program reads has rules of its own, below.
        let half = half.filter(|half| !half.is_glued() || !is_of_group(name));
        found.extend(half.and_then(|half| see.pair(name, half)));
    }
    let groups = kinds().flat_map(|kind| kind.globals).chain(&merged.kept_groups);
    found.extend(groups.filter_map(|group| see.group(group, group.address.as_ref()?)));
    found.into_iter().collect()
}

fn is_of_group(name: &str) -> bool {
    let mut addresses = kinds().flat_map(|kind| kind.globals).filter_map(|group| group.address.as_ref());
    addresses.any(|Address { hosts, port, .. }| name == *port || hosts.contains(&name))
}

struct See<'a> {
    merged: &'a Merged,
    variables: BTreeMap<&'a str, &'a str>,
    hostname: &'a str,
}

impl See<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name).copied()
    }

    fn is_unmeant(&self, name: &str) -> bool {
        self.merged.origins.contains_key(name)
    }

    fn is_here(&self, host: &str) -> bool {
        host.is_empty() || is_here(host, self.hostname)
    }

    /// Looks where `X_HOST`, or what else says the host, and `X_PORT` lead together; `name` is one of them.
    fn pair(&self, name: &str, half: Half<'_>) -> Option<Lead> {
        let port = half.port_name();
        let number = self.value(&port)?.parse().ok()?;
        let hosts: Vec<String> = half.host_names().collect();
        let host = hosts.iter().find_map(|host| self.value(host));
        // The session's own was left out for this one.
        let is_withheld = hosts.iter().any(|host| self.merged.withheld.contains(host));
        let leads_here = match host {
            Some(host) => !is_for_all(bare_host(host)) && self.is_here(bare_host(host)),
            // In small letters it may be about anything: npm has what `package.json` says so.
            None if half.is_glued() || !half.is_upper() => false,
            None => !is_of_another(
                &half.stem(),
                self.variables.iter().map(|(name, value)| (*name, *value)),
                self.hostname,
            ),
        };
        // The port is the one to name, if both are nobody's word for this command.
        let is_named = *name == port || !self.is_unmeant(&port);
        let is_bare = host.is_none() && !is_withheld;
        (leads_here && is_named).then(|| Lead {
            name: name.to_owned(),
            port: number,
            is_address: true,
            is_bare,
        })
    }

    /// Looks where the variables of a group lead together, unless its host is another machine's.
    fn group(&self, group: &Group, Address { hosts, port, default }: &Address) -> Option<Lead> {
        if !hosts.iter().filter_map(|host| self.value(host)).all(|host| self.is_here(host)) {
            return None;
        }
        let is_kept = self.merged.kept_groups.iter().any(|kept| kept.name == group.name);
        let said = std::iter::once(port).chain(*hosts).find(|name| self.is_unmeant(name));
        // Without a word on host and port, programs go to this machine, and to the usual port.
        let others = || {
            let is_led_elsewhere = group.rivals.iter().any(|rival| self.value(rival).is_some());
            let is_url = |name: &str| self.value(name).is_some_and(|value| value.contains("://"));
            let mut names = group.variables.iter().map(|(name, _)| name);
            names.find(|name| is_kept && !is_led_elsewhere && self.is_unmeant(name) && !is_url(name))
        };
        let name = said.or_else(others)?;
        let number = self.value(port).and_then(|value| value.parse().ok()).unwrap_or(*default);
        Some(Lead { name: (*name).to_owned(), port: number, is_address: said.is_some(), is_bare: false })
    }
}

/// Picks those that lead to the port that the Compose file would have published, or to another session's.
pub fn strays(leads: &[Lead], ports: &PortHolders, merged: &Merged) -> Vec<Stray> {
    let stray = |lead: &Lead| {
        let port = &lead.port;
        let held = ports.held.get(port).filter(|_| !lead.is_bare);
        let whose = match (held, ports.declared.get(port)) {
            _ if ports.own.contains(port) => return None,
            // A port alone may be the one at which a program of the project listens.
            _ if lead.is_bare && !ports.of_servers.contains(port) => return None,
            (Some((service, directory)), _) => {
                format!("which is service `{service}` of the session of `{directory}`")
            }
            (None, Some(service)) => format!(
                "the port that the Compose file gives service `{service}`, which is not this session's"
            ),
            (None, None) => return None,
        };
        let origin = merged.origins.get(&lead.name)?.clone();
        Some(Stray { lead: lead.clone(), origin, whose })
    };
    leads.iter().filter_map(stray).collect()
}
