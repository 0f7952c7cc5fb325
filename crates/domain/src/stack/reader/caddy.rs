//! The labels of caddy-docker-proxy: `caddy` and `caddy_1` are sites, what follows them are directives.

use std::collections::{BTreeMap, BTreeSet};

use super::Project;

/// What labels begin with, unless the proxy is told otherwise.
pub(super) const PREFIX: &str = "caddy";

/// Returns what follows the site in a label: `""` for the site itself.
fn directive(key: &str) -> Option<&str> {
    let rest = key.strip_prefix(PREFIX)?;
    let (number, rest) = rest.split_once('.').unwrap_or((rest, ""));
    let is_site = number.is_empty() || number.strip_prefix('_').is_some_and(|n| n.parse::<u32>().is_ok());
    is_site.then_some(rest)
}

/// Takes the numbers off that order equal directives: `1_import`, `import_1`.
fn plain(directive: &str) -> &str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match (directive.split_once('_'), directive.rsplit_once('_')) {
        (Some((number, rest)), _) if is_number(number) => rest,
        (_, Some((rest, number))) if is_number(number) => rest,
        _ => directive,
    }
}

fn snippet(site: &str) -> Option<&str> {
    site.trim().strip_prefix('(')?.strip_suffix(')')
}

/// Collects the snippets that labels define.
pub(super) fn define(labels: &BTreeMap<String, String>, defined: &mut BTreeSet<String>) {
    let sites = labels.iter().filter(|(key, _)| directive(key) == Some(""));
    defined.extend(sites.filter_map(|(_, site)| Some(format!("snippet.{}", snippet(site)?))));
}

impl Project<'_> {
    pub(super) fn caddy_label(&self, key: &str, value: &str) -> Option<(String, String)> {
        let path = directive(key)?;
        if self.has_own_caddy {
            return Some((format!("{}{}", self.names.own(PREFIX), &key[PREFIX.len()..]), value.to_owned()));
        }
        let mut parts: Vec<&str> = path.split('.').map(plain).collect();
        let last = parts.pop().unwrap_or_default();
        let in_matcher = parts.last().is_some_and(|part| part.starts_with('@'));
        let own = match last {
            "" => match snippet(value) {
                Some(name) => format!("({})", self.names.own(name)),
                // Without a value these are the options of the whole server.
                None if value.trim().is_empty() => value.to_owned(),
                None => self.names.addresses(value),
            },
            "import" => {
                let name = value.split_whitespace().next().unwrap_or_default();
                match value.strip_prefix(name) {
                    Some(rest) if self.defined.contains(&format!("snippet.{name}")) => {
                        format!("{}{rest}", self.names.own(name))
                    }
                    _ => self.text(value),
                }
            }
            "host" if in_matcher => self.names.addresses(value),
            _ if last.starts_with('@') => match value.strip_prefix("host ") {
                Some(hosts) => format!("host {}", self.names.addresses(hosts)),
                None => self.text(value),
            },
            "group" if parts.last() == Some(&"sablier") => self.names.own(value),
            _ => self.text(value),
        };
        Some((key.to_owned(), own))
    }
}
