//! What a project's own dotenv files say of this machine's ports, with the session's in their place: programs find their
//! database under the very names that they read.
//!
//! Readers of such files let the environment win, so that a name that is set there is what the program gets.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::catalog;
use super::container::Container;
use super::env_file;
use super::loopback::{self, is_here};
use super::name::ServiceName;
use super::plan::ServicePlan;
use super::port::ContainerPort;
use super::settings::Translate;
use super::url;
use super::variable::{self, Place, Variable, is_reserved, is_secret};

/// The dotenv files of a project as they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dotenv {
    /// Their paths, relative to the session directory, with a hash of the content, or `None` where there is no file.
    pub files: BTreeMap<String, Option<String>>,
    /// The lines of them that may lead to a service.
    pub lines: Vec<Line>,
}

/// A `NAME=value` of a file, expanded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
    /// The file, relative to the session directory; empty for one that the command line names.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// Where it stands, for messages: `` `FILE`, line 3``.
    pub place: String,
}

impl Line {
    /// Says whether it may lead to a service of this machine, called `hostname`, or belong to one that does.
    pub fn may_matter(&self, hostname: &str) -> bool {
        let Self { name, value, .. } = self;
        let is_host = || HOSTS.iter().any(|suffix| name.ends_with(suffix));
        let is_port = || name.ends_with("_PORT") && value.parse::<u16>().is_ok();
        let is_beside =
            || ["USER", "PASS", "PWD", "DATABASE", "DB", "NAME"].iter().any(|word| name.contains(word));
        !loopback::ports(value, hostname).is_empty() || is_host() || is_port() || is_beside()
    }
}

/// The names of dotenv files, those of a development first.
pub const NAMES: [&str; 6] =
    [".env.development.local", ".env.local", ".env.development", ".env", ".env.test.local", ".env.test"];

/// The same in the order in which a test takes them.
const OF_TESTS: [&str; 6] =
    [".env.test.local", ".env.test", ".env", ".env.local", ".env.development.local", ".env.development"];

/// For what programs read their dotenv files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Development, or nobody says.
    #[default]
    Development,
    /// A run of tests.
    Test,
}

impl Mode {
    /// Finds what a command is run for: what the environment says, else whether one of its words is that of a test.
    pub fn of<'a>(
        environment: impl Fn(&str) -> Option<String>,
        command: impl Iterator<Item = &'a str>,
    ) -> Self {
        const VARIABLES: [&str; 5] = ["NODE_ENV", "RAILS_ENV", "RACK_ENV", "APP_ENV", "MIX_ENV"];
        const WORDS: [&str; 12] = [
            "test", "tests", "pytest", "nextest", "vitest", "jest", "mocha", "rspec", "phpunit", "pest",
            "tox", "spec",
        ];
        let said = VARIABLES.iter().find_map(|name| environment(name).filter(|value| !value.is_empty()));
        let is_test = match said {
            Some(said) => said.starts_with("test"),
            None => command
                .flat_map(|word| word.split(|c: char| !c.is_alphanumeric()))
                .any(|it| WORDS.contains(&it)),
        };
        if is_test { Self::Test } else { Self::Development }
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Development => &NAMES,
            Self::Test => &OF_TESTS,
        }
    }
}

/// Reads a dotenv file as far as it is one. A line that needs more than the lines before it is left out: what it comes to is
/// its reader's business.
pub fn lines(text: &str, file: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for entry in env_file::readable(text, file) {
        let before =
            |name: &str| lines.iter().rev().find(|line| line.name == name).map(|it| (&it.value).into());
        let Ok((value, unset)) = entry.expand(before) else { continue };
        let Some(value) = value.to_str().filter(|value| unset.is_empty() && !value.contains('\u{fffd}'))
        else {
            continue;
        };
        if is_disputed(text, &entry.name) {
            continue;
        }
        lines.push(Line {
            name: entry.name.clone(),
            value: value.to_owned(),
            file: file.to_owned(),
            place: entry.place.clone(),
        });
    }
    lines
}

/// Says whether readers of dotenv files differ in what they take for the value of a name.
fn is_disputed(text: &str, name: &str) -> bool {
    let mut of_name = text.lines().filter(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
    });
    of_name.next_back().is_some_and(|line| ["$$", "\\$", "`"].iter().any(|word| line.contains(word)))
}

