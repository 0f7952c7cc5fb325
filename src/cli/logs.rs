//! `prism logs`: what the services wrote.

use std::ffi::OsString;

use super::LogsArgs;
use super::context::Context;
use crate::docker::Engine;
use crate::process::exec;
use crate::session::{Session, up};

pub(super) fn run(context: Context, args: LogsArgs) -> anyhow::Result<()> {
    let (endpoint, mut engine) = context.engine()?;
    let session = context.session(&endpoint)?;
    let mut arguments: Vec<String> = Vec::new();
    arguments.extend(args.follow.then(|| "--follow".to_owned()));
    arguments.extend(args.tail.map(|lines| format!("--tail={lines}")));
    arguments.push("--".to_owned());
    arguments.extend(args.services);
    show(&session, &mut engine, &arguments)
}

/// Follows what all services of a session write, until it is interrupted.
pub(super) fn follow(session: &Session, engine: &mut Engine, services: &[String]) -> anyhow::Result<()> {
    let mut arguments = vec!["--follow".to_owned(), "--".to_owned()];
    arguments.extend_from_slice(services);
    show(session, engine, &arguments)
}

/// Becomes `docker compose logs`, which knows the project by its labels: no Compose file is read.
fn show(session: &Session, engine: &mut Engine, arguments: &[String]) -> anyhow::Result<()> {
    let containers = engine.session(&session.id)?;
    let Some(container) = containers.first() else { return Err(up::no_session(session).into()) };
    let mut words: Vec<OsString> =
        ["docker", "compose", "-p", container.project.as_str(), "logs"].map(OsString::from).into();
    words.extend(arguments.iter().map(OsString::from));
    let mut environment = session.environment.clone();
    environment.retain(|(name, _)| !name.to_string_lossy().starts_with("COMPOSE_"));
    super::context::enter(std::path::Path::new("/"))?;
    Err(exec::replace(&words, &environment).into())
}
