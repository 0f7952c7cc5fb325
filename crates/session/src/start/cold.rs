//! The way through Compose: resolve the project, write the override, bring the stack up.

mod compose_up;
mod examine;
mod half_made;
mod lacking;
mod prepare;
mod progress;
mod reserve;
mod resolve;
mod writer;

use std::collections::BTreeSet;
use std::time::Instant;

use domain::engine::anonymous::Anonymous;
use domain::engine::container::{Container, State};
use domain::engine::note::Note;
use domain::failure::{self, Failure};
use domain::identity::name::ServiceName;
use domain::stack::header::Header;

use self::compose_up::{ComposeUp, Ended};
pub use self::examine::{Examined, examine};
use self::prepare::{Prepare, Prepared, Purpose};
use crate::compose::Compose;
use crate::data;
use crate::end::remove::{self, Remains};
use crate::environment::{needing_inspection, stranger};
use crate::find::{LOCK_POLL, generated, key, lock_name, owner};
use crate::machine::lock::Lock;
use crate::machine::timing;
use crate::port;
use crate::start::options::Options;
use crate::start::up::running;
use crate::start::{rename, warm};
use crate::work::Work;

/// After so many ports that could not be bound, something else is wrong.
const MANY_REFUSED: usize = 30;

/// Brings the stack up by Compose, under the session's lock, so that any number of simultaneous calls start one. `containers`
/// are those that it has. Says when the time for getting ready began.
pub fn start(
    work: &mut Work,
    options: &Options,
    lock: &Lock,
    containers: &[Container],
) -> anyhow::Result<(Header, Instant)> {
    let Work { session, engine, .. } = work;
    owner::refuse_all(engine, &session.id, &session.directory)?;
    engine.finish_removals(&session.id)?;
    // An ephemeral session goes whatever happens, when its command ends.
    let was_nothing = session.ephemeral.is_none()
        && containers.is_empty()
        && Remains::find(engine, &session.id)?.is_empty();
    let started = bring_up(work, options, lock, containers);
    if started.is_err() && was_nothing {
        let removed = remove::if_without_container(&work.session, &mut work.engine, work.notices);
        if let Err(error) = removed {
            work.notices.note(format!("could not clean up: {}", failure::brief(&error)));
        }
    }
    started
}

/// Writes the override and lets Compose act on it, with other ports for those that cannot be bound.
fn bring_up(
    work: &mut Work,
    options: &Options,
    lock: &Lock,
    containers: &[Container],
) -> anyhow::Result<(Header, Instant)> {
    let old = work.engine.note(&work.session.id)?;
    let key = key::made();
    let mut anonymous = old.anonymous.proven(&work.session.id, key.as_deref());
    anonymous.extend(work.engine.own_volumes(containers)?);
    let mut note = Note {
        selection: options.selection(&old.selection),
        setup: if containers.is_empty() { options.setup.clone() } else { old.setup.clone() },
        ..old
    };
    let mut refused = BTreeSet::new();
    loop {
        // Noted before Compose makes a container anew: from then on, nothing tells whose they were.
        note.anonymous = Anonymous::sealed(anonymous.clone(), &work.session.id, key.as_deref());
        let purpose = Purpose::Start(options);
        let mut prepared = Prepare { work, containers, refused: &refused, purpose }.run(note.clone())?;
        timing::mark("config");
        if refused.is_empty() {
            tell(work, &prepared)?;
            make_room(work, options, lock, &mut prepared, containers)?;
            bring_data(work, options, lock, &mut prepared)?;
        }
        match run_compose(work, options, lock, &mut prepared, &running(containers))? {
            Ended::Up(since) => {
                check_data(work, &prepared)?;
                prepared.settle(&work.session)?;
                note_anonymous(work, anonymous)?;
                timing::mark("up");
                return Ok((prepared.header, since));
            }
            Ended::Refused(ports) => {
                refuse(work, &mut refused, ports)?;
                let made = work.engine.session(&work.session.id)?;
                anonymous.extend(work.engine.own_volumes(&made)?);
            }
        }
    }
}

/// Says what of a project cannot be isolated, when it is started first, and what else is in its Compose project.
fn tell(work: &mut Work, prepared: &Prepared) -> anyhow::Result<()> {
    for note in prepared.notes.iter().filter(|_| prepared.is_first) {
        work.notices.note(note);
    }
    for sentence in stranger::strangers(&work.session, &mut work.engine)? {
        work.notices.note(sentence);
    }
    Ok(())
}

/// Stops what does not belong to the session any more.
fn make_room(
    work: &mut Work,
    options: &Options,
    lock: &Lock,
    prepared: &mut Prepared,
    containers: &[Container],
) -> anyhow::Result<()> {
    let is_left_out = |it: &Container| prepared.left_out.contains(&it.service);
    let is_unknown = |it: &Container| !it.one_off && !prepared.header.services.contains_key(&it.service);
    let left_out: Vec<Container> =
        containers.iter().filter(|it| is_left_out(it) || is_unknown(it)).cloned().collect();
    if left_out.iter().any(|it| it.state == State::Running && is_left_out(it)) {
        // Should an image be missing, nothing was stopped for it. What runs meanwhile is not started beside it, as both may
        // want one port or write to one volume.
        ComposeUp::new(work, options, lock, prepared, &running(containers)).create()?;
    }
    // Stopped, not removed, be it only that this branch's files do not have the service: an anonymous volume would be lost.
    remove::stop(&mut work.engine, &work.session.id, &left_out).map(drop)
}

