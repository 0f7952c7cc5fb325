//! A new worktree with a session of its own, or nothing at all.

mod copied;
mod copy;
mod place;
mod turn;
mod undo;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::Context;
use domain::engine::claim::Claim;
use domain::failure::{self, Failure};
use domain::identity::name::SessionId;
use domain::text::word::word;
use nix::unistd::Pid;

pub use self::copied::refresh;
pub use self::copy::{copy_env_files, take_settings};
pub use self::place::{Destination, place};
pub use self::turn::Turn;
use self::undo::{Known, undo};
use crate::docker::Engine;
use crate::end::neighbour;
use crate::end::remove::{self, Remains, Volumes};
use crate::end::worktree::Worktree;
use crate::find::{LOCK_POLL, Session, lock_name};
use crate::git::{self, Beginning, Completeness, EngineMark, Marker, Repository};
use crate::machine::lock::Lock;
use crate::machine::process::identity;
use crate::machine::process::interrupt::Interrupt;
use crate::notice::Notices;

/// How long a killed process may take to be gone.
const LAST_MOMENT: Duration = Duration::from_secs(3);

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
    /// What of the worktree's content is taken back with the rest.
    known: Known,
    turn: Option<Turn>,
}

impl Made {
    /// Waits until no other `create` is at work at this place, nor a setup command that a killed one left.
    pub fn begin(&mut self, place: &Path, notices: Notices, interrupt: &Interrupt) -> anyhow::Result<()> {
        self.turn = Some(Turn::wait(place, notices, interrupt)?);
        Ok(())
    }

    /// Makes the worktree, or takes the one that a killed `create` of the same branch made.
    pub fn worktree(
        &mut self,
        repository: Repository,
        place: &Destination,
        branch: &str,
        from: Option<&str>,
        engine: EngineMark,
        notices: Notices,
    ) -> anyhow::Result<()> {
        if let Some(announced) = repository.announced(&place.worktree) {
            check_alone(&announced)?;
        }
        // Whoever was at it may have ended what it announced.
        if let Some(announced) = repository.announced(&place.worktree) {
            match repository.progress(&announced) {
                // What was being removed is not taken up again.
                _ if announced.is_going => finish_removal(&repository, &announced)?,
                Completeness::Whole(marker) if marker.branch == branch => {
                    check_start(&repository, &marker, from)?;
                    repository.announce(&Marker { process: Some(identity::own()), ..(*marker).clone() })?;
                    self.worktree = Some((repository, *marker));
                    self.resumes = true;
                    return Ok(());
                }
                Completeness::Half | Completeness::Nothing => {
                    repository.release(&announced);
                    undo(&repository, &announced, &Known::default())?;
                }
                // It is somebody's by now, and no longer announced.
                Completeness::Whole(_) | Completeness::Elsewhere => repository.conclude(&place.worktree),
            }
        }
        check_free(&repository, place)?;
        repository.remember_home()?;
        let beginning = repository.beginning(branch, from)?;
        if beginning == Beginning::Present {
            repository.check_vacant(branch)?;
        }
        if let Beginning::Tracking(reference) = &beginning {
            notices.note(format!("the new branch `{branch}` follows `{}`", git::short(reference)));
        }
        let mut marker = Marker {
            worktree: place.worktree.clone(),
            session: place.session.clone(),
            branch: branch.to_owned(),
            start: repository.commit(&beginning.revision(branch))?,
            is_new_branch: beginning != Beginning::Present,
            is_going: false,
            nonce: Some(git::nonce()),
            notes_branch: beginning != Beginning::Present,
            file_system: None,
            process: Some(identity::own()),
            engine: Some(engine),
        };
        self.make_parents(&place.worktree)?;
        marker.file_system = place.worktree.parent().and_then(git::file_system);
        repository.announce(&marker)?;
        self.worktree = Some((repository.clone(), marker.clone()));
        repository.add_worktree(&marker, &beginning)?;
        self.known.made(&repository, &marker);
        Ok(())
    }

