//! Worktrees that prism makes, and the marks by which it knows them again.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::branch::Beginning;
use super::home::{self, Home, home};
use super::{attempt, common_directory, loss, private_directory, run};
use crate::domain::name::short_hash;
use crate::read;

/// The file in a worktree's private git directory that says: prism made this.
const MARKER: &str = "prism.json";

/// Why git itself locks a worktree that it is about to make.
const INITIALIZING: &str = "initializing";

/// A repository, seen from one of its worktrees.
#[derive(Debug, Clone)]
pub struct Repository {
    /// The top of the main worktree; of a bare repository, where that would be.
    pub main: PathBuf,
    /// It is known where that is, and not only what it might be called.
    pub has_home: bool,
    /// The directory that all worktrees share.
    pub common: PathBuf,
    /// The top of the worktree from which it is seen.
    pub(super) here: PathBuf,
}

/// What prism made for a session, and so may remove with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The top of the worktree.
    pub worktree: PathBuf,
    /// The session directory in it.
    pub session: PathBuf,
    /// The branch that was checked out.
    pub branch: String,
    /// The commit at which it was.
    pub start: String,
    /// The branch was made with the worktree.
    pub is_new_branch: bool,
    /// It is being removed: whoever finds this goes on with that.
    #[serde(default)]
    pub is_going: bool,
}

/// How far a worktree came that was announced.
#[derive(Debug)]
pub enum Progress {
    /// git knows nothing of it.
    Nothing,
    /// git did not finish it.
    Half,
    /// It is whole, and marked as prism's.
    Whole(Marker),
    /// There is one that prism did not make.
    Foreign,
}

/// What git itself has noted down of a worktree.
#[derive(Debug)]
pub struct Registration {
    /// Its private git directory.
    pub(super) directory: PathBuf,
    /// Why it is locked, if it is.
    lock: Option<String>,
}

impl Repository {
    /// Finds the repository around `directory`, without running git: `stop` and `destroy` work where git is missing, or
    /// refuses to touch a repository of another user. `None` outside git.
    pub fn find(directory: &Path) -> Option<Self> {
        let top = directory.ancestors().find(|directory| directory.join(".git").exists())?;
        let common = common_directory(&private_directory(top)?)?;
        let home = home(top).unwrap_or_else(|| Home::Known(top.to_path_buf()));
        let has_home = matches!(home, Home::Known(_));
        Some(Self { main: home.path(), has_home, common, here: top.to_path_buf() })
    }

    /// Says whether a branch exists.
    pub fn has_branch(&self, branch: &str) -> anyhow::Result<bool> {
        let reference = format!("refs/heads/{branch}");
        Ok(attempt(&self.common, &["show-ref", "--verify", "--quiet", &reference])?.status.success())
    }

    /// Says whether git takes this name for a branch. A revision such as `@{-1}` is none.
    pub fn is_branch_name(&self, branch: &str) -> anyhow::Result<bool> {
        let reference = format!("refs/heads/{branch}");
        let is_reserved = branch.starts_with('-') || matches!(branch, "@" | "HEAD");
        Ok(!is_reserved && attempt(&self.common, &["check-ref-format", &reference])?.status.success())
    }

    /// Returns the commit that a revision means in the worktree from which the repository is seen.
    pub fn commit(&self, revision: &str) -> anyhow::Result<String> {
        commit(&self.here, revision)
    }

    /// Lets the other worktrees know where the main one is, if this is it and nothing else tells.
    pub fn remember_home(&self) -> anyhow::Result<()> {
        home::remember(&self.here).context("cannot write into the git directory")
    }

    /// Makes the worktree that `marker` names, whose branch begins so, and marks it.
    pub fn add_worktree(&self, marker: &Marker, beginning: &Beginning) -> anyhow::Result<()> {
        let path = marker.worktree.to_str().context("the worktree's path is not UTF-8")?;
        // Marked before anything is in it: of a whole one, it is always known who made it.
        let arguments = ["worktree", "add", "--quiet", "--no-checkout"];
        let rest = match beginning {
            Beginning::Present => vec!["--", path, &marker.branch],
            Beginning::New(_) => vec!["-b", &marker.branch, "--", path, &marker.start],
            Beginning::Tracking(reference) => vec!["--track", "-b", &marker.branch, "--", path, reference],
        };
        run(&self.common, &[&arguments[..], &rest].concat())?;
        let private = private_directory(&marker.worktree).context("the new worktree has no git directory")?;
        fs::write(private.join(MARKER), serde_json::to_vec(marker)?)
            .context("cannot mark the new worktree")?;
        run(&marker.worktree, &["checkout", "--quiet", "--force"]).map(drop)
    }

    /// Says how far the worktree at `top` came.
    pub fn progress(&self, top: &Path) -> Progress {
        let Some(Registration { directory, lock }) = self.registration(top) else { return Progress::Nothing };
        let is_whole = top.join(".git").exists()
            && directory.join("index").exists()
            && !directory.join("index.lock").exists()
            && lock.is_none_or(|reason| reason != INITIALIZING);
        match Marker::read(self, top) {
            Some(marker) if is_whole => Progress::Whole(marker),
            None if is_whole => Progress::Foreign,
            _ => Progress::Half,
        }
    }

