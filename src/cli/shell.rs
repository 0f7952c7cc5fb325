//! `prism shell`: the user's shell, to which `localhost` is the session.

use std::ffi::OsString;

use clap::Args;

use super::context::Context;
use super::exec::{self, ExecArgs};

/// What is there where nobody says which shell is wanted.
const USUAL: &str = "/bin/sh";

/// Open a shell with this directory's stack up, its ports in the environment, and `localhost` the session (Linux)
#[derive(Debug, Args)]
#[command(
    after_help = "As `prism exec --localhost -- $SHELL`: what is typed in there finds the session at the ports of the Compose file.

Examples:
  prism shell
  prism -C ../other shell                the session of another directory"
)]
pub(super) struct ShellArgs {}

pub(super) fn run(context: Context) -> anyhow::Result<u8> {
    let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
    exec::run(context, ExecArgs::at_localhost(vec![shell.unwrap_or_else(|| OsString::from(USUAL))]))
}
