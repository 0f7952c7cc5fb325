//! The only place that knows the Engine's HTTP: questions to the Engine, answers as domain values.

mod archive;
mod claim;
mod client;
mod container;
mod copier;
mod endpoint;
mod failure;
mod image;
mod inspection;
mod model;
mod mount;
mod mounted;
mod network;
mod note;
mod pause;
mod port;
mod project;
mod removal;
mod stranger;
mod transport;
mod volume;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::time::{Duration, Instant};

use domain::engine::container::{Container, Inspection, without_twins};
use domain::engine::socket::{self, Sockets};
use domain::failure::Failure;
use domain::identity::label::LABEL;
use domain::identity::name::SessionId;
use futures_util::future::{Either, select};
use hyper::Method;
use serde_json::json;
use tokio::task::JoinHandle;

pub use self::claim::{Belongings, Claims};
use self::client::{Client, Error};
pub use self::copier::{COPIER, Copier, Done, Job, NewCopier, is_copier};
pub use self::endpoint::{
    Endpoint, gateway, hostname, is_of_container, is_same_outside, machine_at, owner_at,
};
use self::failure::unreachable;
use self::model::{ContainerSummary, EngineVersion, Exec, Info};
pub use self::mount::Writer;
pub use self::mounted::{Held, Mounted};
pub use self::port::Locality;

/// The API since which health checks may have a `start_interval`.
const API: (usize, usize) = (1, 44);

/// How long a health check's command may take where the check does not say.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a look at a container's sockets may take.
const SOCKETS_LIMIT: Duration = Duration::from_secs(2);

/// So many characters of what the Engine says of a request are shown: what is longer is no message of an Engine.
const MESSAGE: usize = 1000;

/// How often it is asked whether to wait any longer.
const PATIENCE_POLL: Duration = Duration::from_millis(50);

/// A health check's command that runs.
#[derive(Debug)]
pub struct HealthCheck(JoinHandle<Checked>);

/// How a health check's command ended.
#[derive(Debug, Default)]
pub struct Checked {
    /// It succeeded.
    pub is_healthy: bool,
    /// What it wrote.
    pub text: String,
}

/// How a command in a container ended.
struct Executed {
    status: Option<i64>,
    stdout: Vec<u8>,
    /// The same, and what it wrote on standard error, in the order in which it came.
    written: Vec<u8>,
}

/// A connection to the Engine, and the one asynchronous island of the program.
pub struct Engine {
    runtime: tokio::runtime::Runtime,
    client: Client,
    endpoint: Endpoint,
    /// Fails when nobody wants to wait for an answer any more.
    patience: Option<Patience>,
    /// A session's list that was asked for, and not taken yet.
    begun: Option<(SessionId, inspection::Answer)>,
    /// Inspections that came together with the last list.
    inspected: RefCell<BTreeMap<String, Inspection>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Fails when an answer has been waited for long enough. Takes the Engine's address, and how long that is now.
pub type Patience = Box<dyn Fn(&str, Duration) -> Result<(), Failure>>;

impl Engine {
    /// Prepares to speak to the Engine; the first question connects.
    pub fn new(endpoint: Endpoint) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = Client::new(&endpoint.address);
        Ok(Self { runtime, client, endpoint, patience: None, begun: None, inspected: RefCell::default() })
    }

    /// Returns where it is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Lets `patience` decide, from time to time, whether to wait for an answer any longer; [`None`]: always. Returns
    /// what decided before.
    pub fn set_patience(&mut self, patience: Option<Patience>) -> Option<Patience> {
        std::mem::replace(&mut self.patience, patience)
    }

