//! prism runs a command against this directory's own copy of a Compose stack.

mod cli;
mod output;

use std::process::ExitCode;

use session::machine::{listen, process};

fn main() -> ExitCode {
    if std::env::args_os().next().is_some_and(|name| name == process::witness::NAME) {
        process::witness::serve();
        return ExitCode::SUCCESS;
    }
    if let Some(served) = process::network::serve(&mut std::env::args_os(), listen::sockets_of) {
        return ExitCode::from(served.map_or_else(cli::fail, |()| 0));
    }
    ExitCode::from(cli::run(std::env::args_os()))
}