/// Picks for each name the line that a program in `directory`, relative to the session directory, reads: the nearest one
/// around it, else the only one of those beside it.
pub fn select(lines: &[Line], directory: &str, mode: Mode) -> Vec<Line> {
    let mut of_directories: BTreeMap<&str, BTreeMap<&str, (usize, &Line)>> = BTreeMap::new();
    for line in lines {
        let (of, file) = line.file.rsplit_once('/').unwrap_or(("", &line.file));
        let Some(rank) = mode.names().iter().position(|known| *known == file) else { continue };
        let best = of_directories.entry(&line.name).or_default().entry(of).or_insert((rank, line));
        // Of two lines of one file the last one holds.
        if rank <= best.0 {
            *best = (rank, line);
        }
    }
    let is_around = |of: &str| of.is_empty() || directory == of || directory.starts_with(&format!("{of}/"));
    let chosen = of_directories.into_values().filter_map(|found| {
        // The last one is the longest, as all of them are parts of one path.
        if let Some((_, (_, line))) = found.iter().rfind(|(of, _)| is_around(of)) {
            return Some((*line).clone());
        }
        let mut others = found.values().map(|(_, line)| *line);
        let first = others.next()?;
        others.all(|line| line.value == first.value).then(|| first.clone())
    });
    chosen.collect()
}

impl Dotenv {
    /// Says whether a line may give a variable of this name.
    pub fn may_give(&self, name: &str) -> bool {
        let stem = name.strip_suffix("_PORT");
        let is_host = |line: &Line| {
            let rest = stem.and_then(|stem| line.name.strip_prefix(stem));
            rest.is_some_and(|rest| HOSTS.contains(&rest))
        };
        self.lines.iter().any(|line| line.name == name || is_host(line))
    }
}

/// Where programs find the services of a session in place of where they are told.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// What this machine is called.
    hostname: String,
    /// By the port that the Compose files publish, or the usual one of a service.
    by_port: BTreeMap<u16, Target>,
    /// The services, each with where its usual port is.
    services: Vec<(Called, Target)>,
    /// The ports of apps, by the prefix of their variables.
    apps: BTreeMap<String, u16>,
    /// What is left alone.
    translate: Translate,
    /// Names by which the Compose files say where they publish: another `docker compose` reads them, too.
    of_compose: BTreeSet<String>,
}

/// A port of a service, and where it is.
#[derive(Debug, Clone)]
struct Target {
    service: ServiceName,
    port: ContainerPort,
    place: Place,
    /// It is a server of a known kind, and not the project itself.
    is_known: bool,
    /// The Compose files publish it at this number, rather than that programs would take that one by themselves.
    is_published: bool,
}

/// What names of variables call a service.
#[derive(Debug, Clone)]
struct Called {
    prefix: String,
    /// The words for its kind.
    words: Vec<String>,
}

/// A variable that a line gives, and that leads to the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its name, in most cases the line's.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The line.
    pub place: String,
    /// The service; `None` for an app.
    pub service: Option<ServiceName>,
    /// The container port.
    pub port: Option<ContainerPort>,
    /// The ports that stood there, and those that stand there now.
    pub ports: Vec<(u16, u16)>,
}

/// What follows the name of something to say on which host it is.
pub const HOSTS: [&str; 5] = ["_HOST", "_HOSTNAME", "_SERVER", "_ADDR", "_ADDRESS"];

