//! Removing sessions that nobody needs any more.

use std::path::Path;

use domain::engine::origin::Presence;
use domain::identity::name::SessionId;

use super::orphan::Orphans;
use crate::docker::Engine;
use crate::end::ephemeral;
use crate::end::remove::{Remains, Volumes};
use crate::find;
use crate::machine::files::disk;
use crate::machine::process::interrupt::Interrupt;
use crate::notice::Notices;

/// Says what of them would go: a line each, what is a session's set in.
///
/// # Errors
/// The Engine does not answer.
pub fn describe(engine: &mut Engine, orphans: &Orphans) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut describe = |id: &SessionId, what: String| -> anyhow::Result<()> {
        lines.push(what);
        let things = Remains::find(engine, id)?.describe(Volumes::All);
        lines.extend(things.into_iter().map(|thing| format!("  {thing}")));
        Ok(())
    };
    for (id, directory, _) in &orphans.gone {
        describe(id, format!("the session of `{directory}`, which is gone:"))?;
    }
    for (id, directory, _) in &orphans.ended {
        describe(id, format!("an ephemeral session of `{directory}`, whose command has ended:"))?;
    }
    Ok(lines)
}

/// Removes those that are gone and those whose command has ended.
///
/// # Errors
/// The Engine does not answer, or refuses; a signal came.
pub fn prune(
    engine: &mut Engine,
    orphans: &Orphans,
    interrupt: &Interrupt,
    notices: Notices,
) -> anyhow::Result<()> {
    for (id, directory, origin) in &orphans.gone {
        let _lock = find::lock(id, interrupt, || notices.note(find::WAITING))?;
        // Since they were looked for, much time may have gone by.
        if disk::presence(Path::new(directory), origin.as_ref()) != Presence::Gone {
            notices.note(format!("`{directory}` is back: its session stays"));
            continue;
        }
        let kept = Remains::find(engine, id)?.remove(engine, Volumes::All)?;
        kept.describe().for_each(|line| notices.note(line));
        notices.note(format!("removed the session of `{directory}`"));
    }
    for (id, directory, suffix) in &orphans.ended {
        ephemeral::remove(engine, id, suffix)?;
        notices.note(format!("removed an ephemeral session of `{directory}`"));
    }
    ephemeral::sweep()
}
