//! Which translated lines a shell is given: addresses of this project's services and apps, and nothing else.
//!
//! What `exec` runs would read the project's file itself. A shell would not: there, a line speaks to every other program, and
//! whoever wrote the repository chose its name and its value.

mod setting;
#[cfg(test)]
mod tests;

use self::setting::{FOR_BROWSERS, is_setting};
use super::Answer;
use super::target::Targets;
use crate::identity::address_name::HOSTS;

/// What follows the name of something in that of its address, besides [`HOSTS`].
const ADDRESSES: [&str; 13] = [
    "_ADDRESSES",
    "_ADDRS",
    "_BROKER",
    "_BROKERS",
    "_DSN",
    "_ENDPOINT",
    "_ENDPOINTS",
    "_HOSTS",
    "_PORT",
    "_SERVERS",
    "_URI",
    "_URL",
    "_URLS",
];

/// What projects call their own parts, at the beginning of a name.
const PARTS: [&str; 18] = [
    "API",
    "APP",
    "BACKEND",
    "BROKER",
    "CACHE",
    "DATABASE",
    "DATASOURCE",
    "DB",
    "FRONTEND",
    "GATEWAY",
    "GRAPHQL",
    "QUEUE",
    "SEARCH",
    "SITE",
    "SQL",
    "STORAGE",
    "WEB",
    "WEBSITE",
];

/// Says whether a shell is given an answer that the session does not give by itself: an address, by a name that is plausibly
/// a service's or an app's of this project, and no program's own setting.
pub(super) fn is_for_shells(answer: &Answer, targets: &Targets) -> bool {
    is_address(&answer.value) && !is_setting(&answer.name) && is_of_project(answer, targets)
}

/// Says whether a value is an address, as a whole: a host, a port, `host:port`, a URL, or a list of these.
pub(super) fn is_address(value: &str) -> bool {
    let is_of_uri = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
    value.chars().all(is_of_uri) && value.split(',').enumerate().all(|(at, part)| is_one(part, at > 0))
}

/// Reads one address. The hosts of one URL may be divided by commas: what follows the first one is but a host, with the
/// rest of that URL behind it.
fn is_one(part: &str, follows: bool) -> bool {
    match part.strip_prefix("jdbc:").unwrap_or(part).split_once("://") {
        Some((scheme, rest)) => is_scheme(scheme) && is_authority(beginning(rest)),
        None => is_place(if follows { beginning(part) } else { part }),
    }
}

fn beginning(rest: &str) -> &str {
    rest.split(['/', '?', '#', ';']).next().unwrap_or(rest)
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c))
}

fn is_authority(authority: &str) -> bool {
    is_place(authority.rsplit('@').next().unwrap_or(authority))
}

/// Says whether a text is a host, a port, or both.
fn is_place(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (text, "1"),
    };
    let is_name = host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_ipv6 = |text: &str| text.parse::<std::net::Ipv6Addr>().is_ok();
    is_ipv6(text) || ((is_name || is_ipv6(bare)) && port.parse::<u16>().is_ok())
}

/// Says whether a name is plausibly that of the service or the app to which the answer leads. That it ends as those of
/// addresses do is not enough: half of all programs have a `…_URL` or a `…_HOST` to which they send a password.
fn is_of_project(answer: &Answer, targets: &Targets) -> bool {
    let upper = answer.name.to_ascii_uppercase();
    let called = targets.words(answer.service.as_ref());
    let own = FOR_BROWSERS.iter().find_map(|beginning| upper.strip_prefix(beginning)).unwrap_or(&upper);
    let mut words = own.split('_').filter(|word| !word.is_empty());
    let is_called = |word: &str| called.contains(&word);
    // A program that speaks HTTP takes no `redis://` for its own.
    let value = answer.value.strip_prefix("jdbc:").unwrap_or(&answer.value);
    let scheme = value.split_once("://").map(|(scheme, _)| scheme.to_ascii_uppercase());
    let mut suffixes = HOSTS.iter().chain(&ADDRESSES);
    let has_stem = suffixes.any(|suffix| own.strip_suffix(suffix).is_some_and(|stem| !stem.is_empty()));
    words.clone().next().is_some_and(|first| PARTS.contains(&first))
        || words.any(is_called)
        || (has_stem && scheme.is_some_and(|scheme| is_called(&scheme)))
}
