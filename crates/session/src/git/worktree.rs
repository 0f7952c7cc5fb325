//! Worktrees that prism makes.

use std::fs;
use std::path::Path;

use anyhow::Context;
use domain::failure::Failure;
use domain::text::word::word;

use super::branch::{Beginning, short};
use super::marker::Marker;
use super::repository::Repository;
use super::{attempt, printed, private_directory, run};

/// How far a worktree came that was announced.
#[derive(Debug)]
pub enum Completeness {
    /// git knows nothing of it.
    Nothing,
    /// It was not finished.
    Half,
    /// It is whole, and marked as prism's.
    Whole(Box<Marker>),
    /// Somebody moved it away, or deleted it.
    Elsewhere,
}

impl Repository {
    /// Makes the worktree that `marker` names, whose branch begins so, and marks it.
    ///
    /// Whatever it makes says from its first moment whose it is: the branch in its reflog, git's note of the worktree in
    /// the reason why it is locked, until it is marked and whole.
    ///
    /// # Errors
    /// git cannot make it: somebody else has made a branch or a directory of that name, for instance. What was made
    /// before that is there.
    pub fn add_worktree(&self, marker: &Marker, beginning: &Beginning) -> anyhow::Result<()> {
        let path = marker.worktree.to_str().context("the worktree's path is not UTF-8")?;
        let reason = marker.reason().context("a worktree is made without a nonce")?;
        if marker.is_new_branch {
            let reference = format!("refs/heads/{}", marker.branch);
            // An empty old value: there is none.
            let make = ["update-ref", "--create-reflog", "-m", &reason, &reference, &marker.start, ""];
            self.write_reference(&reference, &make)?;
        }
        if let Beginning::Tracking(upstream) = beginning {
            let upstream = format!("--set-upstream-to={}", short(upstream));
            let follow = ["branch", "--quiet", &upstream, &marker.branch];
            self.write_reference(&format!("refs/heads/{}", marker.branch), &follow)?;
        }
        let add = ["worktree", "add", "--quiet", "--no-checkout", "--lock"];
        let place = ["--", path, &marker.branch];
        let added = attempt(&self.common, &[&add[..], &["--reason", &reason], &place].concat())?;
        // git before 2.33 takes no reason.
        if added.status.code() == Some(129) {
            run(&self.common, &[&add[..], &place].concat())?;
        } else {
            printed(added, &[&add[..], &place].concat())?;
        }
        let private = private_directory(&marker.worktree).context("the new worktree has no git directory")?;
        fs::write(private.join("locked"), &reason).context("cannot lock the new worktree")?;
        marker.write(&private)?;
        run(&marker.worktree, &["checkout", "--quiet", "--force"])?;
        fs::remove_file(private.join("locked")).context("cannot unlock the new worktree")
    }

    /// Fails if a branch is checked out already, be it in a worktree that is not there.
    pub fn check_vacant(&self, branch: &str) -> anyhow::Result<()> {
        let list = ["for-each-ref", "--format=%(worktreepath)", &format!("refs/heads/{branch}")];
        let found = run(&self.common, &list)?;
        let Some(place) = found.lines().next().filter(|place| !place.is_empty()) else { return Ok(()) };
        let hint = if Path::new(place).exists() {
            format!("`prism -C {} start` starts what is there; or name another branch", word(place))
        } else {
            format!("that is missing; if it is gone for good: `{}`", self.forget_command(Path::new(place)))
        };
        Err(Failure::new(format!("the branch `{branch}` is checked out at `{place}`")).hint(hint).into())
    }

    /// Runs git, and says what locks the reference that it writes, if so.
    fn write_reference(&self, reference: &str, arguments: &[&str]) -> anyhow::Result<()> {
        run(&self.common, arguments).map(drop).map_err(|error| match self.locked(reference) {
            Some(locked) => locked.caused_by(error).into(),
            None => error,
        })
    }

    /// Says how far the worktree came that was announced.
    pub fn progress(&self, announced: &Marker) -> Completeness {
        let Some(registration) = self.registration_of(announced) else { return Completeness::Nothing };
        let is_at_place = registration.place().as_deref() == Some(&announced.worktree);
        if registration.is_half() {
            return Completeness::Half;
        }
        match Marker::parse(&registration.directory) {
            Some(marker) if is_at_place && announced.worktree.join(".git").exists() => {
                Completeness::Whole(Box::new(marker))
            }
            _ => Completeness::Elsewhere,
        }
    }
}

/// Says why somebody locked the worktree of `marker`, if so.
pub fn lock_reason(repository: &Repository, marker: &Marker) -> Option<String> {
    let registration = repository.registration(&marker.worktree)?;
    let reason = registration.lock_of_somebody().filter(|reason| Some(*reason) != marker.reason().as_deref());
    reason.map(str::to_owned)
}

/// Says whether the worktree around `directory` is one that prism made, and somebody moved or copied.
pub fn is_moved(directory: &Path) -> bool {
    let top = directory.ancestors().find(|directory| directory.join(".git").is_file());
    let Some(top) = top.filter(|top| private_directory(top).is_some_and(|it| Marker::parse(&it).is_some()))
    else {
        return false;
    };
    Repository::find(top).is_some_and(|repository| repository.registration(top).is_none())
}
