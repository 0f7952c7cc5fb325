//! The way through Compose: resolve the project, write the override, bring the stack up.

mod compose_up;
mod data;
mod examine;
mod half_made;
mod lacking;
mod prepare;
mod progress;
mod reserve;
mod resolve;

use std::collections::BTreeSet;
use std::time::Instant;

use domain::engine::anonymous::Anonymous;
use domain::engine::container::{Container, State};
use domain::engine::note::Note;
use domain::failure::{self, Failure};
use domain::identity::name::ServiceName;
use domain::stack::header::Header;
use domain::stack::readiness::Stage;

use self::compose_up::{ComposeUp, Ended};
pub use self::examine::{Examined, examine};
use self::prepare::{Prepare, Prepared};
use crate::compose::Compose;
use crate::docker::{Endpoint, Engine};
use crate::end::remove::{self, Remains};
use crate::environment::up::Up;
use crate::environment::{needing_inspection, stranger};
use crate::find::{LOCK_POLL, Session, generated, key, lock_name, owner};
use crate::machine::lock::Lock;
use crate::machine::process::interrupt::Interrupt;
use crate::machine::timing;
use crate::notice::Notices;
use crate::port;
use crate::start::options::Options;
use crate::start::wait::{Outcome, Wait};
use crate::start::{rename, warm};

/// After so many ports that could not be bound, something else is wrong.
const MANY_REFUSED: usize = 30;

/// Starts the session under its lock, so that any number of simultaneous calls start one stack.
pub fn start(
    session: &Session,
    engine: &mut Engine,
    endpoint: &Endpoint,
    options: &Options,
    interrupt: &Interrupt,
) -> anyhow::Result<Up> {
    let mut is_last = false;
    loop {
        let (header, since, before) = start_locked(session, engine, endpoint, options, interrupt)?;
        let before = if is_last { BTreeSet::new() } else { before };
        let wait = Wait::new(session, &header, endpoint, options, interrupt, since).that_ran(before);
        let down = match wait.until_ready(engine)? {
            Outcome::Ready(containers) => return Ok(Up { header, containers, started: true }),
            Outcome::Down(down) => down.join(", "),
        };
        // It ran, or Compose would have failed. Somebody else has taken it away, and Compose can bring it back.
        if std::mem::replace(&mut is_last, true) {
            return Err(Failure::new(format!("not everything stays up: {down}"))
                .hint_there("`prism compose ps -a` shows the containers; `prism compose up -d --force-recreate` makes them anew")
                .into());
        }
        options.notices.note(format!("bringing up again what did not stay up: {down}"));
    }
}

/// Brings the session up under its lock. Says when the time for getting ready began, and which containers ran before: one
/// that somebody is stopping may still be listed as running, also by Compose.
fn start_locked(
    session: &Session,
    engine: &mut Engine,
    endpoint: &Endpoint,
    options: &Options,
    interrupt: &Interrupt,
) -> anyhow::Result<(Header, Instant, BTreeSet<String>)> {
    let lock = lock(session, options.notices, interrupt)?;
    if let Some(ephemeral) = &session.ephemeral {
        ephemeral.check(&session.id)?;
    }
    // Whoever held the lock may have done everything.
    let mut sight = warm::look(session, engine)?;
    if sight.containers.iter().any(|container| container.state == State::Paused) {
        crate::data::mend_locked(engine, &session.id)?;
        sight = warm::look(session, engine)?;
    }
    let is_chosen = sight.header.as_ref().is_some_and(|header| options.is_met(header));
    let before = running(&sight.containers);
    let ready = if sight.stage == Stage::Down || !is_chosen { None } else { sight.header };
    if let Some(header) = ready {
        return Ok((header, interrupt.now(), before));
    }
    owner::refuse_all(engine, &session.id, &session.directory)?;
    engine.finish_removals(&session.id)?;
    // An ephemeral session goes whatever happens, when its command ends.
    let was_nothing = session.ephemeral.is_none()
        && sight.containers.is_empty()
        && Remains::find(engine, &session.id)?.is_empty();
    let up = bring_up(session, engine, endpoint, options, interrupt, &lock, &sight.containers);
    if up.is_err() && was_nothing {
        let removed = remove::if_without_container(session, engine, options.notices);
        if let Err(error) = removed {
            options.notices.note(format!("could not clean up: {}", failure::brief(&error)));
        }
    }
    up.map(|(header, since)| (header, since, before))
}

/// Collects the ids of containers that run.
pub fn running(containers: &[Container]) -> BTreeSet<String> {
    let running = containers.iter().filter(|container| container.state == State::Running);
    running.map(|container| container.id.clone()).collect()
}

