//! `prism list`: sessions on this Engine.

use std::path::Path;
use std::time::SystemTime;

use clap::Args;

use super::args::Report;
use super::context::Context;
use crate::domain::report;
use crate::git;
use crate::session::reach;

/// List your sessions, running or stopped
#[derive(Debug, Args)]
#[command(visible_alias = "ls")]
pub(super) struct ListArgs {
    /// Everybody's sessions
    #[arg(long)]
    pub(super) all: bool,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Report,
}

pub(super) fn run(context: &Context, args: &ListArgs) -> anyhow::Result<()> {
    let (endpoint, mut engine) = context.engine()?;
    let all = engine.all_sessions()?;
    let containers = if args.all { all } else { context.own(all) };
    if let Some(doubt) = reach::doubt(&engine, &endpoint, &containers) {
        context.output.note(doubt);
    }
    let mut sessions = report::sessions(containers);
    for session in &mut sessions {
        session.branch = git::branch(Path::new(&session.directory));
    }
    match args.format {
        Report::Json => context.output.print(report::list_json(&sessions)?),
        Report::Text if sessions.is_empty() => {
            context.output.note("no sessions; `prism start` in a directory with a compose.yaml makes one");
            Ok(())
        }
        Report::Text => {
            context.output.print(report::list_text(&sessions, SystemTime::now(), context.output.color_stdout))
        }
    }
}
