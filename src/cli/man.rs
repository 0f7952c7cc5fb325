//! `prism man`: manual pages, made from the same words as `--help`.

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use super::Cli;
use super::context::Context;
use crate::error::{Failure, Kind};

/// Print a manual page
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prism man exec | man -l -
  prism man --output ~/.local/share/man/man1")]
pub(super) struct ManArgs {
    /// The verb [default: prism itself]
    verb: Option<String>,
    /// Write the pages of prism and of all verbs into DIR, which has to exist
    #[arg(long, value_name = "DIR", conflicts_with = "verb")]
    output: Option<PathBuf>,
}

pub(super) fn run(context: Context, args: ManArgs) -> anyhow::Result<()> {
    let mut command = <Cli>::command().disable_help_subcommand(true);
    if let Some(directory) = args.output {
        return clap_mangen::generate_to(command, &directory).map_err(|error| {
            Failure::new(format!("cannot write to `{}`", directory.display())).caused_by(error).into()
        });
    }
    command.build();
    let page = match &args.verb {
        None => &command,
        Some(verb) => command.find_subcommand(verb).ok_or_else(|| {
            Failure::new(format!("there is no verb `{verb}`"))
                .kind(Kind::Usage)
                .hint("`prism --help` lists them")
        })?,
    };
    let mut text = Vec::new();
    Man::new(page.clone()).render(&mut text)?;
    context.output.print(text)
}
