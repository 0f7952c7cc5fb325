//! `prism restart`: every container stopped and started again, and ready.

use clap::Args;
use session::end::remove;
use session::find::owner;
use session::machine::process::interrupt::Interrupt;
use session::start::{cold, up};

use super::args::{DirectoryArgs, WaitArgs};
use super::context::{Context, lock, options};

/// Stop and start this directory's stack
#[derive(Debug, Args)]
pub(super) struct RestartArgs {
    #[command(flatten)]
    pub(super) wait: WaitArgs,
    #[command(flatten)]
    pub(super) directory: DirectoryArgs,
}

pub(super) fn run(context: Context, args: RestartArgs) -> anyhow::Result<()> {
    context.enter(args.directory.named("restart"))?;
    let interrupt = Interrupt::default();
    let (endpoint, mut engine) = context.engine_until(&interrupt)?;
    let session = context.session(&endpoint)?;
    owner::refuse_all(&mut engine, &session.id, &session.directory)?;
    // What is wrong with the project is said before anything is stopped.
    cold::header(&session, &mut engine, &endpoint, context.notices, &interrupt)?;
    let held = lock(&session.id, context.output, &interrupt)?;
    let containers = engine.every_container(&session.id)?;
    remove::rest(&mut engine, &endpoint, &session.id, &containers)?;
    drop(held);
    let options = options(context.notices, true, &[], args.wait.seconds);
    let up = up::up(&session, &mut engine, &endpoint, &options, &interrupt)?;
    super::start::report(context.output, &session, &engine, &endpoint, &up, "is up again")
}
