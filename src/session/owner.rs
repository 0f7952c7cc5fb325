//! Whose a session and a directory are: nothing is changed that is another user's.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::docker::Engine;
use crate::domain::claim::user_of;
use crate::domain::container::Container;
use crate::domain::name::SessionId;
use crate::error::Failure;

/// What `/tmp` has: everybody may put something there, which stays whose it is.
const SHARED: u32 = 0o1002;

/// Fails if containers of the session of `directory` are another user's: two users read neither each other's generated
/// files nor locks.
pub fn refuse(directory: &str, containers: &[Container]) -> Result<(), Failure> {
    containers.iter().try_for_each(|container| check(directory, container.label("owner")))
}

/// Fails if something of the session of `directory` is another user's, be it only its note.
pub fn refuse_all(engine: &mut Engine, session: &SessionId, directory: &str) -> anyhow::Result<()> {
    refuse(directory, &engine.every_container(session)?)?;
    let note = engine.noted(session)?;
    Ok(check(directory, note.and_then(|note| note.owner).as_deref())?)
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
