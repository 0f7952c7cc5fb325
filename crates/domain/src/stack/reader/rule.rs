//! Traefik's rules: which requests a router takes.

use super::host::Names;

/// A rule, read far enough to know of each of its alternatives whether it names a host.
enum Rule {
    Any(Vec<Rule>),
    All(Vec<Rule>),
    Not(Box<Rule>),
    Group(Box<Rule>),
    Call { name: String, arguments: String, text: String },
}

/// A rule of the session, and what had to be left out of it.
pub(super) struct OwnRule {
    pub(super) text: String,
    /// Patterns that could not be put below the session's host.
    pub(super) lost: Vec<String>,
}

/// Lets a rule match hosts of the session only. `matcher` is `Host`, for TCP `HostSNI`. `None` if it cannot be read.
pub(super) fn own_rule(text: &str, matcher: &str, names: &Names) -> Option<OwnRule> {
    let mut reader = Reader { rest: text.trim() };
    let rule = reader.any()?;
    if !reader.rest.trim().is_empty() {
        return None;
    }
    let mut lost = Vec::new();
    let rule = rule.own(matcher, names, &mut lost).bound(&site(matcher, names));
    Some(OwnRule { text: rule.text(), lost })
}

/// Returns the rule for the session's own host.
pub(super) fn site(matcher: &str, names: &Names) -> String {
    format!("{matcher}(`{}`)", names.site())
}

/// The rules of the first version: `Host:a.example,b.example;PathPrefix:/api`.
pub(super) fn own_first_version(text: &str, names: &Names) -> String {
    let own = |part: &str| match part.split_once(':') {
        Some((matcher, hosts)) if matcher.trim().eq_ignore_ascii_case("host") => {
            format!("{matcher}:{}", names.addresses(hosts))
        }
        Some((matcher, hosts)) if matcher.trim().eq_ignore_ascii_case("hostregexp") => {
            let patterns =
                hosts.split(',').map(|it| names.pattern(it).unwrap_or_else(|| names.site().to_owned()));
            format!("{matcher}:{}", patterns.collect::<Vec<_>>().join(","))
        }
        _ => part.to_owned(),
    };
    let parts: Vec<String> = text.split(';').map(own).collect();
    let has_host = parts.iter().any(|part| part.trim().to_ascii_lowercase().starts_with("host"));
    let site = (!has_host).then(|| format!("Host:{}", names.site()));
    site.into_iter().chain(parts).collect::<Vec<_>>().join(";")
}

impl Rule {
    fn own(self, matcher: &str, names: &Names, lost: &mut Vec<String>) -> Self {
        let mut all =
            |rules: Vec<Self>| rules.into_iter().map(|rule| rule.own(matcher, names, lost)).collect();
        match self {
            Self::Any(rules) => Self::Any(all(rules)),
            Self::All(rules) => Self::All(all(rules)),
            Self::Not(rule) => Self::Not(Box::new(rule.own(matcher, names, lost))),
            Self::Group(rule) => Self::Group(Box::new(rule.own(matcher, names, lost))),
            Self::Call { name, arguments, text } => match name.to_ascii_lowercase().as_str() {
                "host" | "hostheader" | "hostsni" => {
                    let text = format!("{name}({})", quoted(&arguments, |host| names.host(host)));
                    Self::Call { name, arguments, text }
                }
                "hostregexp" | "hostsniregexp" => {
                    let mut is_whole = true;
                    let own = quoted(&arguments, |pattern| {
                        names.pattern(pattern).unwrap_or_else(|| {
                            is_whole = false;
                            lost.push(pattern.to_owned());
                            String::new()
                        })
                    });
                    let text = if is_whole { format!("{name}({own})") } else { site(matcher, names) };
                    Self::Call { name, arguments, text }
                }
                _ => Self::Call { name, arguments, text },
            },
        }
    }

