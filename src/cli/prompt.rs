//! `prism prompt`: a segment for a shell's prompt.

use clap::Args;
use domain::failure::{Code, Failure};
use domain::identity::own::DIFF;
use domain::shell::Shell;
use domain::shell::layer::Layer;
use domain::view::prompt::{NAMES, Summary, segment, unknown_placeholder};
use session::docker::Endpoint;
use session::find::{Caller, Session};
use session::glance;

use super::context::Context;
use super::shell_name;

/// Print a short text on this directory's session for a prompt; nothing outside a project
#[derive(Debug, Args)]
#[command(
    after_help = "Placeholders of --format: {name} (the directory's), {project} (Compose's), {directory},
{state} (up, partly, down, or ? if the Engine does not answer), {healthy}, {total} (services).

Examples:
  prism prompt                                  shop up 2/2
  prism prompt --format '{name}:{state}'        shop:up
  PS1='$(prism prompt --shell bash) \\$ '"
)]
pub(super) struct PromptArgs {
    /// What to print
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// The shell that prints it [default: the one that runs prism, or none]
    #[arg(long, value_name = "SHELL", value_parser = shell_name::parser())]
    shell: Option<String>,
}

/// Prints the segment. A prompt is no place for what keeps Docker from answering.
pub(super) fn run(context: Context, args: PromptArgs) -> anyhow::Result<()> {
    if let Some(unknown) = args.format.as_deref().and_then(unknown_placeholder) {
        let names = NAMES.map(|name| format!("{{{name}}}")).join(" ");
        return Err(Failure::new(format!("`{{{unknown}}}` is no placeholder"))
            .code(Code::Usage)
            .hint(format!("the placeholders are: {names}"))
            .into());
    }
    let here = std::env::current_dir().ok();
    let Some(directory) = here.and_then(|start| session::find::locate(&start, &context.caller.environment))
    else {
        return Ok(());
    };
    let summary = summary(&context.caller);
    let text = segment(args.format.as_deref(), &directory.to_string_lossy(), summary.as_ref());
    let shell = args.shell.as_deref().map_or_else(shell_name::of_parent, Shell::named);
    context.output.print(shell.map_or_else(|| text.clone(), |shell| shell.prompt(&text)) + "\n")
}

/// Sums up the session of the working directory; `None` if the Engine does not answer within the budget, or did not when
/// the hook asked a moment ago.
fn summary(caller: &Caller) -> Option<Summary> {
    let layer = Layer::read(std::env::var(DIFF).ok().as_deref());
    if layer.is_silent(glance::now()) {
        return None;
    }
    let endpoint = Endpoint::discover(&caller.environment).ok()?;
    let session = Session::find_unread(&endpoint, caller).ok()?;
    let (header, containers) = glance::within_budget(move || glance::state(&session, endpoint))??;
    Some(Summary::new(header.as_ref(), &containers))
}
