//! `prism prune`: sessions whose directory is gone, removed.

use std::path::Path;

use super::PruneArgs;
use super::context::{Context, lock};
use super::destroy::confirm;
use crate::docker::Engine;
use crate::domain::name::SessionId;
use crate::session::remove::Remains;

pub(super) fn run(context: Context, args: PruneArgs) -> anyhow::Result<()> {
    let (_, mut engine) = context.engine()?;
    let orphans = orphans(&context, &mut engine)?;
    if orphans.is_empty() {
        context.output.note("nothing to prune: every session's directory is there");
        return Ok(());
    }
    let mut lines = Vec::new();
    for (id, directory) in &orphans {
        lines.push(format!("the session of `{directory}`, which is gone:"));
        lines.extend(
            Remains::find(&mut engine, id)?.describe(false).into_iter().map(|thing| format!("  {thing}")),
        );
    }
    if args.dry_run {
        return context.output.print(lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    }
    if !args.yes {
        confirm(context.output, "this removes", &lines, "prism prune --yes")?;
    }
    for (id, directory) in &orphans {
        let _lock = lock(id, context.output)?;
        Remains::find(&mut engine, id)?.remove(&engine, false)?;
        context.output.note(format!("removed the session of `{directory}`"));
    }
    Ok(())
}

/// Finds this user's sessions whose directory is gone.
pub(super) fn orphans(context: &Context, engine: &mut Engine) -> anyhow::Result<Vec<(SessionId, String)>> {
    let traces = engine.traces()?.into_iter().filter(|trace| trace.owner == context.owner());
    let gone = traces.filter(|trace| is_gone(Path::new(&trace.working_dir)));
    Ok(gone.map(|trace| (SessionId(trace.session_id), trace.working_dir)).collect())
}

/// Says whether a directory is gone, and not merely out of reach (an unmounted disk takes the parent along).
fn is_gone(directory: &Path) -> bool {
    matches!(directory.try_exists(), Ok(false)) && directory.parent().is_some_and(Path::is_dir)
}
