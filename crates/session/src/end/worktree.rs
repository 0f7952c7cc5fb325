//! The worktree that `create` made for a session, and that goes with it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use domain::failure::Failure;
use domain::text::hash::short_hash;
use domain::text::word::word;
use domain::worktree::loss::Loss;

use crate::find::generated::is_generated;
use crate::find::{CONFIGURATION, LOCK_POLL};
use crate::git::{self, EngineMark, Looked, Marker, Repository, Stage};
use crate::machine::files::fixed::{self, Fixed};
use crate::machine::lock::Lock;
use crate::machine::{files, platform, read};

/// A worktree that prism made, or what is left of one.
#[derive(Debug)]
pub struct Worktree {
    repository: Repository,
    marker: Marker,
    stage: Stage,
}

/// A worktree that is about to be removed, and can still be put back.
#[derive(Debug)]
pub struct Aside {
    repository: Repository,
    marker: Marker,
    /// Where it is; `None` if it is gone already.
    path: Option<PathBuf>,
}

impl Worktree {
    /// Finds the worktree that was made for the session of `directory`; another session of it has no say in it.
    ///
    /// One of which the removal or the making was interrupted, or that somebody deleted, is found from inside, from
    /// beside it, or from the repository around `here`. What stands at its place by now, made by somebody else, is none.
    pub fn of_session(directory: &Path, here: &Path) -> Option<Self> {
        let top = directory.ancestors().find(|directory| directory.join(".git").is_file());
        let found = top.and_then(|top| {
            let repository = Repository::find(top)?;
            let marker = Marker::read(&repository, top)?;
            let announced = repository.announced(top);
            let is_going = announced.is_some_and(|mark| mark.is_going && mark.agrees(&marker));
            Some((repository, Marker { is_going, ..marker }))
        });
        if let Some((repository, marker)) = found {
            return (marker.session == directory).then_some(Self { repository, marker, stage: Stage::There });
        }
        around(directory, here).find_map(|repository| {
            let marker = left(&repository, directory)?;
            let stage = repository.stage(&marker);
            Some(Self { repository, marker, stage })
        })
    }

    /// Takes what was announced of one.
    pub(crate) fn of_mark(repository: &Repository, marker: &Marker) -> Self {
        let stage = repository.stage(marker);
        Self { repository: repository.clone(), marker: marker.clone(), stage }
    }

    /// Says whether it is at its place.
    pub(crate) fn is_there(&self) -> bool {
        matches!(self.stage, Stage::There)
    }

    /// Returns its top, or where that was.
    pub fn top(&self) -> &Path {
        &self.marker.worktree
    }

    /// Returns where it was made, and where its files are.
    pub fn places(&self) -> Vec<&Path> {
        let top = self.top();
        [top].into_iter().chain(self.files().filter(|files| *files != top)).collect()
    }

    /// Returns a directory that stays.
    pub fn away(&self) -> &Path {
        &self.repository.common
    }

    /// Returns where its files are, if they are anywhere.
    fn files(&self) -> Option<&Path> {
        match &self.stage {
            Stage::There => Some(&self.marker.worktree),
            Stage::Aside(aside) => Some(aside),
            Stage::Rest => None,
        }
    }

    /// Fails if the user locked it.
    pub fn check_lock(&self) -> Result<(), Failure> {
        let Some(reason) = git::lock_reason(&self.repository, &self.marker) else { return Ok(()) };
        let shown = self.top().display();
        let (common, top) = (word(self.away().display()), word(&shown));
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        Err(Failure::new(format!("the worktree `{shown}` is locked{reason}"))
            .hint(format!("`git -C {common} worktree unlock {top}`, if it may go")))
    }

    /// Finds what would be lost with it.
    pub fn losses(&self) -> anyhow::Result<Vec<Loss>> {
        let Self { repository, marker, .. } = self;
        match self.files() {
            Some(top) => losses(repository, marker, top),
            None => repository.losses_of_missing(marker),
        }
    }

    /// Fails if something of these would be lost with it.
    pub fn check_losses(&self, losses: &[Loss]) -> Result<(), Failure> {
        let shown = self.top().display();
        let aside = match &self.stage {
            Stage::Aside(aside) => format!(", which is at `{}`,", aside.display()),
            _ => String::new(),
        };
        refused(losses, format!("the worktree `{shown}`{aside} has what would be lost"), self.top())
    }

