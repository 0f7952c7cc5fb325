//! `prism destroy`: everything that a session made, removed.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};

use super::DestroyArgs;
use super::context::{Context, Target, lock};
use crate::docker::Engine;
use crate::domain::name::SessionId;
use crate::error::{Failure, Kind};
use crate::git::{self, Marker, Repository};
use crate::output::Output;
use crate::session::remove::{self, Remains};

pub(super) fn run(context: Context, args: DestroyArgs) -> anyhow::Result<()> {
    let (endpoint, mut engine) = context.engine()?;
    let targets = if args.all {
        own_sessions(&context, &mut engine)?
    } else {
        vec![context.target(&mut engine, &endpoint, args.directory.directory.as_deref())?]
    };
    let mut found = Vec::new();
    for target in targets {
        let worktree = worktree(&target.directory, args.force)?;
        let remains = Remains::find(&mut engine, &target.id)?;
        if remains.is_empty() && worktree.is_none() {
            remove::remove_generated(&target.directory)?;
            context
                .output
                .note(format!("`{}` has no session: nothing to remove", target.directory.display()));
        } else {
            found.push((target, remains, worktree));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    if !args.yes {
        let mut lines = Vec::new();
        for (target, remains, worktree) in &found {
            lines.push(format!("the session of `{}`:", target.directory.display()));
            lines.extend(remains.describe(args.keep_volumes).into_iter().map(|thing| format!("  {thing}")));
            lines.extend(
                worktree.iter().map(|(_, marker)| format!("  worktree {}", marker.worktree.display())),
            );
        }
        confirm(context.output, "this removes", &lines, "prism destroy --yes")?;
    }
    for (target, _, worktree) in found {
        let _lock = lock(&target.id, context.output)?;
        for kept in Remains::find(&mut engine, &target.id)?.remove(&engine, args.keep_volumes)? {
            context.output.note(format!("{kept} stays: a container that is not of this session uses it"));
        }
        remove::remove_generated(&target.directory)?;
        if let Some((repository, marker)) = worktree {
            // Not from inside: a process must not stand in a directory that goes away.
            super::context::enter(&repository.main)?;
            repository.remove_worktree(&marker, args.force)?;
        }
        context.output.note(format!("removed the session of `{}`", target.directory.display()));
    }
    Ok(())
}

fn own_sessions(context: &Context, engine: &mut Engine) -> anyhow::Result<Vec<Target>> {
    let traces = engine.traces()?.into_iter().filter(|trace| trace.owner == context.owner());
    let by_id: BTreeMap<String, String> = traces.map(|trace| (trace.session_id, trace.working_dir)).collect();
    let target = |(id, directory)| Target { id: SessionId(id), directory: PathBuf::from(directory) };
    Ok(by_id.into_iter().map(target).collect())
}

/// Finds the worktree that prism made for a session, and checks that nothing in it would be lost.
fn worktree(directory: &Path, force: bool) -> anyhow::Result<Option<(Repository, Marker)>> {
    let Some(top) = directory.ancestors().find(|directory| directory.join(".git").is_file()) else {
        return Ok(None);
    };
    let (Some(marker), Some(repository)) = (Marker::read(top), Repository::find(top)?) else {
        return Ok(None);
    };
    if !force && git::has_uncommitted_work(top)? {
        return Err(Failure::new(format!("the worktree `{}` has uncommitted work", top.display()))
            .hint("commit it, or lose it with `prism destroy --force`")
            .into());
    }
    Ok(Some((repository, marker)))
}

/// Says what will happen and asks.
///
/// # Errors
/// There is nobody to ask, or the answer is no.
pub(super) fn confirm(output: Output, what: &str, things: &[String], unasked: &str) -> Result<(), Failure> {
    // A question is asked aloud, whatever `--quiet` says.
    let output = Output { quiet: false, ..output };
    output.note(what);
    for thing in things {
        output.pass_on(format!("  {thing}\n").as_bytes());
    }
    if !stdin().is_terminal() {
        return Err(Failure::new("there is no terminal to ask at")
            .kind(Kind::Usage)
            .hint(format!("`{unasked}` does not ask")));
    }
    output.pass_on(b"Go on? [y/N] ");
    let mut answer = String::new();
    let read = stdin().read_line(&mut answer);
    match (read, answer.trim().to_ascii_lowercase().as_str()) {
        (Ok(_), "y" | "yes") => Ok(()),
        _ => Err(Failure::new("nothing was removed")),
    }
}