    fn make_parents(&mut self, path: &Path) -> anyhow::Result<()> {
        let parent = path.parent().unwrap_or(path);
        let missing: Vec<&Path> = parent.ancestors().take_while(|directory| !directory.exists()).collect();
        for directory in missing.into_iter().rev() {
            match fs::create_dir(directory) {
                Ok(()) => self.directories.insert(0, directory.to_path_buf()),
                // Somebody else was quicker, and has made it.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot make `{}`", directory.display()));
                }
            }
        }
        Ok(())
    }

    /// Says that these files are copied into the worktree.
    pub fn copies(&mut self, session: &Path, names: &[String]) {
        if let Some((_, marker)) = &self.worktree {
            self.known.writes(&marker.worktree, names.iter().map(|name| session.join(name)));
        }
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
    pub fn set_up(&mut self, command: &mut Command) -> anyhow::Result<ExitStatus> {
        if let Some((repository, marker)) = &self.worktree {
            self.known.sets_up(repository, marker);
        }
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

    /// Returns the command that goes on from here.
    pub fn again(&self) -> String {
        match (&self.worktree, &self.session) {
            (Some((_, marker)), _) => format!("prism create {}", word(&marker.branch)),
            (None, Some((_, directory))) => {
                format!("prism -C {} create --in-place", word(directory.display()))
            }
            (None, None) => "prism create --in-place".to_owned(),
        }
    }

    /// Fails if somebody started another session in the worktree meanwhile. Where the Engine does not answer, and was not told
    /// to start anything, nobody could.
    fn check_neighbours(&self, engine: &mut Engine) -> anyhow::Result<()> {
        let Some((_, marker)) = &self.worktree else { return Ok(()) };
        let own = self.session.as_ref().map(|(id, _)| id);
        // One that was there before may have been why nothing was started.
        let is_own = |claim: &Claim| match own {
            Some(id) => claim.id == *id,
            None => claim.ephemeral.is_none() && marker.session == Path::new(&claim.directory),
        };
        let checked = neighbour::check(engine, is_own, &[&marker.worktree]);
        let is_refused = |error: &anyhow::Error| own.is_some() || error.is::<Failure>();
        checked.or_else(|error| if is_refused(&error) { Err(error) } else { Ok(()) })
    }

    /// Says whether there is nothing to undo.
    fn is_empty(&self) -> bool {
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

    /// Removes everything that was made, and nothing that was there before. Says whether it did: where somebody works in
    /// the worktree by now, everything stays.
    pub fn undo(mut self, engine: &mut Engine, notices: Notices) -> bool {
        let again = self.again();
        let goes_on = format!("everything stays; `{again}` goes on from here");
        if self.resumes {
            notices.note(goes_on);
            return false;
        }
        if self.is_empty() {
            return false;
        }
        if let (Some((id, _)), Some((_, marker))) = (&self.session, &self.worktree) {
            // Where the Engine does not answer, everything counts as somebody's.
            self.known.writes(&marker.worktree, written(engine, id).unwrap_or_default());
        }
        if let Some((repository, marker)) = &self.worktree
            && matches!(repository.progress(marker), Completeness::Whole(_))
            && let Err(error) = undo::look(repository, marker, &marker.worktree, &self.known)
        {
            notices.failed(failure::render(&error));
            notices.note(goes_on);
            return false;
        }
        if let Err(error) = self.check_neighbours(engine) {
            notices.failed(failure::render(&error));
            notices.note(goes_on);
            return false;
        }
        notices.note("removing what was made");
        let mut failed = Vec::new();
        if let Some((id, directory)) = &self.session {
            match remove_session(engine, id, directory, self.keeps_volumes, notices) {
                Ok(true) => {}
                Ok(false) => {
                    notices.note(format!(
                        "`{}` has a session that somebody else started: it stays",
                        directory.display()
                    ));
                    return false;
                }
                Err(error) => {
                    // What is left of the stack is found by its directory.
                    notices.note(format!("could not clean up: {error:#}"));
                    notices.note(goes_on);
                    return false;
                }
            }
        }
        if let Some((repository, marker)) = &self.worktree {
            // Removing the stack took a while.
            let undone = self.check_neighbours(engine).and_then(|()| undo(repository, marker, &self.known));
            failed.extend(undone.err());
        }
        for directory in &self.directories {
            // Only if nobody else put something there meanwhile.
            let _ = fs::remove_dir(directory);
        }
        for error in &failed {
            notices.note(format!("could not clean up: {error:#}"));
            notices.note(format!("`{again}` tries that again"));
        }
        failed.is_empty()
    }
}

/// Lists the places of this machine where containers of a session write.
fn written(engine: &mut Engine, id: &SessionId) -> anyhow::Result<Vec<PathBuf>> {
    let containers = engine.every_container(id)?;
    let seen = engine.inspect(containers.iter().map(|it| it.id.as_str()))?;
    Ok(seen.into_values().flat_map(|it| it.mounts.into_values()).map(PathBuf::from).collect())
}

/// Ends what an interrupted `destroy` left of a worktree, where nothing is lost with that.
fn finish_removal(repository: &Repository, marker: &Marker) -> anyhow::Result<()> {
    let left = Worktree::of_mark(repository, marker);
    if left.is_there() || !left.losses()?.is_empty() {
        let shown = marker.worktree.display();
        return Err(Failure::new(format!("the removal of `{shown}` was interrupted"))
            .hint(format!("`prism destroy {}` goes on with it", word(&shown)))
            .into());
    }
    left.set_aside(false)?.finish(false)
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
    notices: Notices,
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
    let volumes = if keeps_volumes { Volumes::Anonymous } else { Volumes::All };
    remains.remove(engine, volumes)?.describe().for_each(|line| notices.note(line));
    remove::remove_generated(directory)?;
    Ok(true)
}

/// Fails if what is announced is being made right now, by a prism whose locks are elsewhere. One that was killed lets go
/// of its locks a moment before it is gone.
fn check_alone(announced: &Marker) -> Result<(), Failure> {
    let Some(process) = announced.process.as_deref() else { return Ok(()) };
    let began = Instant::now();
    while identity::is_running(process) {
        if began.elapsed() > LAST_MOMENT {
            return Err(is_at_work(announced, process));
        }
        std::thread::park_timeout(LOCK_POLL);
    }
    Ok(())
}

fn is_at_work(announced: &Marker, process: &str) -> Failure {
    let shown = announced.worktree.display();
    let pid = process.split('/').nth(1).unwrap_or_default();
    Failure::new(format!("another `prism create` is making `{shown}`"))
        .hint(format!("wait until that is done, or end it: `kill {}`", word(pid)))
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
fn check_free(repository: &Repository, place: &Destination) -> anyhow::Result<()> {
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
