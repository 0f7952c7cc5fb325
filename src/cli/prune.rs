//! `prism prune`: sessions that nobody needs any more, removed.

use std::path::Path;

use clap::Args;
use domain::engine::claim::{Claim, Command};
use domain::engine::ledger::Noted;
use domain::engine::origin::{Origin, Presence, Why};
use domain::identity::name::{SessionId, Suffix};
use domain::printable;
use domain::text::word::word;
use session::data::snapshot;
use session::docker::Claims;
use session::end::ephemeral;
use session::end::remove::{Remains, Volumes};
use session::find::owner;
use session::machine::files::disk;
use session::machine::process::identity;
use session::machine::process::interrupt::Interrupt;

use super::confirm::confirm;
use super::context::{Context, lock};

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
    let (_, mut engine) = context.engine()?;
    let claims = engine.claims()?;
    let Orphans { gone, ended, away } = orphans(&context, &claims, &engine.notes()?);
    for (directory, why) in away {
        context.output.note(format!(
            "`{directory}` {why}: if its data is not needed, `prism destroy {}`",
            word(&directory)
        ));
    }
    let unfinished = snapshot::unfinished(&engine)?;
    if gone.is_empty() && ended.is_empty() && unfinished.is_empty() {
        if !args.dry_run {
            ephemeral::sweep()?;
        }
        context.output.note("nothing to prune: every session's directory is there");
        return Ok(());
    }
    let mut lines = Vec::new();
    let mut describe = |id: &SessionId, what: String| -> anyhow::Result<()> {
        lines.push(what);
        let things = Remains::find(&mut engine, id)?.describe(Volumes::All);
        lines.extend(things.into_iter().map(|thing| format!("  {thing}")));
        Ok(())
    };
    for (id, directory, _) in &gone {
        describe(id, format!("the session of `{directory}`, which is gone:"))?;
    }
    for (id, directory, _) in &ended {
        describe(id, format!("an ephemeral session of `{directory}`, whose command has ended:"))?;
    }
    lines.extend(
        unfinished.iter().map(|it| format!("snapshot {} of `{}`, which is not whole", it.name, it.of)),
    );
    if args.dry_run {
        return context
            .output
            .show(lines.iter().map(|line| format!("{}\n", printable::clean(line))).collect::<String>());
    }
    if !args.yes {
        confirm(context.output, "this removes", &lines, "prism prune --yes")?;
    }
    for (id, directory, origin) in &gone {
        let _lock = lock(id, context.output, &Interrupt::default())?;
        // The question may have been open for long.
        if disk::presence(Path::new(directory), origin.as_ref()) != Presence::Gone {
            context.output.note(format!("`{directory}` is back: its session stays"));
            continue;
        }
        let kept = Remains::find(&mut engine, id)?.remove(&mut engine, Volumes::All)?;
        kept.describe().for_each(|line| context.output.note(line));
        context.output.note(format!("removed the session of `{directory}`"));
    }
    for (id, directory, suffix) in &ended {
        ephemeral::remove(&mut engine, id, suffix)?;
        context.output.note(format!("removed an ephemeral session of `{directory}`"));
    }
    for half in unfinished {
        snapshot::remove(&engine, &half, context.notices, &Interrupt::default())?;
        context.output.note(format!("removed snapshot `{}`, which was not whole", half.name));
    }
    ephemeral::sweep()
}

/// Sessions of this user that nobody needs any more, by identity and directory.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    /// Their directory is gone.
    pub(super) gone: Vec<(SessionId, String, Option<Origin>)>,
    /// They were for one command, and its process has ended.
    pub(super) ended: Vec<(SessionId, String, Suffix)>,
    /// Their directory is not there, and may come back.
    pub(super) away: Vec<(String, Why)>,
}

/// Looks for the directories of this user's sessions.
pub(super) fn orphans(context: &Context, claims: &Claims, notes: &[Noted]) -> Orphans {
    let mut orphans = Orphans::default();
    let claims = claims.ours.iter().cloned();
    for claim in claims.filter(|claim| claim.owner.as_deref() == Some(context.owner())) {
        let Claim { id, directory, ephemeral, .. } = claim;
        let path = Path::new(&directory);
        if let Some(Command { suffix, process }) = ephemeral {
            if identity::has_ended(&process) {
                orphans.ended.push((id, directory, suffix));
            }
            continue;
        }
        let note = notes.iter().find(|noted| noted.session_id == id);
        let origin = note.and_then(|noted| noted.note.origin.clone());
        if let Some(machine) = note.and_then(owner::former_machine) {
            orphans.away.push((directory, Why::OtherMachine(machine.to_owned())));
            continue;
        }
        match disk::presence(path, origin.as_ref()) {
            Presence::There => {}
            Presence::Gone => orphans.gone.push((id, directory, origin)),
            Presence::Away(why) => orphans.away.push((directory, why)),
        }
    }
    orphans
}
