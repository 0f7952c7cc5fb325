//! What two sessions of a project share all the same, as Docker has no second one of it.

use std::path::Path;

use crate::stack::data::Own;
use crate::stack::model::{Model, Volume};

/// Names what the networks and volumes of a project share with another copy of it, a sentence each. `directory` is
/// the session's: what lies in it is its own, and so is `own`.
pub fn shared(model: &Model, own: &Own, directory: &str) -> Vec<String> {
    let mut shared = Vec::new();
    for (key, network) in &model.networks {
        if network.external {
            shared.push(format!("network `{key}` is external: every session is attached to the same one"));
        } else if network.is_on_host_interface() {
            shared.push(format!(
                "network `{key}` is on an interface of the host, which is there once: sessions get a bridge in its place"
            ));
        }
    }
    for (name, service) in &model.services {
        for (key, attachment) in &service.networks {
            let is_external = model.networks.get(key).is_some_and(|network| network.external);
            let fixed = attachment.as_ref().and_then(|attachment| attachment.ipv4_address.as_ref());
            if let Some(address) = fixed.filter(|_| is_external) {
                shared.push(format!(
                    "service `{name}` cannot have the address {address} on `{key}` in every session: it gets another"
                ));
            }
        }
    }
    for (key, volume) in model.volumes.iter().filter(|(key, _)| !own.volumes.contains(*key)) {
        if volume.external {
            shared.push(format!("volume `{key}` is external: every session uses the same data"));
        } else if let Some(device) = shared_device(volume, directory) {
            shared.push(format!("volume `{key}` is `{device}`: every session uses the same data"));
        }
    }
    shared
}

/// Returns the place outside the session directory where a volume keeps its data by its driver's options.
fn shared_device<'v>(volume: &'v Volume, directory: &str) -> Option<&'v str> {
    let option = |name: &str| volume.driver_opts.get(name)?.as_str();
    let device = option("device").filter(|_| option("type") != Some("tmpfs"))?;
    (!Path::new(device).starts_with(directory)).then_some(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_outside_of_the_session_is_shared() {
        let model = Model::parse(
            br#"{
              "networks": {"out": {"external": true}, "own": {}},
              "services": {"a": {"networks": {"out": {"ipv4_address": "10.9.0.4"}, "own": {"ipv4_address": "10.8.0.4"}}}},
              "volumes": {
                "e": {"external": true},
                "mine": {"external": true},
                "nfs": {"driver_opts": {"type": "nfs", "o": "addr=10.0.0.1", "device": ":/srv"}},
                "here": {"driver_opts": {"type": "none", "o": "bind", "device": "/w/shop/data"}},
                "ram": {"driver_opts": {"type": "tmpfs", "device": "tmpfs"}},
                "own": {}
              }
            }"#,
        )
        .expect("model");
        assert_eq!(
            shared(&model, &Own { volumes: ["mine".to_owned()].into(), ..Own::default() }, "/w/shop"),
            [
                "network `out` is external: every session is attached to the same one",
                "service `a` cannot have the address 10.9.0.4 on `out` in every session: it gets another",
                "volume `e` is external: every session uses the same data",
                "volume `nfs` is `:/srv`: every session uses the same data",
            ]
        );
    }
}
