//! Whose a session and a directory are: nothing is changed that is another user's.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use domain::engine::claim::user_of;
use domain::engine::container::Container;
use domain::engine::ledger::Noted;
use domain::failure::Failure;
use domain::identity::name::SessionId;
use domain::text::word::word;

use crate::docker::{self, Engine};

/// What `/tmp` has: everybody may put something there, which stays whose it is.
const SHARED: u32 = 0o1002;

/// The variable in which a user says what this machine was called before.
const RENAMED: &str = "PRISM_RENAMED_FROM";

/// Fails if containers of the session of `directory` are another user's: two users read neither each other's generated
/// files nor locks.
pub fn refuse(directory: &str, containers: &[Container]) -> Result<(), Failure> {
    containers.iter().try_for_each(|container| check(directory, container.label("owner")))
}

/// Fails if something of the session of `directory` is another user's, be it only its note.
pub fn refuse_all(engine: &mut Engine, session: &SessionId, directory: &str) -> anyhow::Result<()> {
    refuse(directory, &engine.every_container(session)?)?;
    let Some(noted) = engine.noted(session)? else { return Ok(()) };
    check(directory, noted.owner.as_deref())?;
    Ok(check_machine(&noted)?)
}

/// Fails if a machine of another name started a session last: machines that are copies of each other have one id, and may
/// use one Engine.
pub fn check_machine(noted: &Noted) -> Result<(), Failure> {
    let Some(former) = former_machine(noted) else { return Ok(()) };
    let Noted { directory, .. } = noted;
    let own = docker::hostname();
    Err(Failure::new(format!(
        "the session of `{directory}` was started on a machine called `{former}` with the same id as this one, `{own}`"
    ))
    .hint(format!(
        "`export {RENAMED}={}`, if this is that machine, and has another name now; a copy of it gets an id of its own: `rm /etc/machine-id; systemd-machine-id-setup`",
        word(former)
    )))
}

/// Names the machine that started a session last, if that is not this one by its name, or the one that the user says this
/// one was.
pub fn former_machine(noted: &Noted) -> Option<&str> {
    let former = noted.note.machine.as_deref()?;
    let is_this = former == docker::hostname() || std::env::var(RENAMED).is_ok_and(|said| said == former);
    (!is_this).then_some(former)
}

/// Fails if `owner`, as labels name one, is another user.
pub fn check(directory: &str, owner: Option<&str>) -> Result<(), Failure> {
    let own = nix::unistd::geteuid().as_raw();
    match owner.and_then(user_of).filter(|owner| *owner != own) {
        None => Ok(()),
        Some(other) => {
            Err(Failure::new(format!("the session of `{directory}` belongs to another user (id {other})"))
                .hint("work in a worktree of your own, or let that user run `prism destroy` first"))
        }
    }
}

/// Fails if a directory that names no session's owner is another user's.
pub fn check_directory(directory: &Path) -> Result<(), Failure> {
    match fs::metadata(directory).map(|found| found.uid()) {
        Ok(user) if user != nix::unistd::geteuid().as_raw() => Err(Failure::new(format!(
            "the directory `{}` belongs to another user (id {user})",
            directory.display()
        ))
        .hint("only what is yours can be stopped or removed by you; let that user do it")),
        _ => Ok(()),
    }
}

/// Says whether a project of `directory` may be meant by whoever stands in `start`, below it: it is this user's, the
/// machine's, or of the same user as where one stands. What somebody put into `/tmp` is not.
pub fn may_be_meant(directory: &Path, start: &Path) -> bool {
    if directory == start {
        return true;
    }
    let Ok(found) = fs::metadata(directory) else { return true };
    let user = found.uid();
    let is_known = user == 0
        || user == nix::unistd::geteuid().as_raw()
        || fs::metadata(start).is_ok_and(|start| start.uid() == user);
    is_known && found.mode() & SHARED != SHARED
}
