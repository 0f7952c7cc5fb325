//! The command line: its types here, a file per verb below.

mod args;
mod careful;
mod complete;
mod completions;
mod compose;
mod confirm;
mod context;
mod create;
mod data;
mod destroy;
mod doctor;
mod env;
mod exec;
mod get;
mod hook;
mod info;
mod init;
mod list;
mod logs;
mod man;
mod ports;
mod prompt;
mod prune;
mod restart;
mod run;
mod shell;
mod shell_name;
mod snapshot;
mod start;
mod stop;
mod stop_all;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use self::run::{fail, run};
use crate::output::Color;

/// Run a command against this directory's own copy of its Compose stack.
#[derive(Debug, Parser)]
#[command(
    name = "prism",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(after_help = "Examples:
  prism exec -- npm test                 make sure the stack is up, then run the tests against it
  prism exec -- psql                     PGHOST, PGPORT and the rest are set
  prism get db                           127.0.0.1:32768
  prism stop                             stop this directory's containers, keep their data
  prism destroy --yes                    remove them and their data")]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Args)]
struct Global {
    /// Run as if started in DIR
    #[arg(
        short = 'C',
        long = "directory",
        value_name = "DIR",
        global = true,
        help_heading = "Global options"
    )]
    enter: Option<PathBuf>,
    /// Say nothing but errors
    #[arg(short, long, global = true, help_heading = "Global options")]
    quiet: bool,
    /// Say more
    #[arg(short, long, global = true, help_heading = "Global options", conflicts_with = "quiet")]
    verbose: bool,
    /// Say on stderr where the time went
    #[arg(long, global = true, help_heading = "Global options")]
    timings: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", global = true, help_heading = "Global options", default_value = "auto")]
    color: Color,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Exec(exec::ExecArgs),
    Shell(shell::ShellArgs),
    Create(create::CreateArgs),
    Start(start::StartArgs),
    Stop(args::DirectoryArgs),
    /// Stop every session of yours
    StopAll,
    Restart(restart::RestartArgs),
    Logs(logs::LogsArgs),
    Destroy(destroy::DestroyArgs),
    Prune(prune::PruneArgs),
    Info(info::InfoArgs),
    List(list::ListArgs),
    Ports(ports::PortsArgs),
    Snapshot(snapshot::SnapshotArgs),
    Env(env::EnvArgs),
    Get(get::GetArgs),
    Compose(compose::ComposeArgs),
    Hook(hook::HookArgs),
    Prompt(prompt::PromptArgs),
    /// Look for what may go wrong here, each with a remedy
    Doctor,
    Init(init::InitArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}
