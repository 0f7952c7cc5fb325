//! The order of all sources, and what belongs together in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use super::said::Said;
use super::{Environment, Explicit, Merged, Origin, Sources, record};
use crate::catalog::Group;
use crate::environment::translation::{Answer, answers};
use crate::failure::Failure;
use crate::identity::own::{RECORD, UNSET};
use crate::stack::dotenv_file::Line;
use crate::variable::Variable;

/// Merges all sources: `-e`, the last `--env-file`, the caller, the session; or the caller last.
///
/// # Errors
/// An `--env-file` asks for a variable that is not set.
pub fn merge(sources: &Sources) -> Result<Merged, Failure> {
    let said = Said::new(sources);
    let mut laid = Laid::session(&said);
    if sources.own.iter().any(|(name, _)| name == "COMPOSE_FILE") {
        laid.removed.insert(UNSET);
    }
    let removed = laid.removed.clone();
    let of_caller = |name: &str| said.by_caller(name).filter(|_| !removed.contains(name));
    let unset = read_files(sources, &of_caller, &mut laid.set, &mut laid.origins)?;
    let halves = halves(sources, &of_caller, &laid.set);
    laid.set.extend(halves.iter().map(|(name, value)| (name.clone(), value.into())));
    laid.recorded.extend(halves);
    for Explicit { name, value } in &sources.explicit {
        match value.as_deref().or_else(|| said.by_caller(name)) {
            Some(value) => drop(laid.set.insert(name.clone(), value.to_owned())),
            None => drop(laid.set.remove(name)),
        }
    }
    Ok(laid.finish(&said, unset))
}

/// What is laid over the caller's environment so far.
#[derive(Default)]
struct Laid {
    set: BTreeMap<String, OsString>,
    /// Names of the caller's that give way without being set.
    removed: BTreeSet<&'static str>,
    /// What the session gave.
    recorded: Vec<(String, String)>,
    kept: BTreeSet<String>,
    kept_groups: Vec<&'static Group>,
    origins: BTreeMap<String, Origin>,
}

impl Laid {
    /// Lays the session's variables, but for those that are the caller's.
    fn session(said: &Said) -> Self {
        let mut laid = Self::default();
        let rivals = |group: Option<&'static Group>| group.into_iter().flat_map(|group| said.rivals(group));
        for variable in &said.sources.session {
            let Variable { name, value, group, key, .. } = variable;
            let kept_group = group.filter(|group| said.is_kept(group));
            if kept_group.is_some() || said.is_torn(variable) || said.wins(variable) {
                laid.kept.extend(said.by_caller(name).map(|_| name.clone()));
                laid.kept.extend(rivals(*group).map(|rival| (*rival).to_owned()));
                let is_new = |group: &&'static Group| laid.kept_groups.iter().all(|it| it.name != group.name);
                let new = kept_group.filter(is_new);
                laid.kept_groups.extend(new);
            } else {
                laid.set.insert(name.clone(), value.into());
                laid.recorded.push((name.clone(), value.clone()));
                laid.removed.extend(rivals(*group).copied());
                laid.origins.extend(key.iter().map(|key| (name.clone(), Origin::Configuration(key.clone()))));
            }
        }
        laid
    }

    /// Lays prism's own over all that, and says who gave what.
    fn finish(mut self, said: &Said, unset: Vec<(String, String)>) -> Merged {
        let Sources { session, own, caller, .. } = said.sources;
        self.kept.retain(|name| !said.is_meant(name) && !self.set.contains_key(name));
        self.recorded.retain(|(name, value)| self.set.get(name).is_some_and(|found| found == value.as_str()));
        let recorded = self.recorded.iter().chain(own).map(|(name, value)| (name.as_str(), value.as_str()));
        let record = record(recorded);
        self.set.extend(own.iter().map(|(name, value)| (name.clone(), value.into())));
        self.set.insert(RECORD.to_owned(), record.into());
        self.removed.retain(|name| !said.is_meant(name));
        let mut caller = caller.clone();
        caller.retain(|(name, _)| name.to_str().is_none_or(|name| !self.removed.contains(name)));
        let names: BTreeSet<&str> = caller.iter().filter_map(|(name, _)| name.to_str()).collect();
        let inherited = names.into_iter().filter(|name| !self.set.contains_key(*name));
        self.origins.extend(inherited.map(|name| (name.to_owned(), Origin::Caller)));
        let is_own = |name: &str| own.iter().any(|(own, _)| own == name);
        self.origins.retain(|name, _| !said.is_meant(name) && !is_own(name));
        let is_there = |name: &str| self.set.contains_key(name) || said.by_caller(name).is_some();
        let names = session.iter().map(|variable| &variable.name);
        let withheld: BTreeSet<&String> =
            names.filter(|name| !is_there(name) && !said.is_meant(name)).collect();
        Merged {
            withheld: withheld.into_iter().cloned().collect(),
            environment: replace(caller, self.set),
            kept: self.kept.into_iter().collect(),
            kept_groups: self.kept_groups,
            origins: self.origins,
            unset,
        }
    }
}

