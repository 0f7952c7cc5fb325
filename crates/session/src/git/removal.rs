//! Taking a worktree away that prism made, in steps that a killed prism can be made good from: it is set aside, looked at
//! again, and only then removed, with git's note of it, and its branch.

mod branch;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use domain::failure::Failure;
use domain::text::word::word;

use self::branch::Proof;
use super::marker::{Marker, nonce};
use super::private_directory;
use super::registration::{Registration, is_gone};
use super::repository::{Repository, commit};

/// How far a removal came that was begun, or what there is to remove.
#[derive(Debug)]
pub enum Stage {
    /// The worktree is at its place, whole or not.
    There,
    /// It is set aside.
    Aside(PathBuf),
    /// It is nowhere; what git notes of it, or its branch, may be left.
    Rest,
}

impl Repository {
    /// Says how far the removal of what was made for `marker` came.
    pub fn stage(&self, marker: &Marker) -> Stage {
        if let Some(aside) = marker.aside().filter(|aside| aside.symlink_metadata().is_ok()) {
            return Stage::Aside(aside);
        }
        let registered = self.registration_of(marker).and_then(|it| it.place());
        let is_there =
            registered.as_deref() == Some(&marker.worktree) && marker.worktree.join(".git").exists();
        if is_there { Stage::There } else { Stage::Rest }
    }

    /// Renames the worktree, so that what cannot be removed is noticed before anything is. Announces that it goes.
    ///
    /// # Errors
    /// It cannot be renamed, or the repository not be written to: all is as it was.
    pub fn set_aside(&self, marker: &Marker) -> anyhow::Result<(Marker, PathBuf)> {
        let mut going = Marker { is_going: true, ..marker.clone() };
        if going.nonce.is_none() {
            // An earlier version made it: from now on it is known like any other.
            let registration =
                self.registration(&marker.worktree).context("git does not know the worktree")?;
            going.nonce = Some(nonce());
            let renewed = Marker { is_going: false, ..going.clone() };
            renewed.write(&registration.directory)?;
        }
        let aside = going.aside().context("the worktree's path is not UTF-8")?;
        self.announce(&going)?;
        if let Err(error) = fs::rename(&going.worktree, &aside) {
            self.conclude(&going.worktree);
            let shown = going.worktree.display();
            let parent = going.worktree.parent().unwrap_or(&going.worktree);
            return Err(Failure::new(format!(
                "the worktree `{shown}` cannot be moved, and so not be removed"
            ))
            .hint(format!("look at who owns it and what is around it: `ls -ld {}`", word(parent.display())))
            .caused_by(error)
            .into());
        }
        self.check_aside(&going, &aside)?;
        Ok((going, aside))
    }

    /// Fails if what was set aside is not what was made for `marker`, but what somebody put in its place a moment before.
    /// That is put back.
    pub fn check_aside(&self, marker: &Marker, aside: &Path) -> anyhow::Result<()> {
        let is_own = match private_directory(aside) {
            // Somebody may have pruned what git notes of it, and made another one there, which has its name in git now.
            Some(private) => {
                !private.is_dir()
                    || private_directory(&marker.worktree).as_ref() == Some(&private)
                    || Registration::at(private).is_of(marker)
            }
            // Its `.git` goes last.
            None => is_empty(aside),
        };
        if is_own {
            return Ok(());
        }
        self.put_back(marker, aside)?;
        let shown = marker.worktree.display();
        Err(Failure::new(format!("somebody made `{shown}` anew meanwhile: it stays"))
            .hint(format!("`git -C {} worktree list` shows it", word(self.common.display())))
            .into())
    }

    /// Puts a worktree back that was set aside.
    ///
    /// # Errors
    /// There is something in its place. It stays where it is.
    pub fn put_back(&self, marker: &Marker, aside: &Path) -> anyhow::Result<()> {
        fs::rename(aside, &marker.worktree).map_err(|error| {
            let (from, to) = (aside.display(), marker.worktree.display());
            Failure::new(format!("the worktree `{to}` is at `{from}`, and cannot be put back"))
                .hint(format!("when its place is free: `mv {} {}`", word(&from), word(&to)))
                .caused_by(error)
        })?;
        self.conclude(&marker.worktree);
        Ok(())
    }

    /// Removes what is left of a worktree: where it is set aside, git's note of it, its branch if nothing is lost with
    /// that. What is interrupted goes on with the next call.
    ///
    /// Not by `git worktree remove`, which needs a whole worktree and ends half-way at the first file that it cannot
    /// delete; and not by `prune`, which would drop worktrees of the user that are merely away.
    pub fn finish(&self, marker: &Marker, aside: Option<&Path>) -> anyhow::Result<()> {
        self.finish_with(marker, aside, Proof::Unlost)
    }

