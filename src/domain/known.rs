//! The names by which a Compose file may use reserved ports, known before any container starts:
//! `PRISM_PORT_<SERVICE>_<container port>`, `PRISM_PORT_<APP>`, and `PRISM_HOST`.

use std::collections::{BTreeMap, BTreeSet};

use super::allocation::Policy;
use super::name::ServiceName;
use super::plan::{Plan, ServicePlan};
use super::port::{ContainerPort, Protocol};
use super::reservation::{Reservations, Slot};
use super::template::nearest;
use super::variable;
use crate::error::Failure;

/// The host at which published ports are reached.
pub const HOST: &str = "PRISM_HOST";

/// How the names of ports begin.
pub const PORT: &str = "PRISM_PORT_";

/// A value that every name has while the ports are not chosen yet.
const PLACEHOLDER: &str = "1";

/// Picks the names that are meant here among those that the inputs refer to.
pub fn mentioned<'n>(names: impl Iterator<Item = &'n String>) -> BTreeSet<String> {
    names.filter(|name| is_meant(name)).cloned().collect()
}

/// Says whether a name is one of these.
pub fn is_meant(name: &str) -> bool {
    name == HOST || name.strip_prefix(PORT).is_some_and(|rest| !rest.is_empty())
}

/// Gives every name a value that any Compose file accepts, for the first reading of it.
pub fn placeholders(mentioned: &BTreeSet<String>, host: &str) -> BTreeMap<String, String> {
    let value = |name: &String| if name == HOST { host } else { PLACEHOLDER }.to_owned();
    mentioned.iter().map(|name| (name.clone(), value(name))).collect()
}

/// Finds what each of these names of ports stands for.
///
/// # Errors
/// There is no such port, or it is not known before it is bound.
pub fn slots(
    mentioned: &BTreeSet<String>,
    plan: &Plan,
    apps: impl Iterator<Item = String>,
) -> Result<BTreeMap<String, Slot>, Failure> {
    let all = all(plan, apps);
    let mut found = BTreeMap::new();
    for name in mentioned.iter().filter(|name| *name != HOST) {
        let Some((slot, policy)) = all.get(name) else {
            let failure =
                Failure::new(format!("the Compose file uses `{name}`, which stands for no port here"));
            return Err(match nearest(name, all.keys().map(String::as_str)) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None if all.is_empty() => failure.hint("no service of this project publishes a port"),
                None => failure
                    .hint(format!("the names are: {}", all.keys().cloned().collect::<Vec<_>>().join(", "))),
            });
        };
        if *policy == Policy::Random {
            return Err(Failure::new(format!(
                "the Compose file uses `{name}`, but with `ports: random` no port is known before it is bound"
            ))
            .hint("use `ports: sticky` in prism.yaml, or give that service a `port:` or `range:`"));
        }
        found.insert(name.clone(), slot.clone());
    }
    Ok(found)
}

/// Gives each of these names its value.
pub fn values(
    mentioned: &BTreeSet<String>,
    slots: &BTreeMap<String, Slot>,
    reserved: &Reservations,
    host: &str,
) -> BTreeMap<String, String> {
    let ports =
        slots.iter().filter_map(|(name, slot)| Some((name.clone(), reserved.get(slot)?.first.to_string())));
    let host = mentioned.contains(HOST).then(|| (HOST.to_owned(), host.to_owned()));
    ports.chain(host).collect()
}

/// Gives every name of a reserved port its value, for children.
pub fn exported(
    services: &BTreeMap<ServiceName, ServicePlan>,
    apps: &BTreeMap<String, u16>,
    host: &str,
) -> BTreeMap<String, String> {
    let mut exported = BTreeMap::from([(HOST.to_owned(), host.to_owned())]);
    for (app, port) in apps {
        exported.insert(format!("{PORT}{}", variable::prefix(app)), port.to_string());
    }
    for (service, plan) in services {
        for port in &plan.ports {
            if let Some(ports) = plan.host_ports(port) {
                exported.insert(name(service, port.container), ports.start().to_string());
            }
        }
    }
    exported
}

