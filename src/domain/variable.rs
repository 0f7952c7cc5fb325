//! From containers to variables: what each service of a session tells the programs around it.

mod credential;
mod endpoint;
mod name;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::credential::credential_files;
use self::credential::{Credentials, credentials};
use self::endpoint::{Endpoints, endpoints};
pub use self::endpoint::{endpoint, primary_endpoint, primary_url};
use self::name::Names;
pub use self::name::prefix;
use super::catalog::{self, Group, Kind};
use super::container::{Container, Inspection};
use super::name::ServiceName;
use super::port::{ContainerPort, Protocol};
use super::url;
use crate::error::Failure;

/// One variable of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name: `[A-Za-z_][A-Za-z0-9_]*`.
    pub name: String,
    /// Its value, without a NUL byte.
    pub value: String,
    /// The service that it speaks of; `None` for one of `prism.yaml`'s `env`.
    pub service: Option<ServiceName>,
    /// It holds a password.
    pub secret: bool,
    /// The names that are kept or replaced together with it.
    pub group: Option<&'static Group>,
}

/// The variables of a session, and what a verbose run says of missing ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// Sorted by name.
    pub list: Vec<Variable>,
    /// Sentences.
    pub notes: Vec<String>,
}

/// Says whether the variables of this container need more than the Engine's list: credentials.
pub fn needs_inspection(container: &Container) -> bool {
    kind_of(container).is_some_and(|kind| !kind.logins.is_empty())
}

/// Returns the kind of a container, by its label or its image.
pub fn kind_of(container: &Container) -> Option<&'static Kind> {
    catalog::kind(container.label("kind"), &container.image).ok().flatten()
}

/// Derives all variables from the running containers of one session, without twins.
///
/// `inspections` are by container id; `host` is where a remote Engine's ports are, `None` for loopback.
///
/// # Errors
/// Two services want the same name, or a value holds a NUL byte.
pub fn derive(
    containers: &[Container],
    inspections: &BTreeMap<String, Inspection>,
    host: Option<&str>,
) -> Result<Variables, Failure> {
    let services = gather(containers, inspections, host)?;
    let mut names = Names::default();
    for service in &services {
        service.own_variables(&mut names)?;
    }
    global_variables(&services, &mut names)?;
    Ok(names.finish())
}

/// A service with a published port.
struct Service<'a> {
    name: &'a ServiceName,
    prefix: String,
    kind: Option<&'static Kind>,
    preferred: bool,
    /// Endpoints of each container, by container number.
    replicas: Vec<Endpoints>,
    credentials: Credentials,
}

fn gather<'a>(
    containers: &'a [Container],
    inspections: &BTreeMap<String, Inspection>,
    host: Option<&str>,
) -> Result<Vec<Service<'a>>, Failure> {
    let mut services: Vec<Service> = Vec::new();
    for container in containers.iter().filter(|container| container.label("ignore") != Some("true")) {
        let Some(endpoints) = endpoints(container, containers, host) else { continue };
        if let Some(service) = services.iter_mut().find(|service| *service.name == container.service) {
            service.replicas.push(endpoints);
            continue;
        }
        let prefix = prefix(container.label("prefix").unwrap_or(&container.service.0));
        if let Some(other) = services.iter().find(|service| service.prefix == prefix) {
            return Err(Failure::new(format!(
                "services `{}` and `{}` both give variables that begin with `{prefix}_`",
                other.name, container.service
            ))
            .hint(format!(
                "give one of them another prefix: label `dev-prism.prefix`, or `services: {{{}: {{prefix: …}}}}` in prism.yaml",
                container.service
            )));
        }
        let kind = kind_of(container);
        let inspection = inspections.get(&container.id);
        services.push(Service {
            name: &container.service,
            prefix,
            kind,
            preferred: container.label("primary") == Some("true"),
            replicas: vec![endpoints],
            credentials: kind.zip(inspection).map(|(kind, seen)| credentials(kind, seen)).unwrap_or_default(),
        });
    }
    Ok(services)
}