impl Targets {
    /// Collects the targets. `services` are those of the session; `host` is where a remote Engine's ports are.
    pub fn new<'s>(
        hostname: String,
        services: impl Iterator<Item = (&'s ServiceName, &'s ServicePlan)>,
        containers: &[Container],
        host: Option<&str>,
        apps: &BTreeMap<String, u16>,
        translate: Translate,
        of_compose: BTreeSet<String>,
    ) -> Self {
        let apps = apps.iter().map(|(app, port)| (variable::prefix(app), *port)).collect();
        let mut targets = Self { hostname, apps, translate, of_compose, ..Self::default() };
        let mut usual: BTreeMap<u16, Vec<Target>> = BTreeMap::new();
        for (name, plan) in services.filter(|(_, plan)| !plan.ignored) {
            let container = containers.iter().filter(|it| it.service == *name).min_by_key(|it| it.number);
            let Some(container) = container else { continue };
            let is_known = plan.kind.as_deref().is_some_and(|kind| kind != catalog::NO_KIND);
            let target = |port: ContainerPort, is_published| {
                let place = variable::endpoint(container, containers, host, port)?;
                Some(Target { service: name.clone(), port, place, is_known, is_published })
            };
            for (published, port) in plan.declared.iter().filter(|(_, port)| port.is_tcp()) {
                targets.by_port.extend(target(*port, true).map(|target| (*published, target)));
            }
            // What browsers take by themselves is no service's own.
            if !is_known {
                continue;
            }
            let Some(target) = plan.primary.and_then(|port| target(port, false)).filter(|_| !plan.completes)
            else {
                continue;
            };
            usual.entry(target.port.number).or_default().push(target.clone());
            targets.services.push((Called::new(name, plan), target));
        }
        for (port, targets_there) in usual {
            // Of two databases, neither is the one that is meant by the usual port.
            if let [target] = targets_there.as_slice() {
                targets.by_port.entry(port).or_insert_with(|| target.clone());
            }
        }
        targets
    }

    /// Finds the service that a name speaks of, without its `_HOST`: the only one that is called so, else the only one of
    /// that kind.
    fn called(&self, stem: &str) -> Option<&Target> {
        let only = |is_meant: &dyn Fn(&Called) -> bool| {
            let mut found = self.services.iter().filter(|(called, _)| is_meant(called));
            found.next().filter(|_| found.next().is_none()).map(|(_, target)| target)
        };
        let is_of = |called: &Called| {
            let rest = stem.strip_prefix(&called.prefix).map(|rest| rest.is_empty() || rest.starts_with('_'));
            let before = stem.strip_suffix(&called.prefix).map(|before| before.ends_with('_'));
            rest == Some(true) || before == Some(true)
        };
        let has_word = |called: &Called| stem.split('_').any(|word| called.words.iter().any(|it| it == word));
        only(&is_of).or_else(|| only(&has_word))
    }

    /// Says whether the Compose files say by this name where they publish.
    pub fn is_of_compose(&self, name: &str) -> bool {
        self.of_compose.contains(name)
    }

    /// Says whether a host is this machine, to a program that connects: one that listens is told all addresses.
    pub fn is_here(&self, host: &str) -> bool {
        let is_for_all = ["0.0.0.0", "::", "[::]", "*"].contains(&host);
        !is_for_all && !host.starts_with('/') && is_here(host, &self.hostname)
    }

    fn is_left_alone(&self, name: &str) -> bool {
        let is_excepted = match &self.translate {
            Translate::All(all) => !all,
            Translate::Except(names) => names.iter().any(|excepted| excepted == name),
        };
        is_excepted || is_reserved(name) || is_of_origins(name) || is_of_server(name)
    }
}

/// Says whether a name is one for those who may call: what stands there is not called.
pub fn is_of_origins(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let words = ["ORIGIN", "CORS", "ALLOWED_HOST", "TRUSTED_HOST", "ALLOWED_URL", "DOMAIN", "COOKIE"];
    words.iter().any(|word| name.contains(word))
}

/// Says whether a name is one by which a program of the project is told where to listen.
pub fn is_of_server(name: &str) -> bool {
    const BEGINNINGS: [&str; 11] = [
        "ASPNETCORE_",
        "FLASK_RUN_",
        "GUNICORN_",
        "HTTPS_",
        "HTTP_",
        "KESTREL_",
        "MANAGEMENT_",
        "NITRO_",
        "OCTANE_",
        "SERVER_",
        "UVICORN_",
    ];
    const WORDS: [&str; 5] = ["BIND", "HMR", "LISTEN", "PUMA", "SERVE"];
    let name = name.to_ascii_uppercase();
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || name.split('_').any(|word| WORDS.contains(&word))
}

impl Called {
    fn new(name: &ServiceName, plan: &ServicePlan) -> Self {
        let kind = plan.kind.as_deref().and_then(|kind| catalog::kind(Some(kind), "").ok().flatten());
        let of_kind = kind.into_iter().flat_map(|kind| {
            let schemes = kind.urls.iter().filter_map(|url| url.split("://").next());
            let is_database = kind.globals.iter().any(|group| group.gives("DATABASE_URL"));
            let usual = if is_database { &["DB", "DATABASE", "SQL"][..] } else { &[] };
            schemes.chain(kind.images.iter().copied()).chain([kind.name]).chain(usual.iter().copied())
        });
        Self {
            prefix: variable::prefix(plan.prefix.as_deref().unwrap_or(&name.0)),
            words: of_kind.map(str::to_ascii_uppercase).collect(),
        }
    }
}

