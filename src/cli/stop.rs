//! `prism stop`: the containers stopped, their data kept.

use session::end::remove;
use session::machine::process::interrupt::Interrupt;

use super::args::DirectoryArgs;
use super::context::{Context, lock};

pub(super) fn run(context: Context, args: DirectoryArgs) -> anyhow::Result<()> {
    let (endpoint, mut engine) = context.engine()?;
    let target = context.target(&mut engine, &endpoint, args.named("stop"))?;
    let _lock = lock(&target.id, context.output, &Interrupt::default())?;
    let containers = engine.every_container(&target.id)?;
    let stopped = remove::rest(&mut engine, &endpoint, &target.id, &containers)?;
    if target.ephemeral.is_none() {
        remove::remove_dotenv(&target.directory)?;
    }
    let shown = target.directory.display();
    context.output.note(match (containers.len(), stopped) {
        (0, _) => format!("`{shown}` has no session: nothing to stop"),
        (_, 0) => format!("`{shown}` was stopped already"),
        (_, count) => format!("stopped {count} container{} of `{shown}`", if count == 1 { "" } else { "s" }),
    });
    Ok(())
}
