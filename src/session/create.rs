//! A new worktree with a session of its own, or nothing at all.

mod place;
mod turn;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::Context;
use nix::unistd::Pid;

pub use self::place::{Place, copy_env_files, default_sessions, place};
use self::turn::Turn;
use super::remove::{self, Remains};
use super::{LOCK_POLL, Session, lock_name};
use crate::docker::Engine;
use crate::domain::name::SessionId;
use crate::domain::shell::word;
use crate::error::Failure;
use crate::git::{self, Beginning, Marker, Progress, Repository};
use crate::lock::Lock;
use crate::output::Output;
use crate::process::identity;
use crate::process::interrupt::Interrupt;

/// Everything that one `create` made so far. Dropping it does nothing: call [`Made::undo`] or [`Made::keep`].
#[derive(Debug, Default)]
pub struct Made {
    worktree: Option<(Repository, Marker)>,
    directories: Vec<PathBuf>,
    session: Option<(SessionId, PathBuf)>,
    /// Volumes were there before, and stay.
    keeps_volumes: bool,
    /// An earlier `create` was killed, and this one goes on from there: nothing of it is undone.
    resumes: bool,
    turn: Option<Turn>,
}

impl Made {
    /// Waits until no other `create` is at work at this place, nor a setup command that a killed one left.
    pub fn begin(&mut self, place: &Path, output: Output, interrupt: &Interrupt) -> anyhow::Result<()> {
        self.turn = Some(Turn::wait(place, output, interrupt)?);
        Ok(())
    }

