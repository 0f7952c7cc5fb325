//! Stopping sessions, whose data stay.

use std::path::Path;

use domain::engine::container::State;
use domain::failure;
use domain::identity::name::SessionId;
use domain::view::session::by_session;

use super::target::Target;
use crate::docker::Engine;
use crate::end::remove;
use crate::find::{self, Caller, Ephemeral, owner};
use crate::machine::process::interrupt::Interrupt;
use crate::notice::Notices;

/// What became of a session that was to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// How many containers it has.
    pub containers: usize,
    /// How many of them ran.
    pub ran: usize,
}

/// Stops one.
///
/// # Errors
/// The Engine does not answer, or refuses; a signal came.
pub fn stop(
    engine: &mut Engine,
    target: &Target,
    interrupt: &Interrupt,
    notices: Notices,
) -> anyhow::Result<Stopped> {
    let _lock = find::lock(&target.id, interrupt, || notices.note(find::WAITING))?;
    let containers = engine.every_container(&target.id)?;
    let ran = remove::rest(engine, &target.id, &containers, interrupt)?;
    if target.ephemeral.is_none() {
        remove::remove_dotenv(&target.directory)?;
    }
    Ok(Stopped { containers: containers.len(), ran })
}

/// Stops all of the caller's, but no other tool's. Says how many there were.
///
/// # Errors
/// The caller is part of a session that is gone; the Engine does not answer, or refuses; a signal came.
pub fn stop_all(
    caller: &Caller,
    engine: &mut Engine,
    interrupt: &Interrupt,
    notices: Notices,
) -> anyhow::Result<usize> {
    Ephemeral::check_caller(caller)?;
    let owner = caller.owner();
    let mut containers = engine.all_sessions()?;
    containers.retain(|container| container.is_ours && container.label("owner") == Some(owner.as_str()));
    let notes = engine.notes()?;
    let check = |id: &SessionId| {
        notes.iter().find(|noted| noted.session_id == *id).map_or(Ok(()), owner::check_machine)
    };
    let mut count = 0;
    for (id, containers) in by_session(containers) {
        if containers.iter().all(|container| matches!(container.state, State::Exited | State::Created)) {
            continue;
        }
        if let Err(error) = check(&id) {
            notices.note(failure::brief(&error.into()));
            continue;
        }
        let _lock = find::lock(&id, interrupt, || notices.note(find::WAITING))?;
        remove::stop(engine, &id, &containers)?;
        if let Some(directory) = containers.iter().find_map(|container| container.label("working_dir")) {
            remove::remove_dotenv(Path::new(directory))?;
            notices.note(format!("stopped `{directory}`"));
        }
        count += 1;
    }
    Ok(count)
}
