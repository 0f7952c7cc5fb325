//! `prism destroy`: everything that a session made, removed.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use domain::engine::claim::Claim;
use domain::failure;
use domain::identity::name::SessionId;
use domain::text::word::word;
use domain::worktree::loss::Loss;
use session::create::Turn;
use session::docker::{Endpoint, Engine};
use session::end::remove::{self, Remains, Volumes};
use session::end::worktree::Worktree;
use session::end::{ephemeral, neighbour};
use session::find::ephemeral::Ephemeral;
use session::git;
use session::machine::process::interrupt::Interrupt;

use super::args::DirectoryArgs;
use super::confirm::confirm;
use super::context::{Context, Target, lock};
use super::prune::orphans;

/// Remove a session: its containers, networks, volumes and built images, and a worktree that `create` made
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prism destroy                          say what would go, and ask
  prism destroy feature/search           the session of that branch's worktree
  prism destroy --yes ../old-worktree    also when that directory is gone already

The branch of a worktree that `create` made goes as well if no commit would be lost.")]
pub(super) struct DestroyArgs {
    /// Do not ask
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Keep the volumes, and so the data
    #[arg(long)]
    pub(super) keep_volumes: bool,
    /// Every session of yours
    #[arg(long, conflicts_with = "directory")]
    pub(super) all: bool,
    /// Also a worktree with work that would be lost
    #[arg(long)]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) directory: DirectoryArgs,
}

impl DestroyArgs {
    /// Says which volumes go.
    fn volumes(&self) -> Volumes {
        if self.keep_volumes { Volumes::None } else { Volumes::All }
    }
}

/// A session that is to go.
struct Doomed {
    target: Target,
    remains: Remains,
    worktree: Option<Worktree>,
    /// What would be lost with the worktree.
    losses: Vec<Loss>,
}

pub(super) fn run(context: Context, args: DestroyArgs) -> anyhow::Result<()> {
    if args.all {
        Ephemeral::check_caller()?;
    }
    let (endpoint, mut engine) = context.engine()?;
    let targets = if args.all {
        own_sessions(&context, &mut engine)?
    } else {
        vec![context.target(&mut engine, &endpoint, args.directory.named("destroy"))?]
    };
    let mut failed = Vec::new();
    let mut doomed = Vec::new();
    for target in targets {
        match look(&mut engine, &endpoint, target, &args) {
            Ok(found) if found.remains.is_empty() && found.worktree.is_none() => {
                let directory = &found.target.directory;
                remove::remove_generated(directory)?;
                context.output.note(format!("`{}` has no session: nothing to remove", directory.display()));
            }
            Ok(found) => {
                if let Some(worktree) = found.worktree.as_ref().filter(|_| !args.all) {
                    neighbour::check(&mut engine, |it| it.id == found.target.id, &worktree.places())?;
                }
                doomed.push(found);
            }
            Err(error) if args.all => failed.push(error),
            Err(error) => return Err(error),
        }
    }
    if !doomed.is_empty() && !args.yes {
        confirm(context.output, "this removes", &describe(&doomed, &args), &unasked(&doomed, &args))?;
    }
    for doomed in doomed {
        match remove(&context, &mut engine, &endpoint, doomed, &args) {
            Err(error) if args.all => failed.push(error),
            other => other?,
        }
    }
    let Some(last) = failed.pop() else { return Ok(()) };
    for error in failed {
        context.output.error(&failure::render(&error));
    }
    Err(last)
}

/// Looks at what a session has, and checks that it may go.
fn look(
    engine: &mut Engine,
    endpoint: &Endpoint,
    target: Target,
    args: &DestroyArgs,
) -> anyhow::Result<Doomed> {
    let worktree = if target.ephemeral.is_some() {
        None
    } else {
        Worktree::of_session(&target.directory, &std::env::current_dir()?)
    };
    let mut losses = Vec::new();
    if let Some(worktree) = &worktree {
        worktree.check_lock()?;
        if args.force {
            // It goes, whether or not git can say what is in it.
            losses = worktree.losses().unwrap_or_default();
        } else {
            worktree.check_engine(&endpoint.address, || engine.id())?;
            losses = worktree.losses()?;
            worktree.check_losses(&losses)?;
        }
        worktree.check_removable()?;
    }
    Ok(Doomed { remains: Remains::find(engine, &target.id)?, target, worktree, losses })
}

