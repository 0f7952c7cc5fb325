//! Worktrees that are being removed: nothing is started in one.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use domain::failure::{Code, Failure};
use domain::text::word::word;

use crate::git::{self, Marker, Repository, Stage};

/// Finds the session directory of a worktree around `here` of which the removal was interrupted: nothing around
/// it is meant by whoever stands there.
pub fn going(here: &Path) -> Option<PathBuf> {
    let repository = Repository::find(here)?;
    let going = repository.all_announced().into_iter().filter(|marker| marker.is_going);
    let is_around = |marker: &Marker| match repository.stage(marker) {
        Stage::There => here.starts_with(&marker.worktree),
        Stage::Aside(aside) => here.starts_with(aside) || is_vacant_around(&marker.worktree, here),
        Stage::Rest => is_vacant_around(&marker.worktree, here),
    };
    let mut around = going.filter(is_around);
    around.next().map(|marker| marker.session)
}

/// Fails if `here` is in one that was set aside: what is started there would outlive its files.
pub fn check(here: &Path) -> Result<(), Failure> {
    let is_set_aside = |part: &OsStr| part.to_str().is_some_and(git::is_aside);
    if !here.iter().any(is_set_aside) {
        return Ok(());
    }
    going(here).map_or(Ok(()), |session| {
        let shown = session.display();
        Err(Failure::new(format!(
            "`{}` is what is left of `{shown}`, which is being removed",
            here.display()
        ))
        .code(Code::NoProject)
        .hint(format!("`prism destroy {}` goes on with that; then `cd` elsewhere", word(&shown))))
    })
}

/// Says whether `here` was in a worktree that is not at its place, nor anything else.
fn is_vacant_around(top: &Path, here: &Path) -> bool {
    here.starts_with(top) && !top.join(".git").exists()
}
