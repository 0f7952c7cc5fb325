//! `prism restart`: every container stopped and started again, and ready.

use clap::Args;
use session::use_case::start::restart;

use super::args::{DirectoryArgs, WaitArgs};
use super::context::{Context, options};

/// Stop and start this directory's stack
#[derive(Debug, Args)]
pub(super) struct RestartArgs {
    #[command(flatten)]
    pub(super) wait: WaitArgs,
    #[command(flatten)]
    pub(super) directory: DirectoryArgs,
}

pub(super) fn run(mut context: Context, args: RestartArgs) -> anyhow::Result<()> {
    context.enter(args.directory.named("restart"))?;
    let mut work = context.work()?;
    let started = restart(&mut work, &options(true, &[], args.wait.seconds))?;
    super::start::report(context.output, &work, &started, "is up again");
    Ok(())
}
