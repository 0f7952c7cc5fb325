//! From containers to variables: what each service of a session tells the programs around it.

mod app;
mod configured;
mod credential;
mod endpoint;
mod global;
mod name;
mod setting;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

pub use self::app::add_apps;
pub use self::configured::configure;
pub use self::credential::credential_files;
use self::credential::{Credentials, Found, credentials};
use self::endpoint::{Endpoints, endpoints};
pub use self::endpoint::{Place, endpoint, host_ports, other_endpoints, primary_endpoint, primary_url};
use self::global::global_variables;
use self::name::{Claim, Names};
pub(crate) use self::setting::reader;
use crate::catalog::{self, Group, Kind};
use crate::engine::container::{Container, Inspection};
use crate::engine::kind::kind_of;
use crate::failure::Failure;
use crate::identity::name::ServiceName;
use crate::identity::variable_name::{is_cloud_credential, prefix};
use crate::port::{ContainerPort, Protocol};
use crate::text::url;

/// One variable of a session, and where it comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variable {
    /// Its name: `[A-Za-z_][A-Za-z0-9_]*`.
    pub name: String,
    /// Its value, without a NUL byte.
    pub value: String,
    /// The service that it speaks of; `None` for one of an app's, or of `prism.yaml`'s `env`.
    pub service: Option<ServiceName>,
    /// The path of the key of `prism.yaml` that gives it.
    pub key: Option<String>,
    /// The place of the line of a dotenv file that gives it, where nothing else would.
    pub file: Option<String>,
    /// The container port that it leads to.
    pub port: Option<ContainerPort>,
    /// Why it has this value: a fragment for people.
    pub rule: String,
    /// It holds a password.
    pub secret: bool,
    /// It opens a cloud's doors: a shell must not hold it without having been told to.
    pub cloud_credential: bool,
    /// A repository chose it, and it is not plainly an address of a service's: it is for the command of an `exec`, which
    /// would read it in the project's file, and for no shell, where it would speak to every other program.
    pub exec_only: bool,
    /// The names that are kept or replaced together with it.
    pub group: Option<&'static Group>,
}

/// The variables of a session, and what a verbose run says of missing ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// Sorted by name.
    pub list: Vec<Variable>,
    /// What one might look for in vain.
    pub missing: Vec<Missing>,
}

/// Variables that are not set though somebody might look for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Their names; none where they are not known.
    pub names: Vec<String>,
    /// The reason, and what to do about it.
    pub why: String,
}

/// Leaves out of each the names that are set all the same: by another service, an app, or `prism.yaml`.
pub fn unset(missing: Vec<Missing>, set: &[Variable]) -> Vec<Missing> {
    let is_set = |name: &String| set.iter().any(|variable| variable.name == *name);
    let known = missing.into_iter().filter_map(|Missing { mut names, why }| {
        let nameless = names.is_empty();
        names.retain(|name| !is_set(name));
        (nameless || !names.is_empty()).then_some(Missing { names, why })
    });
    known.collect()
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.names.as_slice() {
            [] => f.write_str(&self.why),
            [name] => write!(f, "{name} is not set: {}", self.why),
            names => write!(f, "{} are not set: {}", names.join(", "), self.why),
        }
    }
}

/// Reads the password that clients of a container need, where it has one.
pub fn password(container: &Container, seen: &Inspection) -> Option<String> {
    Some(credentials(kind_of(container)?, &container.image, seen).password?.value)
}

/// Returns the user that a container's environment names, or that its kind has by default.
pub fn user(container: &Container, seen: &Inspection) -> Option<String> {
    let user = credentials(kind_of(container)?, &container.image, seen).user?;
    Some(user.value)
}

/// Derives all variables from the containers of one session, without twins. Only what runs gives some; what does not
/// run still has a say in whether a global name is clear.
///
/// `inspections` are by container id; `host` is where a remote Engine's ports are, `None` for loopback.
///
/// # Errors
/// A value holds a NUL byte.
pub fn derive(
    containers: &[Container],
    inspections: &BTreeMap<String, Inspection>,
    host: Option<&str>,
) -> Result<Variables, Failure> {
    let services = gather(containers, inspections, host);
    let mut names = Names::default();
    for service in &services {
        if is_alone(service, &services, &mut names) {
            service.own_variables(&mut names)?;
        }
    }
    global_variables(&services, &mut names)?;
    let gives = |container: &&Container| {
        services.iter().any(|it| *it.name == container.service && !it.replicas.is_empty())
    };
    names.missing.extend(containers.iter().filter(|container| !gives(container)).filter_map(no_server));
    Ok(names.finish())
}