impl Service<'_> {
    fn own_variables(&self, names: &mut Names) -> Result<(), Failure> {
        let Some(first) = self.replicas.first() else { return Ok(()) };
        let prefix = &self.prefix;
        let mut add = |suffix: &str, value: String, secret| {
            names.add(format!("{prefix}_{suffix}"), value, self.name, secret, None)
        };
        add("HOST", first.host.clone(), false)?;
        if let Some((port, bound)) = first.primary {
            add("PORT", bound.to_string(), false)?;
            add("URL", self.url(first, port, bound), self.credentials.password.is_some())?;
        }
        for (port, bound) in &first.ports {
            let suffix = match port.protocol {
                Protocol::Tcp => format!("PORT_{}", port.number),
                other => format!("PORT_{}_{}", port.number, other.to_string().to_uppercase()),
            };
            add(&suffix, bound.to_string(), false)?;
        }
        if self.replicas.len() > 1 {
            for replica in &self.replicas {
                if let Some((_, bound)) = replica.primary {
                    add(&format!("{}_PORT", replica.number), bound.to_string(), false)?;
                }
            }
        }
        let Credentials { user, password, database } = &self.credentials;
        for (suffix, value, secret) in
            [("USER", user, false), ("PASSWORD", password, true), ("DATABASE", database, false)]
        {
            if let Some(value) = value {
                add(suffix, value.clone(), secret)?;
            }
        }
        Ok(())
    }

    fn url(&self, at: &Endpoints, port: ContainerPort, bound: u16) -> String {
        let address = url::address(&at.host, bound);
        let Some(kind) = self.kind.filter(|kind| kind.port == port.number) else {
            return format!("{}://{address}", catalog::generic_scheme(port));
        };
        let encoded = |part: &Option<String>| part.as_deref().map(url::encode).unwrap_or_default();
        let auth = match &self.credentials {
            Credentials { user: None, password: None, .. } => String::new(),
            Credentials { user, password: None, .. } => format!("{}@", encoded(user)),
            Credentials { user, password, .. } => format!("{}:{}@", encoded(user), encoded(password)),
        };
        let database = encoded(&self.credentials.database);
        let url = fill(
            kind.url,
            &[("auth", Some(&auth)), ("address", Some(&address)), ("database", Some(&database))],
        );
        url.unwrap_or_default().trim_end_matches('/').to_owned()
    }
}

/// Sets the names that programs look for, where it is clear which service is meant.
fn global_variables(services: &[Service], names: &mut Names) -> Result<(), Failure> {
    let mut candidates: BTreeMap<&str, Vec<(&Service, &str)>> = BTreeMap::new();
    for service in services {
        for (name, template) in service.kind.iter().flat_map(|kind| kind.globals) {
            candidates.entry(name).or_default().push((service, template));
        }
    }
    for (name, candidates) in candidates {
        let preferred: Vec<_> = candidates.iter().filter(|(service, _)| service.preferred).collect();
        let chosen = match (preferred.as_slice(), candidates.as_slice()) {
            (&[&one], _) | ([], &[one]) => Some(one),
            _ => None,
        };
        let Some((service, template)) = chosen else {
            let wanted: Vec<String> =
                candidates.iter().map(|(service, _)| format!("`{}`", service.name)).collect();
            names.notes.push(format!(
                "{name} is not set: {} would give it; label one of them `dev-prism.primary: \"true\"`",
                wanted.join(" and ")
            ));
            continue;
        };
        let Some((first, (port, bound))) =
            service.replicas.first().and_then(|first| Some((first, first.primary?)))
        else {
            continue;
        };
        let Credentials { user, password, database } = &service.credentials;
        let value = fill(
            template,
            &[
                ("url", Some(&service.url(first, port, bound))),
                ("host", Some(&first.host)),
                ("port", Some(&bound.to_string())),
                ("user", user.as_deref()),
                ("password", password.as_deref()),
                ("database", database.as_deref()),
            ],
        );
        if let Some(value) = value {
            let secret =
                template.contains("{password}") || (template.contains("{url}") && password.is_some());
            let group =
                service.kind.and_then(|kind| kind.group).filter(|group| name.starts_with(group.prefix));
            names.add(name.to_owned(), value, service.name, secret, group)?;
        }
    }
    Ok(())
}

/// Fills placeholders; `None` if one of those used has no value.
fn fill(template: &str, values: &[(&str, Option<&str>)]) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        out.push_str(before);
        out.push_str(values.iter().find(|(known, _)| *known == name)?.1?);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}
