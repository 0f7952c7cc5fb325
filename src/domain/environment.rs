//! Whose variables win: the caller's environment, prism's variables of this or another session, and the flags.

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

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(entries: &[(&str, &str)]) -> Environment {
        entries.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn assignments(entries: &[(&str, &str)]) -> Vec<Assignment> {
        let group = |name: &str| name.starts_with("PG").then_some("PG");
        entries
            .iter()
            .map(|(n, v)| Assignment { name: (*n).into(), value: (*v).into(), group: group(n) })
            .collect()
    }

    fn value(merged: &Merged, name: &str) -> Option<String> {
        merged.environment.iter().find(|(n, _)| n == name).map(|(_, v)| v.to_string_lossy().into_owned())
    }

    /// Merges a caller's environment with this session's `DATABASE_URL=new`.
    fn merged(caller: &[(&str, &str)], override_environment: bool) -> Merged {
        merge(Sources {
            caller: scrubbed(environment(caller)),
            session: assignments(&[("DATABASE_URL", "new")]),
            override_environment,
            ..Sources::default()
        })
    }

    #[test]
    fn precedence() {
        let old = record([("DATABASE_URL", "old")].into_iter());
        let other = record([("OTHER_URL", "x")].into_iter());
        // The caller's environment, the flag, the child's value, what is reported as kept.
        for (caller, flag, expected, kept) in [
            (&[][..], false, "new", &[][..]),
            (&[("DATABASE_URL", "mine")], false, "mine", &["DATABASE_URL"]),
            (&[("DATABASE_URL", "mine")], true, "new", &[]),
            (&[("DATABASE_URL", "new")], false, "new", &[]),
            (&[("DATABASE_URL", "old"), (RECORD, old.as_str())], false, "new", &[]),
            (&[("DATABASE_URL", "mine"), (RECORD, old.as_str())], false, "mine", &["DATABASE_URL"]),
            (&[("OTHER_URL", "x"), (RECORD, other.as_str())], false, "new", &[]),
        ] {
            let merged = merged(caller, flag);
            assert_eq!(value(&merged, "DATABASE_URL").as_deref(), Some(expected), "{caller:?} {flag}");
            assert_eq!(merged.kept, kept, "{caller:?} {flag}");
            assert_eq!(
                value(&merged, "OTHER_URL"),
                None,
                "another session's variables never reach the child"
            );
        }
    }

    #[test]
    fn a_nested_run_replaces_everything_of_the_outer_one() {
        let outer = merged(&[("HOME", "/h")], false);
        let inner = merge(Sources {
            caller: scrubbed(outer.environment),
            session: assignments(&[("REDIS_URL", "other session")]),
            ..Sources::default()
        });
        assert_eq!(value(&inner, "DATABASE_URL"), None);
        assert_eq!(value(&inner, "REDIS_URL").as_deref(), Some("other session"));
        assert_eq!(value(&inner, "HOME").as_deref(), Some("/h"));
    }

    #[test]
    fn flags_are_stronger_than_the_caller() {
        let merged = merge(Sources {
            caller: environment(&[("A", "caller"), ("B", "caller"), ("C", "caller")]),
            session: assignments(&[("A", "s"), ("B", "s"), ("C", "s"), ("D", "s")]),
            env_files: vec![
                ("A".into(), "file 1".into()),
                ("A".into(), "file 2".into()),
                ("B".into(), "file".into()),
            ],
            explicit: vec![
                Explicit { name: "B".into(), value: Some("flag".into()) },
                Explicit { name: "C".into(), value: None },
            ],
            ..Sources::default()
        });
        let values: Vec<_> =
            ["A", "B", "C", "D"].iter().map(|name| value(&merged, name).unwrap_or_default()).collect();
        assert_eq!(values, ["file 2", "flag", "caller", "s"]);
        assert!(merged.kept.is_empty(), "what -e names is meant: {:?}", merged.kept);
        assert_eq!(
            value(&merged, RECORD),
            Some(record([("D", "s")].into_iter())),
            "only what prism chose is prism's"
        );
    }

    #[test]
    fn explicit_names_the_callers_value_even_with_override() {
        let merged = merge(Sources {
            caller: environment(&[("A", "caller")]),
            session: assignments(&[("A", "s")]),
            explicit: vec![Explicit { name: "A".into(), value: None }],
            override_environment: true,
            ..Sources::default()
        });
        assert_eq!(value(&merged, "A").as_deref(), Some("caller"));
    }

    #[test]
    fn a_group_is_kept_or_replaced_as_a_whole() {
        let session = assignments(&[("PGHOST", "127.0.0.1"), ("PGPORT", "7000"), ("DB_PORT", "7000")]);
        let with = |caller: &[(&str, &str)]| {
            merge(Sources { caller: environment(caller), session: session.clone(), ..Sources::default() })
        };
        let kept = with(&[("PGHOST", "prod")]);
        assert_eq!((value(&kept, "PGPORT"), value(&kept, "DB_PORT").as_deref()), (None, Some("7000")));
        assert_eq!(kept.kept, ["PGHOST"]);
        let replaced = with(&[("PGHOST", "127.0.0.1")]);
        assert_eq!(value(&replaced, "PGPORT").as_deref(), Some("7000"), "an equal value keeps nothing");
    }

    #[test]
    fn prisms_own_names_are_always_prisms() {
        let merged = merge(Sources {
            caller: environment(&[("SESSION_DIR", "/mine")]),
            own: vec![("SESSION_DIR".into(), "/session".into())],
            explicit: vec![Explicit { name: "SESSION_DIR".into(), value: Some("/flag".into()) }],
            ..Sources::default()
        });
        assert_eq!(value(&merged, "SESSION_DIR").as_deref(), Some("/session"));
    }

    #[test]
    fn order_and_foreign_bytes_survive() {
        let foreign = OsStr::from_bytes(b"\xff\xfe").to_owned();
        let caller = vec![
            ("Z".into(), foreign.clone()),
            ("A".into(), "1".into()),
            (foreign.clone(), "x".into()),
            ("A".into(), "2".into()),
        ];
        let merged = merge(Sources { caller, session: assignments(&[("B", "b")]), ..Sources::default() });
        let names: Vec<_> = merged.environment.iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(names, ["Z".into(), "A".into(), foreign, "A".into(), OsString::from("B"), RECORD.into()]);
    }

    #[test]
    fn kept_urls_to_this_machine_are_found() {
        let merged = merge(Sources {
            caller: environment(&[
                ("DATABASE_URL", "postgres://localhost/x"),
                ("REDIS_URL", "redis://cache.example:6379"),
            ]),
            session: assignments(&[("DATABASE_URL", "new"), ("REDIS_URL", "new")]),
            ..Sources::default()
        });
        assert_eq!(kept_loopback_urls(&merged), [("DATABASE_URL".to_owned(), 5432)]);
    }
}
