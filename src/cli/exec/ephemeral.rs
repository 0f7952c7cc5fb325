//! `exec --ephemeral`: start, run under supervision, and remove the stack again, whatever happens.

use std::ffi::OsString;

use crate::cli::context::Context;
use crate::domain::environment::Environment;
use crate::process::interrupt::{Interrupt, end_by};
use crate::process::supervise::{self, Fate, Signals};
use crate::session::{Session, ephemeral};

/// Runs a command with a stack of its own, and returns its exit status; ends by the same signal as the command.
///
/// `environment` starts the stack. `interrupt` is kept to the end, so that no signal ends prism before the stack is
/// removed.
pub(super) fn run(
    context: &Context,
    session: &Session,
    interrupt: &Interrupt,
    command: &[OsString],
    keep_on_failure: bool,
    environment: impl FnOnce() -> anyhow::Result<Environment>,
) -> anyhow::Result<u8> {
    interrupt.listen()?;
    let mut signals = None;
    let result = environment().and_then(|environment| {
        supervise::run(command, &environment, signals.insert(Signals::listen()?), interrupt)
    });
    if keep_on_failure && !matches!(result, Ok(Fate::Exited(0))) {
        let project = session.project();
        context.output.note(format!(
            "the stack is kept: `docker compose -p {project} ps` (or logs, exec) looks at it, `prism prune` removes it"
        ));
    } else if let Err(error) = remove(context, session) {
        context.output.note(format!("could not remove the ephemeral stack: {error:#}; `prism prune` will"));
    }
    drop(signals);
    match result? {
        Fate::Exited(status) => Ok(status),
        Fate::Killed(signal) => Ok(end_by(signal as i32)),
    }
}

fn remove(context: &Context, session: &Session) -> anyhow::Result<()> {
    let (_, mut engine) = context.engine()?;
    ephemeral::remove(&mut engine, &session.id)
}
