//! Whose variables win: the caller's environment, prism's variables of this or another session, and the flags.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::catalog::Group;
use super::name::content_hash;
use super::url;

/// The variable that tells prism's own variables from the caller's: `NAME=<hash of its value>` by spaces.
pub const RECORD: &str = "PRISM_VARS";

/// The file name of the override that a session generates.
pub const OVERRIDE: &str = "docker-compose.session.yml";

/// The names that are always prism's.
pub const OWN: [&str; 7] = [
    "PRISM_SESSION",
    "SESSION_DIR",
    "COMPOSE_PROJECT_NAME",
    "COMPOSE_FILE",
    "COMPOSE_PATH_SEPARATOR",
    "COMPOSE_ENV_FILES",
    "COMPOSE_DISABLE_ENV_FILE",
];

/// An environment, in the order in which the process got it.
pub type Environment = Vec<(OsString, OsString)>;

/// A variable that prism would set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
    /// The names that are kept or replaced together with it.
    pub group: Option<&'static Group>,
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
    let is_on_record = |name: &OsStr, value: &OsStr| {
        let hash = name.to_str().and_then(|name| record.get(name));
        hash.is_some_and(|hash| *hash == content_hash(value.as_bytes()))
    };
    // Tools that pass on only known names drop the record: an override among the Compose files tells, too.
    let has_lost_record = environment.iter().any(|(name, value)| {
        name == "COMPOSE_FILE" && value.to_string_lossy().contains(OVERRIDE) && !is_on_record(name, value)
    });
    let is_prisms = |name: &OsStr, value: &OsStr| {
        name == RECORD
            || is_on_record(name, value)
            || (has_lost_record && name.to_str().is_some_and(|name| OWN.contains(&name)))
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

    let differs = |a: &Assignment| callers_value(&a.name).is_some_and(|value| value != a.value.as_str());
    let rivals = |group: &'static Group| group.rivals.iter().filter(|rival| callers_value(rival).is_some());
    let is_kept = |group: &Group| {
        let mut members =
            sources.session.iter().filter(|a| a.group.is_some_and(|g| g.prefix == group.prefix));
        !sources.override_environment
            && (members.any(differs) || group.rivals.iter().any(|rival| callers_value(rival).is_some()))
    };
    let mut set: BTreeMap<String, OsString> = BTreeMap::new();
    let mut removed: BTreeSet<&str> = BTreeSet::new();
    let mut recorded: Vec<(&str, &str)> = Vec::new();
    let mut kept: BTreeSet<String> = BTreeSet::new();
    for assignment in &sources.session {
        let Assignment { name, value, group } = assignment;
        let is_group_kept = group.is_some_and(is_kept);
        if is_group_kept || (!sources.override_environment && differs(assignment)) {
            kept.extend(callers_value(name).map(|_| name.clone()));
            kept.extend(group.iter().copied().flat_map(rivals).map(|rival| (*rival).to_owned()));
        } else {
            set.insert(name.clone(), value.into());
            recorded.push((name, value));
            removed.extend(group.iter().copied().flat_map(rivals));
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
    set.extend(sources.own.iter().map(|(name, value)| (name.clone(), value.into())));
    set.insert(RECORD.to_owned(), record.into());
    removed.retain(|name| !meant(name));
    let mut caller = sources.caller.clone();
    caller.retain(|(name, _)| name.to_str().is_none_or(|name| !removed.contains(name)));
    Merged { environment: replace(caller, set), kept: kept.into_iter().collect() }
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

/// Finds the kept variables that lead to a port of this machine: name and port. A URL does, and so does the port
/// of a kept group, unless its host is another machine's.
pub fn kept_loopback_ports(merged: &Merged) -> Vec<(String, u16)> {
    let value_of =
        |name: &str| merged.environment.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.to_str());
    let is_here =
        |host: &str| value_of(host).is_none_or(|host| host.starts_with('/') || url::is_loopback(host));
    let port = |name: &String| match name.as_str() {
        "PGPORT" if is_here("PGHOST") && is_here("PGHOSTADDR") => value_of(name)?.parse().ok(),
        "MYSQL_TCP_PORT" if is_here("MYSQL_HOST") => value_of(name)?.parse().ok(),
        _ => url::loopback_port(value_of(name)?),
    };
    merged.kept.iter().filter_map(|name| Some((name.clone(), port(name)?))).collect()
}
