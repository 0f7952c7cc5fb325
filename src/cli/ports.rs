//! `prism ports`: who has which port, and giving ports back.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use domain::port::reservation::Block;
use domain::view;
use session::machine::process::interrupt::Interrupt;
use session::use_case::ports::{Ports, clear, ports, reassign};
use session::use_case::target::Named;

use super::args::{DirectoryArgs, ReportFormat, WAIT_SECONDS};
use super::complete;
use super::context::{Context, options};

/// Show which session has which host port, or give ports back
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Ports stay reserved while a session is stopped, until `prism destroy` or `prism ports clear`.

Examples:
  prism ports                            every session's ports, running or stopped
  prism ports inspect                    this directory's
  prism ports clear ../old-worktree      what it had reserved can be had by others
  prism ports --reassign web             another port for the service or app `web` of this directory"
)]
pub(super) struct PortsArgs {
    /// Choose another port for a service or an app
    #[arg(long, value_name = "SERVICE")]
    pub(super) reassign: Option<String>,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    pub(super) format: ReportFormat,
    #[command(subcommand)]
    pub(super) what: Option<PortsVerb>,
}

#[derive(Debug, Subcommand)]
pub(super) enum PortsVerb {
    /// Every session's ports, running or stopped
    List,
    /// One session's ports
    Inspect {
        #[command(flatten)]
        directory: DirectoryArgs,
    },
    /// Release what a stopped session has reserved
    Clear {
        /// The session's directory, or the branch of its worktree
        #[arg(value_name = "DIR|BRANCH", add = ArgValueCompleter::new(complete::directories))]
        directory: PathBuf,
    },
}

pub(super) fn run(context: Context, args: PortsArgs) -> anyhow::Result<()> {
    if let Some(name) = args.reassign {
        let mut work = context.work()?;
        let started = reassign(&mut work, &name, &options(true, &[], WAIT_SECONDS))?;
        if let Some(started) = started {
            super::start::report(context.output, &work, &started, "is up");
        }
        return Ok(());
    }
    let interrupt = Interrupt::default();
    let mut engine = context.engine_until(&interrupt)?;
    let found = match args.what {
        None | Some(PortsVerb::List) => ports(&mut engine, None, context.notices)?,
        Some(PortsVerb::Inspect { directory }) => {
            let target = context.target(&mut engine, directory.named("ports inspect"))?;
            ports(&mut engine, Some(&target), context.notices)?
        }
        Some(PortsVerb::Clear { directory }) => {
            let named = Named { word: &directory, verb: "ports clear" };
            let target = context.target(&mut engine, Some(named))?;
            let shown = target.directory.display();
            let released = clear(&mut engine, &target, &interrupt, context.notices)?;
            let released: Vec<String> = released.iter().map(Block::to_string).collect();
            context.output.note(match released.len() {
                0 => format!("`{shown}` has reserved nothing"),
                _ => format!("released {} of `{shown}`", released.join(", ")),
            });
            return Ok(());
        }
    };
    let Ports { assignments, commands } = &found;
    match args.format {
        ReportFormat::Json => context.output.print(view::session::ports_json(assignments, commands)?),
        ReportFormat::Text if found.is_empty() => {
            context.output.note("no session has reserved a port");
            Ok(())
        }
        ReportFormat::Text => context.output.print(view::session::ports_text(assignments, commands)),
    }
}
