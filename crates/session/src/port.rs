//! The lock of all reservations, and how a session gives its own ones back.

use domain::engine::container::State;
use domain::engine::note::Note;
use domain::failure::Failure;
use domain::identity::name::SessionId;
use domain::port::reservation::Reservations;
use domain::text::hash::short_hash;
use domain::text::word::word;

use crate::docker::Engine;
use crate::find::LOCK_POLL;
use crate::machine::lock::Lock;
use crate::machine::process::interrupt::Interrupt;

/// Takes the lock under which every port is chosen and every note written: a matter of milliseconds. It is this
/// user's; between users, the Engine's bind decides.
pub fn lock(engine: &Engine, interrupt: &Interrupt) -> anyhow::Result<Lock> {
    let name = format!("ports-{}", short_hash(engine.endpoint().address.as_bytes()));
    Lock::acquire(&name, || Ok(interrupt.pause(LOCK_POLL / 10)?))
}

/// Releases what a stopped session has reserved, and says what that was. To be called under the session's lock.
pub fn clear(
    engine: &mut Engine,
    session: &SessionId,
    directory: &str,
    interrupt: &Interrupt,
) -> anyhow::Result<Reservations> {
    let _lock = lock(engine, interrupt)?;
    let holdings = engine.holdings()?;
    let own = || {
        holdings.containers.iter().filter(|container| container.is_ours && container.session_id == *session)
    };
    if own().any(|container| !matches!(container.state, State::Exited | State::Created)) {
        return Err(Failure::new(format!("the session of `{directory}` runs: it needs its ports"))
            .hint(format!("`prism stop {}` first", word(directory)))
            .into());
    }
    let reserved = holdings.reservations(session);
    // A note that names no ports says more than the labels of containers, which cannot be changed.
    if holdings.notes.iter().any(|noted| noted.session_id == *session) {
        engine.update_note(session, |note| note.ports = Some(Reservations::new()))?;
    } else if let Some(container) = own().next() {
        let note = Note { ports: Some(Reservations::new()), ..Note::default() };
        engine.write_note(&container.project, &container.session_labels(), &note)?;
    }
    Ok(reserved)
}
