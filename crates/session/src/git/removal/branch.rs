//! Taking a branch back that was made with a worktree.

use std::fs;
use std::path::Path;

use domain::failure::Failure;
use domain::text::word::word;

use crate::git::marker::Marker;
use crate::git::repository::Repository;
use crate::git::{attempt, run};
use crate::machine::read;

/// What git says of a branch that somebody made by hand.
const BY_HAND: &str = "branch: ";

/// What has to hold for a branch to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// It is where it began, and its first word is this making's.
    Unmoved,
    /// All of its commits are elsewhere, too.
    Unlost,
}

impl Repository {
    /// Deletes the branch of `marker`, if it is that one, checked out nowhere, nobody described it
    /// (`git branch --edit-description`), and `proof` holds: by comparing and
    /// deleting in one step, so that a commit which somebody makes right now is not lost.
    pub(super) fn remove_branch(&self, marker: &Marker, proof: Proof) -> anyhow::Result<()> {
        let reference = format!("refs/heads/{}", marker.branch);
        let tip = attempt(&self.common, &["rev-parse", "--quiet", "--verify", &reference])?;
        if !tip.status.success() {
            return Ok(());
        }
        let tip = String::from_utf8_lossy(&tip.stdout).trim().to_owned();
        let is_same = match proof {
            Proof::Unmoved => {
                let is_ours = marker.reason().is_some() && self.began(&reference)? == marker.reason();
                is_ours && tip == marker.start
            }
            Proof::Unlost => {
                let is_by_hand = marker.notes_branch
                    && self.began(&reference)?.is_some_and(|said| said.starts_with(BY_HAND));
                !is_by_hand && !self.is_only_on(&marker.branch)?
            }
        };
        let section = format!("branch.{}", marker.branch);
        let described = ["config", "--local", "--get", &format!("{section}.description")];
        let is_described = attempt(&self.common, &described)?.status.success();
        if !is_same || is_described || self.is_in_use(&reference)? {
            return Ok(());
        }
        let deleted = attempt(&self.common, &["update-ref", "--no-deref", "-d", &reference, &tip])?;
        if !deleted.status.success() {
            // Somebody was quicker in moving it, or it cannot be done.
            return self.locked(&reference).map_or(Ok(()), |locked| Err(locked.into()));
        }
        // As `git branch -d` does; there need not be anything.
        attempt(&self.common, &["config", "--local", "--remove-section", &section])?;
        Ok(())
    }

    /// Says what keeps a reference from being written, if that is a lock.
    pub(in crate::git) fn locked(&self, reference: &str) -> Option<Failure> {
        self.in_the_way(&[&format!("{reference}.lock"), "packed-refs.lock", "config.lock"])
    }

    /// Says what will keep the branch of `marker` from being deleted, if that is a lock.
    pub fn locked_branch(&self, marker: &Marker) -> Option<Failure> {
        let lock = format!("refs/heads/{}.lock", marker.branch);
        if marker.is_new_branch { self.in_the_way(&[&lock]) } else { None }
    }

    fn in_the_way(&self, locks: &[&str]) -> Option<Failure> {
        let lock = locks.iter().map(|name| self.common.join(name)).find(|lock| lock.exists())?;
        let shown = lock.display();
        Some(
            Failure::new(format!("`{shown}` is in the way, by which git locks what it writes")).hint(
                format!("if no git is at work there, one that was killed left it: `rm {}`", word(&shown)),
            ),
        )
    }

    /// Takes the lock away that git leaves when it is killed while it makes the branch of `dead`, a making that nobody is
    /// at any more. It is younger than that was announced, and holds nothing, or what was to be written.
    pub fn release(&self, dead: &Marker) {
        let changed = |path: &Path| path.metadata().and_then(|found| found.modified()).ok();
        let lock = self.common.join(format!("refs/heads/{}.lock", dead.branch));
        let is_younger = changed(&lock) >= changed(&self.announcement(&dead.worktree));
        let is_its = |text: String| text.is_empty() || text.trim() == dead.start;
        if dead.is_new_branch && is_younger && read::text(&lock).is_ok_and(is_its) {
            let _ = fs::remove_file(lock);
        }
    }

    /// What git noted down when a branch was made, as far as it still knows.
    fn began(&self, reference: &str) -> anyhow::Result<Option<String>> {
        let said = attempt(&self.common, &["log", "--walk-reflogs", "--format=%gs", reference, "--"])?;
        Ok(String::from_utf8_lossy(&said.stdout).lines().last().map(str::to_owned))
    }

    /// Says whether a branch has commits that no other, no tag and no remote has. Symbolic references that
    /// mean it are asked for by [`Self::is_in_use`].
    fn is_only_on(&self, branch: &str) -> anyhow::Result<bool> {
        let (reference, exclude) = (format!("refs/heads/{branch}"), format!("--exclude={branch}"));
        let arguments = [
            "rev-list",
            "--max-count=1",
            &reference,
            "--not",
            &exclude,
            "--branches",
            "--tags",
            "--remotes",
            "--",
        ];
        Ok(!run(&self.common, &arguments)?.is_empty())
    }

    /// Says whether a worktree has a branch, also while it rebases or bisects it, and whether or not it is there; or a
    /// symbolic reference means it, and would lead nowhere.
    fn is_in_use(&self, reference: &str) -> anyhow::Result<bool> {
        let has = run(&self.common, &["for-each-ref", "--format=%(worktreepath)", reference])?;
        let symbolic = run(&self.common, &["for-each-ref", "--format=%(symref)"])?;
        let head = attempt(&self.common, &["symbolic-ref", "--quiet", "HEAD"])?;
        let private = self.registrations().map(|it| it.directory).chain([self.common.clone()]);
        let short = reference.trim_start_matches("refs/heads/");
        let is_named = |text: String| text.trim() == reference || text.trim() == short;
        let mut under_way = private.flat_map(|private| {
            ["rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"]
                .map(|name| private.join(name))
        });
        Ok(!has.is_empty()
            || symbolic.lines().any(|target| target == reference)
            || is_named(String::from_utf8_lossy(&head.stdout).into_owned())
            || under_way.any(|path| read::text(&path).is_ok_and(is_named)))
    }
}
