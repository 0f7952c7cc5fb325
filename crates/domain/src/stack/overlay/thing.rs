//! Networks and volumes of a session: its own names, its own addresses.

use std::collections::{BTreeMap, BTreeSet};

use super::{Facts, labels_of_things};
use crate::stack::data::Own;
use crate::stack::model::{Model, Network};
use crate::text::hash::content_hash;
use crate::text::yaml::{Node, put};

/// The option that names a network's interface on the host.
const BRIDGE_NAME: &str = "com.docker.network.bridge.name";

/// States what is different about the project's own networks.
pub(super) fn networks(model: &Model, facts: &Facts) -> Vec<(String, Node)> {
    let own = model.networks.iter().filter(|(_, network)| !network.external);
    own.map(|(key, network)| {
        let mut entry = Vec::new();
        if !is_default_name(network.name.as_deref(), key, facts) {
            put(&mut entry, "name", Node::Reset);
        }
        if network.is_on_host_interface() {
            // The host's interface is there once: the session gets a bridge in its place.
            put(&mut entry, "driver", Node::Reset);
            put(&mut entry, "driver_opts", Node::Reset);
        } else if network.driver_opts.contains_key(BRIDGE_NAME) {
            put(&mut entry, "driver_opts", Node::Map(vec![(BRIDGE_NAME.to_owned(), Node::Reset)]));
        }
        if has_fixed_subnet(network) {
            put(&mut entry, "ipam", addresses(key, network, facts));
        }
        put(&mut entry, "labels", labels_of_things(facts));
        (key.clone(), Node::Map(entry))
    })
    .chain(beside_externals(model, facts))
    .collect()
}

/// Names the network of the session beside an external one.
pub(super) fn beside_external(key: &str) -> String {
    format!("prism-{key}")
}

/// Gives the services on each external network one of the session's, without a way out, so that it changes nothing
/// but the names by which they find each other.
fn beside_externals(model: &Model, facts: &Facts) -> impl Iterator<Item = (String, Node)> {
    let is_used = |key: &String| {
        model
            .services
            .values()
            .any(|service| service.network_mode.is_none() && service.networks.contains_key(key))
    };
    let externals = model.networks.iter().filter(|(_, network)| network.external);
    externals.filter(move |(key, _)| is_used(key)).map(|(key, _)| {
        let entry =
            vec![("internal".to_owned(), Node::Bool(true)), ("labels".to_owned(), labels_of_things(facts))];
        (beside_external(key), Node::Map(entry))
    })
}

/// States what is different about the project's own volumes.
pub(super) fn volumes(model: &Model, own: &Own, facts: &Facts) -> Vec<(String, Node)> {
    let mut users: BTreeMap<&str, u32> = BTreeMap::new();
    for name in model.volumes.values().filter_map(|volume| volume.name.as_deref()) {
        *users.entry(name).or_default() += 1;
    }
    let kept = model.volumes.iter().filter(|(key, volume)| !volume.external || own.volumes.contains(*key));
    let kept = kept.map(|(key, volume)| {
        let mut entry = Vec::new();
        if own.volumes.contains(key) {
            for (part, is_stated) in
                [("external", volume.external), ("driver_opts", !volume.driver_opts.is_empty())]
            {
                if is_stated {
                    put(&mut entry, part, Node::Reset);
                }
            }
        }
        match volume.name.as_deref() {
            // Two keys that mean one volume go on meaning one.
            Some(name) if users.get(name).is_some_and(|users| *users > 1) => {
                put(&mut entry, "name", Node::text(format!("{}_{name}", facts.project)));
            }
            name if !is_default_name(name, key, facts) => put(&mut entry, "name", Node::Reset),
            _ => {}
        }
        put(&mut entry, "labels", labels_of_things(facts));
        (key.clone(), Node::Map(entry))
    });
    let keys: BTreeSet<&String> = own.mounts.values().flatten().map(|mount| &mount.volume).collect();
    let in_place = keys
        .into_iter()
        .map(|key| (key.clone(), Node::Map(vec![("labels".to_owned(), labels_of_things(facts))])));
    kept.chain(in_place).collect()
}

/// Compose's own name for a thing is `<project>_<key>`, and so the session's own.
pub(super) fn is_default_name(name: Option<&str>, key: &str, facts: &Facts) -> bool {
    name.is_none_or(|name| name == format!("{}_{key}", facts.project))
}

fn has_fixed_subnet(network: &Network) -> bool {
    network.pools().next().is_some()
}

/// Lets Docker choose the addresses. It has no pool for IPv6 to choose from, so that gets one of the session's.
fn addresses(key: &str, network: &Network, facts: &Facts) -> Node {
    let has_ipv6 = network.enable_ipv6 && network.pools().any(|subnet| subnet.contains(':'));
    if !has_ipv6 || network.is_on_host_interface() {
        return Node::Reset;
    }
    let hash = content_hash(format!("{} {key}", facts.session_id).as_bytes());
    let subnet = format!("fd{}:{}:{}:{}::/64", &hash[0..2], &hash[2..6], &hash[6..10], &hash[10..14]);
    let pool = Node::Map(vec![("subnet".to_owned(), Node::text(subnet))]);
    Node::Override(Box::new(Node::Map(vec![("config".to_owned(), Node::Seq(vec![pool]))])))
}