/// Finds what of these lines, one for each name, leads to the session when it is translated.
pub fn answers(lines: &[Line], targets: &Targets) -> Vec<Answer> {
    let by_name: BTreeMap<&str, &Line> = lines.iter().map(|line| (line.name.as_str(), line)).collect();
    let see = See { by_name, targets };
    let mut found: BTreeMap<String, Answer> = BTreeMap::new();
    for line in see.by_name.values().filter(|line| !targets.is_left_alone(&line.name)) {
        for answer in see.answers(line) {
            found.entry(answer.name.clone()).or_insert(answer);
        }
    }
    found.into_values().collect()
}

struct See<'a> {
    by_name: BTreeMap<&'a str, &'a Line>,
    targets: &'a Targets,
}

impl See<'_> {
    fn answers(&self, line: &Line) -> Vec<Answer> {
        let stem = |suffixes: &[&str]| {
            let stem = suffixes.iter().find_map(|suffix| line.name.strip_suffix(suffix));
            stem.filter(|stem| !stem.is_empty())
        };
        match (stem(&HOSTS), stem(&["_PORT"])) {
            (Some(stem), _) if self.by_name.contains_key(format!("{stem}_PORT").as_str()) => {
                self.of_host(line, stem)
            }
            (_, Some(stem)) => self.of_port(line, stem).into_iter().collect(),
            (host, None) => match self.of_value(line).or_else(|| self.of_app(line)) {
                Some(answer) => vec![answer],
                None => host.map_or_else(Vec::new, |stem| self.of_host(line, stem)),
            },
        }
    }

    /// Reads a value that has host and port in it.
    fn of_value(&self, line: &Line) -> Option<Answer> {
        let place = |port: u16| {
            let Place { host, port } = &self.targets.by_port.get(&port)?.place;
            Some((host.as_str(), *port))
        };
        let found = loopback::translated(&line.value, &self.targets.hostname, place)?;
        let target = self.targets.by_port.get(&found.ports.first()?.0)?;
        Some(Answer { value: found.value, ports: found.ports, ..answer(line, target) })
    }

    /// Reads `WEB_URL=http://localhost:3000` as the address of app `web`.
    fn of_app(&self, line: &Line) -> Option<Answer> {
        let stem = line.name.strip_suffix("_URL")?;
        let is_meant = |app: &&String| {
            stem.strip_suffix(app.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('_'))
        };
        let (_, port) =
            self.targets.apps.iter().filter(|(app, _)| is_meant(app)).max_by_key(|(app, _)| app.len())?;
        let found =
            loopback::translated(&line.value, &self.targets.hostname, |_| Some(("127.0.0.1", *port)))?;
        Some(Answer {
            name: line.name.clone(),
            value: found.value,
            place: line.place.clone(),
            service: None,
            port: None,
            ports: found.ports,
        })
    }

    /// Reads a host without a port: that is in a line of its own, or the usual one of the service that the name speaks of.
    fn of_host(&self, line: &Line, stem: &str) -> Vec<Answer> {
        let (before, host) = line.value.split_once("://").map_or(("", line.value.as_str()), |(_, host)| {
            line.value.split_at(line.value.len() - host.len())
        });
        let host = host.trim_end_matches('/');
        if !self.targets.is_here(host) {
            return Vec::new();
        }
        let port = format!("{stem}_PORT");
        let said = self.by_name.get(port.as_str());
        let target = match said {
            Some(said) => said.value.parse().ok().and_then(|port| self.targets.by_port.get(&port)),
            None => self.targets.called(stem),
        };
        let Some(target) = target else { return Vec::new() };
        let keeps_name = !before.is_empty() && loopback::is_named(host);
        let value =
            if keeps_name { line.value.clone() } else { line.value.replacen(host, &target.place.host, 1) };
        let from = said.and_then(|said| said.value.parse().ok()).unwrap_or(target.port.number);
        let ports = vec![(from, target.place.port)];
        let mut found = vec![Answer { value, ports, ..answer(line, target) }];
        if said.is_none() && !self.targets.is_left_alone(&port) {
            found.push(Answer { name: port, value: target.place.port.to_string(), ..answer(line, target) });
        }
        found
    }

    /// Reads a port without a host: that is in a line of its own, or it is one that the Compose files publish.
    fn of_port(&self, line: &Line, stem: &str) -> Option<Answer> {
        let number = line.value.parse().ok()?;
        let target = self.targets.by_port.get(&number)?;
        let host = HOSTS.iter().find_map(|suffix| self.by_name.get(format!("{stem}{suffix}").as_str()));
        let is_meant = match host {
            Some(host) => {
                let host = host.value.split_once("://").map_or(host.value.as_str(), |(_, host)| host);
                self.targets.is_here(host.trim_end_matches('/'))
            }
            // Where a program of the project's own listens, or Compose publishes, is no address of a client's.
            None => target.is_published && target.is_known && !self.targets.is_of_compose(&line.name),
        };
        let ports = vec![(number, target.place.port)];
        is_meant.then(|| Answer { value: target.place.port.to_string(), ports, ..answer(line, target) })
    }
}

