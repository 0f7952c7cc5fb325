//! `prism prune`: sessions that nobody needs any more, removed.

use clap::Args;
use domain::printable;
use domain::text::word::word;
use session::data::snapshot;
use session::end::ephemeral;
use session::machine::process::interrupt::Interrupt;
use session::use_case::orphan::Orphans;
use session::use_case::prune;

use super::confirm::confirm;
use super::context::Context;

/// Remove sessions whose directory is gone, ephemeral ones whose command has ended, and half-made snapshots
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
    let output = context.output;
    let mut engine = context.engine()?;
    let claims = engine.claims()?;
    let orphans = Orphans::find(&context.caller.owner(), &claims, &engine.notes()?);
    for (directory, why) in &orphans.away {
        output.note(format!(
            "`{directory}` {why}: if its data is not needed, `prism destroy {}`",
            word(directory)
        ));
    }
    let unfinished = snapshot::unfinished(&engine)?;
    if orphans.gone.is_empty() && orphans.ended.is_empty() && unfinished.is_empty() {
        if !args.dry_run {
            ephemeral::sweep()?;
        }
        output.note("nothing to prune: every session's directory is there");
        return Ok(());
    }
    let mut lines = prune::describe(&mut engine, &orphans)?;
    lines.extend(
        unfinished.iter().map(|it| format!("snapshot {} of `{}`, which is not whole", it.name, it.of)),
    );
    if args.dry_run {
        return output
            .show(lines.iter().map(|line| format!("{}\n", printable::clean(line))).collect::<String>());
    }
    if !args.yes {
        confirm(output, "this removes", &lines, "prism prune --yes")?;
    }
    let interrupt = Interrupt::default();
    prune::prune(&mut engine, &orphans, &interrupt, context.notices)?;
    for half in unfinished {
        snapshot::remove(&engine, &half, context.notices, &interrupt)?;
        output.note(format!("removed snapshot `{}`, which was not whole", half.name));
    }
    Ok(())
}
