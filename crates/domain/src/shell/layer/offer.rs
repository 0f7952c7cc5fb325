//! What a session gives a shell.

use std::collections::BTreeMap;

use super::{LIMIT, Now, Wanted};
use crate::environment::record;
use crate::identity::own::{OWN, RECORD, UNSET};
use crate::identity::variable_name::{is_reserved, takes_code};
use crate::variable::Variable;

/// What a session gives a shell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// The session's identity.
    pub session: String,
    /// Those of services and of `prism.yaml`.
    pub variables: Vec<Variable>,
    /// Those that are always prism's.
    pub own: Vec<(String, String)>,
}

impl Offer {
    /// Says what a shell with this base is to hold: the session's variables, and none of any other session.
    ///
    /// Names that a program takes code, identity or its settings from are left to `exec`, whoever chose them, and so
    /// are those of clouds: a shell that silently holds test credentials is a trap. Of translated lines it has addresses.
    pub fn wanted(&self, base: &Now) -> Wanted {
        let takes_code = |it: &Variable| is_reserved(&it.name) || takes_code(&it.name);
        let is_fit = |it: &&Variable| !takes_code(it) && !it.cloud_credential && !it.exec_only;
        let mut wanted = Wanted::new();
        for Variable { name, value, group, .. } in self.variables.iter().filter(is_fit) {
            wanted.insert(name.clone(), Some(value.clone()));
            for rival in group.iter().flat_map(|group| group.rivals) {
                wanted.entry((*rival).to_owned()).or_insert(None);
            }
        }
        wanted.extend(self.own.iter().map(|(name, value)| (name.clone(), Some(value.clone()))));
        if wanted.contains_key("COMPOSE_FILE") {
            wanted.insert(UNSET.to_owned(), None);
        }
        // What `exec` set of the same session stays, on the record; what it set of another one goes.
        let mut recorded: BTreeMap<&str, &str> = BTreeMap::new();
        let mut foreign: Vec<&str> = Vec::new();
        for (name, value) in base.on_record().filter(|(name, _)| !wanted.contains_key(*name)) {
            if base.get("PRISM_SESSION") == Some(&self.session) {
                recorded.insert(name, value);
            } else {
                foreign.push(name);
            }
        }
        recorded.extend(wanted.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?))));
        let record = record(recorded.into_iter());
        wanted.extend(foreign.into_iter().map(|name| (name.to_owned(), None)));
        wanted.insert(RECORD.to_owned(), Some(record));
        let is_unfit = |name: &String, value: &Option<String>| {
            base.opaque.contains(name) || value.as_ref().is_some_and(|value| value.len() > LIMIT)
        };
        let has_unfit = wanted.iter().any(|(name, value)| is_compose(name) && is_unfit(name, value));
        wanted.retain(|name, value| !(is_unfit(name, value) || (has_unfit && is_compose(name))));
        wanted
    }
}

/// Says whether a variable is one of those that lead plain `docker compose` to a session. A shell has all of them or
/// none: the project of one and the files of another would change the wrong containers.
pub(super) fn is_compose(name: &str) -> bool {
    name.starts_with("COMPOSE_") && (OWN.contains(&name) || name == UNSET)
}
