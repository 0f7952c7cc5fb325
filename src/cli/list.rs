//! `prism list`: sessions on this Engine.

use std::time::SystemTime;

use clap::Args;
use domain::text::word::word;
use domain::view;
use session::use_case::list::list;

use super::args::ReportFormat;
use super::context::Context;

/// List your sessions, running or stopped
#[derive(Debug, Args)]
#[command(visible_alias = "ls")]
pub(super) struct ListArgs {
    /// Everybody's sessions
    #[arg(long)]
    pub(super) all: bool,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: ReportFormat,
}

pub(super) fn run(context: &Context, args: &ListArgs) -> anyhow::Result<()> {
    let owner = (!args.all).then(|| context.caller.owner());
    let sessions = list(&mut context.engine()?, owner.as_deref(), context.notices)?;
    match args.format {
        ReportFormat::Json => context.output.print(view::session::list_json(&sessions)?),
        ReportFormat::Text if sessions.is_empty() => {
            context.output.note("no sessions; `prism start` in a directory with a compose.yaml makes one");
            Ok(())
        }
        ReportFormat::Text => {
            let color = context.output.color_stdout;
            context.output.print(view::session::list_text(&sessions, SystemTime::now(), color))?;
            if let Some(ended) = sessions.iter().find(|session| session.ephemeral == Some("ended")) {
                context.output.note(format!(
                    "`prism destroy {}` removes a session whose command has ended, `prism prune` all of them",
                    word(&ended.session_id)
                ));
            }
            Ok(())
        }
    }
}
