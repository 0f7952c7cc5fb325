//! What a command gets: the stack up, its environment, and a network if it has one of its own.

use domain::environment::{Environment, Sources, Stray};

use crate::environment::dotenv::Reader;
use crate::environment::localhost::{self, Asked, Loopback};
use crate::environment::{app, child, derive};
use crate::machine::process::network::CommandNetwork;
use crate::machine::timing;
use crate::start::options::Options;
use crate::start::up;
use crate::work::Work;

/// What a command gets beside the session's own variables.
#[derive(Debug)]
pub struct Command {
    /// The app as which it runs.
    pub app: Option<String>,
    /// It is a shell that somebody types into: what is for single commands alone is not for it.
    pub is_shell: bool,
    /// How it reads dotenv files.
    pub reader: Reader,
    /// Where its variables come from.
    pub sources: Sources,
    /// When `localhost` is to be the session.
    pub localhost: Asked,
}

/// Makes sure that the session is up, and builds the environment of the command, and its network if it gets one.
///
/// # Errors
/// The session cannot be brought up; a variable leads to somebody else's data; the network is asked for and cannot be had; a
/// signal came.
pub fn ready(
    work: &mut Work,
    options: &Options,
    command: Command,
) -> anyhow::Result<(Environment, Option<CommandNetwork>)> {
    let Command { app, is_shell, reader, sources, localhost } = command;
    let up = up::up(work, options)?;
    let Work { session, engine, .. } = work;
    let derived = derive(session, engine, Some(&up.header), &up.containers)?;
    let mut variables = derived.refreshed(session, &up.header, &reader, work.notices)?;
    variables.variables.retain(|variable| !(is_shell && variable.exec_only));
    if let Some(app) = &app {
        app::check_port(&variables, session, engine, app)?;
        app::add(&mut variables, session, app)?;
    }
    let mut loopback = localhost::loopback(work, &up, &localhost)?;
    if matches!(loopback, Loopback::CommandNetwork(_)) {
        timing::mark("network");
    }
    variables.reached = loopback.reached(&up);
    variables.strangers = loopback.take_strangers();
    let mut environment = child::environment(work, &up, variables, sources, Stray::ways_out)?;
    let network = loopback.into_network(&mut environment);
    Ok((environment, network))
}
