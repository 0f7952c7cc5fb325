//! The way through Compose: resolve the project, write the override, bring the stack up.

mod compose_up;
mod prepare;

pub use self::prepare::{Examined, examine};

use std::path::PathBuf;
use std::time::Instant;

use super::remove::{self, Remains};
use super::up::{Options, Up};
use super::wait::{Outcome, Wait};
use super::{LOCK_POLL, Session, lock_name, warm};
use crate::compose::Compose;
use crate::docker::{self, Endpoint, Engine};
use crate::domain::container::{Container, State};
use crate::domain::header::Header;
use crate::domain::note::Note;
use crate::domain::state::Stage;
use crate::error::Failure;
use crate::lock::Lock;
use crate::output::Output;
use crate::process::interrupt::Interrupt;

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
    let (header, since) = match ready {
        Some(header) => (header, Instant::now()),
        None => {
            refuse_other_user(session, &sight.containers)?;
            let was_nothing = sight.containers.is_empty() && Remains::find(engine, &session.id)?.is_empty();
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
            // Stopped, not removed: an anonymous volume would be lost.
            remove::stop(engine, &session.id, &left_out.cloned().collect::<Vec<_>>())?;
            let paused = sight.containers.iter().filter(|container| container.state == State::Paused);
            engine.unpause(paused.map(|container| container.id.as_str()))?;
            let up = compose_up::ComposeUp {
                session,
                engine,
                options,
                interrupt,
                lock: &lock,
                prepared: &prepared,
                since: Instant::now(),
            };
            let since = match up.run() {
                Ok(since) => since,
                Err(error) => {
                    if was_nothing {
                        remove::if_without_container(session, engine)?;
                    }
                    return Err(error);
                }
            };
            rename_on_external_networks(session, engine, &prepared)?;
            prepared.settle(session)?;
            (prepared.header, since)
        }
    };
    drop(lock);
    let wait = Wait::new(session, &header, endpoint, options, interrupt, since);
    match wait.until_ready(engine)? {
        Outcome::Ready(containers) => Ok(Up { header, containers, started: true }),
        Outcome::Down(services) => {
            let names: Vec<String> = services.iter().map(|service| format!("`{service}`")).collect();
            Err(Failure::new(format!("{} did not come up with its ports", names.join(", ")))
                .hint("`prism compose ps -a` shows the containers; `prism compose up -d --force-recreate` makes them anew")
                .into())
        }
    }
}

/// On a network that other sessions use too, `api` must not be anybody's `api`.
fn rename_on_external_networks(
    session: &Session,
    engine: &mut Engine,
    prepared: &prepare::Prepared,
) -> anyhow::Result<()> {
    if prepared.external.is_empty() {
        return Ok(());
    }
    let containers = engine.session(&session.id)?;
    for (service, network, aliases) in &prepared.external {
        for container in containers.iter().filter(|container| container.service == *service) {
            engine.rename_on_network(container, network, &service.0, aliases.clone())?;
        }
    }
    Ok(())
}

/// Two users cannot share a session: they read neither each other's generated files nor locks.
fn refuse_other_user(session: &Session, containers: &[Container]) -> Result<(), Failure> {
    let user = |owner: &str| owner.split('@').next().map(str::to_owned);
    let own = user(&docker::owner());
    let others = containers.iter().filter_map(|container| container.label("owner")).map(user);
    match others.flatten().find(|other| Some(other) != own.as_ref()) {
        None => Ok(()),
        Some(other) => Err(Failure::new(format!(
            "the session of `{}` belongs to another user (id {other})",
            session.directory
        ))
        .hint("work in a worktree of your own, or let that user run `prism destroy` first")),
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
    let header = match warm::fitting_header(session) {
        Some(header) => header,
        None => header(session, engine, endpoint, output, interrupt)?,
    };
    Ok(Compose {
        directory: session.path().to_path_buf(),
        files: header.files.into_iter().map(PathBuf::from).collect(),
        env_files: header.env_files.into_iter().map(PathBuf::from).collect(),
        project: header.project,
        environment: session.environment.clone(),
    })
}

/// Writes the override anew, and starts nothing.
pub fn header(
    session: &Session,
    engine: &mut Engine,
    endpoint: &Endpoint,
    output: Output,
    interrupt: &Interrupt,
) -> anyhow::Result<Header> {
    let _lock = lock(session, output, interrupt)?;
    let containers = engine.session(&session.id)?;
    let note = engine.note(&session.id)?;
    Ok(prepare::prepare(session, endpoint, note, &containers, interrupt)?.header)
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
