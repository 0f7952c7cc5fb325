//! The way through Compose: resolve the project, write the override, bring the stack up.

mod compose_up;
mod prepare;

use std::path::PathBuf;
use std::time::Duration;

use super::up::{Options, Up, waiting};
use super::wait::Outcome;
use super::{Session, lock_name, warm};
use crate::compose::Compose;
use crate::docker::{Endpoint, Engine};
use crate::domain::container::{State, without_twins};
use crate::domain::note::Note;
use crate::domain::state::Stage;
use crate::error::Failure;
use crate::lock::Lock;
use crate::output::Output;
use crate::process::interrupt::Interrupt;

/// How often a lock that somebody else holds is tried.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Starts the session under its lock, so that any number of simultaneous calls start one stack.
pub fn start(
    session: &Session,
    engine: &mut Engine,
    endpoint: &Endpoint,
    options: &Options,
    interrupt: &Interrupt,
) -> anyhow::Result<Up> {
    let lock = lock(session, options.output, interrupt)?;
    // Whoever held the lock may have done everything.
    let sight = warm::look(session, engine)?;
    let is_chosen = sight.header.as_ref().is_some_and(|header| options.is_met(header));
    let ready = if sight.stage == Stage::Down || !is_chosen { None } else { sight.header };
    let header = match ready {
        Some(header) => header,
        None => {
            let old = engine.note(&session.id)?;
            let note = Note { selection: options.selection(&old.selection), ..old.clone() };
            let mut prepared = prepare::prepare(session, endpoint, note, &sight.containers, interrupt)?;
            for note in prepared.notes.iter().filter(|_| prepared.is_first) {
                options.output.note(note);
            }
            super::up::check_services(&prepared.header, &options.services)?;
            if prepared.note != old || prepared.is_first {
                engine.write_note(&prepared.header.project, &prepared.labels, &prepared.note)?;
            }
            let left_out = sight.containers.iter().filter(|it| prepared.excluded.contains(&it.service));
            engine.remove_containers(&left_out.cloned().collect::<Vec<_>>())?;
            let paused = sight.containers.iter().filter(|container| container.state == State::Paused);
            engine.unpause(paused.map(|container| container.id.as_str()))?;
            let up = compose_up::ComposeUp {
                session,
                engine,
                options,
                interrupt,
                lock: &lock,
                prepared: &prepared,
            };
            up.run()?;
            prepared.settle(session)?;
            prepared.header
        }
    };
    drop(lock);
    match waiting(session, &header, endpoint, options, interrupt).until_ready(engine)? {
        Outcome::Ready(containers) => Ok(Up { header, containers, started: true }),
        Outcome::Down(services) => {
            let names: Vec<String> = services.iter().map(|service| format!("`{service}`")).collect();
            Err(Failure::new(format!("Compose started the stack, but {} did not come up with its ports", names.join(", ")))
                .hint("`prism compose ps -a` shows the containers; `prism compose up -d --force-recreate` makes them anew")
                .into())
        }
    }
}

/// Brings the override up to date without starting anything, and says how Compose is to be called.
pub fn refresh(
    session: &Session,
    engine: &mut Engine,
    endpoint: &Endpoint,
    output: Output,
    interrupt: &Interrupt,
) -> anyhow::Result<Compose> {
    let fitting = warm::fitting_header(session);
    if let Some(header) = fitting {
        return Ok(Compose {
            directory: session.path().to_path_buf(),
            files: header.files.into_iter().map(PathBuf::from).collect(),
            env_files: header.env_files.into_iter().map(PathBuf::from).collect(),
            project: header.project,
            environment: session.environment.clone(),
        });
    }
    let _lock = lock(session, output, interrupt)?;
    let containers = without_twins(engine.session(&session.id)?);
    let note = engine.note(&session.id)?;
    Ok(prepare::prepare(session, endpoint, note, &containers, interrupt)?.compose)
}

fn lock(session: &Session, output: Output, interrupt: &Interrupt) -> anyhow::Result<Lock> {
    let mut told = false;
    Lock::acquire(&lock_name(&session.id), || {
        if !std::mem::replace(&mut told, true) {
            output.detail("another prism is starting this session: waiting for it");
        }
        Ok(interrupt.pause(LOCK_POLL)?)
    })
}
