//! `prism stop-all`: every session of this user stopped.

use std::path::Path;

use domain::engine::container::State;
use domain::failure;
use domain::identity::name::SessionId;
use domain::view::session::by_session;
use session::end::remove;
use session::find::{Ephemeral, owner};
use session::machine::process::interrupt::Interrupt;

use super::context::{Context, lock};

pub(super) fn run(context: Context) -> anyhow::Result<()> {
    Ephemeral::check_caller()?;
    let (_, mut engine) = context.engine()?;
    // Not those of other tools.
    let mut containers = engine.all_sessions()?;
    containers.retain(|container| container.is_ours && container.label("owner") == Some(context.owner()));
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
            context.output.note(failure::brief(&error.into()));
            continue;
        }
        let _lock = lock(&id, context.output, &Interrupt::default())?;
        remove::stop(&mut engine, &id, &containers)?;
        if let Some(directory) = containers.iter().find_map(|container| container.label("working_dir")) {
            remove::remove_dotenv(Path::new(directory))?;
            context.output.note(format!("stopped `{directory}`"));
        }
        count += 1;
    }
    if count == 0 {
        context.output.note("nothing was running");
    }
    Ok(())
}
