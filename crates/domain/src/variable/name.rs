//! Names of variables: which are taken, and which no service may give.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::setting::reader;
use super::{Missing, Variable, Variables, unset};
use crate::catalog::Group;
use crate::failure::Failure;
use crate::identity::name::ServiceName;
use crate::identity::variable_name::is_reserved;

/// How much a name is a service's own; what only follows from a rule gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// One that programs look for, whatever the service is called: `DATABASE_URL`.
    Global,
    /// One that follows from what the service is: a replica's, a credential, a user interface.
    Derived,
    /// What the service is called, with `_HOST`, `_PORT` or `_URL`.
    Called,
}

/// The names that are given so far.
#[derive(Default)]
pub(super) struct Names {
    found: BTreeMap<String, (Claim, Variable)>,
    /// Claimed by several services alike, and so given by none.
    contested: BTreeMap<String, Claim>,
    /// The names that are not given, by the reason.
    lost: BTreeMap<String, BTreeSet<String>>,
    /// Services, each with a name that another one has and that they would give, too.
    given_up: Vec<(String, String)>,
    pub(super) missing: Vec<Missing>,
}

impl Names {
    /// Gives a name to a service, unless it may not be given, or another one has as good a claim to it.
    pub(super) fn add(&mut self, claim: Claim, variable: Variable) -> Result<(), Failure> {
        let Variable { name, value, .. } = &variable;
        let service = shown(&variable).to_owned();
        // What a kind gives is what the program asks for.
        let of_others = || reader(name).filter(|_| claim != Claim::Global);
        let reader = if is_reserved(name) { Some("another program") } else { of_others() };
        if let Some(reader) = reader {
            let why = format!(
                "{reader} takes its own settings from such names; give service `{service}` a prefix (label `dev-prism.prefix`)"
            );
            self.lose(why, name);
            return Ok(());
        }
        if value.contains('\0') {
            return Err(Failure::new(format!("the value of {name} (service `{service}`) holds a NUL byte")));
        }
        if self.contested.get(name).is_some_and(|other| *other >= claim) {
            return Ok(());
        }
        let Some((other_claim, found)) = self.found.get_mut(name) else {
            self.found.insert(name.clone(), (claim, variable));
            return Ok(());
        };
        // A service may be called like the name that its kind gives: `redis` and REDIS_URL.
        let is_guest = variable
            .group
            .is_some_and(|it| it.takes_any && found.group.is_some_and(|other| other.name == it.name));
        if found.service == variable.service || is_guest {
            found.group = found.group.or(variable.group);
            return Ok(());
        }
        let other = shown(found).to_owned();
        let name = name.clone();
        match claim.cmp(other_claim) {
            Ordering::Less => self.given_up.push((service, name)),
            Ordering::Greater => {
                (*other_claim, *found) = (claim, variable);
                self.given_up.push((other, name));
            }
            Ordering::Equal => {
                self.found.remove(&name);
                self.lose(
                    format!(
                        "services `{other}` and `{service}` both give it; give one of them another prefix: label `dev-prism.prefix`"
                    ),
                    &name,
                );
                self.contested.insert(name, claim);
            }
        }
        Ok(())
    }

    fn lose(&mut self, why: String, name: &str) {
        self.lost.entry(why).or_default().insert(name.to_owned());
    }

    /// Gives none of the names of a group to `service` if another one has one of them, or would have it: a group goes
    /// as a whole, as its host with another's port would lead nowhere.
    pub(super) fn give_up(&mut self, group: &Group, service: &ServiceName) -> bool {
        let owner = |name: &str| {
            let (_, found) = self.found.get(name)?;
            (found.service.as_ref() != Some(service)).then(|| shown(found))
        };
        // Who takes any credentials does so beside the other who gives some.
        let is_shared = |name: &str| {
            let found = self.found.get(name).and_then(|(_, found)| found.group);
            group.takes_any && found.is_some_and(|found| found.name == group.name)
        };
        let names: BTreeSet<&str> = group.variables.iter().map(|(name, _)| *name).collect();
        let names = names.into_iter().filter(|name| !is_shared(name));
        let (taken, free): (Vec<&str>, Vec<&str>) = names.partition(|name| owner(name).is_some());
        let Some(owner) = taken.first().and_then(|name| owner(name)) else { return false };
        let why = format!(
            "`{service}` gives it only together with {}; {}",
            taken.join(", "),
            belongs(&taken, owner, &service.0)
        );
        let taken: Vec<_> = taken.iter().map(|name| (service.0.clone(), (*name).to_owned())).collect();
        for name in free {
            self.lose(why.clone(), name);
        }
        self.given_up.extend(taken);
        true
    }

    /// Takes the variables.
    pub(super) fn finish(mut self) -> Variables {
        let reasons =
            self.lost.into_iter().map(|(why, names)| Missing { names: names.into_iter().collect(), why });
        self.missing.extend(reasons);
        let mut given_up: BTreeMap<(String, &str), BTreeSet<&str>> = BTreeMap::new();
        for (service, name) in &self.given_up {
            // What is contested since is nobody's, and said already.
            let Some((_, found)) = self.found.get(name) else { continue };
            given_up.entry((service.clone(), shown(found))).or_default().insert(name);
        }
        for ((service, owner), names) in given_up {
            let why = belongs(&names.into_iter().collect::<Vec<_>>(), owner, &service);
            self.missing.push(Missing { names: Vec::new(), why });
        }
        let list: Vec<Variable> = self.found.into_values().map(|(_, variable)| variable).collect();
        Variables { missing: unset(self.missing, &list), list }
    }
}

/// Says whose names these are that two services would give.
fn belongs(names: &[&str], owner: &str, other: &str) -> String {
    format!(
        "{} {} `{owner}`'s, as it is called, and not `{other}`'s; another prefix changes that: label `dev-prism.prefix`",
        names.join(", "),
        if names.len() == 1 { "is" } else { "are" },
    )
}

fn shown(variable: &Variable) -> &str {
    variable.service.as_ref().map_or("prism.yaml", |service| &service.0)
}