    /// Waits for an answer that changes nothing.
    fn ask<T>(&self, question: impl Future<Output = T>) -> Result<T, Failure> {
        let Some(patience) = &self.patience else { return Ok(self.runtime.block_on(question)) };
        let impatient = async {
            let mut waited = Duration::ZERO;
            loop {
                let began = Instant::now();
                tokio::time::sleep(PATIENCE_POLL).await;
                // Time in which prism was stopped is no more than a moment.
                waited += began.elapsed().min(PATIENCE_POLL * 2);
                if let Err(failure) = patience(&self.endpoint.address, waited) {
                    return failure;
                }
            }
        };
        self.runtime.block_on(async {
            match select(pin!(question), pin!(impatient)).await {
                Either::Left((answer, _)) => Ok(answer),
                Either::Right((failure, _)) => Err(failure),
            }
        })
    }

    /// Lists the containers of one session, whatever their state: one for each service and number.
    pub fn session(&mut self, session: &SessionId) -> anyhow::Result<Vec<Container>> {
        Ok(without_twins(self.every_container(session)?))
    }

    /// Lists the containers of one session with what Compose left behind or ran once.
    pub fn every_container(&mut self, session: &SessionId) -> anyhow::Result<Vec<Container>> {
        let mut containers = self.containers(format!("{LABEL}session_id={session}"))?;
        containers.retain(|container| container.is_ours);
        Ok(containers)
    }

    /// Lists the containers of every session, also those of other tools with the same labels.
    pub fn all_sessions(&mut self) -> anyhow::Result<Vec<Container>> {
        self.containers(format!("{LABEL}managed=true"))
    }

    fn containers(&mut self, label: String) -> anyhow::Result<Vec<Container>> {
        let summaries = self.list(&labelled(&label))?;
        Ok(summaries.into_iter().filter_map(container::listed).collect())
    }

    fn list(&self, path: &str) -> anyhow::Result<Vec<ContainerSummary>> {
        self.inspected.take();
        self.ask(self.client.get(path))?.map_err(|error| self.failure(error).into())
    }

    /// Begins to run a health check's own command in its container. It goes on during [`Engine::pause`], and
    /// whenever the Engine is asked something else.
    pub fn start_health_check(&self, id: &str, seen: &Inspection) -> HealthCheck {
        let (client, id) = (self.client.clone(), id.to_owned());
        let command = seen.health_command.clone();
        let limit = seen.health_timeout.unwrap_or(HEALTH_TIMEOUT);
        HealthCheck(self.runtime.spawn(async move {
            let Some(command) = command else { return Checked::default() };
            match tokio::time::timeout(limit, exec(&client, &id, command)).await {
                Ok(Ok(ended)) => Checked {
                    is_healthy: ended.status == Some(0),
                    text: String::from_utf8_lossy(&ended.written).into_owned(),
                },
                Ok(Err(_)) => Checked::default(),
                Err(_) => {
                    Checked { is_healthy: false, text: format!("no answer within {} s", limit.as_secs()) }
                }
            }
        }))
    }

    /// Says how a health check ended; `None` while it runs. One that cannot be run has not succeeded.
    pub fn health(&self, check: &mut HealthCheck) -> Option<Checked> {
        check.0.is_finished().then(|| self.runtime.block_on(&mut check.0).unwrap_or_default())
    }

    /// Asks a container's kernel what listens inside; `None` where it has no `cat`, or does not answer.
    pub fn sockets(&self, id: &str) -> Option<Sockets> {
        let command = std::iter::once("cat").chain(socket::TABLES).map(str::to_owned).collect();
        let read = exec(&self.client, id, command);
        let read = self.runtime.block_on(async { tokio::time::timeout(SOCKETS_LIMIT, read).await });
        let read = read.ok()?.ok()?;
        let text = String::from_utf8_lossy(&read.stdout);
        // One of the tables may be absent.
        text.trim_start().starts_with("sl").then(|| Sockets::parse(&text))
    }