/// Writes the override and lets Compose act on it, with other ports for those that cannot be bound.
fn bring_up(
    session: &Session,
    engine: &mut Engine,
    endpoint: &Endpoint,
    options: &Options,
    interrupt: &Interrupt,
    lock: &Lock,
    containers: &[Container],
) -> anyhow::Result<(Header, Instant)> {
    let old = engine.note(&session.id)?;
    let key = key::made();
    let mut anonymous = old.anonymous.proven(&session.id, key.as_deref());
    anonymous.extend(engine.own_volumes(containers)?);
    let mut note = Note {
        selection: options.selection(&old.selection),
        setup: if containers.is_empty() { options.setup.clone() } else { old.setup.clone() },
        ..old
    };
    let mut refused = BTreeSet::new();
    loop {
        if !refused.is_empty() {
            let made = engine.session(&session.id)?;
            anonymous.extend(engine.own_volumes(&made)?);
        }
        // Noted before Compose makes a container anew: from then on, nothing tells whose they were.
        note.anonymous = Anonymous::sealed(anonymous.clone(), &session.id, key.as_deref());
        let prepare = Prepare {
            session,
            engine,
            endpoint,
            notices: options.notices,
            interrupt,
            containers,
            services: &options.services,
            app: options.app.as_deref(),
            refused: &refused,
            only_to_look: false,
            is_chosen_now: options.selection.is_some(),
        };
        let mut prepared = prepare.run(note.clone())?;
        timing::mark("config");
        if refused.is_empty() {
            for note in prepared.notes.iter().filter(|_| prepared.is_first) {
                options.notices.note(note);
            }
            for sentence in stranger::strangers(session, engine)? {
                options.notices.note(sentence);
            }
            let is_unknown = |it: &Container| !prepared.header.services.contains_key(&it.service);
            let left_out = containers
                .iter()
                .filter(|it| prepared.left_out.contains(&it.service) || !it.one_off && is_unknown(it));
            let left_out: Vec<Container> = left_out.cloned().collect();
            let is_chosen_away =
                |it: &Container| it.state == State::Running && prepared.left_out.contains(&it.service);
            if left_out.iter().any(is_chosen_away) {
                // Should an image be missing, nothing was stopped for it. What runs meanwhile is not started beside it, as
                // both may want one port or write to one volume.
                let prepared = &mut prepared;
                let (since, ran) = (interrupt.now(), &running(containers));
                ComposeUp { session, engine, options, interrupt, lock, prepared, since, ran }.create()?;
            }
            // Stopped, not removed, be it only that this branch's files do not have the service: an anonymous volume would
            // be lost.
            remove::stop(engine, &session.id, &left_out)?;
            let paused = containers.iter().filter(|container| container.state == State::Paused);
            engine.unpause(paused.map(|container| container.id.as_str()))?;
            if let Some(due) = crate::data::due(session, engine, options.data.as_ref(), options.notices)? {
                due.mark(session, engine, &prepared.header)?;
                let (since, ran) = (interrupt.now(), &BTreeSet::new());
                let prepared = &mut prepared;
                ComposeUp { session, engine, options, interrupt, lock, prepared, since, ran }.create()?;
                due.copy(session, engine, &prepared.header, options.notices, interrupt)?;
            }
        }
        match run_compose(session, engine, options, interrupt, lock, &mut prepared, &running(containers))? {
            Ended::Up(since) => {
                check_data(session, engine, endpoint, &prepared)?;
                prepared.settle(session)?;
                note_anonymous(session, engine, endpoint, anonymous, interrupt)?;
                timing::mark("up");
                return Ok((prepared.header, since));
            }
            Ended::Refused(ports) => {
                let shown = ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                refused.extend(ports);
                if refused.len() > MANY_REFUSED {
                    return Err(Failure::new(format!("the Engine could not bind {} ports, at last {shown}", refused.len()))
                        .hint("`prism doctor` says which Engine that is; restarting it frees ports that it lost count of")
                        .into());
                }
                options.notices.detail(format!("port {shown} cannot be bound: trying with another one"));
            }
        }
    }
}

/// Looks again at who writes to the same files: an image may say so only now, and another user's prism has other locks.
fn check_data(
    session: &Session,
    engine: &mut Engine,
    endpoint: &Endpoint,
    prepared: &Prepared,
) -> anyhow::Result<()> {
    let checked = prepared.stores.located(engine, endpoint)?.check(&session.id, engine);
    if checked.is_err() {
        let is_writer = |container: &Container| {
            prepared.stores.stores.iter().any(|store| store.service == container.service)
        };
        let writers: Vec<Container> = engine.session(&session.id)?.into_iter().filter(is_writer).collect();
        remove::stop(engine, &session.id, &writers)?;
    }
    checked
}