    /// Fails if it cannot be removed to its end: before anything is.
    pub fn check_removable(&self) -> Result<(), Failure> {
        if let Some(top) = self.files() {
            check_tree(top, self.top())?;
        }
        let places = self.repository.places(&self.marker);
        let private = self.repository.private(&self.marker);
        let fixed = private.and_then(|private| fixed::find(&private));
        let path = match fixed.or_else(|| places.iter().find_map(|place| fixed::of(place))) {
            None => return self.repository.locked_branch(&self.marker).map_or(Ok(()), Err),
            Some(Fixed::Attribute(path)) => return Err(is_immutable(&path.display().to_string())),
            Some(Fixed::Rights(path)) => path,
        };
        let shown = path.display();
        Err(Failure::new(format!("`{shown}` cannot be written to by you: the worktree cannot go")).hint(
            format!("look at who owns it, and at what is mounted: `ls -ld {0}; findmnt -T {0}`", word(shown)),
        ))
    }

    /// Fails if its stack is on another Engine than the one at `address`, which tells its `id`.
    pub fn check_engine(
        &self,
        address: &str,
        id: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        let Some(EngineMark { id: known, address: at }) = &self.marker.engine else { return Ok(()) };
        if at == address || (!known.is_empty() && *known == id()?) {
            return Ok(());
        }
        let shown = self.top().display();
        Err(Failure::new(format!("the stack of `{shown}` is on another Engine, at `{at}`"))
            .hint(format!(
                "`DOCKER_HOST={} prism destroy {}` removes both; `--force` the worktree alone",
                word(at),
                word(&shown)
            ))
            .into())
    }

    /// Names what goes: the worktree, its branch, and what would be lost.
    pub fn describe(&self, losses: &[Loss]) -> Vec<String> {
        let mut lines = match &self.stage {
            Stage::There => vec![format!("worktree {}", self.top().display())],
            Stage::Aside(aside) => {
                vec![format!("worktree {}, which is at {}", self.top().display(), aside.display())]
            }
            Stage::Rest => vec![format!("what git knows of the worktree {}", self.top().display())],
        };
        if self.marker.is_new_branch {
            lines.push(format!(
                "branch {}, unless it has commits that are nowhere else, or a description",
                self.marker.branch
            ));
        }
        lines.extend(losses.iter().map(|loss| format!("  with {loss}")));
        lines
    }

    /// Sets it aside, and looks at it again: what appeared since it was looked at before puts it back, unless `is_forced`.
    pub fn set_aside(self, is_forced: bool) -> anyhow::Result<Aside> {
        let Self { repository, marker, stage } = self;
        let aside = match stage {
            Stage::There => {
                let (marker, path) = repository.set_aside(&marker)?;
                Aside { repository, marker, path: Some(path) }
            }
            Stage::Aside(path) => {
                repository.check_aside(&marker, &path)?;
                Aside { repository, marker, path: Some(path) }
            }
            Stage::Rest => Aside { repository, marker, path: None },
        };
        aside.look(is_forced)?;
        Ok(aside)
    }
}

impl Aside {
    /// Returns where it was made, and where its files are.
    pub fn places(&self) -> Vec<&Path> {
        [self.marker.worktree.as_path()].into_iter().chain(self.path.as_deref()).collect()
    }

    /// Puts it back, as nothing was removed.
    pub fn put_back(&self) -> anyhow::Result<()> {
        self.path.as_ref().map_or(Ok(()), |path| self.repository.put_back(&self.marker, path))
    }

    /// Puts it back and fails if something in it would be lost, unless `is_forced`, or cannot be removed.
    fn look(&self, is_forced: bool) -> anyhow::Result<()> {
        let Self { repository, marker, path } = self;
        let Some(path) = path else { return Ok(()) };
        let top = &marker.worktree;
        let look = || -> anyhow::Result<()> {
            check_tree(path, top)?;
            let losses = if is_forced { Vec::new() } else { losses(repository, marker, path)? };
            Ok(refused(&losses, format!("somebody works in `{}`", top.display()), top)?)
        };
        look().or_else(|error| self.put_back().and(Err(error)))
    }

    /// Removes it, its branch if that was made with it and nothing is lost with that, and the directory of worktrees if
    /// that is prism's own and empty now. Removing the stack took a while: it is looked at once more, as when it was set
    /// aside.
    pub fn finish(self, is_forced: bool) -> anyhow::Result<()> {
        let top = &self.marker.worktree;
        // What one that goes has may be in another one, which another prism removes right now.
        let name = format!("removal-{}", short_hash(self.repository.common.as_os_str().as_encoded_bytes()));
        let _one_at_a_time = Lock::acquire(&name, || {
            std::thread::park_timeout(LOCK_POLL);
            Ok(())
        })?;
        self.look(is_forced)
            .with_context(|| format!("the stack of `{}` is removed, and no more", top.display()))?;
        self.repository.finish(&self.marker, self.path.as_deref())?;
        let parent = default_sessions(&self.repository.main);
        if top.parent() == Some(&parent) {
            let _ = fs::remove_dir(parent);
        }
        Ok(())
    }
}

