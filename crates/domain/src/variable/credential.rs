//! User, password and database of a service, read from its container's own environment and command.

use std::collections::BTreeMap;

use crate::catalog::{self, DefaultDatabase, Fact, Kind, Login, User};
use crate::engine::container::Inspection;

/// What a client needs to log in.
#[derive(Default)]
pub(super) struct Credentials {
    pub(super) user: Option<Found>,
    pub(super) password: Option<Found>,
    pub(super) database: Option<Found>,
    /// What else it takes, by its suffix.
    pub(super) facts: Vec<(&'static Fact, Found)>,
}

/// A value, and where it was found.
pub(super) struct Found {
    pub(super) value: String,
    /// A variable of the container, or a flag of its command; `None` for what the image has by default.
    pub(super) source: Option<&'static str>,
}

impl Found {
    fn default(value: &str) -> Self {
        Self { value: value.to_owned(), source: None }
    }
}

/// Reads the credentials of a container of this kind.
pub(super) fn credentials(kind: &Kind, image: &str, seen: &Inspection) -> Credentials {
    let named = |names: &[&'static str]| {
        let set = |name: &&&'static str| seen.environment.get(**name).is_some_and(|value| !value.is_empty());
        let source = names.iter().find(set)?;
        Some(Found { value: seen.environment[*source].clone(), source: Some(source) })
    };
    let mut found = Credentials::default();
    let mut is_nobody_without_password = false;
    for login in kind.logins {
        let applied = match login.user {
            User::Nobody => (None, named(login.password)),
            User::Named(name) | User::WithPassword(name) => {
                is_nobody_without_password = matches!(login.user, User::WithPassword(_));
                (Some(Found::default(name)), named(login.password))
            }
            User::FromOr(variables, default) => {
                (named(variables).or_else(|| Some(Found::default(default))), named(login.password))
            }
            User::From(variables) => match named(variables) {
                Some(user) if is_given(login.password, seen) => (Some(user), named(login.password)),
                _ => continue,
            },
            User::Joined { variable, separator } => {
                let joined = match variable {
                    "" => seen
                        .command
                        .iter()
                        .find(|word| word.contains(separator))
                        .map(|word| Found { value: word.clone(), source: Some("the command") }),
                    _ => named(&[variable]),
                };
                let parts = joined.as_ref().and_then(|joined| {
                    let (user, rest) = joined.value.split_once(separator)?;
                    Some((user, rest, joined.source))
                });
                let Some((user, rest, source)) = parts else { continue };
                let part = |value: &str| Some(Found { value: value.to_owned(), source });
                (part(user), part(rest))
            }
        };
        (found.user, found.password) = applied;
        found.password = found.password.and_then(|found| first(found, login.ends));
        found.password = found.password.or_else(|| login.default_password.map(Found::default));
        break;
    }
    if let Some((flag, value)) = kind.password_flag.and_then(|flag| Some((flag, flag_value(seen, flag)?))) {
        found.password = Some(Found { value, source: Some(flag) });
        is_nobody_without_password = false;
    }
    if let Some((flag, value)) = kind.user_flag.and_then(|flag| Some((flag, flag_value(seen, flag)?))) {
        found.user = Some(Found { value, source: Some(flag) });
    }
    found.facts = kind.facts.iter().filter_map(|fact| Some((fact, named(fact.variables)?))).collect();
    let is_open = |(name, value): &(&str, &str)| {
        seen.environment.get(*name).is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    if kind.without_password.iter().any(is_open) {
        found.password = None;
    }
    if found.password.is_none() && is_nobody_without_password {
        found.user = None;
    }
    found.database = named(kind.database.variables).or_else(|| match kind.database.default {
        DefaultDatabase::Nothing => None,
        DefaultDatabase::LikeUser => found.user.as_ref().map(|user| Found::default(&user.value)),
        DefaultDatabase::Named(name) => Some(Found::default(name)),
        DefaultDatabase::ByImage { images, then, otherwise } => {
            Some(Found::default(if catalog::is_among(image, images) { then } else { otherwise }))
        }
    });
    found
}

/// Takes a password from before what follows it; `None` where that says that it is only its hash (`:e` of an SFTP user),
/// or nothing is left.
fn first(found: Found, ends: &[char]) -> Option<Found> {
    let end = found.value.find(ends).unwrap_or(found.value.len());
    let (value, rest) = found.value.split_at(end);
    let is_hash = rest.strip_prefix(":e").is_some_and(|rest| rest.is_empty() || rest.starts_with(ends));
    (ends.is_empty() || !(value.is_empty() || is_hash))
        .then(|| Found { value: value.to_owned(), source: found.source })
}

/// Says whether a password is given, be it in a file that prism cannot read.
fn is_given(names: &[&str], seen: &Inspection) -> bool {
    let is_set = |name: &str| seen.environment.get(name).is_some_and(|value| !value.is_empty());
    names.iter().any(|name| is_set(name) || is_set(&format!("{name}_FILE")))
}

/// Lists credentials of this kind that stand in files, as `POSTGRES_PASSWORD_FILE` says: the variable, and the file's
/// place on the host, if a secret or a bind mount brought it.
pub fn credential_files(kind: &Kind, seen: &Inspection) -> Vec<(String, Option<String>)> {
    let of_login = |login: &Login| {
        let users = match login.user {
            User::From(names) | User::FromOr(names, _) => names.to_vec(),
            User::Joined { variable, .. } if !variable.is_empty() => vec![variable],
            _ => Vec::new(),
        };
        [users, login.password.to_vec()].concat()
    };
    let names = kind.logins.iter().flat_map(of_login).chain(kind.database.variables.iter().copied());
    let names = names.chain(kind.facts.iter().flat_map(|fact| fact.variables).copied());
    let file = |name: &str| {
        let inside = seen.environment.get(&format!("{name}_FILE"))?;
        // Of nested mounts the innermost is the one that the container sees.
        let outside = seen.mounts.iter().rev().find_map(|(place, source)| {
            let rest = inside.strip_prefix(place.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{source}{rest}"))
        });
        Some((name.to_owned(), outside))
    };
    let given = |name: &&str| seen.environment.get(*name).is_some_and(|value| !value.is_empty());
    names.filter(|name| !given(name)).filter_map(file).collect()
}

/// Finds the value of a flag of the command, as the next argument or after `=`; or in the script of a `sh -c`.
fn flag_value(seen: &Inspection, flag: &str) -> Option<String> {
    let of = |words: &[String]| {
        let (at, word) = words.iter().enumerate().find(|(_, word)| {
            word.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        })?;
        let value = match word.split_once('=') {
            Some((_, value)) => value.to_owned(),
            None => words.get(at + 1)?.clone(),
        };
        Some(value).filter(|value| !value.is_empty())
    };
    let of_script = || {
        let at = seen.command.iter().position(|word| word == "-c")?;
        let value = of(&shell_words::split(seen.command.get(at + 1)?).ok()?)?;
        expand(value, &seen.environment)
    };
    of(&seen.command).or_else(of_script)
}

/// Expands a value that is nothing but `$NAME`, `${NAME}` or `${NAME:-default}`, as a shell in the container would; `None`
/// for what takes more than that, such as `$(cat FILE)`.
fn expand(value: String, environment: &BTreeMap<String, String>) -> Option<String> {
    let Some(inner) = value.strip_prefix('$') else {
        return Some(value).filter(|value| !value.contains(['$', '`']));
    };
    let inner = inner.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(inner);
    let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, it)| (name, Some(it)));
    let given = environment.get(name).map(String::as_str).filter(|value| !value.is_empty());
    given.or(default.filter(|default| !default.contains(['$', '`']))).map(str::to_owned)
}
