//! Sessions, as they are shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use domain::engine::container::{Container, State};
use domain::engine::ledger::Noted;
use domain::identity::name::SessionId;
use domain::view;
use domain::view::session::SessionReport;

use super::present::Present;
use crate::data;
use crate::docker::Engine;
use crate::environment::{localhost, stranger};
use crate::find::reach;
use crate::git;
use crate::machine::process::identity;
use crate::notice::Notices;
use crate::start::warm;

/// Lists the sessions of an owner, be it this user or another tool's, which names none; of everybody without one.
///
/// # Errors
/// The Engine does not answer.
pub fn list(
    engine: &mut Engine,
    owner: Option<&str>,
    notices: Notices,
) -> anyhow::Result<Vec<SessionReport>> {
    let mut all = engine.all_sessions()?;
    let is_frozen =
        |it: &&Container| it.state == State::Paused && owner.is_some() && it.label("owner") == owner;
    let frozen: BTreeSet<SessionId> = all.iter().filter(is_frozen).map(|it| it.session_id.clone()).collect();
    if !frozen.is_empty() {
        // Should a prism have been killed while it copied data, nothing stays paused for it.
        frozen.iter().try_for_each(|session| data::mend(engine, session))?;
        all = engine.all_sessions()?;
    }
    let mut containers = of_owner(all, owner);
    credit(&mut containers);
    if let Some(doubt) = reach::doubt(engine, &containers) {
        notices.note(doubt);
    }
    let notes = engine.notes()?;
    let is_own = |it: &&Noted| owner.is_none() || it.owner.as_deref() == owner;
    for sentence in stranger::lost(engine, &with_directories(&containers, notes.iter().filter(is_own)))? {
        notices.note(sentence);
    }
    let left_out = |id: &SessionId| {
        let of_session = notes.iter().find(|noted| noted.session_id == *id);
        of_session.map_or(&[][..], |noted| &noted.note.left_out)
    };
    let mut sessions = view::session::sessions(containers, engine.endpoint().host.as_deref(), left_out);
    for session in &mut sessions {
        complete(session);
    }
    Ok(sessions)
}

/// Keeps an owner's containers, and those of other tools, which name no owner; all of them without one.
pub fn of_owner(mut containers: Vec<Container>, owner: Option<&str>) -> Vec<Container> {
    containers.retain(|it| owner.is_none() || it.label("owner").is_none_or(|of| Some(of) == owner));
    containers
}

/// Shows one.
///
/// # Errors
/// The Engine does not answer.
pub fn info(present: Present) -> anyhow::Result<Option<SessionReport>> {
    let Present { work, mut containers, .. } = present;
    credit(&mut containers);
    let left_out = work.engine.note(&work.session.id)?.left_out;
    let host = work.engine.endpoint().host.as_deref();
    let mut session = view::session::sessions(containers, host, |_| &left_out).into_iter().next();
    session.iter_mut().for_each(complete);
    Ok(session)
}

/// Lets the last start of each session say who answered it.
fn credit(containers: &mut [Container]) {
    let directories = containers.iter().filter_map(|it| it.label("working_dir").map(str::to_owned));
    for directory in directories.collect::<BTreeSet<_>>() {
        if let Some(header) = warm::peek(Path::new(&directory)) {
            header.credit(containers);
        }
    }
}

/// Adds what the Engine does not know.
fn complete(session: &mut SessionReport) {
    session.branch = git::branch(Path::new(&session.directory));
    session.command_ports = localhost::command_ports(&session.session_id);
    if session.process.as_deref().is_some_and(identity::has_ended) {
        session.ephemeral = Some("ended");
    }
}

fn with_directories<'n>(
    containers: &[Container],
    notes: impl Iterator<Item = &'n Noted>,
) -> BTreeMap<SessionId, String> {
    let of_container = |it: &Container| Some((it.session_id.clone(), it.label("working_dir")?.to_owned()));
    let of_notes = notes.map(|it| (it.session_id.clone(), it.directory.clone()));
    containers.iter().filter_map(of_container).chain(of_notes).collect()
}
