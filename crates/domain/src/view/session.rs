//! Sessions as `list` and `info` show them: a table, and documents with a versioned schema.

mod ports;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Serialize;

pub use self::ports::{CommandPorts, ports_json, ports_text};
use crate::engine::container::{Binding, Container, Health, State, Status, without_twins};
use crate::environment::forward::CommandPort;
use crate::identity::label::ANSWERED;
use crate::identity::name::{ServiceName, SessionId};
use crate::printable::clean;
use crate::text::url;
use crate::variable;

/// The version of the JSON documents; it rises when a field changes its meaning or goes away.
const SCHEMA: u32 = 1;

/// One session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionReport {
    /// The session directory.
    pub directory: String,
    /// The identity; equal to the directory unless several machines use the Engine.
    pub session_id: String,
    /// The Compose project.
    pub project: String,
    /// The branch that is checked out there, or a detached commit's first digits.
    pub branch: Option<String>,
    /// `up`, `partly`, `stopped`.
    pub state: &'static str,
    /// `running` or `ended`, as the command for which alone the session was made; absent for a directory's own.
    pub ephemeral: Option<&'static str>,
    /// The process of that command.
    #[serde(skip)]
    pub process: Option<String>,
    /// When it was first created, RFC 3339; empty where the label is missing.
    pub created_at: String,
    /// Its services, by name and number.
    pub services: Vec<ServiceReport>,
    /// What listens in the network of its commands.
    pub command_ports: Vec<CommandPort>,
}

/// One container of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceReport {
    /// The service.
    pub name: String,
    /// Which of its replicas.
    pub number: u32,
    /// `running`, `done`, `exited`, `created`, `paused`, `restarting`.
    pub state: &'static str,
    /// The last choice left it out, so that nobody expects it to run.
    pub left_out: bool,
    /// `starting`, `healthy`, `unhealthy`; absent without a health check.
    pub health: Option<&'static str>,
    /// Where its primary port is, as a URL without credentials.
    pub url: Option<String>,
    /// Its published ports.
    pub ports: Vec<PortReport>,
}

/// One published port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PortReport {
    /// `5432/tcp`.
    pub container_port: String,
    /// The address on the host.
    pub host_ip: String,
    /// The port on the host.
    pub host_port: u16,
}

/// Groups containers by their session's identity.
///
/// What another tool says of a session that prism has made is not part of it.
pub fn by_session(containers: Vec<Container>) -> BTreeMap<SessionId, Vec<Container>> {
    let mut sessions: BTreeMap<SessionId, Vec<Container>> = BTreeMap::new();
    for container in containers {
        sessions.entry(container.session_id.clone()).or_default().push(container);
    }
    for containers in sessions.values_mut() {
        if containers.iter().any(|container| container.is_ours) {
            containers.retain(|container| container.is_ours);
        }
    }
    sessions
}

/// Groups containers into sessions. `host` is where a remote Engine's ports are, `left_out` the services that the last choice
/// for a session left out.
pub fn sessions<'n>(
    containers: Vec<Container>,
    host: Option<&str>,
    left_out: impl Fn(&SessionId) -> &'n [ServiceName],
) -> Vec<SessionReport> {
    let report =
        |(id, all): (SessionId, Vec<Container>)| session(&id, &without_twins(all), host, left_out(&id));
    by_session(containers).into_iter().map(report).collect()
}

fn session(
    id: &SessionId,
    containers: &[Container],
    host: Option<&str>,
    left_out: &[ServiceName],
) -> SessionReport {
    let services: Vec<ServiceReport> =
        containers.iter().map(|container| service(container, containers, host, left_out)).collect();
    let is_fine = |service: &&ServiceReport| matches!(service.state, "running" | "done") || service.left_out;
    let fine = services.iter().filter(is_fine).count();
    let running = services.iter().any(|service| service.state == "running");
    let label = |key| containers.iter().find_map(|container| container.label(key));
    let process = label("process").map(str::to_owned);
    SessionReport {
        directory: label("working_dir").unwrap_or(id.as_str()).to_owned(),
        session_id: id.to_string(),
        branch: None,
        project: containers.first().map(|container| container.project.to_string()).unwrap_or_default(),
        state: match (running, fine == services.len()) {
            (true, true) => "up",
            (true, false) => "partly",
            (false, _) => "stopped",
        },
        ephemeral: process.as_ref().map(|_| "running"),
        process,
        created_at: label("created_at").unwrap_or_default().to_owned(),
        services,
        command_ports: Vec::new(),
    }
}

fn service(
    container: &Container,
    all: &[Container],
    host: Option<&str>,
    left_out: &[ServiceName],
) -> ServiceReport {
    let status = Status::parse(&container.status);
    let health = match status {
        Status::Up { health: Some(health), .. } => Some(match health {
            // By prism's own question, which Docker asks at its interval only.
            Health::Starting if container.label(ANSWERED) == Some("true") => "healthy",
            Health::Starting => "starting",
            Health::Healthy => "healthy",
            Health::Unhealthy => "unhealthy",
        }),
        _ => None,
    };
    // Without a port there is nothing that an ended container could still be needed for; nor where others wait for its end.
    let is_one_shot =
        container.label("completes") == Some("true") || container.label("internal_port").is_none();
    let is_done = status == Status::Exited(0) && is_one_shot;
    ServiceReport {
        name: container.service.0.clone(),
        number: container.number,
        state: match container.state {
            State::Running => "running",
            State::Exited if is_done => "done",
            State::Exited | State::Gone => "exited",
            State::Created => "created",
            State::Paused => "paused",
            State::Restarting => "restarting",
        },
        left_out: container.state != State::Running && left_out.contains(&container.service),
        health,
        url: variable::primary_url(container, all, host),
        ports: container.live_bindings().iter().map(port).collect(),
    }
}