/// Lists every name that stands for a port, a service's own and those of the services in its network.
fn all(plan: &Plan, apps: impl Iterator<Item = String>) -> BTreeMap<String, (Slot, Policy)> {
    let mut all = BTreeMap::new();
    for app in apps {
        all.insert(format!("{PORT}{}", variable::prefix(&app)), (Slot::App(app), Policy::Sticky));
    }
    for (service, own) in &plan.services {
        let guests = own.primary.filter(|_| own.via.is_some());
        for port in own.ports.iter().map(|port| port.container).chain(guests) {
            if let Some((owner, publication)) = plan.publisher(service, port) {
                let slot = Slot::Service(owner.clone(), port);
                all.insert(name(service, port), (slot, publication.policy));
            }
        }
    }
    all
}

fn name(service: &ServiceName, port: ContainerPort) -> String {
    let prefix = variable::prefix(&service.0);
    match port.protocol {
        Protocol::Tcp => format!("{PORT}{prefix}_{}", port.number),
        other => format!("{PORT}{prefix}_{}_{}", port.number, other.to_string().to_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::Model;
    use super::super::plan::plan;
    use super::super::settings::Settings;
    use super::*;

    const PROJECT: &[u8] = br#"{"services":{
        "my-kafka":{"ports":[{"target":9094},{"target":53,"protocol":"udp"}]},
        "cache":{"image":"redis","network_mode":"service:my-kafka"}}}"#;

    fn found(names: &[&str], settings: &str) -> Result<Vec<String>, String> {
        let settings = Settings::parse(settings, "prism.yaml").expect("settings");
        let model = Model::parse(PROJECT).expect("model");
        let mut plan = plan(&model, &settings, std::net::Ipv4Addr::LOCALHOST.into(), &[]).expect("plan");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mentioned = mentioned(names.iter());
        let shown = |failure: Failure| crate::error::render(&failure.into());
        let slots = slots(&mentioned, &plan, settings.apps.keys().cloned()).map_err(shown)?;
        let reserved: Reservations = slots
            .values()
            .enumerate()
            .filter_map(|(index, slot)| {
                let block = super::super::reservation::Block::new(u16::try_from(index).ok()? + 20_000, 1)?;
                Some((slot.clone(), block))
            })
            .collect();
        plan.reserve(&reserved);
        let values = values(&mentioned, &slots, &reserved, "127.0.0.1");
        Ok(values.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
    }

    #[test]
    fn names_stand_for_what_is_reserved() {
        assert_eq!(
            found(
                &[
                    "PRISM_HOST",
                    "PRISM_PORT_CACHE_6379",
                    "PRISM_PORT_MY_KAFKA_53_UDP",
                    "PRISM_PORT_MY_KAFKA_9094",
                    "PRISM_PORT_WEB",
                    "PRISM_PORT_",
                    "HOME"
                ],
                "apps: {web: {}}"
            ),
            Ok(vec![
                "PRISM_HOST=127.0.0.1".into(),
                "PRISM_PORT_CACHE_6379=20000".into(),
                "PRISM_PORT_MY_KAFKA_53_UDP=20001".into(),
                "PRISM_PORT_MY_KAFKA_9094=20002".into(),
                "PRISM_PORT_WEB=20003".into(),
            ])
        );
    }

    #[test]
    fn what_is_not_known_is_an_error_with_a_hint() {
        let unknown = found(&["PRISM_PORT_MY_KAFKA_9095"], "").expect_err("no such port");
        assert!(unknown.contains("did you mean `PRISM_PORT_MY_KAFKA_9094`?"), "{unknown}");
        let random = found(&["PRISM_PORT_CACHE_6379"], "ports: random").expect_err("random");
        assert!(random.contains("hint: use `ports: sticky`"), "{random}");
        assert!(found(&["PRISM_HOST"], "ports: random").is_ok());
        assert!(
            found(&["PRISM_PORT_MY_KAFKA_9094"], "ports: random\nservices: {my-kafka: {port: 9094}}").is_ok()
        );
    }
}