/// Lets go on what is paused: for a copy that a prism did not get to the end with, or by somebody. To be called under the
/// session's lock.
pub fn thaw(work: &mut Work, containers: &[Container]) -> anyhow::Result<()> {
    data::mend_locked(&mut work.engine, &work.session.id)?;
    let paused = containers.iter().filter(|container| container.state == State::Paused);
    work.engine.thaw(&paused.map(|container| container.id.clone()).collect::<Vec<_>>())
}

/// Copies the data with which the session is to begin, before anything of it runs.
fn bring_data(
    work: &mut Work,
    options: &Options,
    lock: &Lock,
    prepared: &mut Prepared,
) -> anyhow::Result<()> {
    let Some(due) = data::due(work, options.data.as_ref())? else { return Ok(()) };
    due.mark(work, &prepared.header)?;
    ComposeUp::new(work, options, lock, prepared, &BTreeSet::new()).create()?;
    due.copy(work, &prepared.header)
}

/// Takes down ports that could not be bound.
///
/// # Errors
/// There were too many.
fn refuse(work: &Work, refused: &mut BTreeSet<u16>, ports: BTreeSet<u16>) -> Result<(), Failure> {
    let shown = ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    refused.extend(ports);
    if refused.len() > MANY_REFUSED {
        return Err(Failure::new(format!(
            "the Engine could not bind {} ports, at last {shown}",
            refused.len()
        ))
        .hint("`prism doctor` says which Engine that is; restarting it frees ports that it lost count of"));
    }
    work.notices.detail(format!("port {shown} cannot be bound: trying with another one"));
    Ok(())
}

/// Looks again at who writes to the same files: an image may say so only now, and another user's prism has other locks.
fn check_data(work: &mut Work, prepared: &Prepared) -> anyhow::Result<()> {
    let Work { session, engine, .. } = work;
    let checked = prepared.stores.located(engine)?.check(&session.id, engine);
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
fn note_anonymous(work: &mut Work, mut names: BTreeSet<String>) -> anyhow::Result<()> {
    let Work { session, engine, interrupt, .. } = work;
    let known = names.len();
    let made = engine.session(&session.id)?;
    names.extend(engine.own_volumes(&made)?);
    if names.len() == known {
        return Ok(());
    }
    let sealed = Anonymous::sealed(names, &session.id, key::made().as_deref());
    let _lock = port::lock(engine, interrupt)?;
    engine.update_note(&session.id, |note| note.anonymous = sealed)
}

/// Runs Compose, and names what it made, be it only a part, as no other session's containers are named.
fn run_compose(
    work: &mut Work,
    options: &Options,
    lock: &Lock,
    prepared: &mut Prepared,
    ran: &BTreeSet<String>,
) -> anyhow::Result<Ended> {
    let result = ComposeUp::new(work, options, lock, prepared, ran).run();
    let mut containers = work.engine.session(&work.session.id)?;
    prepared.header.dress(&mut containers);
    prepared.header.inspected =
        needing_inspection(&containers).map(|container| container.id.clone()).collect();
    let renamed = rename::rename(&work.engine, &mut prepared.header, &containers);
    result.and_then(|ended| renamed.map(|()| ended))
}

/// Brings the override up to date without starting anything, and says how Compose is to be called.
pub fn refresh(work: &mut Work) -> anyhow::Result<Compose> {
    let header = header(work)?;
    Ok(resolve::compose(&work.session, &header))
}

/// Checks that Compose may start services by itself, all of the session's where none of `named` is one: as before any start,
/// no server may come upon files that another one writes to.
///
/// # Errors
/// One would.
pub fn check_writers(work: &mut Work, named: &[&str]) -> anyhow::Result<()> {
    let Examined { model, plan, .. } = examine(work)?;
    let is_named = |name: &&ServiceName| named.contains(&name.0.as_str());
    let mut services: Vec<ServiceName> = model.services.keys().filter(is_named).cloned().collect();
    if services.is_empty() {
        services = warm::read_header(&work.session).map(|header| header.scope).unwrap_or_default();
    }
    let Work { session, engine, .. } = work;
    prepare::stores(session, &model, &plan, &services).located(engine)?.check(&session.id, engine)
}

/// Reads the header of the override, which is written anew where it does not fit. Starts nothing.
pub fn header(work: &mut Work) -> anyhow::Result<Header> {
    loop {
        if let Some(header) = warm::fitting_header(&work.session) {
            return Ok(header);
        }
        // Whoever has it is about to write the override, and may then hold it for long.
        if let Some(_lock) = Lock::attempt(&lock_name(&work.session.id))? {
            if let Some(header) = warm::fitting_header(&work.session) {
                return Ok(header);
            }
            return reassign(work, &BTreeSet::new());
        }
        work.interrupt.pause(LOCK_POLL)?;
    }
}

/// Writes the override anew with other ports in place of the `refused` ones, and starts nothing. To be called under the
/// session's lock.
pub fn reassign(work: &mut Work, refused: &BTreeSet<u16>) -> anyhow::Result<Header> {
    let containers = &work.engine.session(&work.session.id)?;
    let note = work.engine.note(&work.session.id)?;
    Ok(Prepare { work, containers, refused, purpose: Purpose::Look }.run(note)?.header)
}

/// Gives containers their own names on shared networks that something else than prism made anew. To be called under the
/// session's lock.
pub fn own_names(work: &mut Work, header: Header) -> anyhow::Result<Header> {
    let Work { session, engine, .. } = work;
    // Whoever held the lock may have done it.
    let mut header = warm::fitting_header(session).unwrap_or(header);
    let containers = engine.session(&session.id)?;
    rename::rename(engine, &mut header, &containers)?;
    generated::write_header(session, &mut header)?;
    Ok(header)
}