fn port(binding: &Binding) -> PortReport {
    PortReport {
        container_port: binding.container.to_string(),
        host_ip: binding.host_ip.clone(),
        host_port: binding.host_port,
    }
}

impl SessionReport {
    /// Says what to call it: a directory's own by the directory, one for a command alone by its identity.
    fn name(&self) -> String {
        match self.ephemeral {
            None => clean(&self.directory),
            Some("ended") => format!("{} (ephemeral, its command has ended)", clean(&self.session_id)),
            Some(_) => format!("{} (ephemeral)", clean(&self.session_id)),
        }
    }
}

impl ServiceReport {
    /// Says in one word, or two, how it is.
    fn word(&self) -> &'static str {
        if self.left_out { "left out" } else { self.health.unwrap_or(self.state) }
    }
}

/// Writes the document of `prism list --format json`.
pub fn list_json(sessions: &[SessionReport]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Document<'a> {
        schema: u32,
        sessions: &'a [SessionReport],
    }
    Ok(serde_json::to_string_pretty(&Document { schema: SCHEMA, sessions })? + "\n")
}

/// Writes the document of `prism info --format json`.
pub fn info_json(
    session: &SessionReport,
    variables: &[(String, String)],
) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Document<'a> {
        schema: u32,
        #[serde(flatten)]
        session: &'a SessionReport,
        variables: BTreeMap<&'a str, &'a str>,
    }
    let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Ok(serde_json::to_string_pretty(&Document { schema: SCHEMA, session, variables })? + "\n")
}

/// Writes what `prism list` shows a person: a line per session, and one per service below it.
pub fn list_text(sessions: &[SessionReport], now: SystemTime, color: bool) -> String {
    let row = |session: &SessionReport| {
        let branch = session.branch.as_deref().unwrap_or("-");
        [session.name(), clean(branch), session.state.to_owned(), age(&session.created_at, now)]
    };
    let head = ["DIRECTORY", "BRANCH", "STATE", "AGE"].map(str::to_owned);
    let rows: Vec<[String; 4]> = sessions.iter().map(row).collect();
    let widths = widths(rows.iter().chain([&head]));
    let mut text = line(&head, &widths, "");
    for (session, row) in sessions.iter().zip(&rows) {
        let paint = match session.state {
            _ if !color => "",
            "up" => "32",
            "partly" => "33",
            _ => "2",
        };
        text += &line(row, &widths, paint);
        let services = session.services.iter().map(service_row);
        let services: Vec<[String; 4]> =
            services.chain(session.command_ports.iter().copied().map(command_row)).collect();
        let widths = self::widths(services.iter());
        text.extend(services.iter().map(|row| format!("  {}", line(row, &widths, ""))));
    }
    text
}

fn service_row(service: &ServiceReport) -> [String; 4] {
    let name = if service.number > 1 {
        format!("{} {}", service.name, service.number)
    } else {
        service.name.clone()
    };
    let other = |port: &PortReport| {
        let address = url::address(&port.host_ip, port.host_port);
        let is_shown = service.url.as_ref().is_some_and(|url| url.ends_with(&address));
        (!is_shown).then(|| format!("{address}→{}", port.container_port))
    };
    let others: Vec<String> = service.ports.iter().filter_map(other).collect();
    [clean(&name), service.word().to_owned(), service.url.clone().unwrap_or_default(), others.join(" ")]
}

fn command_row(it: CommandPort) -> [String; 4] {
    [format!("port {}", it.port), "command".to_owned(), it.address(), String::new()]
}

fn widths<'r>(rows: impl Iterator<Item = &'r [String; 4]>) -> [usize; 4] {
    rows.fold([0; 4], |widths, row| std::array::from_fn(|i| widths[i].max(row[i].chars().count())))
}

/// Writes a row, its third column painted.
fn line(row: &[String; 4], widths: &[usize; 4], paint: &str) -> String {
    let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
        let padded = format!("{cell:<width$}");
        if column == 2 && !paint.is_empty() { format!("\x1b[{paint}m{padded}\x1b[0m") } else { padded }
    });
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
}

/// Writes how long ago something was, in its largest unit; nothing where that is not known.
pub(super) fn age(created_at: &str, now: SystemTime) -> String {
    let since = humantime::parse_rfc3339(created_at).ok().and_then(|at| now.duration_since(at).ok());
    let Some(seconds) = since.map(|since| since.as_secs()) else { return String::new() };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Writes what `prism info` shows a person.
pub fn info_text(session: &SessionReport, variables: &[(String, String)]) -> String {
    // Other tools' sessions do not say when.
    let created = if session.created_at.is_empty() { "-" } else { &session.created_at };
    let mut text = format!(
        "directory  {}\nbranch     {}\nproject    {}\nstate      {}\ncreated    {}\n\n",
        session.name(),
        clean(session.branch.as_deref().unwrap_or("-")),
        session.project,
        session.state,
        clean(created)
    );
    let width = session.services.iter().map(|service| service.name.chars().count()).max().unwrap_or(0);
    for service in &session.services {
        let state = service.word();
        let port = |port: &PortReport| {
            format!("{} → {}", url::address(&port.host_ip, port.host_port), port.container_port)
        };
        let ports: Vec<String> = service.ports.iter().map(port).collect();
        text += format!("{:<width$}  {state:<10}  {}", clean(&service.name), ports.join("  ")).trim_end();
        text.push('\n');
    }
    for it in &session.command_ports {
        text += &format!("port {} of a command  {}\n", it.port, it.address());
    }
    text.push('\n');
    for (name, value) in variables {
        text += &format!("{name}={}\n", clean(value));
    }
    text
}