/// Says whether no other service is called alike: of two that are, neither gives variables, as half of them would be
/// the one's and half the other's.
fn is_alone(service: &Provider, services: &[Provider], names: &mut Names) -> bool {
    let speaks = |it: &&Provider| !it.replicas.is_empty() && it.prefix == service.prefix;
    let Some(other) = services.iter().filter(speaks).find(|other| other.name != service.name) else {
        return true;
    };
    if !service.replicas.is_empty() && service.name < other.name {
        names.missing.push(Missing {
            names: ["HOST", "PORT", "URL"].map(|suffix| format!("{}_{suffix}", service.prefix)).into(),
            why: format!(
                "services `{}` and `{}` both give variables that begin with `{}_`; give one of them another prefix: label `dev-prism.prefix`, or `services: {{{}: {{prefix: …}}}}` in prism.yaml",
                service.name, other.name, service.prefix, other.name
            ),
        });
    }
    false
}

/// Says of a container that has the image of a known kind, and does not run its server, that it gives nothing.
fn no_server(container: &Container) -> Option<Missing> {
    container.label("kind").filter(|kind| *kind == catalog::NO_KIND)?;
    let kind = catalog::kind(None, &container.image).ok().flatten()?;
    let prefix = prefix(container.label("prefix").unwrap_or(&container.service.0));
    let names = ["HOST", "PORT", "URL"].map(|suffix| format!("{prefix}_{suffix}"));
    Some(Missing {
        names: names.into(),
        why: format!(
            "`{}` has the image of a server of kind `{}`, but runs something else; `dev-prism.kind: {}` says that it is one",
            container.service, kind.name, kind.name
        ),
    })
}

/// A service of the session.
struct Provider<'a> {
    name: &'a ServiceName,
    prefix: String,
    kind: Option<&'static Kind>,
    preferred: bool,
    /// It is a one-shot: a client of the image's server, not a server.
    completes: bool,
    /// Endpoints of each container with a published port, by container number.
    replicas: Vec<Endpoints>,
    credentials: Credentials,
}

fn gather<'a>(
    containers: &'a [Container],
    inspections: &BTreeMap<String, Inspection>,
    host: Option<&str>,
) -> Vec<Provider<'a>> {
    let mut services: Vec<Provider> = Vec::new();
    for container in containers.iter().filter(|container| container.label("ignore") != Some("true")) {
        let endpoints = endpoints(container, containers, host);
        let known = services.iter().position(|service| *service.name == container.service);
        let at = known.unwrap_or(services.len());
        if known.is_none() {
            services.push(Provider {
                name: &container.service,
                prefix: prefix(container.label("prefix").unwrap_or(&container.service.0)),
                kind: kind_of(container),
                preferred: container.label("primary") == Some("true"),
                completes: container.label("completes") == Some("true"),
                replicas: Vec::new(),
                credentials: Credentials::default(),
            });
        }
        let service = &mut services[at];
        let Some(endpoints) = endpoints else { continue };
        if let (true, Some(kind)) = (service.replicas.is_empty(), service.kind) {
            let nothing = Inspection::default();
            let seen = inspections.get(&container.id).unwrap_or(&nothing);
            service.credentials = credentials(kind, &container.image, seen);
        }
        service.replicas.push(endpoints);
    }
    services
}