/// Notes down the anonymous volumes of what has come up, if there are others than `names`: a child's Compose may make
/// containers anew, and pass them on.
fn note_anonymous(
    session: &Session,
    engine: &mut Engine,
    endpoint: &Endpoint,
    mut names: BTreeSet<String>,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let known = names.len();
    let made = engine.session(&session.id)?;
    names.extend(engine.own_volumes(&made)?);
    if names.len() == known {
        return Ok(());
    }
    let sealed = Anonymous::sealed(names, &session.id, key::made().as_deref());
    let _lock = port::lock(endpoint, interrupt)?;
    engine.update_note(&session.id, |note| note.anonymous = sealed)
}

/// Runs Compose, and names what it made, be it only a part, as no other session's containers are named.
fn run_compose(
    session: &Session,
    engine: &mut Engine,
    options: &Options,
    interrupt: &Interrupt,
    lock: &Lock,
    prepared: &mut Prepared,
    ran: &BTreeSet<String>,
) -> anyhow::Result<Ended> {
    let since = interrupt.now();
    let up = ComposeUp { session, engine, options, interrupt, lock, prepared, since, ran };
    let result = up.run();
    let mut containers = engine.session(&session.id)?;
    prepared.header.dress(&mut containers);
    prepared.header.inspected =
        needing_inspection(&containers).map(|container| container.id.clone()).collect();
    let renamed = rename::rename(engine, &mut prepared.header, &containers);
    result.and_then(|ended| renamed.map(|()| ended))
}

/// Brings the override up to date without starting anything, and says how Compose is to be called.
pub fn refresh(
    session: &Session,
    engine: &mut Engine,
    endpoint: &Endpoint,
    notices: Notices,
    interrupt: &Interrupt,
) -> anyhow::Result<Compose> {
    Ok(resolve::compose(session, &header(session, engine, endpoint, notices, interrupt)?))
}

/// Checks that Compose may start services by itself, all of the session's where none of `named` is one: as before any start,
/// no server may come upon files that another one writes to.
///
/// # Errors
/// One would.
pub fn check_writers(
    session: &Session,
    engine: &mut Engine,
    endpoint: &Endpoint,
    named: &[&str],
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let Examined { model, plan, .. } = examine(session, engine, endpoint, interrupt)?;
    let is_named = |name: &&ServiceName| named.contains(&name.0.as_str());
    let mut services: Vec<ServiceName> = model.services.keys().filter(is_named).cloned().collect();
    if services.is_empty() {
        services = warm::read_header(session).map(|header| header.scope).unwrap_or_default();
    }
    prepare::stores(session, &model, &plan, &services).located(engine, endpoint)?.check(&session.id, engine)
}

/// Reads the header of the override, which is written anew where it does not fit. Starts nothing.
pub fn header(
    session: &Session,
    engine: &mut Engine,
    endpoint: &Endpoint,
    notices: Notices,
    interrupt: &Interrupt,
) -> anyhow::Result<Header> {
    loop {
        if let Some(header) = warm::fitting_header(session) {
            return Ok(header);
        }
        // Whoever has it is about to write the override, and may then hold it for long.
        if let Some(_lock) = Lock::attempt(&lock_name(&session.id))? {
            if let Some(header) = warm::fitting_header(session) {
                return Ok(header);
            }
            return reassign(session, engine, endpoint, &BTreeSet::new(), notices, interrupt);
        }
        interrupt.pause(LOCK_POLL)?;
    }
}

/// Writes the override anew with other ports in place of the `refused` ones, and starts nothing. To be called under the
/// session's lock.
pub fn reassign(
    session: &Session,
    engine: &mut Engine,
    endpoint: &Endpoint,
    refused: &BTreeSet<u16>,
    notices: Notices,
    interrupt: &Interrupt,
) -> anyhow::Result<Header> {
    let containers = &engine.session(&session.id)?;
    let note = engine.note(&session.id)?;
    let prepare = Prepare {
        session,
        engine,
        endpoint,
        notices,
        interrupt,
        containers,
        services: &[],
        app: None,
        refused,
        only_to_look: true,
        is_chosen_now: false,
    };
    Ok(prepare.run(note)?.header)
}

/// Gives containers their own names on shared networks that something else than prism made anew.
pub fn rename(
    session: &Session,
    engine: &mut Engine,
    header: Header,
    notices: Notices,
    interrupt: &Interrupt,
) -> anyhow::Result<Header> {
    let _lock = lock(session, notices, interrupt)?;
    // Whoever held the lock may have done it.
    let mut header = warm::fitting_header(session).unwrap_or(header);
    let containers = engine.session(&session.id)?;
    rename::rename(engine, &mut header, &containers)?;
    generated::write_header(session, &mut header)?;
    Ok(header)
}

fn lock(session: &Session, notices: Notices, interrupt: &Interrupt) -> anyhow::Result<Lock> {
    let mut told = false;
    Lock::acquire(&lock_name(&session.id), || {
        if !std::mem::replace(&mut told, true) {
            notices.detail("another prism is starting this session: waiting for it");
        }
        Ok(interrupt.pause(LOCK_POLL)?)
    })
}
