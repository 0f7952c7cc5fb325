//! Whose variables win: the caller's environment, prism's variables of this or another session, and the flags.

mod former;
mod lead;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

pub use self::former::{former, original};
pub use self::lead::{Lead, Ports, Stray, leads, strays};
use super::catalog::Group;
use super::name::content_hash;
use super::variable::Variable;

/// The variable that tells prism's own variables from the caller's: `NAME=<hash of its value>` by spaces.
pub const RECORD: &str = "PRISM_VARS";

/// The variable in which a shell's hook keeps what it set, for that shell alone.
pub const DIFF: &str = "__PRISM_DIFF";

/// The variable that holds, as JSON, what the caller had where prism sets something that Compose reads.
pub const FORMER: &str = "PRISM_FORMER";

/// The variable by which direnv's `use prism` claims a session directory for itself.
pub const DIRENV: &str = "PRISM_DIRENV";

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
    pub session: Vec<Variable>,
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
    /// Groups that are the caller's though the session has them too.
    pub kept_groups: Vec<&'static Group>,
    /// Names that are the caller's without anybody having said that they are meant, sorted.
    pub inherited: Vec<String>,
}

impl Merged {
    /// Takes a variable out.
    pub fn remove(&mut self, name: &str) {
        self.environment.retain(|(found, _)| found != name);
    }
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
            || name == DIFF
            || name == FORMER
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

/// Reads a record.
pub fn parse_record(text: &str) -> BTreeMap<String, String> {
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

    let is_set_by_session = |name: &str| sources.session.iter().any(|variable| variable.name == name);
    let differs = |v: &Variable| callers_value(&v.name).is_some_and(|value| value != v.value.as_str());
    let rivals = |group: &'static Group| {
        let present = |rival: &&&str| callers_value(rival).is_some() && !is_set_by_session(rival);
        group.rivals.iter().filter(present)
    };
    // What a flag says instead of the caller's environment leaves the rest of a group to the session.
    let is_superseded = |v: &&Variable| {
        let by_flag = |it: &Explicit| it.name == v.name && it.value.is_some();
        sources.explicit.iter().any(by_flag) || sources.env_files.iter().any(|(name, _)| *name == v.name)
    };
    let is_kept = |group: &'static Group| {
        let is_member =
            |v: &&Variable| v.group.is_some_and(|other| other.name == group.name) && !is_superseded(v);
        !sources.override_environment
            && (sources.session.iter().filter(is_member).any(differs) || rivals(group).next().is_some())
    };
    let mut set: BTreeMap<String, OsString> = BTreeMap::new();
    let mut removed: BTreeSet<&str> = BTreeSet::new();
    let mut recorded: Vec<(&str, &str)> = Vec::new();
    let mut kept: BTreeSet<String> = BTreeSet::new();
    let mut kept_groups: Vec<&'static Group> = Vec::new();
    for variable in &sources.session {
        let Variable { name, value, group, .. } = variable;
        let kept_group = group.filter(|group| is_kept(group));
        if kept_group.is_some() || (!sources.override_environment && differs(variable)) {
            kept.extend(callers_value(name).map(|_| name.clone()));
            kept.extend(group.iter().copied().flat_map(rivals).map(|rival| (*rival).to_owned()));
            kept_groups.extend(kept_group.filter(|group| kept_groups.iter().all(|it| it.name != group.name)));
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
    let is_inherited = |name: &&str| !set.contains_key(*name) && !meant(name);
    let names: BTreeSet<&str> = caller.iter().filter_map(|(name, _)| name.to_str()).collect();
    let inherited = names.into_iter().filter(is_inherited).map(str::to_owned).collect();
    Merged { environment: replace(caller, set), kept: kept.into_iter().collect(), kept_groups, inherited }
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
