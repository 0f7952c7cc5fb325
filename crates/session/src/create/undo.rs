//! Taking back what one `create` made of a worktree, and only while it is as it was made.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use domain::failure::Failure;
use domain::text::word::word;
use domain::worktree::loss::Loss;

use crate::end::worktree::{self, Worktree};
use crate::git::{self, Marker, Repository};

/// What of the new files in a worktree is known not to be somebody's.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What hooks of git made, with the worktree.
    with_the_worktree: BTreeSet<String>,
    /// What was there before the first setup command ran; `None` if none did. What came later, it may have made.
    before_setup: Option<BTreeSet<String>>,
    /// What is copied into it, and places where containers write, seen from its top.
    written: Vec<PathBuf>,
}

impl Known {
    /// Looks at a worktree that was made just now. Where git cannot say, everything counts as somebody's.
    pub(super) fn made(&mut self, repository: &Repository, marker: &Marker) {
        let losses = worktree::losses(repository, marker, &marker.worktree);
        self.with_the_worktree = losses.map(|losses| untracked(&losses)).unwrap_or_default();
    }

    /// Looks at a worktree that is about to be set up.
    pub(super) fn sets_up(&mut self, repository: &Repository, marker: &Marker) {
        if self.before_setup.is_none() {
            let losses = worktree::losses(repository, marker, &marker.worktree);
            self.before_setup = losses.ok().map(|losses| untracked(&losses));
        }
    }

    /// Takes paths for those of files that are copied into the worktree at `top`, or that containers write to.
    pub(super) fn writes(&mut self, top: &Path, paths: impl IntoIterator<Item = PathBuf>) {
        let below = paths.into_iter().filter_map(|path| path.strip_prefix(top).ok().map(Path::to_path_buf));
        self.written.extend(below);
    }

    /// Says whether what git ignores, a file or a directory, may be somebody's.
    fn is_foreign_ignored(&self, top: &Path, name: &str) -> bool {
        let is_written = |known: &PathBuf| known.starts_with(name) || Path::new(name).starts_with(known);
        is_own(&top.join(name)) && !self.written.iter().any(is_written)
    }

    /// Says whether a new file is somebody's: one of another user is a container's.
    fn is_foreign(&self, top: &Path, name: &str) -> bool {
        let is_new = self.before_setup.as_ref().is_none_or(|before| before.contains(name));
        is_new && is_own(&top.join(name)) && !self.with_the_worktree.contains(name)
    }

    /// Keeps of a loss what is somebody's.
    fn foreign(&self, top: &Path, loss: Loss) -> Option<Loss> {
        match loss {
            // Setup commands write there.
            Loss::Ignored(mut ignored) if self.before_setup.is_none() => {
                ignored.names.retain(|name| self.is_foreign_ignored(top, name));
                (!ignored.names.is_empty()).then_some(Loss::Ignored(ignored))
            }
            Loss::Ignored(_) => None,
            Loss::Submodule(_) => self.before_setup.is_none().then_some(loss),
            // One that a setup command cloned has nothing that its remote has not.
            Loss::Repository(name) => {
                let is_foreign =
                    self.before_setup.is_none() || git::has_work(&top.join(&name)).unwrap_or(true);
                is_foreign.then_some(Loss::Repository(name))
            }
            Loss::Untracked(mut names) => {
                names.retain(|name| self.is_foreign(top, name));
                (!names.is_empty()).then_some(Loss::Untracked(names))
            }
            other => Some(other),
        }
    }
}

/// Removes the worktree and the branch that were made for `marker`.
///
/// # Errors
/// Somebody worked there, moved it, or it cannot be removed.
pub(super) fn undo(repository: &Repository, marker: &Marker, known: &Known) -> anyhow::Result<()> {
    repository.undo(marker, &|top| look(repository, marker, top, known))
}

/// Fails if there is something in the worktree, which is at `top` right now, that prism did not put there.
pub(super) fn look(
    repository: &Repository,
    marker: &Marker,
    top: &Path,
    known: &Known,
) -> anyhow::Result<()> {
    Worktree::of_mark(repository, marker).check_lock()?;
    let is_half = repository.is_half(marker);
    let losses = worktree::losses(repository, marker, top)?.into_iter();
    let losses = losses.filter_map(|loss| if is_half { Some(loss) } else { known.foreign(top, loss) });
    let mut lines: Vec<String> = losses.map(|loss| loss.to_string()).collect();
    if !is_half && git::has_moved(marker, top)? {
        lines.push("its HEAD, which is elsewhere than where it began".to_owned());
    }
    if lines.is_empty() {
        return Ok(());
    }
    let shown = marker.worktree.display();
    Err(Failure::new(format!("somebody works in `{shown}`: it stays"))
        .details(lines)
        .hint(format!("`prism destroy --force {}` removes it", word(&shown)))
        .into())
}

fn is_own(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.uid() == nix::unistd::geteuid().as_raw())
}

fn untracked(losses: &[Loss]) -> BTreeSet<String> {
    let names = losses.iter().filter_map(|loss| match loss {
        Loss::Untracked(names) => Some(names.clone()),
        _ => None,
    });
    names.flatten().collect()
}
