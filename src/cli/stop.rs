//! `prism stop`: the containers stopped, their data kept.

use session::machine::process::interrupt::Interrupt;
use session::use_case::stop::{Stopped, stop};

use super::args::DirectoryArgs;
use super::context::Context;

pub(super) fn run(context: Context, args: DirectoryArgs) -> anyhow::Result<()> {
    let mut engine = context.engine()?;
    let target = context.target(&mut engine, args.named("stop"))?;
    let Stopped { containers, ran } = stop(&mut engine, &target, &Interrupt::default(), context.notices)?;
    let shown = target.directory.display();
    context.output.note(match (containers, ran) {
        (0, _) => format!("`{shown}` has no session: nothing to stop"),
        (_, 0) => format!("`{shown}` was stopped already"),
        (_, count) => format!("stopped {count} container{} of `{shown}`", if count == 1 { "" } else { "s" }),
    });
    Ok(())
}
