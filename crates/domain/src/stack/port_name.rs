//! The names by which a Compose file may use reserved ports, known before any container starts:
//! `PRISM_PORT_<SERVICE>_<container port>`, `PRISM_PORT_<APP>`, `PRISM_HOST`, and `PRISM_HOST_<SERVICE>_<container port>`
//! for a port that may be bound elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::failure::Failure;
use crate::identity::name::ServiceName;
use crate::identity::own::{HOST, HOST_OF, PORT, is_meant};
use crate::identity::variable_name;
use crate::port::allocation::Policy;
use crate::port::reservation::{Reservations, Slot};
use crate::port::{ContainerPort, Protocol};
use crate::stack::plan::{Plan, ServicePlan};
use crate::text::template::nearest;
use crate::text::url;

/// A value that every name has while the ports are not chosen yet.
const PLACEHOLDER: &str = "1";

/// Picks the names that are meant here among those that the inputs refer to.
pub fn mentioned<'n>(names: impl Iterator<Item = &'n String>) -> BTreeSet<String> {
    names.filter(|name| is_meant(name)).cloned().collect()
}

/// Gives every name a value that any Compose file accepts, for the first reading of it.
pub fn placeholders(mentioned: &BTreeSet<String>, host: &str) -> BTreeMap<String, String> {
    let value = |name: &String| if name.starts_with(HOST) { host } else { PLACEHOLDER }.to_owned();
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
    let ((all, equal), hosts) = (all(plan, apps), hosts(plan, None));
    let mut found = BTreeMap::new();
    for name in mentioned {
        let of_port = name.strip_prefix(HOST_OF).map(|rest| format!("{PORT}{rest}"));
        if let Some(slots) = equal.get(of_port.as_ref().unwrap_or(name)) {
            return Err(several(name, slots));
        }
    }
    for name in mentioned.iter().filter(|name| *name != HOST && !hosts.contains_key(*name)) {
        let Some((slot, policy)) = all.get(name) else {
            let failure =
                Failure::new(format!("the Compose file uses `{name}`, which stands for no port here"));
            let names = || all.keys().chain(hosts.keys().filter(|_| name.starts_with(HOST)));
            return Err(match nearest(name, names().map(String::as_str)) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None if all.is_empty() => failure.hint("no service of this project publishes a port"),
                None => failure
                    .hint(format!("the names are: {}", names().cloned().collect::<Vec<_>>().join(", "))),
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

/// Says of a name that it stands for several ports.
fn several(name: &str, slots: &[Slot]) -> Failure {
    let shown = |slot: &Slot| match slot {
        Slot::Service(service, port) => format!("port {port} of service `{service}`"),
        Slot::App(app) => format!("app `{app}`"),
    };
    let slots: Vec<String> = slots.iter().map(shown).collect();
    Failure::new(format!(
        "the Compose file uses `{name}`, which stands for several ports here: {}",
        slots.join(" and ")
    ))
    .hint("rename one of them: names differ in letters and digits, all else is `_`")
}

/// Gives each of these names its value. `host` is where published ports are reached; `engine` is the host of an Engine
/// whose every port is reached there.
pub fn values(
    mentioned: &BTreeSet<String>,
    slots: &BTreeMap<String, Slot>,
    reserved: &Reservations,
    plan: &Plan,
    host: &str,
    engine: Option<&str>,
) -> BTreeMap<String, String> {
    let ports =
        slots.iter().filter_map(|(name, slot)| Some((name.clone(), reserved.get(slot)?.first.to_string())));
    let host = mentioned.contains(HOST).then(|| (HOST.to_owned(), host.to_owned()));
    let of_ports = hosts(plan, engine).into_iter().filter(|(name, _)| mentioned.contains(name));
    ports.chain(host).chain(of_ports).collect()
}

/// Gives every name of a reserved port its value, for children, and says where one is that is not at `host`. `engine` is the
/// host of an Engine whose every port is reached there.
pub fn exported(
    services: &BTreeMap<ServiceName, ServicePlan>,
    apps: &BTreeMap<String, u16>,
    host: &str,
    engine: Option<&str>,
) -> BTreeMap<String, String> {
    let mut ports = Names::default();
    let mut hosts = Names::default();
    for (app, port) in apps {
        ports.add(format!("{PORT}{}", variable_name::prefix(app)), Slot::App(app.clone()), port.to_string());
    }
    for (service, plan) in services {
        for port in &plan.ports {
            let Some(reserved) = plan.host_ports(port) else { continue };
            let slot = Slot::Service(service.clone(), port.container);
            ports.add(name(PORT, service, port.container), slot.clone(), reserved.start().to_string());
            if let Some(at) = host_of(plan, port.container, engine) {
                hosts.add(name(HOST_OF, service, port.container), slot, at);
            }
        }
    }
    let hosts = hosts.clear().filter(|(_, at)| at != host);
    ports.clear().chain(hosts).chain([(HOST.to_owned(), host.to_owned())]).collect()
}

/// What names stand for. Of two slots whose names are equal (services `a-b` and `a.b`), neither is given.
struct Names<T>(BTreeMap<String, BTreeMap<Slot, T>>);

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Names<T> {
    fn add(&mut self, name: String, slot: Slot, value: T) {
        self.0.entry(name).or_default().insert(slot, value);
    }

    /// Lists the names that stand for one slot only.
    fn clear(self) -> impl Iterator<Item = (String, T)> {
        self.0
            .into_iter()
            .filter(|(_, all)| all.len() == 1)
            .flat_map(|(name, all)| all.into_values().map(move |value| (name.clone(), value)))
    }
}

/// Says where each published port is reached, by name.
fn hosts(plan: &Plan, engine: Option<&str>) -> BTreeMap<String, String> {
    let of_service = |(service, own): (&ServiceName, &ServicePlan)| {
        let found: Vec<_> = own_ports(own)
            .filter_map(|port| {
                let (owner, _) = plan.publisher(service, port)?;
                let host = host_of(plan.services.get(owner)?, port, engine)?;
                Some((name(HOST_OF, service, port), host))
            })
            .collect();
        found
    };
    plan.services.iter().flat_map(of_service).collect()
}

/// Returns the host of a port: the first one, IPv4 before IPv6, as a container's own variables have it.
fn host_of(plan: &ServicePlan, port: ContainerPort, engine: Option<&str>) -> Option<String> {
    let bound = plan.ports.iter().filter(|publication| publication.container == port);
    let host_ip = bound.map(|publication| publication.host_ip).min()?;
    Some(engine.map_or_else(|| url::reachable(&host_ip.to_string()), str::to_owned))
}

/// Lists the ports by which a service may be named: what it publishes, and what it uses of another's network.
fn own_ports(plan: &ServicePlan) -> impl Iterator<Item = ContainerPort> {
    let guests = plan.primary.filter(|_| plan.via.is_some());
    plan.ports.iter().map(|port| port.container).chain(guests)
}

/// The names that stand for one port.
type Clear = BTreeMap<String, (Slot, Policy)>;

/// The names that stand for several.
type Equal = BTreeMap<String, Vec<Slot>>;

/// Lists every name that stands for a port, a service's own and those of the services in its network; and by name the
/// slots whose names are equal.
fn all(plan: &Plan, apps: impl Iterator<Item = String>) -> (Clear, Equal) {
    let mut all = Names::default();
    for app in apps {
        all.add(format!("{PORT}{}", variable_name::prefix(&app)), Slot::App(app), Policy::Sticky);
    }
    for (service, own) in &plan.services {
        for port in own_ports(own) {
            if let Some((owner, publication)) = plan.publisher(service, port) {
                let slot = Slot::Service(owner.clone(), port);
                all.add(name(PORT, service, port), slot, publication.policy);
            }
        }
    }
    let (clear, equal): (BTreeMap<_, _>, BTreeMap<_, _>) =
        all.0.into_iter().partition(|(_, slots)| slots.len() == 1);
    let clear = clear.into_iter().filter_map(|(name, slots)| Some((name, slots.into_iter().next()?)));
    (clear.collect(), equal.into_iter().map(|(name, slots)| (name, slots.into_keys().collect())).collect())
}

fn name(begin: &str, service: &ServiceName, port: ContainerPort) -> String {
    let prefix = variable_name::prefix(&service.0);
    match port.protocol {
        Protocol::Tcp => format!("{begin}{prefix}_{}", port.number),
        other => format!("{begin}{prefix}_{}_{}", port.number, other.to_string().to_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::model::Model;
    use crate::stack::plan::plan;
    use crate::stack::settings::Settings;

    const PROJECT: &[u8] = br#"{"services":{
        "my-kafka":{"ports":[{"target":9094},{"target":53,"protocol":"udp"}]},
        "cache":{"image":"redis","network_mode":"service:my-kafka"},
        "six":{"ports":[{"target":6379,"host_ip":"::1"},{"target":80,"host_ip":"::1"},{"target":80}]}}}"#;

    fn found(names: &[&str], settings: &str) -> Result<Vec<String>, String> {
        let settings = Settings::parse(settings, "prism.yaml").expect("settings");
        let model = Model::parse(PROJECT).expect("model");
        let mut plan = plan(&model, &settings, std::net::Ipv4Addr::LOCALHOST.into(), &[]).expect("plan");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mentioned = mentioned(names.iter());
        let shown = |failure: Failure| crate::failure::render(&failure.into());
        let slots = slots(&mentioned, &plan, settings.apps.keys().cloned()).map_err(shown)?;
        let reserved: Reservations = slots
            .values()
            .enumerate()
            .filter_map(|(index, slot)| {
                let block = crate::port::reservation::Block::new(u16::try_from(index).ok()? + 20_000, 1)?;
                Some((slot.clone(), block))
            })
            .collect();
        plan.reserve(&reserved);
        let values = values(&mentioned, &slots, &reserved, &plan, "127.0.0.1", None);
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
    fn a_port_that_is_bound_elsewhere_has_a_host_of_its_own() {
        let names = ["PRISM_HOST_SIX_6379", "PRISM_HOST_SIX_80", "PRISM_HOST_CACHE_6379"];
        assert_eq!(
            found(&names, ""),
            Ok(vec![
                "PRISM_HOST_CACHE_6379=127.0.0.1".into(),
                "PRISM_HOST_SIX_6379=::1".into(),
                "PRISM_HOST_SIX_80=127.0.0.1".into(),
            ])
        );
        let unknown = found(&["PRISM_HOST_SIX_6378"], "").expect_err("no such port");
        assert!(unknown.contains("did you mean `PRISM_HOST_SIX_6379`?"), "{unknown}");
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

    #[test]
    fn of_equal_names_none_is_given() {
        let published = |json: &str| {
            let model = Model::parse(json.as_bytes()).expect("model");
            let local = std::net::Ipv4Addr::LOCALHOST.into();
            let mut plan = plan(&model, &Settings::default(), local, &[]).expect("plan");
            let slots: Vec<Slot> = plan
                .services
                .iter()
                .flat_map(|(name, own)| {
                    own.ports.iter().map(|port| Slot::Service(name.clone(), port.container))
                })
                .collect();
            let block = |at: u16| crate::port::reservation::Block::new(20_000 + at, 1).expect("a block");
            plan.reserve(&slots.into_iter().zip((0u16..).map(block)).collect());
            plan
        };
        let plan = published(
            r#"{"services":{"a-b":{"ports":[{"target":80},{"target":81}]},"a.b":{"ports":[{"target":80}]}}}"#,
        );
        let apps = BTreeMap::from([("a_b_81".to_owned(), 9000), ("web".to_owned(), 9001)]);
        let exported = exported(&plan.services, &apps, "127.0.0.1", None);
        let names: Vec<&str> = exported.keys().map(String::as_str).collect();
        assert_eq!(names, ["PRISM_HOST", "PRISM_PORT_WEB"]);
        for name in ["PRISM_PORT_A_B_80", "PRISM_HOST_A_B_80"] {
            let failure = slots(&[name.to_owned()].into(), &plan, std::iter::empty()).expect_err("two");
            let shown = crate::failure::render(&failure.into());
            assert!(
                shown.contains("port 80/tcp of service `a-b` and port 80/tcp of service `a.b`"),
                "{shown}"
            );
            assert!(shown.contains("hint: rename one of them"), "{shown}");
        }
    }
}