    /// Makes the worktree, or takes the one that a killed `create` of the same branch made.
    pub fn worktree(
        &mut self,
        repository: Repository,
        place: &Place,
        branch: &str,
        from: Option<&str>,
        output: Output,
    ) -> anyhow::Result<()> {
        if let Some(announced) = repository.announced(&place.worktree) {
            match repository.progress(&place.worktree) {
                // What was being removed is not taken up again.
                _ if announced.is_going => repository.undo(&announced)?,
                Progress::Whole(marker) if marker.branch == branch => {
                    check_start(&repository, &marker, from)?;
                    self.worktree = Some((repository, marker));
                    self.resumes = true;
                    return Ok(());
                }
                Progress::Whole(_) | Progress::Foreign => {}
                Progress::Half if place.worktree.exists() => repository.undo_half(&announced)?,
                Progress::Half | Progress::Nothing => repository.undo(&announced)?,
            }
        }
        check_free(&repository, place)?;
        repository.remember_home()?;
        let beginning = repository.beginning(branch, from)?;
        if let Beginning::Tracking(reference) = &beginning {
            output.note(format!("the new branch `{branch}` follows `{}`", git::short(reference)));
        }
        let marker = Marker {
            worktree: place.worktree.clone(),
            session: place.session.clone(),
            branch: branch.to_owned(),
            start: repository.commit(&beginning.revision(branch))?,
            is_new_branch: beginning != Beginning::Present,
            is_going: false,
        };
        self.make_parents(&place.worktree)?;
        repository.announce(&marker)?;
        self.worktree = Some((repository.clone(), marker.clone()));
        repository.add_worktree(&marker, &beginning)
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
    ///
    /// # Errors
    /// It is there already, and no killed `create` began it.
    pub fn session(&mut self, engine: &mut Engine, session: &Session) -> anyhow::Result<()> {
        let is_present = !engine.session(&session.id)?.is_empty();
        self.resumes |= is_present && engine.note(&session.id)?.setup.is_some();
        if self.resumes {
            return Ok(());
        }
        if is_present {
            return Err(is_there(session));
        }
        // An earlier session of the same directory left them (`destroy --keep-volumes`).
        self.keeps_volumes = !Remains::find(engine, &session.id)?.belongings.volumes.is_empty();
        self.session = Some((session.id.clone(), session.path().to_path_buf()));
        Ok(())
    }

    /// Checks that it was this `create` that started the session, and nobody else meanwhile.
    pub fn check_own(&self, engine: &Engine, session: &Session) -> anyhow::Result<()> {
        if self.resumes || engine.note(&session.id)?.setup == Some(identity::own()) {
            return Ok(());
        }
        Err(is_there(session))
    }

    /// Runs one setup command, which a later `create` waits for should this one be killed.
    pub fn set_up(&self, command: &mut Command) -> anyhow::Result<ExitStatus> {
        let mut child = command.spawn().context("cannot run `sh`")?;
        let pid = Pid::from_raw(i32::try_from(child.id())?);
        if let Some(turn) = &self.turn {
            fs::write(&turn.setup, identity::of(pid))?;
        }
        let status = child.wait()?;
        if let Some(turn) = &self.turn {
            fs::remove_file(&turn.setup)?;
        }
        Ok(status)
    }

    /// Says whether this goes on from where a killed `create` was.
    pub fn resumes(&self) -> bool {
        self.resumes
    }

    /// Says whether there is nothing to undo.
    pub fn is_empty(&self) -> bool {
        self.session.is_none() && self.worktree.is_none() && self.directories.is_empty()
    }

    /// Keeps everything.
    pub fn keep(self) {
        if let Some((repository, marker)) = self.worktree {
            if !self.resumes {
                // Without it, these files count as somebody's.
                let _ = git::remember_ignored(&marker);
            }
            repository.conclude(&marker.worktree);
        }
    }

    /// Removes everything that was made, and nothing that was there before.
    pub fn undo(self, engine: &mut Engine, output: Output) {
        if self.resumes {
            return;
        }
        let mut failed = Vec::new();
        if let Some((id, directory)) = &self.session {
            match remove_session(engine, id, directory, self.keeps_volumes, output) {
                Ok(true) => {}
                Ok(false) => {
                    output.note(format!(
                        "`{}` has a session that somebody else started: it stays",
                        directory.display()
                    ));
                    return;
                }
                Err(error) => failed.push(error),
            }
        }
        if let Some((repository, marker)) = &self.worktree {
            failed.extend(repository.undo(marker).err());
        }
        for directory in &self.directories {
            // Only if nobody else put something there meanwhile.
            let _ = fs::remove_dir(directory);
        }
        for error in failed {
            output.note(format!("could not clean up: {error:#}"));
            output.note("the same `prism create` tries again");
        }
    }
}

fn is_there(session: &Session) -> anyhow::Error {
    Failure::new(format!("`{}` has a session already", session.directory))
        .hint(format!(
            "`prism -C {0} start` brings it up; `prism destroy {0}` removes it",
            word(&session.directory)
        ))
        .into()
}

/// Removes the session that this `create` started, or began to; `false` if it is somebody else's by now.
fn remove_session(
    engine: &mut Engine,
    id: &SessionId,
    directory: &Path,
    keeps_volumes: bool,
    output: Output,
) -> anyhow::Result<bool> {
    // A Compose that still is at work comes first.
    let _lock = Lock::acquire(&lock_name(id), || {
        std::thread::park_timeout(LOCK_POLL);
        Ok(())
    })?;
    let remains = Remains::find(engine, id)?;
    if engine.note(id)?.setup != Some(identity::own()) {
        return Ok(remains.containers.is_empty());
    }
    remains.remove(engine, keeps_volumes)?.describe().for_each(|line| output.note(line));
    remove::remove_generated(directory)?;
    Ok(true)
}

/// Fails if a killed `create` began elsewhere than `--from` says now.
fn check_start(repository: &Repository, marker: &Marker, from: Option<&str>) -> anyhow::Result<()> {
    let Some(from) = from else { return Ok(()) };
    if repository.commit(from)? == marker.start {
        return Ok(());
    }
    let shown = marker.worktree.display();
    Err(Failure::new(format!("an interrupted `create` began `{shown}` at another commit than `{from}`"))
        .hint(format!("leave `--from` away to go on there, or remove it: `prism destroy {}`", word(shown)))
        .into())
}

/// Fails if there is something where the worktree is to be, or where git remembers something.
fn check_free(repository: &Repository, place: &Place) -> anyhow::Result<()> {
    let shown = place.worktree.display();
    if place.worktree.symlink_metadata().is_ok() {
        return Err(Failure::new(format!("`{shown}` exists already"))
            .hint(format!("`prism -C {} start` starts what is there", word(shown)))
            .into());
    }
    if repository.forget_deleted(&place.worktree)? {
        return Ok(());
    }
    Err(Failure::new(format!("git has a worktree at `{shown}`, which is missing"))
        .hint(format!("if it is gone for good: `{}`", repository.forget_command(&place.worktree)))
        .into())
}
