//! What lines come to when they lead to the session.

use std::collections::BTreeMap;

use super::Answer;
use super::beside::is_of_another;
use super::shell::{is_address, is_for_shells};
use super::target::{Target, Targets, is_of_origins};
use crate::identity::address_name::Half;
use crate::identity::variable_name::{is_cloud_credential, is_secret};
use crate::stack::dotenv_file::Line;
use crate::text::{loopback, url};
use crate::variable::{Place, Variable};

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

/// What names begin with that go to browsers as well.
const PUBLIC: [&str; 12] = [
    "EXPO_PUBLIC_",
    "GATSBY_",
    "NEXT_PUBLIC_",
    "NG_APP_",
    "NUXT_",
    "NUXT_PUBLIC_",
    "PUBLIC_",
    "REACT_APP_",
    "SNOWPACK_PUBLIC_",
    "STORYBOOK_",
    "VITE_",
    "VUE_APP_",
];

/// Lists the lines that lead to ports of this machine at which programs find no service of the session: where each stands,
/// with its name, and the port.
pub fn untold(lines: &[Line], targets: &Targets) -> Vec<(String, u16)> {
    let ports = |line: &Line| loopback::ports(&line.value, &targets.hostname).into_iter();
    let all = lines.iter().filter(|line| !is_of_origins(&line.name));
    let all =
        all.flat_map(|line| ports(line).map(move |port| (format!("{}: {}", line.place, line.name), port)));
    all.filter(|(_, port)| !targets.by_port.contains_key(port)).collect()
}

struct See<'a> {
    by_name: BTreeMap<&'a str, &'a Line>,
    targets: &'a Targets,
}

impl See<'_> {
    fn answers(&self, line: &Line) -> Vec<Answer> {
        match (Half::of_host(&line.name), Half::of_port(&line.name)) {
            (Some(host), _) if self.by_name.contains_key(host.port_name().as_str()) => {
                let found = self.of_host(line, host);
                if found.is_empty() { self.of_host_with_port(line, host) } else { found }
            }
            (_, Some(port)) => self.of_port(line, port).into_iter().collect(),
            (host, None) => match self.of_value(line).or_else(|| self.of_app(line)) {
                Some(answer) => vec![answer],
                None => host
                    .filter(|host| !host.is_glued())
                    .map_or_else(Vec::new, |host| self.of_host(line, host)),
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
            stem.strip_suffix(app.as_str())
                .is_some_and(|before| before.is_empty() || PUBLIC.contains(&before))
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
    fn of_host(&self, line: &Line, half: Half<'_>) -> Vec<Answer> {
        let host = loopback::bare_host(&line.value);
        if !self.targets.is_here(host) {
            return Vec::new();
        }
        let (stem, port) = (half.stem(), half.port_name());
        let said = self.by_name.get(port.as_str());
        let target = match said {
            Some(said) => said.value.parse().ok().and_then(|port| self.targets.by_port.get(&port)),
            None => self.targets.called(&stem),
        };
        let Some(target) = target else { return Vec::new() };
        if said.is_some() && target.is_where_to_listen(&stem) {
            return Vec::new();
        }
        let keeps_name = line.value.contains("://") && loopback::is_named(host);
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

    /// Reads a host that says a port itself, though one stands beside it.
    fn of_host_with_port(&self, line: &Line, half: Half<'_>) -> Vec<Answer> {
        let is_client = |answer: &Answer| {
            let target = answer.ports.first().and_then(|(port, _)| self.targets.by_port.get(port));
            target.is_some_and(|target| !target.is_where_to_listen(&half.stem()))
        };
        let says_port = !self.targets.is_here(loopback::bare_host(&line.value));
        let found = says_port.then(|| self.of_value(line)).flatten();
        found.filter(is_client).into_iter().collect()
    }

    /// Reads a port without a host: that is in a line of its own, or it is one that the Compose files publish.
    fn of_port(&self, line: &Line, half: Half<'_>) -> Option<Answer> {
        let number = line.value.parse().ok()?;
        let target = self.targets.by_port.get(&number)?;
        let (stem, host) = (half.stem(), half.host_names().find_map(|name| self.by_name.get(name.as_str())));
        let is_meant = match host {
            Some(host) => {
                let is_said = |port| (port == number).then_some(("", port));
                self.targets.is_here(loopback::bare_host(&host.value))
                    || loopback::translated(&host.value, &self.targets.hostname, is_said).is_some()
            }
            None if half.is_glued() => false,
            // Where a program of the project's own listens, or Compose publishes, is no address of a client's.
            None => {
                let beside = self.by_name.iter().map(|(name, line)| (*name, line.value.as_str()));
                target.is_published
                    && target.is_known
                    && !self.targets.is_of_compose(&line.name)
                    && !is_of_another(&stem, beside, &self.targets.hostname)
            }
        };
        let is_meant = is_meant && !target.is_where_to_listen(&stem);
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
        variables.iter_mut().filter(|it| !is_answered(&it.name) && !is_of_address(&it.name)).filter(is_beside)
    {
        if let Some(line) = lines.iter().find(|line| line.name == variable.name) {
            variable.value.clone_from(&line.value);
            variable.rule = line.place.clone();
        }
    }
    for answer in answers {
        let before = variables.iter().position(|it| it.name == answer.name).map(|at| variables.remove(at));
        variables.push(answer.variable(before, targets));
    }
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    variables
}

/// Says whether a name is that of an address, or of a part of one.
fn is_of_address(name: &str) -> bool {
    let words = ["HOST", "HOSTADDR", "PORT", "URL", "URI", "DSN", "SERVER", "ADDR", "ADDRESS", "SOCKET"];
    words.iter().any(|word| name.ends_with(word))
}

impl Answer {
    /// Returns it as a variable, in place of one that the session had by itself.
    fn variable(self, before: Option<Variable>, targets: &Targets) -> Variable {
        let is_alone = before.is_none();
        // The name of one that the session has by itself is none of the repository's choice.
        let exec_only = if is_alone { !is_for_shells(&self, targets) } else { !is_address(&self.value) };
        let Variable { secret, group, .. } = before.unwrap_or_default();
        let ports = self.ports.iter().filter(|(from, to)| from != to);
        let ports: Vec<String> = ports.map(|(from, to)| format!("{to} for {from}")).collect();
        let rule = match ports.as_slice() {
            [] => self.place.clone(),
            ports => format!("{}, with {}", self.place, ports.join(", ")),
        };
        Variable {
            secret: secret || is_secret(&self.name) || has_password(&self.value),
            cloud_credential: is_cloud_credential(&self.name),
            name: self.name,
            file: is_alone.then_some(self.place),
            value: self.value,
            service: self.service,
            port: self.port,
            rule,
            exec_only,
            group,
            ..Variable::default()
        }
    }
}

/// Says whether there may be a password in a value: before an address, or behind a word that says so.
fn has_password(value: &str) -> bool {
    value.contains('@') || url::has_secret_parameter(value)
}
