//! Whose variables win: the caller's environment, prism's variables of this or another session, and the flags.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::name::content_hash;
use super::url;

/// The variable that tells prism's own variables from the caller's: `NAME=<hash of its value>` by spaces.
pub const RECORD: &str = "PRISM_VARS";

/// An environment, in the order in which the process got it.
pub type Environment = Vec<(OsString, OsString)>;

/// A variable that prism would set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
    /// The prefix of the names that are kept or replaced together with it.
    pub group: Option<&'static str>,
}

/// A `-e NAME[=VALUE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explicit {
    /// The name.
    pub name: String,
    /// The value; `None` means: the caller's, and it is meant.
    pub value: Option<OsString>,
}

/// All that goes into a child's environment.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The caller's environment, [`scrubbed`].
    pub caller: Environment,
    /// The session's variables, those of `prism.yaml` among them.
    pub session: Vec<Assignment>,
    /// Always prism's, whatever anybody says: `PRISM_*`, `SESSION_DIR`, `COMPOSE_*`.
    pub own: Vec<(String, String)>,
    /// The entries of all `--env-file`, in order.
    pub env_files: Vec<(String, String)>,
    /// `-e`, in order.
    pub explicit: Vec<Explicit>,
    /// The caller's environment comes last.
    pub override_environment: bool,
}

/// A child's environment, and what of the caller's stayed in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The environment.
    pub environment: Environment,
    /// Names whose value is the caller's though the session has another, sorted.
    pub kept: Vec<String>,
}

/// Removes what an outer prism set: every variable whose value still is the one on record.
pub fn scrubbed(environment: Environment) -> Environment {
    let record = environment.iter().find(|(name, _)| name == RECORD);
    let record: BTreeMap<String, String> =
        record.and_then(|(_, value)| value.to_str()).map(parse_record).unwrap_or_default();
    let is_prisms = |name: &OsStr, value: &OsStr| {
        name == RECORD
            || name
                .to_str()
                .and_then(|name| record.get(name))
                .is_some_and(|hash| *hash == content_hash(value.as_bytes()))
    };
    environment.into_iter().filter(|(name, value)| !is_prisms(name, value)).collect()
}

/// Builds the record of `assignments`.
pub fn record<'a>(assignments: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let entries: BTreeMap<&str, String> =
        assignments.map(|(name, value)| (name, content_hash(value.as_bytes()))).collect();
    entries.iter().map(|(name, hash)| format!("{name}={hash}")).collect::<Vec<_>>().join(" ")
}

fn parse_record(text: &str) -> BTreeMap<String, String> {
    text.split(' ')
        .filter_map(|entry| entry.split_once('='))
        .map(|(n, h)| (n.to_owned(), h.to_owned()))
        .collect()
}

/// Merges all sources: `-e`, the last `--env-file`, the caller, the session; or the caller last.
pub fn merge(sources: Sources) -> Merged {
    let caller: BTreeMap<&OsStr, &OsStr> =
        sources.caller.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str())).collect();
    let callers_value = |name: &str| caller.get(OsStr::new(name)).copied();
    let meant = |name: &str| sources.explicit.iter().any(|explicit| explicit.name == name);

    let kept_groups: BTreeSet<&str> = if sources.override_environment {
        BTreeSet::new()
    } else {
        let differing =
            sources.session.iter().filter(|a| callers_value(&a.name).is_some_and(|v| v != a.value.as_str()));
        differing.filter_map(|assignment| assignment.group).collect()
    };
    let mut set: BTreeMap<String, OsString> = BTreeMap::new();
    let mut recorded: Vec<(&str, &str)> = Vec::new();
    let mut kept: BTreeSet<String> = BTreeSet::new();
    for Assignment { name, value, group } in &sources.session {
        let callers = callers_value(name);
        let is_kept = !sources.override_environment
            && (callers.is_some_and(|callers| callers != value.as_str())
                || group.is_some_and(|group| kept_groups.contains(group)));
        if !is_kept {
            set.insert(name.clone(), value.into());
            recorded.push((name, value));
        } else if callers.is_some() {
            kept.insert(name.clone());
        }
    }
    for (name, value) in &sources.env_files {
        set.insert(name.clone(), value.into());
    }
    for Explicit { name, value } in &sources.explicit {
        match value.as_deref().or_else(|| callers_value(name)) {
            Some(value) => drop(set.insert(name.clone(), value.to_owned())),
            None => drop(set.remove(name)),
        }
    }
    kept.retain(|name| !meant(name) && !set.contains_key(name));
    recorded.retain(|(name, value)| set.get(*name).is_some_and(|found| found == value));
    recorded.extend(sources.own.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let record = record(recorded.into_iter());
    set.extend(sources.own.into_iter().map(|(name, value)| (name, value.into())));
    set.insert(RECORD.to_owned(), record.into());
    Merged { environment: replace(sources.caller, set), kept: kept.into_iter().collect() }
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

/// Finds the kept variables that are URLs to a port of this machine: name and port.
pub fn kept_loopback_urls(merged: &Merged) -> Vec<(String, u16)> {
    let value_of =
        |name: &str| merged.environment.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.to_str());
    let ports =
        merged.kept.iter().filter_map(|name| Some((name.clone(), url::loopback_port(value_of(name)?)?)));
    ports.collect()
}
