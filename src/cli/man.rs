//! `prism man`: manual pages, made from the same words as `--help`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use domain::failure::{Code, Failure};

use super::Cli;
use super::context::Context;

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
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    if let Some(directory) = args.output {
        return write_all(&command, &directory).map_err(|error| {
            Failure::new(format!("cannot write to `{}`", directory.display())).caused_by(error).into()
        });
    }
    let page = match &args.verb {
        None => &command,
        Some(verb) => command.find_subcommand(verb).ok_or_else(|| {
            Failure::new(format!("there is no verb `{verb}`"))
                .code(Code::Usage)
                .hint("`prism --help` lists them")
        })?,
    };
    context.output.print(render(page)?)
}

/// Writes the pages of a command and of all verbs below it.
fn write_all(command: &Command, directory: &Path) -> io::Result<()> {
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        write_all(verb, directory)?;
    }
    let name = Man::new(command.clone()).get_filename();
    fs::write(directory.join(name), render(command)?)
}

/// Renders a page. What stands below the options of `--help` becomes its notes and its examples, line for line.
fn render(command: &Command) -> io::Result<Vec<u8>> {
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let source = concat!("prism ", env!("CARGO_PKG_VERSION"));
    let page = Man::new(command.clone().after_help(None)).source(source);
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        page.render_options_section(&mut text)?;
    }
    if command.get_subcommands().any(|verb| !verb.is_hide_set()) {
        page.render_subcommands_section(&mut text)?;
    }
    let (examples, notes) = sections(&after);
    for (heading, lines) in [("NOTES", notes), ("EXAMPLES", examples)] {
        if lines.is_empty() {
            continue;
        }
        let mut roff = Roff::default();
        roff.control("SH", [heading]).control("nf", []);
        for line in lines {
            roff.text([roman(line)]);
        }
        roff.control("fi", []).to_writer(&mut text)?;
    }
    if command.get_version().is_some() {
        page.render_version_section(&mut text)?;
    }
    Ok(text)
}

/// Tells examples, which are indented below their heading, from what is to be noted.
fn sections(after: &str) -> (Vec<&str>, Vec<&str>) {
    let lines = after.trim_end().lines().filter(|line| *line != "Examples:");
    let (examples, mut notes): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("  "));
    while notes.last().is_some_and(|line| line.is_empty()) {
        notes.pop();
    }
    (examples.into_iter().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect(), notes)
}
