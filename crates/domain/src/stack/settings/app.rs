//! What `prism.yaml` says of host ports as a whole, and of apps that run on the host.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Settings;
use crate::failure::Failure;
use crate::port::PortRange;
use crate::port::allocation::Policy;

/// `ports:`, how host ports are chosen unless a service says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Ports {
    /// prism reserves them, and they stay.
    #[default]
    Sticky,
    /// The Engine chooses, anew at each start.
    Random,
    /// As `sticky`, inside a pool.
    Range(#[cfg_attr(test, schemars(with = "String"))] PortRange),
}

/// An app that runs on the host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct App {
    /// Its directory, relative to the session directory: commands from below it are the app's.
    pub dir: Option<String>,
    /// The variable that tells it at which port to listen.
    pub port: String,
    /// The number at which it listens whatever that variable says: where a command has a network of its own, the app's port
    /// leads there.
    pub expose: Option<u16>,
    /// Variables for its commands, with templates.
    #[cfg_attr(test, schemars(schema_with = "super::tests::texts"))]
    pub env: BTreeMap<String, String>,
}

impl Default for App {
    fn default() -> Self {
        Self { dir: None, port: "PORT".to_owned(), expose: None, env: BTreeMap::new() }
    }
}

impl From<Ports> for Policy {
    fn from(ports: Ports) -> Self {
        match ports {
            Ports::Sticky => Self::Sticky,
            Ports::Random => Self::Random,
            Ports::Range(range) => Self::Range(range),
        }
    }
}

/// Checks the names of apps, which go into labels and into names of variables, and their directories.
pub(super) fn check(settings: &Settings) -> Result<(), Failure> {
    for (name, app) in &settings.apps {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(is_allowed) {
            let shown = settings.name(&["apps", name]);
            return Err(Failure::new(format!("{shown}: an app cannot be called like that"))
                .hint("names consist of letters, digits, `.`, `_` and `-`, as those of services"));
        }
        let is_variable = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if app.port.starts_with(|c: char| c.is_ascii_digit())
            || app.port.is_empty()
            || !app.port.chars().all(is_variable)
        {
            let shown = settings.name(&["apps", name, "port"]);
            return Err(Failure::new(format!("{shown} is `{}`, which is no variable's name", app.port))
            .hint("it names the variable that tells the app its port, as in `port: PORT`; prism chooses the number"));
        }
    }
    check_directories(settings)
}

/// The app is inferred from the directory, so that has to lie in the session and to be one app's only.
fn check_directories(settings: &Settings) -> Result<(), Failure> {
    let mut known: BTreeMap<Vec<&str>, &str> = BTreeMap::new();
    for (name, dir) in settings.apps.iter().filter_map(|(name, app)| Some((name, app.dir.as_deref()?))) {
        let shown = || settings.name(&["apps", name, "dir"]);
        if dir.starts_with('/') || dir.split('/').any(|part| part == "..") {
            return Err(Failure::new(format!("{} is `{dir}`, which is not below this directory", shown()))
                .hint("it is relative to the directory of prism.yaml, as in `dir: apps/web`"));
        }
        if let Some(other) = known.insert(parts(dir), name) {
            return Err(Failure::new(format!("{} is that of app `{other}` already", shown()))
                .hint("leave `dir` out of one of them, and run it by `prism exec --app NAME -- …`"));
        }
    }
    Ok(())
}

fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect()
}

/// Finds the app whose directory contains `below`, a path relative to the session directory; the deepest one.
pub fn of_directory<'a>(apps: &'a BTreeMap<String, App>, below: &str) -> Option<&'a str> {
    let below = parts(below);
    let dirs = apps.iter().filter_map(|(name, app)| Some((name.as_str(), parts(app.dir.as_deref()?))));
    let around = dirs.filter(|(_, dir)| below.starts_with(dir));
    around.max_by_key(|(_, dir)| dir.len()).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use crate::stack::settings::Settings;

    use super::*;

    fn parsed(text: &str) -> Result<Settings, String> {
        Settings::parse(text, "prism.yaml").map_err(|failure| crate::failure::render(&failure.into()))
    }

    #[test]
    fn policies() {
        for (text, ports) in [
            ("ports: sticky", Ports::Sticky),
            ("ports: random", Ports::Random),
            ("ports: {range: 1972-1981}", Ports::Range(PortRange { first: 1972, last: 1981 })),
            ("bind: 127.0.0.1", Ports::Sticky),
        ] {
            assert_eq!(parsed(text).expect(text).ports, ports);
        }
        for (text, part) in [
            ("ports: {range: 1981-1972}", "`1981-1972` is not a port or a range of ports from 1 to 65535"),
            ("ports: {range: 0-10}", "`0-10` is not"),
            ("ports: {range: 65000-70000}", "`65000-70000` is not"),
            ("ports: fixed", "`ports` cannot be `fixed`"),
            ("services: {x: {port: 0}}", "services.x.port"),
            ("services: {x: {port: 70000}}", "services.x.port"),
            ("services: {x: {range: 9-8}}", "`9-8` is not"),
            (
                "services: {x: {port: 80, range: 80-90}}",
                "`services.x` in prism.yaml (line 1, column 15) has both `port` and `range`",
            ),
            ("services: {x: {port: many}}", "`services.x.port` takes a number from 1 to 65535"),
            ("apps: {'a b': {}}", "`apps.a b`"),
            (
                "apps: {web: {dir: ../../web}}",
                "`apps.web.dir` in prism.yaml (line 1, column 19) is `../../web`",
            ),
            ("apps: {web: {dir: /web}}", "`apps.web.dir` in prism.yaml (line 1, column 19) is `/web`"),
            (
                "apps: {a: {dir: web}, b: {dir: ./web/}}",
                "`apps.b.dir` in prism.yaml (line 1, column 32) is that of app `a` already",
            ),
            (
                "apps: {web: {port: '3000'}}",
                "`apps.web.port` in prism.yaml (line 1, column 20) is `3000`, which is no variable's name",
            ),
        ] {
            let error = parsed(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn the_deepest_directory_around_is_the_apps() {
        let settings =
            parsed("apps: {all: {dir: .}, web: {dir: apps/web}, api: {dir: ./apps/api/}, none: {}}");
        let apps = settings.expect("settings").apps;
        for (below, app) in [
            ("apps/web", "web"),
            ("apps/web/src", "web"),
            ("apps/website", "all"),
            ("apps/api", "api"),
            ("", "all"),
        ] {
            assert_eq!(of_directory(&apps, below), Some(app), "{below}");
        }
    }
}