    /// Looks for git's own note of a worktree, whether or not that is there.
    pub fn registration(&self, worktree: &Path) -> Option<Registration> {
        let entries = fs::read_dir(self.common.join("worktrees")).ok()?;
        let directory = entries.filter_map(Result::ok).map(|entry| entry.path()).find(|directory| {
            read::text(&directory.join("gitdir"))
                .is_ok_and(|text| is_same(&directory.join(text.trim()), &worktree.join(".git")))
        })?;
        let lock = read::text(&directory.join("locked")).ok();
        Some(Registration { lock: lock.map(|reason| reason.trim().to_owned()), directory })
    }

    /// Takes git's note of a worktree back that prism made and somebody deleted, unless a commit would be lost.
    /// Says whether it did.
    pub fn forget_deleted(&self, worktree: &Path) -> anyhow::Result<bool> {
        let Some(registration) = self.registration(worktree) else { return Ok(true) };
        let marker = Marker::parse(&registration.directory);
        if registration.lock.is_some() || marker.is_none_or(|marker| marker.worktree != worktree) {
            return Ok(false);
        }
        let head = read::text(&registration.directory.join("HEAD")).unwrap_or_default();
        if !head.starts_with("ref: ") && loss::is_on_no_branch(&self.common, head.trim())? {
            return Ok(false);
        }
        fs::remove_dir_all(&registration.directory).context("cannot clean up the git directory")?;
        Ok(true)
    }

    /// Notes down that this is about to be made, so that a killed prism can be made good.
    pub fn announce(&self, marker: &Marker) -> anyhow::Result<()> {
        let path = self.announcement(&marker.worktree);
        fs::create_dir_all(path.parent().unwrap_or(&self.common))
            .context("cannot write into the git directory")?;
        fs::write(&path, serde_json::to_vec(marker)?)
            .with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// Returns what was announced for this worktree and never finished.
    pub fn announced(&self, worktree: &Path) -> Option<Marker> {
        serde_json::from_slice(&read::bytes(&self.announcement(worktree)).ok()?).ok()
    }

    /// Takes the announcement back.
    pub fn conclude(&self, worktree: &Path) {
        let _ = fs::remove_file(self.announcement(worktree));
    }

    fn announcement(&self, worktree: &Path) -> PathBuf {
        let name = short_hash(worktree.as_os_str().as_encoded_bytes());
        self.common.join("prism").join(format!("{name}.json"))
    }
}

impl Marker {
    /// Reads the marker of the worktree at `top`; `None` if prism did not make it. One that `git worktree move`
    /// moved is known at its new place; a copy of one is not.
    pub fn read(repository: &Repository, top: &Path) -> Option<Self> {
        let Registration { directory, .. } = repository.registration(top)?;
        Self::of(&directory, top)
    }

    /// The same, of a worktree whose private git directory is known.
    pub(super) fn of(private: &Path, top: &Path) -> Option<Self> {
        let marker = Self::parse(private)?;
        let session = top.join(marker.session.strip_prefix(&marker.worktree).ok()?);
        Some(Self { worktree: top.to_path_buf(), session: session.components().collect(), ..marker })
    }

    fn parse(private: &Path) -> Option<Self> {
        serde_json::from_slice(&read::bytes(&private.join(MARKER)).ok()?).ok()
    }
}

/// Says why the worktree at `top` is locked, if it is.
pub fn lock_reason(repository: &Repository, top: &Path) -> Option<String> {
    repository.registration(top)?.lock
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

/// Returns the top of the repository of which the one around `directory` is a submodule, or a submodule's submodule: the
/// outermost. There may be no `directory`, if that is where a bare repository's worktree would be.
pub fn superproject(directory: &Path) -> anyhow::Result<Option<PathBuf>> {
    let mut outermost = None;
    let mut directory = directory.to_path_buf();
    while directory.exists() {
        let asked = attempt(&directory, &["rev-parse", "--show-superproject-working-tree"])?;
        let top = String::from_utf8_lossy(&asked.stdout).trim_end_matches('\n').to_owned();
        if !asked.status.success() || top.is_empty() {
            break;
        }
        directory = PathBuf::from(top);
        outermost = Some(directory.clone());
    }
    Ok(outermost)
}

pub(super) fn commit(directory: &Path, revision: &str) -> anyhow::Result<String> {
    let wanted = format!("{revision}^{{commit}}");
    run(directory, &["rev-parse", "--verify", "--end-of-options", &wanted])
}

/// Compares paths that need not exist.
fn is_same(one: &Path, other: &Path) -> bool {
    let resolved = |path: &Path| {
        let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
        parent.zip(path.file_name()).map(|(parent, name)| parent.join(name))
    };
    one == other || resolved(one).is_some_and(|one| Some(one) == resolved(other))
}
