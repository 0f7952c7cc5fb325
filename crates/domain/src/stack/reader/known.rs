//! Readers whose labels and variables are a matter of a table.

use super::Project;
use crate::stack::model::Service;
use crate::text::yaml;

/// What a value is to its reader.
#[derive(Debug, Clone, Copy)]
enum Meaning {
    /// A name that the reader has once.
    Name,
    /// A list of hosts or addresses.
    Hosts,
    /// A list of hosts in a domain of the reader's own.
    FirstLabels,
    /// A mapping whose keys are hosts.
    HostKeys,
    /// A list of containers, by name.
    Containers,
    /// A network, by its name in Docker.
    Networks,
    /// Something else, in which a host may stand.
    Text,
}

use Meaning::{Containers, FirstLabels, HostKeys, Hosts, Name, Networks, Text};

/// Labels: `*` is any word, `<>` a name that the reader has once, `**` whatever follows. The first row counts.
const LABELS: &[(&str, Meaning)] = &[
    ("com.dnsdock.name", Name),
    ("com.dnsdock.alias", FirstLabels),
    ("homepage.name", Name),
    ("homepage.instance.*.name", Name),
    ("homepage.**", Text),
    ("sablier.group", Name),
    ("com.centurylinklabs.watchtower.scope", Name),
    ("com.centurylinklabs.watchtower.depends-on", Containers),
    ("ofelia.*.<>.container", Containers),
    ("ofelia.*.<>.network", Networks),
    ("ofelia.*.<>.**", Text),
    ("swag_url", Hosts),
    ("pangolin.*.<>.full-domain", Hosts),
    ("pangolin.*.<>.name", Name),
    ("pangolin.*.<>.**", Text),
    ("tsdproxy.name", Name),
    ("tsbridge.service.name", Name),
    ("docktail.service.name", Name),
    ("glance.id", Name),
    ("glance.parent", Name),
    ("glance.name", Name),
    ("glance.**", Text),
    ("kuma.<>.*.name", Name),
    ("kuma.<>.*.parent_name", Name),
    ("kuma.<>.**", Text),
    ("dozzle.name", Name),
    ("dozzle.group", Name),
    ("com.caddyserver.http.matchers.host", Hosts),
    ("proksi.host", Hosts),
    ("caddy_ingress_network", Networks),
];

/// Variables; `*` is any word.
const VARIABLES: &[(&str, Meaning)] = &[
    ("VIRTUAL_HOST", Hosts),
    ("VIRTUAL_HOST_MULTIPORTS", HostKeys),
    ("LETSENCRYPT_HOST", Hosts),
    ("LETSENCRYPT_*_HOST", Hosts),
    ("ACME_HOST", Hosts),
    ("ACME_*_HOST", Hosts),
    ("DNSDOCK_NAME", Name),
    ("DNSDOCK_ALIAS", FirstLabels),
    ("WATCHTOWER_SCOPE", Name),
    ("CADDY_INGRESS_NETWORKS", Networks),
    ("TRAEFIK_PROVIDERS_DOCKER_NETWORK", Networks),
];

/// Says whether some reader gives this variable its meaning.
pub(super) fn is_known_variable(name: &str) -> bool {
    meaning_of_variable(name).is_some()
}

fn meaning_of_variable(name: &str) -> Option<Meaning> {
    let is_meant = |pattern: &str| match pattern.split_once('*') {
        Some((start, end)) => name.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
        None => name == pattern,
    };
    VARIABLES.iter().find(|(pattern, _)| is_meant(pattern)).map(|(_, meaning)| *meaning)
}

/// Compares a label with a pattern, and returns which of its words are names.
fn names_in(pattern: &str, words: &[&str]) -> Option<Vec<usize>> {
    let mut names = Vec::new();
    let mut wanted = pattern.split('.');
    for (at, word) in words.iter().enumerate() {
        match wanted.next()? {
            "**" => return Some(names),
            "<>" => names.push(at),
            "*" => {}
            literal if literal.eq_ignore_ascii_case(word) => {}
            _ => return None,
        }
    }
    wanted.next().is_none().then_some(names)
}

impl Project<'_> {
    pub(super) fn known_label(&self, service: &Service, key: &str, value: &str) -> Option<(String, String)> {
        let words: Vec<&str> = key.split('.').collect();
        let (names, meaning) =
            LABELS.iter().find_map(|(pattern, meaning)| Some((names_in(pattern, &words)?, *meaning)))?;
        let own = |(at, word): (usize, &&str)| {
            if names.contains(&at) { self.names.own(word) } else { (*word).to_owned() }
        };
        let key = words.iter().enumerate().map(own).collect::<Vec<_>>().join(".");
        Some((key, self.meant(meaning, service, value)?))
    }

    pub(super) fn known_variable(&self, name: &str, value: &str, said: &mut Vec<String>) -> Option<String> {
        let meaning = meaning_of_variable(name).filter(|_| !value.trim().is_empty())?;
        let own = self.meant(meaning, &Service::default(), value);
        if own.is_none() {
            said.push(format!("`{name}` cannot be read: proxies take its hosts for every session's"));
        }
        own
    }

    fn meant(&self, meaning: Meaning, service: &Service, value: &str) -> Option<String> {
        let each = |own: &dyn Fn(&str) -> String| {
            value.split(',').map(|entry| own(entry.trim())).collect::<Vec<_>>().join(",")
        };
        Some(match meaning {
            Name => self.names.own(value),
            Hosts => self.names.addresses(value),
            FirstLabels => each(&|host| self.names.first_label(host)),
            HostKeys => {
                let hosts: serde_yaml::Mapping = yaml::read(value).ok()?;
                let own = hosts.into_iter().filter_map(|(host, paths)| {
                    Some((self.names.addresses(host.as_str()?), serde_json::to_value(paths).ok()?))
                });
                serde_json::Value::Object(own.collect()).to_string()
            }
            Containers => each(&|name| self.container(name)),
            Networks => value
                .split_inclusive([',', ' '])
                .map(|part| {
                    let name = part.trim_end_matches([',', ' ']);
                    format!("{}{}", self.network(service, name), &part[name.len()..])
                })
                .collect(),
            Text => self.text(value),
        })
    }
}
