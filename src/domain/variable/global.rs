//! The names that programs look for by themselves, where it is clear which service is meant.

use std::collections::{BTreeMap, BTreeSet};

use super::endpoint::Place;
use super::name::{Claim, Names};
use super::{Found, Missing, Service, Variable, fill};
use crate::domain::catalog::Group;
use crate::domain::port::ContainerPort;
use crate::error::Failure;

/// Sets the global names, group by group.
pub(super) fn global_variables(services: &[Service], names: &mut Names) -> Result<(), Failure> {
    let mut candidates: BTreeMap<&str, Vec<(&Service, &'static Group)>> = BTreeMap::new();
    for service in services.iter().filter(|service| !service.completes) {
        for group in service.kind.iter().flat_map(|kind| kind.globals) {
            candidates.entry(group.name).or_default().push((service, group));
        }
    }
    for candidates in candidates.into_values() {
        let miss = |names: &mut Names, why: String| {
            let group = candidates.iter().flat_map(|(_, group)| group.variables);
            let all: BTreeSet<String> = group.map(|(name, _)| (*name).to_owned()).collect();
            names.missing.push(Missing { names: all.into_iter().collect(), why });
        };
        let preferred: Vec<_> = candidates.iter().filter(|(service, _)| service.preferred).collect();
        let (service, group, why) = match (preferred.as_slice(), candidates.as_slice()) {
            (&[(service, group)], all) if all.len() > 1 => (service, group, "the primary one that gives it"),
            (_, [(service, group)]) => (service, group, "the only service that gives it"),
            (preferred, all) => {
                let rivals = if preferred.is_empty() { all.iter().collect() } else { preferred.to_vec() };
                let rivals: Vec<String> =
                    rivals.iter().map(|(service, _)| format!("`{}`", service.name)).collect();
                miss(
                    names,
                    format!(
                        "{} would give it; label one of them `dev-prism.primary: \"true\"`",
                        rivals.join(" and ")
                    ),
                );
                continue;
            }
        };
        match service.target() {
            Some(target) => {
                if !names.give_up(group, service.name) {
                    service.give(&target, group, why, names)?;
                }
            }
            None => {
                miss(
                    names,
                    format!("`{}` does not run, or does not publish the port of its kind", service.name),
                );
            }
        }
    }
    Ok(())
}

/// Where global names lead.
struct Target<'a> {
    port: ContainerPort,
    at: &'a Place,
    url: String,
}

impl Service<'_> {
    /// Finds what global names lead to: the primary port, if it speaks the kind's own protocol.
    fn target(&self) -> Option<Target<'_>> {
        let (port, at) = self.replicas.first()?.primary()?;
        let (_, url) = self.kind_url(port, at)?;
        Some(Target { port, at, url })
    }

    /// Gives a group of global names.
    fn give(
        &self,
        target: &Target,
        group: &'static Group,
        why: &str,
        names: &mut Names,
    ) -> Result<(), Failure> {
        let Target { port, at, url } = target;
        let value = |found: &'_ Option<Found>| found.as_ref().map(|found| found.value.clone());
        let (user, password) = (value(&self.credentials.user), value(&self.credentials.password));
        let database = value(&self.credentials.database);
        for (name, template) in group.variables {
            let filled = fill(
                template,
                &[
                    ("url", Some(url)),
                    ("address", Some(&at.to_string())),
                    ("host", Some(&at.host)),
                    ("port", Some(&at.port.to_string())),
                    ("user", user.as_deref()),
                    ("password", password.as_deref()),
                    ("database", database.as_deref()),
                ],
            );
            let Some(value) = filled else { continue };
            let secret =
                template.contains("{password}") || (*template == "{url}" && self.holds_password(url));
            names.add(
                Claim::Global,
                Variable {
                    secret,
                    group: Some(group),
                    ..self.variable((*name).to_owned(), value, Some(*port), why.to_owned())
                },
            )?;
        }
        Ok(())
    }
}