/// Begins the answer to a line.
fn answer(line: &Line, target: &Target) -> Answer {
    Answer {
        name: line.name.clone(),
        value: String::new(),
        place: line.place.clone(),
        service: Some(target.service.clone()),
        port: Some(target.port),
        ports: vec![(target.port.number, target.place.port)],
    }
}

/// Lets the answers to these lines stand in place of the variables that the session has by itself, and beside each the
/// credentials that the same lines give: they belong together.
pub fn apply(mut variables: Vec<Variable>, lines: &[Line], targets: &Targets) -> Vec<Variable> {
    let answers = answers(lines, targets);
    if answers.is_empty() {
        return variables;
    }
    let is_answered = |name: &str| answers.iter().any(|answer| answer.name == name);
    let group_of = |name: &str| variables.iter().find(|it| it.name == name).and_then(|it| it.group);
    let groups: Vec<&str> = answers.iter().filter_map(|answer| Some(group_of(&answer.name)?.name)).collect();
    let stems: Vec<&str> =
        answers.iter().filter_map(|answer| answer.name.rsplit_once('_')).map(|(it, _)| it).collect();
    let is_beside = |variable: &&mut Variable| {
        let is_of_stem =
            |stem: &&str| variable.name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('_'));
        variable.group.map_or_else(|| stems.iter().any(is_of_stem), |group| groups.contains(&group.name))
    };
    for variable in
        variables.iter_mut().filter(|it| !is_answered(&it.name) && !is_address(&it.name)).filter(is_beside)
    {
        if let Some(line) = lines.iter().find(|line| line.name == variable.name) {
            variable.value.clone_from(&line.value);
            variable.rule = line.place.clone();
        }
    }
    for answer in answers {
        let before = variables.iter().position(|it| it.name == answer.name).map(|at| variables.remove(at));
        variables.push(answer.variable(before));
    }
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    variables
}

/// Says whether a name is that of an address, or of a part of one.
fn is_address(name: &str) -> bool {
    let words = ["HOST", "HOSTADDR", "PORT", "URL", "URI", "DSN", "SERVER", "ADDR", "ADDRESS", "SOCKET"];
    words.iter().any(|word| name.ends_with(word))
}

impl Answer {
    /// Returns it as a variable, in place of one that the session had by itself.
    fn variable(self, before: Option<Variable>) -> Variable {
        let Variable { secret, cloud_credential, group, .. } = before.unwrap_or_default();
        let ports = self.ports.iter().filter(|(from, to)| from != to);
        let ports: Vec<String> = ports.map(|(from, to)| format!("{to} for {from}")).collect();
        let rule = match ports.as_slice() {
            [] => self.place.clone(),
            ports => format!("{}, with {}", self.place, ports.join(", ")),
        };
        Variable {
            secret: secret || is_secret(&self.name) || has_password(&self.value),
            name: self.name,
            file: Some(self.place),
            value: self.value,
            service: self.service,
            port: self.port,
            rule,
            cloud_credential,
            group,
            ..Variable::default()
        }
    }
}

/// Says whether there may be a password in a value: before an address, or behind a word that says so.
fn has_password(value: &str) -> bool {
    value.contains('@') || url::has_secret_parameter(value)
}
