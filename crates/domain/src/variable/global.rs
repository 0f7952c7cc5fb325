//! The names that programs look for by themselves, where it is clear which service is meant.

use std::collections::{BTreeMap, BTreeSet};

use super::endpoint::Place;
use super::name::{Claim, Names};
use super::{Credentials, Found, Missing, Provider, Variable, address, fill};
use crate::catalog::Group;
use crate::failure::Failure;
use crate::port::ContainerPort;

/// Sets the global names, group by group.
pub(super) fn global_variables(services: &[Provider], names: &mut Names) -> Result<(), Failure> {
    let mut candidates: BTreeMap<&str, Vec<Candidate>> = BTreeMap::new();
    for service in services.iter().filter(|service| !service.completes) {
        for group in service.kind.iter().flat_map(|kind| kind.globals).copied() {
            // What runs without the port of a group has nothing to give; of what does not run, nobody knows.
            if service
                .target()
                .is_none_or(|target| group.variables.iter().any(|it| service.value(&target, it).is_some()))
            {
                candidates.entry(group.name).or_default().push(Candidate { service, group });
            }
        }
    }
    for candidates in candidates.into_values() {
        // Who takes any credentials takes the other's.
        let (guests, owners): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|it| it.group.takes_any);
        let (owners, guests) = if owners.is_empty() { (guests, Vec::new()) } else { (owners, guests) };
        if give(&owners, names)? && guests.len() == 1 {
            give(&guests, names)?;
        }
    }
    Ok(())
}

/// A service that would give a group of names.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    service: &'a Provider<'a>,
    group: &'static Group,
}

/// Gives a group of names if it is clear which service is meant; says whether it was.
fn give(candidates: &[Candidate], names: &mut Names) -> Result<bool, Failure> {
    let miss = |names: &mut Names, why: String| {
        let group = candidates.iter().flat_map(|it| it.group.variables);
        let all: BTreeSet<String> = group.map(|(name, _)| (*name).to_owned()).collect();
        names.missing.push(Missing { names: all.into_iter().collect(), why });
    };
    let preferred: Vec<Candidate> = candidates.iter().filter(|it| it.service.preferred).copied().collect();
    let (Candidate { service, group }, why) = match (preferred.as_slice(), candidates) {
        (&[one], all) if all.len() > 1 => (one, "the primary one that gives it"),
        (_, &[one]) => (one, "the only service that gives it"),
        (preferred, all) => {
            let rivals = if preferred.is_empty() { all } else { preferred };
            let rivals: Vec<String> = rivals.iter().map(|it| format!("`{}`", it.service.name)).collect();
            miss(
                names,
                format!(
                    "{} would give it; label one of them `dev-prism.primary: \"true\"`",
                    rivals.join(" and ")
                ),
            );
            return Ok(false);
        }
    };
    let Some(target) = service.target() else {
        miss(names, format!("`{}` does not run, or does not publish the port of its kind", service.name));
        return Ok(false);
    };
    if names.give_up(group, service.name) {
        return Ok(false);
    }
    service.give(&target, group, why, names)?;
    Ok(true)
}

/// Where global names lead.
struct Target<'a> {
    port: ContainerPort,
    at: &'a Place,
    template: &'static str,
    url: String,
}

impl Provider<'_> {
    /// Finds what global names lead to: the primary port, if it speaks the kind's own protocol.
    fn target(&self) -> Option<Target<'_>> {
        let (port, at) = self.replicas.first()?.primary()?;
        let (_, template, url) = self.kind_url(port, at)?;
        Some(Target { port, at, template, url })
    }

    /// Fills one line of a group.
    fn value(&self, target: &Target, (_, template): &(&str, &str)) -> Option<String> {
        let ports = &self.replicas.first()?.ports;
        let Credentials { user, password, database, facts } = &self.credentials;
        let of = |found: &Option<Found>| found.as_ref().map(|found| found.value.clone());
        fill(template, |name| match name {
            "url" => Some(target.url.clone()),
            "host" => Some(target.at.host.clone()),
            "port" => Some(target.at.port.to_string()),
            "user" => of(user),
            "password" => of(password),
            "database" => of(database),
            _ => {
                let fact = facts.iter().find(|(fact, _)| fact.suffix == name);
                fact.map(|(_, found)| found.value.clone()).or_else(|| address(name, target.at, ports))
            }
        })
    }

    /// Gives a group of global names.
    fn give(
        &self,
        target: &Target,
        group: &'static Group,
        why: &str,
        names: &mut Names,
    ) -> Result<(), Failure> {
        let secrets: Vec<String> = self.secret_facts().map(|suffix| format!("{{{suffix}}}")).collect();
        for line in group.variables {
            let Some(value) = self.value(target, line) else { continue };
            let (name, template) = line;
            let secret = self.tells_password(template)
                || secrets.iter().any(|secret| template.contains(secret))
                || (template.contains("{url}") && self.tells_password(target.template));
            names.add(
                Claim::Global,
                Variable {
                    secret,
                    group: Some(group),
                    ..self.variable((*name).to_owned(), value, Some(target.port), why.to_owned())
                },
            )?;
        }
        Ok(())
    }

    fn secret_facts(&self) -> impl Iterator<Item = &'static str> {
        self.credentials.facts.iter().filter(|(fact, _)| fact.is_secret).map(|(fact, _)| fact.suffix)
    }
}
