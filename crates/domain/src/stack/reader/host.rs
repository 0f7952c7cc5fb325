//! Names and hosts of a session, as other programs of the machine see them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::identity::name::ProjectName;

/// The top-level domain that every machine keeps to itself.
const LOCAL: &str = "localhost";

/// What makes names and hosts a session's own.
#[derive(Debug)]
pub struct Names {
    suffix: String,
    site: String,
    /// The hosts that were asked for, and what they became.
    hosts: RefCell<BTreeMap<String, String>>,
}

/// `[scheme://]host[:port][/path]`, in its parts.
pub(super) struct UrlParts<'a> {
    pub(super) scheme: &'a str,
    pub(super) host: &'a str,
    pub(super) rest: &'a str,
}

impl<'a> UrlParts<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let at = text.find("://").map_or(0, |at| at + "://".len());
        let (scheme, rest) = text.split_at(at);
        // A placeholder may have a default: `{$DOMAIN:localhost}`.
        let mut depth = 0_u32;
        let end = rest.find(|c| {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && matches!(c, ':' | '/')
        });
        let (host, rest) = rest.split_at(end.unwrap_or(rest.len()));
        Self { scheme, host, rest }
    }
}

impl Names {
    /// Derives them from the Compose project, which is unique to the session.
    pub fn of(project: &ProjectName) -> Self {
        Self {
            suffix: project.suffix().to_owned(),
            site: format!("{}.{LOCAL}", project.as_str().replace('_', "-")),
            hosts: RefCell::default(),
        }
    }

    /// Returns the host of the session itself: `shop-1a2b3c4d.localhost`.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// Appends the session to a name, unless the user's file already did.
    pub fn own(&self, name: &str) -> String {
        if name.contains(&self.suffix) { name.to_owned() } else { format!("{name}-{}", self.suffix) }
    }

    /// Puts a host below the session's: `api.localhost` and `api.example.com` become `api.shop-1a2b3c4d.localhost`
    /// and `api.example.com.shop-1a2b3c4d.localhost`.
    pub fn host(&self, host: &str) -> String {
        if host.contains(&self.suffix) {
            return host.to_owned();
        }
        let local = host.strip_suffix('.').unwrap_or(host);
        let local = local.strip_suffix(LOCAL).map_or(local, |rest| rest.strip_suffix('.').unwrap_or(rest));
        // At its end, a wildcard would be in the middle of the new one.
        let local = local.strip_suffix(".*").unwrap_or(local);
        let own = match local {
            "" | "*" => self.site.clone(),
            local => format!("{local}.{}", self.site),
        };
        if host.contains('.') || host == LOCAL {
            self.hosts.borrow_mut().insert(host.to_owned(), own.clone());
        }
        own
    }

    /// Puts a regular expression for hosts below the session's; `None` where its end is not plain to see.
    pub fn pattern(&self, pattern: &str) -> Option<String> {
        if pattern.contains(&self.suffix) {
            return Some(pattern.to_owned());
        }
        // Braces with a name are placeholders of older versions: the rest is a host.
        if pattern.contains('{') && !pattern.contains(['\\', '^', '$', '|']) {
            return Some(self.host(pattern));
        }
        let mut depth = 0_u32;
        let has_choice = pattern.chars().any(|c| {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            c == '|' && depth == 0
        });
        let body = pattern.strip_suffix('$').unwrap_or(pattern);
        if has_choice || body.ends_with('\\') {
            return None;
        }
        let body = body.strip_suffix(LOCAL).unwrap_or(body);
        let body = body.strip_suffix("\\.").or_else(|| body.strip_suffix('.')).unwrap_or(body);
        let dot = if body.trim_start_matches('^').is_empty() { "" } else { "\\." };
        Some(format!("{body}{dot}{}$", escaped(&self.site)))
    }

    /// Puts the host of an address below the session's.
    pub fn address(&self, text: &str) -> String {
        let UrlParts { scheme, host, rest } = UrlParts::of(text);
        format!("{scheme}{}{rest}", self.host(host))
    }

    /// Does so for a list, whatever separates its entries.
    pub fn addresses(&self, text: &str) -> String {
        let is_separator = |c: char| c == ',' || c == ';' || c.is_whitespace();
        let parts = text.split_inclusive(is_separator);
        let own = parts.map(|part| {
            let entry = part.trim_end_matches(is_separator);
            let end = &part[entry.len()..];
            match entry.strip_prefix('~') {
                _ if entry.is_empty() => part.to_owned(),
                Some(pattern) => {
                    format!("~{}{end}", self.pattern(pattern).unwrap_or_else(|| escaped(&self.site)))
                }
                None => format!("{}{end}", self.address(entry)),
            }
        });
        own.collect()
    }

    /// Appends the session to the first label of a host, where its domain is the reader's own.
    pub fn first_label(&self, host: &str) -> String {
        host.split_once('.')
            .map_or_else(|| self.own(host), |(first, rest)| format!("{}.{rest}", self.own(first)))
    }

    /// Replaces the hosts that became the session's own, wherever they stand as a whole.
    pub fn replaced(&self, text: &str) -> String {
        let hosts = self.hosts.borrow();
        let mut known: Vec<(String, String)> = hosts
            .iter()
            .flat_map(|(old, new)| [(old.clone(), new.clone()), (escaped(old), escaped(new))])
            .filter(|(old, _)| old.contains('.'))
            .collect();
        known.sort_by_key(|(old, _)| std::cmp::Reverse(old.len()));
        known.dedup();
        let mut out = String::new();
        let mut rest = text;
        let mut before = ' ';
        while let Some(c) = rest.chars().next() {
            let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '\\');
            let found = known.iter().find(|(old, _)| {
                let end = rest.strip_prefix(old.as_str()).and_then(|rest| rest.chars().next());
                rest.starts_with(old.as_str()) && !is_part(before) && !end.is_some_and(is_part)
            });
            if let Some((old, new)) = found {
                out.push_str(new);
                before = 't';
                rest = &rest[old.len()..];
            } else {
                out.push(c);
                before = c;
                rest = &rest[c.len_utf8()..];
            }
        }
        out
    }

    /// Lists the hosts that were asked for, and what they became.
    pub fn hosts(&self) -> Vec<(String, String)> {
        self.hosts.borrow().iter().map(|(old, new)| (old.clone(), new.clone())).collect()
    }
}

fn escaped(host: &str) -> String {
    host.replace('.', "\\.")
}
