//! `prism completions`: a script that completes prism's command line in a shell, by asking prism.

use clap::Args;
use domain::failure::{Code, Failure};

use super::careful::SHELLS;
use super::complete::ASKED;
use super::context::Context;

/// Print a completion script
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prism completions bash > ~/.local/share/bash-completion/completions/prism
  prism completions zsh > ~/.zfunc/_prism
  prism completions fish > ~/.config/fish/completions/prism.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    pub(super) shell: clap_complete::Shell,
}

pub(super) fn run(context: Context, args: CompletionsArgs) -> anyhow::Result<()> {
    let name = args.shell.to_string();
    let shells = SHELLS;
    let completer = shells
        .completer(&name)
        .ok_or_else(|| Failure::new(format!("there is no completion for `{name}`")).code(Code::Usage))?;
    let mut script = Vec::new();
    // By name, not by path: the script outlives this installation.
    completer.write_registration(ASKED, "prism", "prism", "prism", &mut script)?;
    context.output.print(script)
}
