//! `prism info`: one session in full.

use clap::Args;
use domain::{failure, view};
use session::use_case::list::info;

use super::args::{DirectoryArgs, ReportFormat};
use super::context::Context;

/// Show this directory's session: services, ports, variables
#[derive(Debug, Args)]
pub(super) struct InfoArgs {
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: ReportFormat,
    /// Show passwords
    #[arg(long)]
    pub(super) show_secrets: bool,
    #[command(flatten)]
    pub(super) directory: DirectoryArgs,
}

pub(super) fn run(mut context: Context, args: &InfoArgs) -> anyhow::Result<()> {
    context.enter(args.directory.named("info"))?;
    let output = context.output;
    let present = context.present()?;
    let shown = match present.variables() {
        Ok(found) => view::variable::shown(&found.variables, &found.own, args.show_secrets),
        // As long as a service is stopped, `prism.yaml` may refer to what it does not give.
        Err(error) => {
            output.note(failure::brief(&error));
            Vec::new()
        }
    };
    let variables: Vec<(String, String)> = shown.into_iter().map(|it| (it.name, it.value)).collect();
    let Some(session) = info(present)? else { return Ok(()) };
    output.print(match args.format {
        ReportFormat::Json => view::session::info_json(&session, &variables)?,
        ReportFormat::Text => view::session::info_text(&session, &variables),
    })
}