impl Provider<'_> {
    fn own_variables(&self, names: &mut Names) -> Result<(), Failure> {
        let Some(first) = self.replicas.first() else { return Ok(()) };
        let mut add = |suffix: &str, value: String, port: Option<ContainerPort>, rule: String| {
            let claim = if matches!(suffix, "HOST" | "PORT") { Claim::Called } else { Claim::Derived };
            names.add(claim, self.variable(format!("{}_{suffix}", self.prefix), value, port, rule))
        };
        let primary = first.primary;
        add("HOST", first.host().to_owned(), None, "where its ports are bound".to_owned())?;
        if let Some((_, place)) = first.primary() {
            add("PORT", place.port.to_string(), primary, "host port of its primary port".to_owned())?;
        }
        for (port, place) in &first.ports {
            let suffix = match port.protocol {
                Protocol::Tcp => port.number.to_string(),
                Protocol::Udp => format!("{}_UDP", port.number),
                Protocol::Sctp => continue,
            };
            let of = Some(*port);
            add(&format!("PORT_{suffix}"), place.port.to_string(), of, "host port of this port".to_owned())?;
            if place.host != first.host() {
                add(
                    &format!("HOST_{suffix}"),
                    place.host.clone(),
                    of,
                    "where this port is bound".to_owned(),
                )?;
            }
        }
        for replica in self.replicas.iter().filter(|_| self.replicas.len() > 1) {
            if let Some((port, place)) = replica.primary() {
                let rule = format!("host port of replica {}", replica.number);
                add(&format!("{}_PORT", replica.number), place.port.to_string(), Some(port), rule)?;
            }
        }
        self.urls(first, names)?;
        self.credential_variables(primary, names)
    }

    /// Adds the URL of the primary port, and those of what else the kind serves.
    fn urls(&self, first: &Endpoints, names: &mut Names) -> Result<(), Failure> {
        if let Some((port, place)) = first.primary() {
            let (url, secret, rule) = match self.kind_url(port, place) {
                Some((kind, template, url)) => {
                    (url, self.tells_password(template), format!("URL of kind `{}`", kind.name))
                }
                None => {
                    let scheme = catalog::generic_scheme(port);
                    (format!("{scheme}://{place}"), false, "URL by port".to_owned())
                }
            };
            names.add(
                Claim::Called,
                Variable { secret, ..self.variable(format!("{}_URL", self.prefix), url, Some(port), rule) },
            )?;
        }
        let Some(kind) = self.kind else { return Ok(()) };
        for other in kind.others {
            let at = |number: &u16| {
                let port = ContainerPort::tcp(*number);
                Some((port, first.ports.get(&port)?))
            };
            let Some((port, place)) = other.ports.iter().find_map(at) else { continue };
            let Some(url) = self.fill_url(other.url, place, &first.ports) else { continue };
            let rule = format!("URL of kind `{}`", kind.name);
            names.add(
                Claim::Derived,
                Variable {
                    secret: self.tells_password(other.url),
                    ..self.variable(format!("{}_{}", self.prefix, other.suffix), url, Some(port), rule)
                },
            )?;
        }
        Ok(())
    }

    fn credential_variables(&self, port: Option<ContainerPort>, names: &mut Names) -> Result<(), Failure> {
        let Some(kind) = self.kind else { return Ok(()) };
        let Credentials { user, password, database, facts } = &self.credentials;
        let usual =
            [("USER", user, false), ("PASSWORD", password, true), (kind.database.suffix, database, false)];
        let usual =
            usual.into_iter().filter_map(|(suffix, found, secret)| Some((suffix, found.as_ref()?, secret)));
        let facts = facts.iter().map(|(fact, found)| (fact.suffix, found, fact.is_secret));
        for (suffix, Found { value, source }, secret) in usual.chain(facts) {
            let rule = match source {
                Some(source) => format!("{source} of its container"),
                None => format!("default of kind `{}`", kind.name),
            };
            let name = format!("{}_{suffix}", self.prefix);
            names
                .add(Claim::Derived, Variable { secret, ..self.variable(name, value.clone(), port, rule) })?;
        }
        Ok(())
    }

    fn variable(&self, name: String, value: String, port: Option<ContainerPort>, rule: String) -> Variable {
        Variable {
            cloud_credential: is_cloud_credential(&name),
            name,
            value,
            service: Some(self.name.clone()),
            port,
            rule,
            ..Variable::default()
        }
    }

    /// Builds the URL in the kind's own protocol, where the port speaks it; with what it was built from.
    fn kind_url(&self, port: ContainerPort, at: &Place) -> Option<(&'static Kind, &'static str, String)> {
        let kind = self.kind.filter(|kind| kind.speaks_at(port.number))?;
        let ports = &self.replicas.first()?.ports;
        let filled = |template: &&'static str| Some((*template, self.fill_url(template, at, ports)?));
        let (template, url) = kind.urls.iter().find_map(filled)?;
        Some((kind, template, url))
    }

    fn fill_url(&self, template: &str, at: &Place, ports: &BTreeMap<ContainerPort, Place>) -> Option<String> {
        let encoded = |part: &Option<Found>| part.as_ref().map(|found| url::encode(&found.value));
        let Credentials { user, password, database, .. } = &self.credentials;
        let (user, password, database) = (encoded(user), encoded(password), encoded(database));
        let auth = match (&user, &password) {
            (None, None) => String::new(),
            (user, None) => format!("{}@", user.as_deref().unwrap_or_default()),
            (user, Some(password)) => format!("{}:{password}@", user.as_deref().unwrap_or_default()),
        };
        let value = |name: &str| match name {
            "auth" => Some(auth.clone()),
            "user" => user.clone(),
            "password" => password.clone(),
            "database" => database.clone(),
            _ => address(name, at, ports),
        };
        fill(template, value)
    }

    /// Says whether what is filled from this holds the password of this service.
    fn tells_password(&self, template: &str) -> bool {
        self.credentials.password.is_some() && ["{auth}", "{password}"].iter().any(|it| template.contains(it))
    }
}

/// Returns the value of `{address}`, or of `{address:81}` where that port is published.
fn address(name: &str, at: &Place, ports: &BTreeMap<ContainerPort, Place>) -> Option<String> {
    match name.strip_prefix("address")?.strip_prefix(':') {
        None => (name == "address").then(|| at.to_string()),
        Some(port) => Some(ports.get(&ContainerPort::tcp(port.parse().ok()?))?.to_string()),
    }
}

/// Fills placeholders; `None` if one of those used has no value.
fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        out.push_str(before);
        out.push_str(&value(name)?);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}
