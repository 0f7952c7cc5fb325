//! `exec --ephemeral`: start, run under supervision, and remove the stack again, whatever happens.

use std::ffi::OsString;

use domain::environment::Environment;
use session::end::ephemeral;
use session::end::remove::Remains;
use session::find::Session;
use session::machine::process::exec::Program;
use session::machine::process::interrupt::{Interrupt, end_by};
use session::machine::process::network::CommandNetwork;
use session::machine::process::supervise::{self, Fate, Signals};
use session::start::patience::farewell;
use session::work::Work;

use crate::cli::context::Context;

/// Runs a command with a stack of its own, and returns its exit status; ends by the same signal as the command.
///
/// `environment` starts the stack. The work's interrupt is kept to the end, so that no signal ends prism before the stack is
/// removed.
pub(super) fn run(
    context: &Context,
    mut work: Work,
    command: &[OsString],
    keep_on_failure: bool,
    environment: impl FnOnce(&mut Work) -> anyhow::Result<(Environment, Option<CommandNetwork>)>,
) -> anyhow::Result<u8> {
    work.interrupt.listen()?;
    let mut signals = None;
    let environment = environment(&mut work);
    let Work { session, engine, interrupt, .. } = work;
    drop(engine);
    let is_up = environment.is_ok();
    let result = environment.and_then(|(environment, network)| {
        let program = Program::find(command, &environment)?;
        let program = network.map_or_else(|| program.clone(), |network| network.around(&program));
        supervise::run(&program, signals.insert(Signals::listen()?), &interrupt)
    });
    let keeps = keep_on_failure && !matches!(result, Ok(Fate::Exited(0)));
    if let Err(error) = finish(context, &session, &interrupt, is_up, keeps) {
        context.output.note(format!("could not remove the ephemeral stack: {error:#}; `prism prune` will"));
    }
    drop(signals);
    match result? {
        Fate::Exited(status) => Ok(status),
        Fate::Killed(signal) => Ok(end_by(signal as i32)),
    }
}

/// Removes the stack; or says how to go on with it, if it is to be kept and there is one.
fn finish(
    context: &Context,
    session: &Session,
    interrupt: &Interrupt,
    is_up: bool,
    keeps: bool,
) -> anyhow::Result<()> {
    let mut engine = context.engine()?;
    engine.set_patience(Some(farewell(context.notices, interrupt.clone())));
    let remains = if keeps { Remains::find(&mut engine, &session.id)?.containers } else { Vec::new() };
    if let Some(container) = remains.first() {
        let project = &container.project;
        context.output.note(format!(
            "the stack is kept: `docker compose -p {project} ps` (or logs, exec) looks at it, `prism prune` removes it"
        ));
        return Ok(());
    }
    match &session.ephemeral {
        Some(own) if is_up => ephemeral::remove(&mut engine, &session.id, &own.suffix),
        _ => ephemeral::remove_unfinished(&mut engine, session),
    }
}
