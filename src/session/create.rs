//! A new worktree with a session of its own, or nothing at all.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::remove::{self, Remains};
use super::{LOCK_POLL, Session, lock_name};
use crate::docker::Engine;
use crate::domain::name::{SessionId, short_hash};
use crate::error::{Failure, Kind};
use crate::git::{Marker, Repository};
use crate::lock::Lock;
use crate::output::Output;
use crate::process::interrupt::Interrupt;

/// Everything that one `create` made so far. Dropping it does nothing: call [`Made::undo`] or [`Made::keep`].
#[derive(Debug, Default)]
pub struct Made {
    repository: Option<Repository>,
    marker: Option<Marker>,
    directories: Vec<PathBuf>,
    session: Option<(SessionId, PathBuf)>,
    /// Volumes were there before, and stay.
    keeps_volumes: bool,
    /// Held to the end: what another `create` is at work on is not what a killed one left.
    lock: Option<Lock>,
}

/// Where a new worktree goes.
#[derive(Debug)]
pub struct Place {
    /// The top of the new worktree.
    pub worktree: PathBuf,
    /// The session directory in it.
    pub session: PathBuf,
}

/// Decides where the worktree of `branch` goes: `sessions_dir`, else a directory beside the main worktree.
pub fn place(session: &Session, repository: &Repository, branch: &str) -> anyhow::Result<Place> {
    let main = &repository.main;
    let name = main.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let sessions = session.settings.sessions_dir.clone().unwrap_or_else(|| format!("../{name}-sessions"));
    let sessions = normalized(&main.join(sessions));
    let worktree = sessions.join(branch.replace('/', "-"));
    // A project below the top of its repository is found at the same place in the new worktree.
    let top = session.git_top().context("the session is not in a git worktree")?;
    let below = session.path().strip_prefix(top).unwrap_or(Path::new(""));
    let session = if below.as_os_str().is_empty() { worktree.clone() } else { worktree.join(below) };
    Ok(Place { worktree, session })
}

/// Resolves `..` by name, as the directories need not exist yet.
fn normalized(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, component| {
        match component {
            std::path::Component::ParentDir => drop(path.pop()),
            std::path::Component::CurDir => {}
            other => path.push(other),
        }
        path
    })
}

impl Made {
    /// Makes the worktree, after removing what a killed `create` of the same one left.
    pub fn worktree(
        &mut self,
        engine: &mut Engine,
        repository: Repository,
        place: &Place,
        branch: &str,
        from: Option<&str>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        let name = format!("create-{}", short_hash(place.worktree.as_os_str().as_encoded_bytes()));
        self.lock = Some(Lock::acquire(&name, || Ok(interrupt.pause(LOCK_POLL)?))?);
        if let Some(unfinished) = repository.unfinished(&place.worktree) {
            let id = SessionId::new(&place.session.to_string_lossy(), None);
            // A killed prism's Compose may still be at work, and holds the lock as long as it is.
            let _lock = Lock::acquire(&lock_name(&id), || Ok(interrupt.pause(LOCK_POLL)?))?;
            Remains::find(engine, &id)?.remove(engine, unfinished.keeps_volumes)?;
            repository.undo(&unfinished)?;
            repository.conclude(&place.worktree);
        }
        if place.worktree.exists() {
            return Err(Failure::new(format!("`{}` exists already", place.worktree.display()))
                .hint(format!("`prism -C {} start` starts what is there", place.worktree.display()))
                .into());
        }
        let is_new = !repository.has_branch(branch)?;
        if !is_new && from.is_some() {
            return Err(Failure::new(format!("the branch `{branch}` exists already"))
                .kind(Kind::Usage)
                .hint("leave `--from` away, or name another branch")
                .into());
        }
        let start = if is_new { Some(repository.commit(from.unwrap_or("HEAD"))?) } else { None };
        let branch_made = start.clone().map(|commit| (branch.to_owned(), commit));
        let id = SessionId::new(&place.session.to_string_lossy(), None);
        let keeps_volumes = has_volumes(engine, &id)?;
        let marker = Marker { worktree: place.worktree.clone(), branch: branch_made, keeps_volumes };
        self.make_parents(&place.worktree)?;
        repository.announce(&marker)?;
        self.repository = Some(repository.clone());
        self.marker = Some(marker.clone());
        repository.add_worktree(&place.worktree, branch, start.as_deref())?;
        marker.write()
    }

    fn make_parents(&mut self, path: &Path) -> anyhow::Result<()> {
        let parent = path.parent().unwrap_or(path);
        let missing: Vec<PathBuf> =
            parent.ancestors().take_while(|directory| !directory.exists()).map(Path::to_path_buf).collect();
        fs::create_dir_all(parent).with_context(|| format!("cannot make `{}`", parent.display()))?;
        self.directories.extend(missing);
        Ok(())
    }

    /// Says that a session is about to be started, which then goes with the rest.
    pub fn session(&mut self, engine: &mut Engine, session: &Session) -> anyhow::Result<()> {
        self.keeps_volumes |= has_volumes(engine, &session.id)?;
        self.session = Some((session.id.clone(), session.path().to_path_buf()));
        Ok(())
    }

    /// Says whether there is nothing to undo.
    pub fn is_empty(&self) -> bool {
        self.session.is_none() && self.marker.is_none() && self.directories.is_empty()
    }

    /// Keeps everything.
    pub fn keep(self) {
        if let (Some(repository), Some(marker)) = (self.repository, self.marker) {
            repository.conclude(&marker.worktree);
        }
    }

    /// Removes everything that was made, and nothing that was there before.
    pub fn undo(self, engine: &mut Engine, output: Output) {
        let mut failed = Vec::new();
        if let Some((id, directory)) = &self.session {
            let removed =
                Remains::find(engine, id).and_then(|remains| remains.remove(engine, self.keeps_volumes));
            failed.extend(removed.and_then(|_| remove::remove_generated(directory)).err());
        }
        if let (Some(repository), Some(marker)) = (&self.repository, &self.marker) {
            match repository.undo(marker) {
                Ok(()) => repository.conclude(&marker.worktree),
                Err(error) => failed.push(error),
            }
        }
        for directory in &self.directories {
            // Only if nobody else put something there meanwhile.
            let _ = fs::remove_dir(directory);
        }
        for error in failed {
            output.note(format!("could not clean up: {error:#}"));
        }
    }
}

/// Says whether an earlier session of the same directory left volumes (`destroy --keep-volumes`).
fn has_volumes(engine: &mut Engine, id: &SessionId) -> anyhow::Result<bool> {
    Ok(!Remains::find(engine, id)?.belongings.volumes.is_empty())
}

/// Copies files that git does not carry from the main worktree; one that is missing there is an error.
pub fn copy_env_files(from: &Path, to: &Path, names: &[String]) -> anyhow::Result<()> {
    for name in names {
        let (source, target) = (from.join(name), to.join(name));
        if normalized(&target).strip_prefix(to).is_err() {
            return Err(
                Failure::new(format!("`env_files: {name}` in prism.yaml leads out of the worktree")).into()
            );
        }
        if target.exists() {
            continue;
        }
        if !source.is_file() {
            return Err(Failure::new(format!(
                "`{}` does not exist, but `env_files` in prism.yaml names it",
                source.display()
            ))
            .hint("make it, or take it off the list")
            .into());
        }
        fs::create_dir_all(target.parent().unwrap_or(to))?;
        // The mode comes along: such files hold secrets.
        fs::copy(&source, &target)
            .with_context(|| format!("cannot copy `{}` to the new worktree", source.display()))?;
    }
    Ok(())
}