    fn finish_with(&self, marker: &Marker, aside: Option<&Path>, proof: Proof) -> anyhow::Result<()> {
        if let Some(aside) = aside {
            remove_tree(aside)?;
        }
        if let Some(registration) = self.registration_of(marker) {
            if registration.is_half() {
                // git was killed before it put anything there; with something in it, this fails.
                let _ = fs::remove_dir(&marker.worktree);
            }
            self.remove_registration(&registration)?;
        }
        self.remove_rubbish();
        if marker.is_new_branch {
            self.remove_branch(marker, proof)?;
        }
        self.conclude(&marker.worktree);
        Ok(())
    }

    /// Removes what was made for `marker` a moment ago: the worktree, and the branch, each only while it is as it was
    /// made. `look` fails if there is something in the worktree, wherever it is right now, that prism did not put there.
    ///
    /// # Errors
    /// Something cannot be removed, or `look` failed. Nothing was removed in the latter case.
    pub fn undo(&self, marker: &Marker, look: &dyn Fn(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let aside = match self.stage(marker) {
            Stage::Aside(aside) => {
                self.check_aside(marker, &aside)?;
                Some(aside)
            }
            Stage::There => {
                look(&marker.worktree)?;
                let (going, aside) = self.set_aside(marker)?;
                if let Err(error) = look(&aside) {
                    self.put_back(&going, &aside)?;
                    self.announce(marker)?;
                    return Err(error);
                }
                Some(aside)
            }
            Stage::Rest if self.is_away(marker) => {
                let shown = marker.worktree.display();
                let what =
                    format!("the worktree `{shown}` is not there any more: what git knows of it stays");
                let list = format!("`git -C {} worktree list` says where it is", word(self.common.display()));
                return Err(Failure::new(what).hint(list).into());
            }
            Stage::Rest => None,
        };
        self.finish_with(marker, aside.as_deref(), Proof::Unmoved)
    }

    /// Says whether what was made for `marker` was never finished.
    pub fn is_half(&self, marker: &Marker) -> bool {
        self.registration_of(marker).is_some_and(|it| it.is_half())
    }

    /// Finds a worktree that prism made for the session of `directory`, and somebody deleted.
    pub fn deleted(&self, directory: &Path) -> Option<Marker> {
        let markers = self.registrations().filter_map(|it| Marker::of(&it.directory, &it.place()?));
        let mut gone = markers.filter(|marker| marker.session == directory && is_gone(marker));
        gone.next()
    }

    /// Lists the directories in which something is removed with a worktree, but for its own.
    pub fn places(&self, marker: &Marker) -> Vec<PathBuf> {
        let branch = self.common.join("refs/heads").join(&marker.branch);
        let parents =
            [Some(marker.worktree.as_path()), Some(&branch)].map(|path| path.and_then(Path::parent));
        let own = [self.common.clone(), self.common.join("prism"), self.common.join("worktrees")];
        own.into_iter()
            .chain(parents.into_iter().flatten().map(Path::to_path_buf))
            .filter(|it| it.is_dir())
            .collect()
    }

    /// Returns git's own directory of a worktree.
    pub fn private(&self, marker: &Marker) -> Option<PathBuf> {
        self.registration_of(marker).map(|it| it.directory)
    }

    /// Returns the command that takes a worktree away, locked or missing as it may be.
    pub fn forget_command(&self, worktree: &Path) -> String {
        let (common, worktree) = (word(self.common.display()), word(worktree.display()));
        format!("git -C {common} worktree remove --force --force {worktree}")
    }

    /// Says whether what git knows of a worktree that is not at its place stays: somebody moved that, or it is away, as on
    /// a disk that is not mounted.
    pub fn is_away(&self, marker: &Marker) -> bool {
        let Some(registration) = self.registration_of(marker) else { return false };
        let place = registration.place();
        let is_at_place = place.as_ref().is_none_or(|place| *place == marker.worktree);
        // git makes the directory first. With something in it, it is somebody else's.
        let is_begun = registration.is_half() && (place.is_none() || is_empty(&marker.worktree));
        !is_at_place || !(is_begun || is_gone(marker))
    }
}

/// Says whether somebody committed in a worktree, or checked something else out, since it was made.
pub fn has_moved(marker: &Marker, top: &Path) -> anyhow::Result<bool> {
    Ok(commit(top, "HEAD")? != marker.start || super::branch(top).as_ref() != Some(&marker.branch))
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}

/// Removes a directory, its `.git` last: until then it is known what it was.
fn remove_tree(top: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot remove `{}`", top.display());
    let entries = match fs::read_dir(top) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(cannot)?,
    };
    for entry in entries.map(|entry| entry.map(|entry| entry.path())) {
        let path = entry.with_context(cannot)?;
        if path.file_name().is_some_and(|name| name == ".git") {
            continue;
        }
        let is_directory = path.symlink_metadata().is_ok_and(|found| found.is_dir());
        let removed = if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.with_context(|| format!("cannot remove `{}`", path.display()))?;
    }
    fs::remove_dir_all(top).with_context(cannot)
}