/// Completes hosts of the caller's that are this machine, and have no port beside them: programs would take the usual one,
/// which is somebody else's.
fn halves<'c>(
    sources: &Sources,
    of_caller: &dyn Fn(&str) -> Option<&'c OsStr>,
    set: &BTreeMap<String, OsString>,
) -> Vec<(String, String)> {
    let found = sources.caller.iter().filter_map(|(name, host)| {
        let (name, host) = (name.to_str()?, host.to_str()?);
        let (port, number) = sources.targets.complement(name, host)?;
        let is_said = set.contains_key(name) || set.contains_key(&port) || of_caller(&port).is_some();
        (!is_said && of_caller(name).is_some()).then(|| (port, number.to_string()))
    });
    // Of two halves of one whole, either will do.
    found.collect::<BTreeMap<String, String>>().into_iter().collect()
}

/// Sets what all `--env-file` say, the last one of a name, and leads it to the session. Lists where a line names a variable
/// that is not set.
fn read_files<'c>(
    sources: &Sources,
    of_caller: &dyn Fn(&str) -> Option<&'c OsStr>,
    set: &mut BTreeMap<String, OsString>,
    origins: &mut BTreeMap<String, Origin>,
) -> Result<Vec<(String, String)>, Failure> {
    let mut unset = Vec::new();
    for entry in &sources.env_files {
        let known = |name: &str| -> Option<OsString> {
            let own = sources.own.iter().find(|(own, _)| own == name).map(|(_, value)| value.into());
            let explicit = sources.explicit.iter().rev().find(|explicit| explicit.name == name);
            let of_caller = || of_caller(name).map(OsStr::to_owned);
            own.or_else(|| explicit.and_then(|explicit| explicit.value.clone().or_else(of_caller)))
                .or_else(|| set.get(name).cloned())
                .or_else(of_caller)
        };
        let (value, missing) = entry.expand(known)?;
        unset.extend(missing.into_iter().map(|name| (entry.place.clone(), name)));
        set.insert(entry.name.clone(), value);
        origins.insert(entry.name.clone(), Origin::File(entry.place.clone()));
    }
    let lines = sources.env_files.iter().rev().filter_map(|entry| {
        let value = set.get(&entry.name)?.to_str()?.to_owned();
        Some(Line { name: entry.name.clone(), value, file: String::new(), place: entry.place.clone() })
    });
    for Answer { name, value, place, .. } in answers(&lines.collect::<Vec<_>>(), &sources.targets) {
        // A port that follows from a host alone is the caller's, if that is known.
        if origins.contains_key(&name) || of_caller(&name).is_none() {
            set.insert(name.clone(), value.into());
            origins.insert(name, Origin::File(place));
        }
    }
    Ok(unset)
}

/// Keeps the caller's order: a replaced variable stays where it was, new ones follow.
fn replace(caller: Environment, mut set: BTreeMap<String, OsString>) -> Environment {
    let replaced: Vec<String> =
        set.keys().filter(|name| caller.iter().any(|(n, _)| n == name.as_str())).cloned().collect();
    let mut environment = Environment::with_capacity(caller.len() + set.len());
    for (name, value) in caller {
        match name.to_str().and_then(|name| set.remove_entry(name)) {
            Some((_, new)) => environment.push((name, new)),
            // A second entry of a name that was replaced must not come back.
            None if replaced.iter().any(|replaced| name == replaced.as_str()) => {}
            None => environment.push((name, value)),
        }
    }
    environment.extend(set.into_iter().map(|(name, value)| (name.into(), value)));
    environment
}
