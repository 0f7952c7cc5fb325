//! Which session is meant: of a directory, of a branch's worktree, or for one command.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::failure::{Code, Failure};
use domain::identity::name::{SessionId, Suffix};
use domain::worktree::checkout::{self, Checkout};

use crate::data;
use crate::docker::{self, Endpoint, Engine};
use crate::end::worktree::Worktree;
use crate::find::{Caller, Ephemeral, candidates, git_top, going, locate, owner};
use crate::git::Repository;
use crate::machine::files;
use crate::notice::Notices;

/// A session by its directory, whether or not that still has a Compose file, or exists at all.
#[derive(Debug)]
pub struct Target {
    /// The directory.
    pub directory: PathBuf,
    /// Its identity.
    pub id: SessionId,
    /// What its identity ends with if it is for one command only, and not the directory's own.
    pub ephemeral: Option<Suffix>,
}

/// A directory or a branch, as somebody named it to a verb.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// What was typed.
    pub word: &'a Path,
    /// The verb, for hints that say the same again.
    pub verb: &'static str,
}

impl Target {
    /// Takes a directory: its own session, or the ephemeral one of it that the caller was started for.
    fn of(directory: PathBuf, endpoint: &Endpoint, caller: &Caller) -> anyhow::Result<Self> {
        let text = directory.to_str().ok_or_else(|| Failure::new("the directory's name is not UTF-8"))?;
        let machine = endpoint.shared.then(|| docker::machine_at(&directory));
        let id = SessionId::new(text, machine.as_deref());
        let named = caller.session.as_deref();
        Ok(match named.map(|named| Ephemeral::find(&id, named)).transpose()?.flatten() {
            Some(found) => Self { directory, id: found.id(&id), ephemeral: Some(found.suffix) },
            None => Self { directory, id, ephemeral: None },
        })
    }

    /// Finds the session that `stop` or `destroy` means. It needs no Compose file, and reads none. Another user's is
    /// refused.
    ///
    /// A directory that is named is meant exactly, or the worktree of a branch, or an ephemeral session by its identity.
    /// Otherwise it is the nearest one, from the working directory upward, that has a session in Docker or a project: a
    /// session whose Compose file is gone must not lead to its parent's.
    ///
    /// # Errors
    /// It is another user's; nothing of that name is known; the Engine does not answer.
    pub fn find(
        caller: &Caller,
        engine: &mut Engine,
        named: Option<Named<'_>>,
        notices: Notices,
    ) -> anyhow::Result<Self> {
        let endpoint = engine.endpoint().clone();
        let ours = engine.claims()?.ours;
        // One for a command alone has no directory of its own: `list` shows its identity.
        let mut meant =
            ours.iter().filter(|claim| named.is_some_and(|named| *named.word == *claim.id.as_str()));
        if let Some((claim, command)) = meant.find_map(|claim| Some((claim, claim.ephemeral.as_ref()?))) {
            owner::check(&claim.directory, claim.owner.as_deref())?;
            return Ok(Self {
                directory: PathBuf::from(&claim.directory),
                id: claim.id.clone(),
                ephemeral: Some(command.suffix.clone()),
            });
        }
        let known: BTreeMap<SessionId, Option<String>> =
            ours.into_iter().map(|claim| (claim.id, claim.owner)).collect();
        let target = |directory: PathBuf| Self::of(directory, &endpoint, caller);
        // Who made the session has the say in it; without one, the directory's owner.
        let check = |target: &Self| -> anyhow::Result<()> {
            match known.get(&target.id) {
                Some(owner) => owner::check(&target.directory.display().to_string(), owner.as_deref())?,
                None => owner::check_directory(&target.directory)?,
            }
            if endpoint.shared {
                engine.noted(&target.id)?.as_ref().map_or(Ok(()), owner::check_machine)?;
            }
            Ok(())
        };
        let here = caller.here()?;
        let found = match named {
            Some(named) => {
                let exact = target(files::canonical(&here.join(named.word)))?;
                let is_known = known.contains_key(&exact.id);
                match named.of_branch(caller, is_known, notices)? {
                    Some(directory) => target(directory)?,
                    // Something may be left of its worktree alone.
                    None if is_known
                        || exact.directory.exists()
                        || Worktree::of_session(&exact.directory, here).is_some() =>
                    {
                        exact
                    }
                    None => return Err(named.unknown(caller).into()),
                }
            }
            None => {
                if let Some(going) = going::going(here) {
                    return target(going);
                }
                let project = locate(here, &caller.environment);
                for candidate in candidates(here) {
                    let target = target(candidate)?;
                    let is_project = Some(&target.directory) == project.as_ref();
                    if is_project || known.contains_key(&target.id) && check(&target).is_ok() {
                        check(&target)?;
                        return Ok(target);
                    }
                }
                target(project.unwrap_or_else(|| here.to_path_buf()))?
            }
        };
        check(&found)?;
        Ok(found)
    }

    /// Lets it go on, should a prism that copied its data have been killed.
    ///
    /// # Errors
    /// The Engine does not answer, or refuses.
    pub fn mend(self, engine: &mut Engine) -> anyhow::Result<Self> {
        data::mend(engine, &self.id)?;
        Ok(self)
    }
}

impl Named<'_> {
    /// Finds the directory that is named, by itself or by the branch of a worktree.
    ///
    /// # Errors
    /// There is neither.
    pub fn directory(self, caller: &Caller, notices: Notices) -> anyhow::Result<PathBuf> {
        match self.of_branch(caller, false, notices)? {
            Some(directory) => Ok(directory),
            None if self.word.exists() => Ok(self.word.to_path_buf()),
            None => Err(self.unknown(caller).code(Code::Usage).into()),
        }
    }

    /// Finds the session directory that is named by its branch. A directory of that name is meant rather, and so is a
    /// session, if it `is_known`, whose directory is gone.
    fn of_branch(self, caller: &Caller, is_known: bool, notices: Notices) -> anyhow::Result<Option<PathBuf>> {
        let Self { word, verb } = self;
        let checkouts = checkouts(caller);
        let name = word.to_str().unwrap_or_default();
        if word.is_dir() || is_known {
            let other = checkout::of_branch(&checkouts, name, verb).ok().flatten();
            let own = files::canonical(&caller.here()?.join(word));
            if let Some(other) = other.filter(|other| other.session != own) {
                if is_known && verb == "destroy" {
                    return Err(checkout::ambiguous(name, &own, &other.session).into());
                }
                notices.note(format!(
                    "`{name}` is taken for the directory; the branch of that name is at `{}`",
                    other.session.display()
                ));
            }
            return Ok(None);
        }
        Ok(checkout::of_branch(&checkouts, name, verb)?.map(|checkout| checkout.session.clone()))
    }

    fn unknown(self, caller: &Caller) -> Failure {
        checkout::unknown(&checkouts(caller), &self.word.to_string_lossy())
    }
}

/// Lists the worktrees of the repository around the working directory.
pub fn checkouts(caller: &Caller) -> Vec<Checkout> {
    let Some(here) = caller.directory.as_deref() else { return Vec::new() };
    let Some(repository) = Repository::find(here) else { return Vec::new() };
    let project = locate(here, &caller.environment);
    let below = project
        .zip(git_top(here))
        .and_then(|(project, top)| Some(project.strip_prefix(top).ok()?.to_owned()));
    repository.checkouts(&below.unwrap_or_default())
}
