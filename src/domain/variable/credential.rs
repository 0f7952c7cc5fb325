//! User, password and database of a service, read from its container's own environment and command.

use std::collections::BTreeMap;

use crate::domain::catalog::{Database, Kind, Login, User};
use crate::domain::container::Inspection;

/// What a client needs to log in.
#[derive(Default)]
pub(super) struct Credentials {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: Option<String>,
}

/// Reads the credentials of a container of this kind.
pub(super) fn credentials(kind: &Kind, seen: &Inspection) -> Credentials {
    let variable = |names: &[&str]| names.iter().find_map(|name| seen.environment.get(*name)).cloned();
    let named = |names: &[&str]| variable(names).filter(|value| !value.is_empty());
    let mut found = Credentials::default();
    for Login { user, password } in kind.logins {
        let user = match user {
            User::Nobody => None,
            User::Named(name) => Some((*name).to_owned()),
            User::FromOr(variables, default) => {
                Some(named(variables).unwrap_or_else(|| (*default).to_owned()))
            }
            User::From(variables) => match named(variables) {
                Some(name) => Some(name),
                None => continue,
            },
        };
        found.user = user;
        found.password = named(password);
        break;
    }
    if let Some(password) = kind.password_flag.and_then(|flag| flag_value(&seen.command, flag)) {
        found.password = Some(expand(&password, &seen.environment));
    }
    let trusted =
        |(name, value): &(&str, &str)| seen.environment.get(*name).is_some_and(|found| found == value);
    if kind.without_password.iter().any(trusted) {
        found.password = None;
    }
    found.database = named(kind.database).or_else(|| match kind.default_database {
        Database::Nothing => None,
        Database::LikeUser => found.user.clone(),
    });
    found
}

/// Finds the argument after `flag`, also inside the script of a `sh -c`.
fn flag_value(command: &[String], flag: &str) -> Option<String> {
    let words = command.iter().flat_map(|argument| {
        if argument.contains(char::is_whitespace) {
            shell_words::split(argument).unwrap_or_else(|_| vec![argument.clone()])
        } else {
            vec![argument.clone()]
        }
    });
    let words: Vec<String> = words.collect();
    let at = words.iter().position(|word| word == flag)?;
    words.get(at + 1).filter(|value| !value.is_empty()).cloned()
}

/// Expands a value that is nothing but `$NAME` or `${NAME}`, as a shell in the container would.
fn expand(value: &str, environment: &BTreeMap<String, String>) -> String {
    let name = value.strip_prefix('$').map(|name| name.trim_start_matches('{').trim_end_matches('}'));
    name.and_then(|name| environment.get(name)).cloned().unwrap_or_else(|| value.to_owned())
}
