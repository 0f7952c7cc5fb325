//! The files that git does not bring into a new worktree.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use domain::failure::Failure;

use super::place::normalized;
use crate::find::CONFIGURATION;
use crate::git;
use crate::machine::files::{self, whole};
use crate::machine::read;

/// Copies files that git does not carry, from the same place in the main worktree, else from the session that
/// `create` was called in.
///
/// # Errors
/// One of them is in neither place, or would leave the new worktree.
pub fn copy_env_files(sources: &[PathBuf], to: &Path, names: &[String]) -> anyhow::Result<()> {
    for name in names {
        let target = to.join(name);
        let leads_out =
            || Failure::new(format!("`env_files: {name}` in prism.yaml leads out of the worktree"));
        if normalized(&target).strip_prefix(to).is_err() {
            return Err(leads_out().into());
        }
        if target.symlink_metadata().is_ok() {
            continue;
        }
        let Some(source) = sources.iter().map(|from| from.join(name)).find(|source| source.is_file()) else {
            let first = sources.first().map(|from| from.join(name)).unwrap_or_default();
            return Err(Failure::new(format!(
                "`{}` does not exist, but `env_files` in prism.yaml names it",
                first.display()
            ))
            .hint("make it, or take it off the list")
            .into());
        };
        // Before a directory is made: one of those that are there may be a symbolic link.
        let parent = target.parent().unwrap_or(to);
        let there = parent.ancestors().find(|directory| directory.symlink_metadata().is_ok()).unwrap_or(to);
        if !there.canonicalize().is_ok_and(|there| to.canonicalize().is_ok_and(|to| there.starts_with(to))) {
            return Err(leads_out().into());
        }
        fs::create_dir_all(parent).with_context(|| format!("cannot make `{}`", parent.display()))?;
        copy(&source, &target)
            .with_context(|| format!("cannot copy `{}` to the new worktree", source.display()))?;
    }
    Ok(())
}

/// Takes a `prism.yaml` along that is not committed in `from`, or not as it is there: git would not bring it. Says so.
///
/// # Errors
/// It cannot be read or written, or git cannot be asked.
pub fn take_settings(from: &Path, to: &Path) -> anyhow::Result<Option<String>> {
    let read = |directory: &Path| files::read(&directory.join(CONFIGURATION));
    let Some(mine) = read(from)? else { return Ok(None) };
    let (there, committed) = (read(to)?, git::committed(from, CONFIGURATION)?);
    if there.as_ref() == Some(&mine) || committed.as_ref() == Some(&mine) {
        return Ok(None);
    }
    let is_link = to.join(CONFIGURATION).is_symlink();
    if is_link || there.is_some() && there != committed {
        return Ok(Some(format!(
            "`{CONFIGURATION}` is changed here and not committed; the new worktree has that of its branch"
        )));
    }
    files::rewrite(&to.join(CONFIGURATION), &mine)?;
    Ok(Some(format!(
        "took `{CONFIGURATION}` along, which is not committed as it is here (`--no-settings` leaves it)"
    )))
}

/// Copies a file in one step, its mode included: such files hold secrets, and half a one is worse than none.
fn copy(source: &Path, target: &Path) -> io::Result<()> {
    let (mut from, metadata) = read::open(source)?;
    whole::make(target, metadata.permissions(), |file| io::copy(&mut from, file).map(drop))
}
