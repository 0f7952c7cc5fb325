//! The order of all sources, and what belongs together in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use super::{Environment, Explicit, Merged, Origin, Sources, record};
use crate::catalog::Group;
use crate::environment::translation::{Answer, answers};
use crate::failure::Failure;
use crate::identity::own::{RECORD, UNSET};
use crate::stack::dotenv_file::{HOSTS, Line};
use crate::text::loopback::is_for_all;
use crate::variable::Variable;

/// Merges all sources: `-e`, the last `--env-file`, the caller, the session; or the caller last.
///
/// # Errors
/// An `--env-file` asks for a variable that is not set.
pub fn merge(sources: &Sources) -> Result<Merged, Failure> {
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
        sources.explicit.iter().any(by_flag) || sources.env_files.iter().any(|entry| entry.name == v.name)
    };
    let is_callers = |v: &&Variable| !sources.override_environment && differs(v) && !is_superseded(v);
    let is_kept = |group: &'static Group| {
        let is_member = |v: &&Variable| v.group.is_some_and(|other| other.name == group.name);
        sources.session.iter().filter(is_member).any(|v| is_callers(&v))
            || (!sources.override_environment && rivals(group).next().is_some())
    };
    // A host without its port, or the other way round, would lead nowhere, or to somebody else's data. A host that is this
    // machine means the session's port, where that is on it.
    let is_torn = |v: &Variable| {
        let twins = twins(v);
        let mut found = sources.session.iter().filter(|it| twins.contains(&it.name)).filter(is_callers);
        found.any(|twin| {
            // A client that is told all addresses goes to this machine.
            let is_client = || sources.targets.is_of_client(&twin.name);
            let is_here = |host: &str| sources.targets.is_here(host) || is_for_all(host) && is_client();
            let said = callers_value(&twin.name).and_then(OsStr::to_str).unwrap_or_default();
            twin.name.contains("_PORT") || !(is_here(said) && is_here(&twin.value))
        })
    };
    let mut set: BTreeMap<String, OsString> = BTreeMap::new();
    let mut removed: BTreeSet<&str> = BTreeSet::new();
    let mut recorded: Vec<(&str, &str)> = Vec::new();
    let mut kept: BTreeSet<String> = BTreeSet::new();
    let mut kept_groups: Vec<&'static Group> = Vec::new();
    let mut origins: BTreeMap<String, Origin> = BTreeMap::new();
    for variable in &sources.session {
        let Variable { name, value, group, key, .. } = variable;
        let kept_group = group.filter(|group| is_kept(group));
        let is_kept = kept_group.is_some() || is_torn(variable);
        if is_kept || (!sources.override_environment && differs(variable)) {
            kept.extend(callers_value(name).map(|_| name.clone()));
            kept.extend(group.iter().copied().flat_map(rivals).map(|rival| (*rival).to_owned()));
            kept_groups.extend(kept_group.filter(|group| kept_groups.iter().all(|it| it.name != group.name)));
        } else {
            set.insert(name.clone(), value.into());
            recorded.push((name, value));
            removed.extend(group.iter().copied().flat_map(rivals));
            origins.extend(key.iter().map(|key| (name.clone(), Origin::Configuration(key.clone()))));
        }
    }
    if sources.own.iter().any(|(name, _)| name == "COMPOSE_FILE") {
        removed.insert(UNSET);
    }
    let of_caller = |name: &str| callers_value(name).filter(|_| !removed.contains(name));
    let unset = read_files(sources, &of_caller, &mut set, &mut origins)?;
    let halves = halves(sources, &of_caller, &set);
    recorded.extend(halves.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    set.extend(halves.iter().map(|(name, value)| (name.clone(), value.into())));
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
    let names: BTreeSet<&str> = caller.iter().filter_map(|(name, _)| name.to_str()).collect();
    let inherited = names.into_iter().filter(|name| !set.contains_key(*name));
    origins.extend(inherited.map(|name| (name.to_owned(), Origin::Caller)));
    let is_own = |name: &str| sources.own.iter().any(|(own, _)| own == name);
    origins.retain(|name, _| !meant(name) && !is_own(name));
    let is_withheld =
        |name: &&String| !set.contains_key(*name) && callers_value(name).is_none() && !meant(name);
    let session = sources.session.iter().map(|variable| &variable.name);
    let withheld: BTreeSet<String> = session.filter(is_withheld).cloned().collect();
    Ok(Merged {
        environment: replace(caller, set),
        kept: kept.into_iter().collect(),
        kept_groups,
        withheld: withheld.into_iter().collect(),
        origins,
        unset,
    })
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

/// Names the variables that say, together with a service's `…_HOST` or `…_PORT`, where it is; `…_HOST_80` and `…_PORT_80`
/// are such twins, too.
fn twins(variable: &Variable) -> Vec<String> {
    if variable.service.is_none() || variable.group.is_some() {
        return Vec::new();
    }
    let name = &variable.name;
    let is_of_port = |rest: &str| {
        rest.strip_prefix('_').is_some_and(|port| port.starts_with(|c: char| c.is_ascii_digit()))
    };
    let divided = |word: &str| {
        let (stem, rest) = name.rsplit_once(word)?;
        (rest.is_empty() || is_of_port(rest)).then(|| (stem.to_owned(), rest.to_owned()))
    };
    match (divided("_PORT"), HOSTS.iter().find_map(|word| divided(word))) {
        (Some((stem, rest)), _) => HOSTS.iter().map(|host| format!("{stem}{host}{rest}")).collect(),
        (None, Some((stem, rest))) => vec![format!("{stem}_PORT{rest}")],
        (None, None) => Vec::new(),
    }
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