    fn is_bound(&self) -> bool {
        match self {
            Self::Any(rules) => rules.iter().all(Self::is_bound),
            Self::All(rules) => rules.iter().any(Self::is_bound),
            Self::Not(_) => false,
            Self::Group(rule) => rule.is_bound(),
            Self::Call { name, .. } => name.to_ascii_lowercase().starts_with("host"),
        }
    }

    /// Says whether some part of it is bound.
    fn has_host(&self) -> bool {
        match self {
            Self::Any(rules) | Self::All(rules) => rules.iter().any(Self::has_host),
            Self::Not(_) => false,
            Self::Group(rule) => rule.has_host(),
            Self::Call { .. } => self.is_bound(),
        }
    }

    /// Binds each alternative to a host.
    fn bound(self, site: &str) -> Self {
        if self.is_bound() {
            return self;
        }
        match self {
            Self::Any(rules) => Self::Any(rules.into_iter().map(|rule| rule.bound(site)).collect()),
            Self::Group(rule) => Self::Group(Box::new(rule.bound(site))),
            Self::All(mut rules) => {
                if let Some(at) = rules.iter().position(Self::has_host) {
                    let rule = rules.remove(at).bound(site);
                    rules.insert(at, rule);
                } else {
                    rules.insert(0, Self::site(site));
                }
                Self::All(rules)
            }
            rule => Self::All(vec![Self::site(site), rule]),
        }
    }

    fn site(site: &str) -> Self {
        Self::Call { name: "Host".into(), arguments: String::new(), text: site.to_owned() }
    }

    fn text(&self) -> String {
        let all = |rules: &[Self], by| rules.iter().map(Self::text).collect::<Vec<_>>().join(by);
        match self {
            Self::Any(rules) => all(rules, " || "),
            Self::All(rules) => all(rules, " && "),
            Self::Not(rule) => format!("!{}", rule.text()),
            Self::Group(rule) => format!("({})", rule.text()),
            Self::Call { text, .. } => text.clone(),
        }
    }
}

/// Replaces what stands in quotes.
fn quoted(arguments: &str, mut own: impl FnMut(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = arguments;
    while let Some(start) = rest.find(['`', '"', '\'']) {
        let quote = rest[start..].chars().next().unwrap_or('`');
        let Some(length) = rest[start + 1..].find(quote) else { break };
        out.push_str(&rest[..=start]);
        out.push_str(&own(&rest[start + 1..start + 1 + length]));
        out.push(quote);
        rest = &rest[start + length + 2..];
    }
    out + rest
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn any(&mut self) -> Option<Rule> {
        let mut rules = vec![self.all()?];
        while self.takes("||") {
            rules.push(self.all()?);
        }
        Some(if rules.len() == 1 { rules.remove(0) } else { Rule::Any(rules) })
    }

    fn all(&mut self) -> Option<Rule> {
        let mut rules = vec![self.one()?];
        while self.takes("&&") {
            rules.push(self.one()?);
        }
        Some(if rules.len() == 1 { rules.remove(0) } else { Rule::All(rules) })
    }

    fn one(&mut self) -> Option<Rule> {
        if self.takes("!") {
            return Some(Rule::Not(Box::new(self.one()?)));
        }
        if self.takes("(") {
            let rule = self.any()?;
            return self.takes(")").then(|| Rule::Group(Box::new(rule)));
        }
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric()).filter(|end| *end > 0)?;
        let (name, rest) = self.rest.split_at(end);
        let inner = rest.trim_start().strip_prefix('(')?;
        let mut quote = None;
        let end = inner.find(|c| match quote {
            Some(open) => {
                quote = (c != open).then_some(open);
                false
            }
            None if matches!(c, '`' | '"' | '\'') => {
                quote = Some(c);
                false
            }
            None => c == ')',
        })?;
        let (name, arguments) = (name.to_owned(), inner[..end].to_owned());
        self.rest = &inner[end + 1..];
        Some(Rule::Call { text: format!("{name}({arguments})"), name, arguments })
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = self.rest.trim_start().strip_prefix(sign);
        self.rest = found.unwrap_or(self.rest).trim_start();
        found.is_some()
    }
}