fn describe(doomed: &[Doomed], args: &DestroyArgs) -> Vec<String> {
    let mut lines = Vec::new();
    for Doomed { target, remains, worktree, losses } in doomed {
        let whose = if target.ephemeral.is_some() {
            format!("the ephemeral session `{}`:", target.id)
        } else {
            format!("the session of `{}`:", target.directory.display())
        };
        lines.push(whose);
        lines.extend(remains.describe(args.volumes()).into_iter().map(|thing| format!("  {thing}")));
        if let Some(worktree) = worktree {
            lines.extend(worktree.describe(losses).into_iter().map(|thing| format!("  {thing}")));
        }
    }
    lines
}

/// The command that does the same without a question, from wherever it is typed.
fn unasked(doomed: &[Doomed], args: &DestroyArgs) -> String {
    let mut command = String::from("prism destroy --yes");
    for (is_given, flag) in
        [(args.keep_volumes, " --keep-volumes"), (args.force, " --force"), (args.all, " --all")]
    {
        command.push_str(if is_given { flag } else { "" });
    }
    if let ([only], false) = (doomed, args.all) {
        let target = &only.target;
        let named = match target.ephemeral {
            Some(_) => word(&target.id),
            None => word(target.directory.display()),
        };
        command.push_str(&format!(" {named}"));
    }
    command
}

/// Removes one session. What was seen before the question may have changed since.
fn remove(
    context: &Context,
    engine: &mut Engine,
    endpoint: &Endpoint,
    Doomed { target, remains: seen, worktree, losses: asked }: Doomed,
    args: &DestroyArgs,
) -> anyhow::Result<()> {
    let output = context.output;
    if let Some(suffix) = &target.ephemeral {
        ephemeral::remove(engine, &target.id, suffix)?;
        output.note(format!("removed an ephemeral session of `{}`", target.directory.display()));
        return Ok(());
    }
    let _turn =
        worktree.map(|it| Turn::take(it.top(), context.notices, &Interrupt::default())).transpose()?;
    let _lock = lock(&target.id, output, &Interrupt::default())?;
    let Doomed { target, mut remains, worktree, losses } = look(engine, endpoint, target, args)?;
    remains.keep_to(&seen);
    let directory = target.directory.display();
    let Some(worktree) = worktree else {
        remains.remove(engine, args.volumes())?.describe().for_each(|line| output.note(line));
        remove::remove_generated(&target.directory)?;
        if git::is_moved(&target.directory) {
            output.note(format!(
                "the worktree of `{directory}` stays, as git knows it elsewhere: `git -C {} worktree repair`",
                word(target.directory.display())
            ));
        }
        output.note(format!("removed the session of `{directory}`"));
        return Ok(());
    };
    neighbour::check(engine, |it| it.id == target.id, &worktree.places())?;
    if losses != asked && !args.yes {
        worktree.check_losses(&losses)?;
    }
    // Not from inside: a process must not stand in a directory that goes away.
    super::context::enter(worktree.away())?;
    let aside = worktree.set_aside(args.force)?;
    match remains.remove(engine, args.volumes()) {
        Ok(kept) => kept.describe().for_each(|line| output.note(line)),
        Err(error) => {
            if let Err(other) = aside.put_back() {
                output.error(&failure::render(&other));
            }
            return Err(error);
        }
    }
    neighbour::check(engine, |it| it.id == target.id, &aside.places())?;
    aside.finish(args.force)?;
    if target.directory.exists() {
        output.note(format!("what somebody made at `{directory}` meanwhile stays"));
    }
    output.note(format!("removed the session of `{directory}`"));
    Ok(())
}

/// Finds the sessions of this user, those inside others' worktrees first.
fn own_sessions(context: &Context, engine: &mut Engine) -> anyhow::Result<Vec<Target>> {
    let claims = engine.claims()?;
    let away = orphans(context, &claims, &engine.notes()?).away;
    for (directory, why) in &away {
        context.output.note(format!(
            "`{directory}` {why}: its session stays, unless you name it: `prism destroy {}`",
            word(directory)
        ));
    }
    let claims = claims.ours.into_iter();
    let claims = claims.filter(|claim| claim.owner.as_deref() == Some(context.owner()));
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
