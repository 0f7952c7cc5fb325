//! Removing sessions: everything that they made, and worktrees that `create` made for them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::engine::claim::Claim;
use domain::failure;
use domain::identity::name::SessionId;
use domain::text::word::word;
use domain::worktree::loss::Loss;

use super::orphan::Orphans;
use super::target::Target;
use crate::create::Turn;
use crate::docker::Engine;
use crate::end::remove::{self, Remains, Volumes};
use crate::end::worktree::Worktree;
use crate::end::{ephemeral, neighbour};
use crate::find::{self, Caller};
use crate::git;
use crate::machine::process::interrupt::Interrupt;
use crate::notice::Notices;

/// How far a removal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Which volumes go.
    pub volumes: Volumes,
    /// A worktree goes with work that would be lost.
    pub force: bool,
    /// Nobody is asked: what would be lost since it was looked at is no question.
    pub unasked: bool,
}

/// A session that is to go.
#[derive(Debug)]
pub struct Doomed {
    /// The session.
    pub target: Target,
    remains: Remains,
    worktree: Option<Worktree>,
    /// What would be lost with the worktree.
    losses: Vec<Loss>,
}

impl Doomed {
    /// Looks at what a session has, for a caller in the directory `here`, and checks that it may go.
    ///
    /// # Errors
    /// Work would be lost, or the worktree cannot be removed; the Engine does not answer.
    pub fn look(engine: &mut Engine, target: Target, here: &Path, request: Request) -> anyhow::Result<Self> {
        let worktree = match target.ephemeral {
            Some(_) => None,
            None => Worktree::of_session(&target.directory, here),
        };
        let mut losses = Vec::new();
        if let Some(worktree) = &worktree {
            worktree.check_lock()?;
            if request.force {
                // It goes, whether or not git can say what is in it.
                losses = worktree.losses().unwrap_or_default();
            } else {
                worktree.check_engine(&engine.endpoint().address, || engine.id())?;
                losses = worktree.losses()?;
                worktree.check_losses(&losses)?;
            }
            worktree.check_removable()?;
        }
        Ok(Self { remains: Remains::find(engine, &target.id)?, target, worktree, losses })
    }

    /// Says whether there is nothing to remove but generated files.
    pub fn is_nothing(&self) -> bool {
        self.remains.is_empty() && self.worktree.is_none()
    }

    /// Returns where to go for who stands in the worktree that goes with it.
    pub fn away(&self) -> Option<&Path> {
        self.worktree.as_ref().map(Worktree::away)
    }

    /// Says what would go: a line each, what is the session's set in.
    pub fn describe(&self, volumes: Volumes) -> Vec<String> {
        let Self { target, remains, worktree, losses } = self;
        let mut lines = vec![match target.ephemeral {
            Some(_) => format!("the ephemeral session `{}`:", target.id),
            None => format!("the session of `{}`:", target.directory.display()),
        }];
        let of_worktree = worktree.iter().flat_map(|worktree| worktree.describe(losses));
        let things = remains.describe(volumes).into_iter().chain(of_worktree);
        lines.extend(things.map(|thing| format!("  {thing}")));
        lines
    }

    /// Fails if other sessions live in the worktree that goes with this one.
    ///
    /// # Errors
    /// That; or the Engine does not answer.
    pub fn check_neighbours(&self, engine: &mut Engine) -> anyhow::Result<()> {
        let places = self.worktree.as_ref().map(Worktree::places).unwrap_or_default();
        neighbour::check(engine, |it| it.id == self.target.id, &places)
    }

