//! Who says what of a variable: questions to the sources of an environment.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use super::{Explicit, Sources};
use crate::catalog::Group;
use crate::identity::address_name::HOSTS;
use crate::text::loopback::is_for_all;
use crate::variable::Variable;

/// The sources, with the caller's environment by name.
pub(super) struct Said<'s> {
    pub(super) sources: &'s Sources,
    caller: BTreeMap<&'s OsStr, &'s OsStr>,
}

impl<'s> Said<'s> {
    pub(super) fn new(sources: &'s Sources) -> Self {
        let caller = sources.caller.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        Self { sources, caller: caller.collect() }
    }

    /// Returns the caller's value.
    pub(super) fn by_caller(&self, name: &str) -> Option<&'s OsStr> {
        self.caller.get(OsStr::new(name)).copied()
    }

    /// Says whether a flag names it.
    pub(super) fn is_meant(&self, name: &str) -> bool {
        self.sources.explicit.iter().any(|explicit| explicit.name == name)
    }

    /// Says whether the caller has another value, which comes before the session's.
    pub(super) fn wins(&self, variable: &Variable) -> bool {
        let by_caller = self.by_caller(&variable.name);
        !self.sources.override_environment && by_caller.is_some_and(|value| value != variable.value.as_str())
    }

    /// Lists the names of the caller's that stand against a group, and that the session does not give.
    pub(super) fn rivals(&self, group: &'static Group) -> impl Iterator<Item = &'static &'static str> {
        let is_set = |name: &str| self.sources.session.iter().any(|variable| variable.name == name);
        group.rivals.iter().filter(move |rival| self.by_caller(rival).is_some() && !is_set(rival))
    }

    /// Says whether it is the caller's, and no flag says something else. What a flag says instead of the caller's environment
    /// leaves the rest of a group to the session.
    fn is_callers(&self, variable: &Variable) -> bool {
        let by_flag = |it: &Explicit| it.name == variable.name && it.value.is_some();
        let is_superseded = self.sources.explicit.iter().any(by_flag)
            || self.sources.env_files.iter().any(|entry| entry.name == variable.name);
        self.wins(variable) && !is_superseded
    }

    /// Says whether a group is the caller's as a whole.
    pub(super) fn is_kept(&self, group: &'static Group) -> bool {
        let is_member = |v: &&Variable| v.group.is_some_and(|other| other.name == group.name);
        self.sources.session.iter().filter(is_member).any(|variable| self.is_callers(variable))
            || (!self.sources.override_environment && self.rivals(group).next().is_some())
    }

    /// Says whether its other half is the caller's. A host without its port, or the other way round, would lead nowhere, or to
    /// somebody else's data. A host that is this machine means the session's port, where that is on it.
    pub(super) fn is_torn(&self, variable: &Variable) -> bool {
        let (targets, twins) = (&self.sources.targets, twins(variable));
        let mut found = self.sources.session.iter().filter(|it| twins.contains(&it.name));
        found.any(|twin| {
            // A client that is told all addresses goes to this machine.
            let is_client = || targets.is_of_client(&twin.name);
            let is_here = |host: &str| targets.is_here(host) || is_for_all(host) && is_client();
            let said = self.by_caller(&twin.name).and_then(OsStr::to_str).unwrap_or_default();
            let is_half = || twin.name.contains("_PORT") || !(is_here(said) && is_here(&twin.value));
            self.is_callers(twin) && is_half()
        })
    }
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