/// Returns `../<name>-sessions`, seen from the main worktree.
pub fn default_sessions(main: &Path) -> PathBuf {
    let name = main.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    main.with_file_name(format!("{name}-sessions"))
}

/// Finds what would be lost with the files of a worktree, wherever they are right now.
pub(crate) fn losses(repository: &Repository, marker: &Marker, top: &Path) -> anyhow::Result<Vec<Loss>> {
    if repository.is_half(marker) {
        let has_content = git::has_own_content(repository, marker, top)?;
        let content = || {
            Loss::Untracked(vec!["what git did not put into a worktree that was never finished".to_owned()])
        };
        let mut losses: Vec<Loss> = has_content.then(content).into_iter().collect();
        losses.extend(repository.losses_of_half(marker)?);
        return Ok(losses);
    }
    let is_known = |path: &Path| is_generated(path) || is_settings(repository, marker, top, path);
    git::losses(Looked { repository, marker, top, is_going: marker.is_going }, &is_known)
}

/// Says whether a file is the `prism.yaml` of a worktree, and another one has the same.
fn is_settings(repository: &Repository, marker: &Marker, top: &Path, path: &Path) -> bool {
    let below = marker.session.strip_prefix(&marker.worktree).unwrap_or(Path::new(""));
    if path != top.join(below).join(CONFIGURATION) {
        return false;
    }
    let Ok(text) = read::bytes(path) else { return false };
    let others = repository.checkouts(below).into_iter().filter(|other| other.session != marker.session);
    others
        .map(|other| read::bytes(&other.session.join(CONFIGURATION)))
        .any(|other| other.is_ok_and(|it| it == text))
}

fn refused(losses: &[Loss], what: String, top: &Path) -> Result<(), Failure> {
    if losses.is_empty() {
        return Ok(());
    }
    Err(Failure::new(what)
        .details(losses.iter().map(ToString::to_string))
        .hint(format!("save that, or lose it with `prism destroy --force {}`", word(top.display()))))
}

/// Fails if something of a tree cannot be deleted: a container that ran as root may have made it, or it is a disk's. `usual`
/// is where the tree is when it is not set aside.
fn check_tree(top: &Path, usual: &Path) -> Result<(), Failure> {
    let shown = |path: PathBuf| match path.strip_prefix(top) {
        Ok(below) if !below.as_os_str().is_empty() => usual.join(below).display().to_string(),
        _ => usual.display().to_string(),
    };
    match fixed::find(top) {
        Some(Fixed::Attribute(path)) => return Err(is_immutable(&shown(path))),
        Some(Fixed::Rights(path)) => {
            let shown = shown(path);
            let what = format!("`{shown}` cannot be emptied by you, and is in the worktree that goes");
            return Err(Failure::new(what).hint(format!("remove it first: `sudo rm -r {}`", word(shown))));
        }
        None => {}
    }
    if let Some(shown) = files::mounts(top).into_iter().next().map(shown) {
        return Err(Failure::new(format!("something is mounted at `{shown}`, in the worktree that goes"))
            .hint(format!("`umount {}`, if what is there may stay behind", word(shown))));
    }
    Ok(())
}

fn is_immutable(shown: &str) -> Failure {
    let what = format!("`{shown}` is immutable or append-only: the worktree cannot go");
    Failure::new(what).hint(format!("if it may go: `{} {}`", platform::UNFIX, word(shown)))
}

/// Repositories that may know something of a worktree that is not at its place: around `here`, around what lies beside it,
/// and around where the main worktree usually is.
fn around(directory: &Path, here: &Path) -> impl Iterator<Item = Repository> {
    let parents = directory.ancestors().skip(1);
    let beside = parents.filter(|parent| parent.is_dir()).take(1).flat_map(|parent| {
        let main = parent.to_str().and_then(|text| text.strip_suffix("-sessions")).map(PathBuf::from);
        let entries = fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok);
        let tops = entries.map(|entry| entry.path()).filter(|path| path.join(".git").exists());
        main.into_iter().chain(tops.collect::<Vec<_>>()).chain([parent.to_path_buf()])
    });
    let places: Vec<PathBuf> = [here.to_path_buf()].into_iter().chain(beside).collect();
    places.into_iter().filter_map(|place| Repository::find(&place))
}

/// Finds what a repository knows of a worktree for the session of `directory` that is not there as a whole.
fn left(repository: &Repository, directory: &Path) -> Option<Marker> {
    let mut announced = repository.all_announced().into_iter();
    // One that is being made, and not marked yet, has to be known to git.
    let announced = announced
        .find(|marker| marker.session == directory && (marker.is_going || repository.is_half(marker)));
    announced.or_else(|| repository.deleted(directory)).filter(|marker| match repository.stage(marker) {
        Stage::Rest => !repository.is_away(marker),
        _ => true,
    })
}
