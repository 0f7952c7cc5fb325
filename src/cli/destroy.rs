//! `prism destroy`: everything that a session made, removed.

use std::io::{IsTerminal, stdin};

use super::DestroyArgs;
use super::context::{Context, lock};
use crate::error::{Failure, Kind};
use crate::output::Output;
use crate::session::remove::{self, Remains};

pub(super) fn run(context: Context, args: DestroyArgs) -> anyhow::Result<()> {
    let (endpoint, mut engine) = context.engine()?;
    let target = context.target(&endpoint, args.directory.directory.as_deref())?;
    let shown = target.directory.display().to_string();
    let _lock = lock(&target.id, context.output)?;
    let remains = Remains::find(&mut engine, &target.id)?;
    if remains.is_empty() {
        remove::remove_generated(&target.directory)?;
        context.output.note(format!("`{shown}` has no session: nothing to remove"));
        return Ok(());
    }
    if !args.yes {
        confirm(context.output, &shown, &remains.describe(args.keep_volumes))?;
    }
    remains.remove(&engine, args.keep_volumes)?;
    remove::remove_generated(&target.directory)?;
    context.output.note(format!("removed the session of `{shown}`"));
    Ok(())
}

/// Says what will go and asks.
///
/// # Errors
/// There is nobody to ask, or the answer is no.
fn confirm(output: Output, directory: &str, things: &[String]) -> Result<(), Failure> {
    output.note(format!("this removes the session of `{directory}`:"));
    for thing in things {
        output.pass_on(format!("  {thing}\n").as_bytes());
    }
    if !stdin().is_terminal() {
        return Err(Failure::new("there is no terminal to ask at")
            .kind(Kind::Usage)
            .hint("`prism destroy --yes` does not ask"));
    }
    output.pass_on(b"Remove them? [y/N] ");
    let mut answer = String::new();
    let read = stdin().read_line(&mut answer);
    match (read, answer.trim().to_ascii_lowercase().as_str()) {
        (Ok(_), "y" | "yes") => Ok(()),
        _ => Err(Failure::new("nothing was removed")),
    }
}