    /// Removes it. What was seen before may have changed since.
    ///
    /// # Errors
    /// Work would be lost that was not there before; another session lives in the worktree; the Engine does not answer, or
    /// refuses.
    pub fn remove(
        self,
        caller: &Caller,
        engine: &mut Engine,
        request: Request,
        notices: Notices,
    ) -> anyhow::Result<()> {
        let Self { target, remains: seen, worktree, losses: asked } = self;
        if let Some(suffix) = &target.ephemeral {
            ephemeral::remove(engine, &target.id, suffix)?;
            notices.note(format!("removed an ephemeral session of `{}`", target.directory.display()));
            return Ok(());
        }
        let interrupt = &Interrupt::default();
        let _turn = worktree.map(|it| Turn::take(it.top(), notices, interrupt)).transpose()?;
        let _lock = find::lock(&target.id, interrupt, || notices.note(find::WAITING))?;
        let mut again = Self::look(engine, target, caller.here()?, request)?;
        again.remains.keep_to(&seen);
        if again.worktree.is_some() {
            again.check_neighbours(engine)?;
        }
        let Self { target, remains, worktree, losses } = again;
        match worktree {
            None => remove_alone(engine, &target, remains, request.volumes, notices)?,
            Some(worktree) => {
                if losses != asked && !request.unasked {
                    worktree.check_losses(&losses)?;
                }
                remove_with(engine, &target, (remains, worktree), request, notices)?;
            }
        }
        notices.note(format!("removed the session of `{}`", target.directory.display()));
        Ok(())
    }
}

/// Removes what a session has in Docker, and its generated files.
fn remove_alone(
    engine: &mut Engine,
    target: &Target,
    remains: Remains,
    volumes: Volumes,
    notices: Notices,
) -> anyhow::Result<()> {
    remains.remove(engine, volumes)?.describe().for_each(|line| notices.note(line));
    remove::remove_generated(&target.directory)?;
    if git::is_moved(&target.directory) {
        let directory = target.directory.display();
        notices.note(format!(
            "the worktree of `{directory}` stays, as git knows it elsewhere: `git -C {} worktree repair`",
            word(&directory)
        ));
    }
    Ok(())
}

/// Removes it with its worktree, which is set aside meanwhile.
fn remove_with(
    engine: &mut Engine,
    target: &Target,
    (remains, worktree): (Remains, Worktree),
    request: Request,
    notices: Notices,
) -> anyhow::Result<()> {
    let aside = worktree.set_aside(request.force)?;
    match remains.remove(engine, request.volumes) {
        Ok(kept) => kept.describe().for_each(|line| notices.note(line)),
        Err(error) => {
            if let Err(other) = aside.put_back() {
                notices.failed(failure::render(&other));
            }
            return Err(error);
        }
    }
    neighbour::check(engine, |it| it.id == target.id, &aside.places())?;
    aside.finish(request.force)?;
    if target.directory.exists() {
        notices.note(format!("what somebody made at `{}` meanwhile stays", target.directory.display()));
    }
    Ok(())
}

/// Finds the caller's sessions, those inside others' worktrees first, without those whose directory is away.
///
/// # Errors
/// The Engine does not answer.
pub fn all(caller: &Caller, engine: &mut Engine, notices: Notices) -> anyhow::Result<Vec<Target>> {
    let owner = caller.owner();
    let claims = engine.claims()?;
    let away = Orphans::find(&owner, &claims, &engine.notes()?).away;
    for (directory, why) in &away {
        notices.note(format!(
            "`{directory}` {why}: its session stays, unless you name it: `prism destroy {}`",
            word(directory)
        ));
    }
    let claims = claims.ours.into_iter();
    let claims = claims.filter(|claim| claim.owner.as_deref() == Some(owner.as_str()));
    let claims = claims.filter(|claim| away.iter().all(|(directory, _)| *directory != claim.directory));
    let by_id: BTreeMap<SessionId, Claim> = claims.map(|claim| (claim.id.clone(), claim)).collect();
    let target = |claim: Claim| Target {
        id: claim.id,
        directory: PathBuf::from(claim.directory),
        ephemeral: claim.ephemeral.map(|command| command.suffix),
    };
    let mut targets: Vec<Target> = by_id.into_values().map(target).collect();
    targets.sort_by_key(|target| Reverse(target.directory.components().count()));
    Ok(targets)
}
