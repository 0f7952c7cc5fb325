//! `prism prune`: sessions that nobody needs any more, removed.

use std::path::Path;

use clap::Args;

use super::confirm::confirm;
use super::context::{Context, lock};
use crate::docker::Engine;
use crate::domain::name::SessionId;
use crate::domain::shell::word;
use crate::process::identity;
use crate::session::ephemeral;
use crate::session::remove::Remains;
use crate::text;

/// Remove sessions whose directory is gone, and ephemeral ones whose command has ended
#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    /// Only say what would go
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(super) yes: bool,
}

pub(super) fn run(context: Context, args: PruneArgs) -> anyhow::Result<()> {
    let (_, mut engine) = context.engine()?;
    let Orphans { gone, ended, out_of_reach } = orphans(&context, &mut engine)?;
    for directory in out_of_reach {
        context.output.note(format!(
            "`{directory}` is not there, nor is its parent: if it is gone for good, `prism destroy {}`",
            word(&directory)
        ));
    }
    if gone.is_empty() && ended.is_empty() {
        if !args.dry_run {
            ephemeral::sweep()?;
        }
        context.output.note("nothing to prune: every session's directory is there");
        return Ok(());
    }
    let mut lines = Vec::new();
    let mut describe = |id: &SessionId, what: String| -> anyhow::Result<()> {
        lines.push(what);
        let things = Remains::find(&mut engine, id)?.describe(false);
        lines.extend(things.into_iter().map(|thing| format!("  {thing}")));
        Ok(())
    };
    for (id, directory) in &gone {
        describe(id, format!("the session of `{directory}`, which is gone:"))?;
    }
    for (id, directory) in &ended {
        describe(id, format!("an ephemeral session of `{directory}`, whose command has ended:"))?;
    }
    if args.dry_run {
        return context
            .output
            .show(lines.iter().map(|line| format!("{}\n", text::clean(line))).collect::<String>());
    }
    if !args.yes {
        confirm(context.output, "this removes", &lines, "prism prune --yes")?;
    }
    for (id, directory) in &gone {
        let _lock = lock(id, context.output)?;
        // The question may have been open for long.
        if !is_gone(Path::new(directory)) {
            context.output.note(format!("`{directory}` is back: its session stays"));
            continue;
        }
        let kept = Remains::find(&mut engine, id)?.remove(&mut engine, false)?;
        kept.describe().for_each(|line| context.output.note(line));
        context.output.note(format!("removed the session of `{directory}`"));
    }
    for (id, directory) in &ended {
        ephemeral::remove(&mut engine, id)?;
        context.output.note(format!("removed an ephemeral session of `{directory}`"));
    }
    ephemeral::sweep()
}

/// Sessions of this user that nobody needs any more, by identity and directory.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    /// Their directory is gone.
    pub(super) gone: Vec<(SessionId, String)>,
    /// They were for one command, and its process has ended.
    pub(super) ended: Vec<(SessionId, String)>,
    /// Its parent is missing as well, as with an unmounted disk.
    out_of_reach: Vec<String>,
}

/// Looks for the directories of this user's sessions.
pub(super) fn orphans(context: &Context, engine: &mut Engine) -> anyhow::Result<Orphans> {
    let mut orphans = Orphans::default();
    for trace in engine.traces()?.into_iter().filter(|trace| trace.owner == context.owner()) {
        let directory = Path::new(&trace.working_dir);
        if let Some(process) = trace.process {
            if identity::has_ended(&process) {
                orphans.ended.push((SessionId(trace.session_id), trace.working_dir));
            }
        } else if is_gone(directory) {
            orphans.gone.push((SessionId(trace.session_id), trace.working_dir));
        } else if matches!(directory.try_exists(), Ok(false)) {
            orphans.out_of_reach.push(trace.working_dir);
        }
    }
    Ok(orphans)
}

fn is_gone(directory: &Path) -> bool {
    matches!(directory.try_exists(), Ok(false)) && directory.parent().is_some_and(Path::is_dir)
}
