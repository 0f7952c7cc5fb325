//! `prism logs`: what the services wrote.

use std::ffi::OsString;
use std::io::{IsTerminal, stdout};
use std::path::Path;

use clap::Args;
use clap_complete::ArgValueCompleter;
use domain::engine::container::Container;
use session::find::Session;
use session::machine::process::exec;
use session::start::up;

use super::complete;
use super::context::Context;

/// Show what the services wrote
#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// Go on as they write more
    #[arg(short, long)]
    pub(super) follow: bool,
    /// Only the last LINES of each
    #[arg(short = 'n', long, value_name = "LINES")]
    pub(super) tail: Option<u32>,
    /// Only these services
    #[arg(value_name = "SERVICE", add = ArgValueCompleter::new(complete::services))]
    pub(super) services: Vec<String>,
}

pub(super) fn run(context: Context, args: LogsArgs) -> anyhow::Result<()> {
    let present = context.present()?;
    let mut arguments: Vec<String> = Vec::new();
    arguments.extend(args.follow.then(|| "--follow".to_owned()));
    arguments.extend(args.tail.map(|lines| format!("--tail={lines}")));
    arguments.push("--".to_owned());
    arguments.extend(args.services);
    show(&present.work.session, &present.containers, &arguments)
}

/// Follows what all services of a session write, until it is interrupted.
pub(super) fn follow(session: &Session, containers: &[Container]) -> anyhow::Result<()> {
    show(session, containers, &["--follow".to_owned()])
}

/// Becomes `docker compose logs`, which knows the project by its labels: no Compose file is read.
fn show(session: &Session, containers: &[Container], arguments: &[String]) -> anyhow::Result<()> {
    let Some(container) = containers.first() else { return Err(up::no_session(session).into()) };
    // Compose colours what it writes into a pipe as well.
    let ansi = if stdout().is_terminal() { "auto" } else { "never" };
    let words = ["docker", "compose", "--ansi", ansi, "-p", container.project.as_str(), "logs"];
    let words: Vec<OsString> =
        words.into_iter().chain(arguments.iter().map(String::as_str)).map(OsString::from).collect();
    let mut environment = session.environment.clone();
    environment.retain(|(name, _)| !name.to_string_lossy().starts_with("COMPOSE_"));
    super::context::enter(Path::new("/"))?;
    Err(exec::replace(&words, &environment).into())
}
