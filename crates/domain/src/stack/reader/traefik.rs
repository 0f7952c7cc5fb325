//! Traefik's labels. Words are compared without case, as Traefik does; names with it.

use std::collections::{BTreeMap, BTreeSet};

use super::Project;
use super::rule::{own_first_version, own_rule, site};
use crate::identity::name::ServiceName;
use crate::stack::model::Service;

/// What Traefik takes references of its Docker provider for.
const PROVIDER: &str = "@docker";

/// Sections whose entries have names that a whole Traefik has once.
const SECTIONS: &[&str] = &["routers", "services", "middlewares", "serverstransports"];

/// `traefik.http.routers.web.tls.domains[0].main`, in its parts.
struct Key<'a> {
    protocol: String,
    section: String,
    name: &'a str,
    /// What follows the name, in lower case.
    option: String,
    rest: &'a str,
}

impl<'a> Key<'a> {
    fn of(key: &'a str) -> Option<Self> {
        let mut parts = key.splitn(5, '.');
        let is_traefik = parts.next()?.eq_ignore_ascii_case("traefik");
        let protocol = parts.next()?.to_ascii_lowercase();
        let section = parts.next()?.to_ascii_lowercase();
        let name = parts.next()?;
        let rest = parts.next().unwrap_or_default();
        let is_named = is_traefik
            && matches!(protocol.as_str(), "http" | "tcp" | "udp")
            && SECTIONS.contains(&section.as_str());
        is_named.then(|| Self { protocol, section, name, option: rest.to_ascii_lowercase(), rest })
    }

    fn full(&self, name: &str) -> String {
        let end = if self.rest.is_empty() { String::new() } else { format!(".{}", self.rest) };
        format!("traefik.{}.{}.{name}{end}", self.protocol, self.section)
    }

    /// Returns what requests are matched by.
    fn matcher(&self) -> &'static str {
        if self.protocol == "tcp" { "HostSNI" } else { "Host" }
    }
}

/// Collects the names that labels define.
pub(super) fn define(labels: &BTreeMap<String, String>, defined: &mut BTreeSet<String>) {
    for key in labels.keys().filter_map(|key| Key::of(key)) {
        defined.insert(format!("{}.{}.{}", key.protocol, key.section, key.name));
    }
}

impl Project<'_> {
    pub(super) fn traefik_label(
        &self,
        service_name: &ServiceName,
        service: &Service,
        label: &str,
        value: &str,
        said: &mut Vec<String>,
    ) -> Option<(String, String)> {
        let lower = label.to_ascii_lowercase();
        let option = lower.strip_prefix("traefik.")?;
        let Some(key) = Key::of(label) else {
            let own = match option {
                "docker.network" | "swarm.network" => self.network(service, value),
                "backend" => self.names.own(value),
                _ if option.ends_with("frontend.rule") => own_first_version(value, &self.names),
                _ => self.text(value),
            };
            return Some((label.to_owned(), own));
        };
        let own = match (key.section.as_str(), key.option.as_str()) {
            ("routers", "rule" | "entrypoints") if self.has_own_traefik => value.to_owned(),
            ("routers", option) if self.has_own_traefik && option.starts_with("tls.domains") => {
                value.to_owned()
            }
            ("routers", "rule") => self.rule(service_name, &key, value, said),
            ("routers", "middlewares") | ("middlewares", "chain.middlewares") => {
                self.references(&key.protocol, "middlewares", value)
            }
            ("routers", "service") | ("middlewares", "errors.service") => {
                self.references(&key.protocol, "services", value)
            }
            ("services", option) if option.ends_with("serverstransport") => {
                self.references(&key.protocol, "serverstransports", value)
            }
            ("routers", option) if option.starts_with("tls.domains") => self.names.addresses(value),
            ("routers", "entrypoints") if key.protocol == "udp" => self.names.own(value),
            ("middlewares", option) if option.contains(".sablier.") => self.sablier(option, value),
            _ => self.text(value),
        };
        Some((key.full(&self.names.own(key.name)), own))
    }

    fn rule(&self, service: &ServiceName, key: &Key, value: &str, said: &mut Vec<String>) -> String {
        let mut say = |what: String| {
            let site = self.names.site();
            said.push(format!(
                "Traefik's router `{}` of `{service}` {what}: it answers to `{site}`",
                key.name
            ));
        };
        let compact: String =
            value.chars().filter(|c| !c.is_whitespace() && *c != '"' && *c != '`').collect();
        if key.protocol == "tcp" && compact.contains("(*)") {
            say("takes whatever comes, which only one session can, and with TLS only a host tells".to_owned());
        }
        match own_rule(value, key.matcher(), &self.names) {
            Some(own) => {
                own.lost.iter().for_each(|lost| say(format!("has the pattern `{lost}`")));
                own.text
            }
            None => {
                say("has a rule that prism cannot read".to_owned());
                site(key.matcher(), &self.names)
            }
        }
    }

    /// Follows what the project itself defines; `auth@file` and `api@internal` are elsewhere.
    pub(super) fn references(&self, protocol: &str, section: &str, value: &str) -> String {
        let own = |entry: &str| {
            let name = entry.trim();
            let (plain, provider) = match name.strip_suffix(PROVIDER) {
                Some(plain) => (plain, PROVIDER),
                None => (name, ""),
            };
            if self.defined.contains(&format!("{protocol}.{section}.{plain}")) {
                format!("{}{provider}", self.names.own(plain))
            } else {
                name.to_owned()
            }
        };
        value.split(',').map(own).collect::<Vec<_>>().join(",")
    }

    fn sablier(&self, option: &str, value: &str) -> String {
        match option.rsplit('.').next() {
            Some("group") => self.names.own(value),
            Some("names") => {
                value.split(',').map(|name| self.container(name.trim())).collect::<Vec<_>>().join(",")
            }
            _ => self.text(value),
        }
    }

    /// Gives a rule to routers that have none: which default there is, only the reader knows. A router of UDP has
    /// nothing but its entry point.
    pub(super) fn complete_routers(
        &self,
        service: &ServiceName,
        labels: &mut BTreeMap<String, String>,
        said: &mut Vec<String>,
    ) {
        let mut routers: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for key in labels.keys().filter_map(|key| Key::of(key)).filter(|key| key.section == "routers") {
            routers.entry((key.protocol, key.name.to_owned())).or_default().insert(key.option);
        }
        let is_enabled = labels.iter().any(|(key, value)| {
            key.eq_ignore_ascii_case("traefik.enable") && value.eq_ignore_ascii_case("true")
        });
        let is_first_version = labels.keys().any(|key| key.to_ascii_lowercase().contains(".frontend."));
        if is_enabled && routers.is_empty() && !is_first_version {
            routers.insert(("http".to_owned(), self.names.own(&service.0)), BTreeSet::new());
        }
        for ((protocol, router), options) in routers {
            let base = format!("traefik.{protocol}.routers.{router}");
            match protocol.as_str() {
                "http" if !options.contains("rule") => {
                    let host = format!("{service}.{}", self.names.site());
                    labels.insert(format!("{base}.rule"), format!("Host(`{host}`)"));
                }
                "udp" => {
                    if !options.contains("entrypoints") {
                        labels.insert(format!("{base}.entrypoints"), self.names.own("prism"));
                    }
                    said.push(format!(
                        "UDP has no hosts: Traefik cannot tell this session's `{service}` from another's, and does not get it"
                    ));
                }
                _ => {}
            }
        }
    }
}
