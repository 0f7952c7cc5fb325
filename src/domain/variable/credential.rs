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

/// Lists credentials of this kind that stand in files, as `POSTGRES_PASSWORD_FILE` says, and can be read from the
/// host: the variable, and the file's place there.
pub fn credential_files(kind: &Kind, seen: &Inspection) -> Vec<(String, String)> {
    let of_login = |login: &Login| {
        let users = match login.user {
            User::From(names) | User::FromOr(names, _) => names,
            User::Nobody | User::Named(_) => &[],
        };
        users.iter().chain(login.password).copied().collect::<Vec<_>>()
    };
    let names = kind.logins.iter().flat_map(of_login).chain(kind.database.iter().copied());
    let file = |name: &str| {
        let inside = seen.environment.get(&format!("{name}_FILE"))?;
        let outside = seen.mounts.iter().find_map(|(place, source)| {
            let rest = inside.strip_prefix(place.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{source}{rest}"))
        });
        Some((name.to_owned(), outside?))
    };
    let given = |name: &&str| seen.environment.contains_key(*name);
    names.filter(|name| !given(name)).filter_map(file).collect()
}

/// Finds the argument after `flag`, or in the script of a `sh -c` the word after it.
fn flag_value(command: &[String], flag: &str) -> Option<String> {
    let after = |words: &[String]| {
        let at = words.iter().position(|word| word == flag)?;
        words.get(at + 1).filter(|value| !value.is_empty()).cloned()
    };
    let of_script = || {
        let at = command.iter().position(|word| word == "-c")?;
        after(&shell_words::split(command.get(at + 1)?).ok()?)
    };
    after(command).or_else(of_script)
}

/// Expands a value that is nothing but `$NAME` or `${NAME}`, as a shell in the container would.
fn expand(value: &str, environment: &BTreeMap<String, String>) -> String {
    let name = value.strip_prefix('$').map(|name| name.trim_start_matches('{').trim_end_matches('}'));
    name.and_then(|name| environment.get(name)).cloned().unwrap_or_else(|| value.to_owned())
}