    /// Lets time pass, and what was begun go on.
    pub fn pause(&self, duration: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(duration).await });
    }

    /// Returns the last lines that a container wrote; nothing if that cannot be had.
    pub fn last_lines(&self, id: &str, count: usize) -> Vec<String> {
        let path = format!("/containers/{id}/logs?stdout=true&stderr=true&tail={count}");
        let read = self.client.output(Method::GET, &path, None);
        let read = self.runtime.block_on(async { tokio::time::timeout(Duration::from_secs(5), read).await });
        let raw = read.ok().and_then(Result::ok).unwrap_or_default();
        let text = client::pieces(&raw).into_iter().map(|(_, piece)| piece).collect::<Vec<_>>().concat();
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }

    /// Returns the Engine's version.
    pub fn version(&self) -> anyhow::Result<String> {
        let version = self.engine_version()?;
        Ok(version.version.unwrap_or_default())
    }

    /// Returns what the Engine calls itself, wherever it is reached; empty if it does not say.
    pub fn id(&self) -> anyhow::Result<String> {
        Ok(self.info()?.id.unwrap_or_default())
    }

    fn info(&self) -> anyhow::Result<Info> {
        self.ask(self.client.get("/info"))?.map_err(|error| self.failure(error).into())
    }

    fn engine_version(&self) -> anyhow::Result<EngineVersion> {
        self.ask(self.client.get("/version"))?.map_err(|error| self.failure(error).into())
    }

    /// Says whether health checks may have a `start_interval`: since API 1.44. What else calls itself an Engine may take
    /// requests of a newer API than its own, so it is asked.
    pub fn has_start_interval(&self) -> anyhow::Result<bool> {
        let version = self.engine_version()?;
        Ok(version.api_version.is_some_and(|version| is_at_least(&version, API)))
    }

    fn failure(&self, error: Error) -> Failure {
        match error {
            Error::Refused { status, message } => {
                let message: String = message.chars().take(MESSAGE).collect();
                Failure::new("the Docker Engine refused a request")
                    .caused_by(anyhow::anyhow!("{message} (status {status})"))
            }
            Error::Unreadable(error) => Failure::new(format!(
                "the Docker Engine at {} answered what prism does not understand",
                self.endpoint.address
            ))
            .caused_by(error),
            other => unreachable(&self.endpoint.address, other),
        }
    }
}

/// Runs a command in a container to its end.
async fn exec(client: &Client, id: &str, command: Vec<String>) -> Result<Executed, Error> {
    exec_with(client, id, command, &[]).await
}

/// The same with more in its environment, `NAME=value` each.
async fn exec_with(
    client: &Client,
    id: &str,
    command: Vec<String>,
    environment: &[String],
) -> Result<Executed, Error> {
    let config = json!({"Cmd": command, "Env": environment, "AttachStdout": true, "AttachStderr": true});
    let Exec { id, .. } = client.make(&format!("/containers/{id}/exec"), config).await?;
    let start = json!({"Detach": false, "Tty": false});
    let raw = client.output(Method::POST, &format!("/exec/{id}/start"), Some(start)).await?;
    let (mut stdout, mut written) = (Vec::new(), Vec::new());
    for (is_stdout, piece) in client::pieces(&raw) {
        if is_stdout {
            stdout.extend_from_slice(piece);
        }
        written.extend_from_slice(piece);
    }
    Ok(Executed { status: client.get::<Exec>(&format!("/exec/{id}/json")).await?.exit_code, stdout, written })
}

/// Asks for containers with a label, whatever their state.
fn labelled(label: &str) -> String {
    format!("/containers/json?all=true&{}", client::filters(&[("label", &[label])]))
}

fn has_status(error: &Error, expected: u16) -> bool {
    matches!(error, Error::Refused { status, .. } if *status == expected)
}

/// Compares a version of the API, `1.43`.
fn is_at_least(version: &str, least: (usize, usize)) -> bool {
    let Some((major, minor)) = version.split_once('.') else { return false };
    let parts = (major.parse::<usize>(), minor.parse::<usize>());
    matches!(parts, (Ok(major), Ok(minor)) if (major, minor) >= least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, is_new) in [
            ("1.41", false),
            ("1.43", false),
            ("1.44", true),
            ("1.5", false),
            ("1.100", true),
            ("2.0", true),
            ("", false),
        ] {
            assert_eq!(is_at_least(version, API), is_new, "{version}");
        }
    }
}
