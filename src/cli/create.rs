//! `prism create`: a worktree, its stack, its setup; or nothing.

use std::time::SystemTime;

use clap::Args;
use domain::text::word::word;
use session::data::Present;
use session::start::options::Options;
use session::use_case::create::{Branch, Request, create};
use session::work::Work;

use super::args::{SelectArgs, WaitArgs};
use super::context::{Context, options};
use super::data::DataArgs;

/// Make a git worktree with a stack of its own, and set it up
#[derive(Debug, Args)]
#[command(after_help = "On failure, and on Ctrl-C, all that it made is removed again. After a crash, the
same command, naming the branch, goes on from where it was.

Examples:
  prism create feature/search            an existing branch, also a remote's; else a new one from HEAD
  prism create fix --from origin/main    a new branch from there
  prism create fix --data-from main      with a copy of the main worktree's data
  prism create --in-place                this directory: start, then the setup of prism.yaml")]
pub(super) struct CreateArgs {
    /// The branch [default: a new one, named after the time]
    #[arg(value_name = "BRANCH", conflicts_with = "in_place")]
    pub(super) branch: Option<String>,
    /// Where a new branch begins [default: HEAD]
    #[arg(long, value_name = "REF", conflicts_with = "in_place")]
    pub(super) from: Option<String>,
    /// This directory, without a new worktree
    #[arg(long)]
    pub(super) in_place: bool,
    /// Leave a prism.yaml here that is not committed
    #[arg(long, conflicts_with = "in_place")]
    pub(super) no_settings: bool,
    /// Show what the services write, until interrupted
    #[arg(long)]
    pub(super) no_detach: bool,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    #[command(flatten)]
    pub(super) data: DataArgs,
    #[command(flatten)]
    pub(super) wait: WaitArgs,
}

pub(super) fn run(context: Context, args: CreateArgs) -> anyhow::Result<()> {
    let mut work = context.work()?;
    let branch = || Branch {
        name: args.branch.clone().unwrap_or_else(default_branch),
        is_made_up: args.branch.is_none(),
        from: args.from.clone(),
        no_settings: args.no_settings,
    };
    let worktree = (!args.in_place).then(branch);
    let from = work.session.settings.data.from.as_deref();
    let data = args.data.asked(from, Present::Keep, &work, &context.caller)?;
    let request = Request { worktree, options: Options { data, ..options(true, &[], args.wait.seconds) } };
    create(&mut work, &context.caller, &request, |settings| args.select.selection(settings))?;
    let Work { session, mut engine, interrupt, .. } = work;
    context.output.note(format!(
        "`{}` is up; `prism -C {} exec -- CMD` runs a command there",
        session.directory,
        word(&session.directory)
    ));
    if args.no_detach {
        drop(interrupt);
        return super::logs::follow(&session, &engine.session(&session.id)?);
    }
    Ok(())
}

fn default_branch() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    format!("session-{}", now.trim_end_matches('Z').replace([':', '-'], "").replace('T', "-"))
}
