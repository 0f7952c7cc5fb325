//! The command line: its types here, a file per verb below.

mod compose;
mod context;
mod create;
mod destroy;
mod doctor;
mod env;
mod exec;
mod get;
mod info;
mod init;
mod list;
mod logs;
mod prune;
mod restart;
mod run;
mod start;
mod stop;
mod stop_all;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::run::run;
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
    #[arg(short = 'C', long = "directory", value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
    /// Say more
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Exec(ExecArgs),
    Create(CreateArgs),
    Start(StartArgs),
    Stop(DirectoryArgs),
    /// Stop every session of yours
    StopAll,
    Restart(RestartArgs),
    Logs(LogsArgs),
    Destroy(DestroyArgs),
    Prune(PruneArgs),
    Info(InfoArgs),
    List(ListArgs),
    Env(EnvArgs),
    Get(GetArgs),
    Compose(ComposeArgs),
    /// Look for what may go wrong here, each with a remedy
    Doctor,
    Init(InitArgs),
    Completions(CompletionsArgs),
}

/// Run a command with this directory's stack up and its ports in the environment
#[derive(Debug, Args)]
#[command(after_help = "The command replaces prism: signals, job control and exit status are its own.
prism itself fails with 125, 126 (cannot be executed) or 127 (not found).
PRISM_DISABLE=1 runs the command plainly.

Examples:
  prism exec -- npm test
  prism exec --env-file .env.test -- cargo test
  prism exec -e DATABASE_URL -- ./migrate      the caller's DATABASE_URL, on purpose
  prism exec --optional -- make lint           also where there is no Compose project")]
struct ExecArgs {
    /// Wait for these services only
    #[arg(long = "service", value_name = "SERVICE")]
    services: Vec<String>,
    /// Start the services of this profile as well
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<String>,
    /// Take variables from FILE; the last one wins
    #[arg(long = "env-file", value_name = "FILE")]
    env_files: Vec<PathBuf>,
    /// Set a variable; without a value, keep the caller's
    #[arg(short = 'e', long = "env", value_name = "NAME[=VALUE]")]
    env: Vec<OsString>,
    /// Let the session's variables win over the caller's environment
    #[arg(long = "override")]
    override_environment: bool,
    /// Fail if the stack is not up
    #[arg(long)]
    no_start: bool,
    /// Run the command plainly where there is no Compose project
    #[arg(long)]
    optional: bool,
    #[command(flatten)]
    wait: WaitArgs,
    /// The command and its arguments
    #[arg(value_name = "CMD", required = true, trailing_var_arg = true)]
    command: Vec<OsString>,
}

#[derive(Debug, Args)]
struct SelectArgs {
    /// Only these services, and what they depend on
    #[arg(long = "service", value_name = "SERVICE")]
    services: Vec<String>,
    /// The services of this profile as well
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<String>,
    /// Everything but these services
    #[arg(long, value_name = "SERVICE,…", value_delimiter = ',')]
    without: Vec<String>,
    /// A template of prism.yaml
    #[arg(long, value_name = "TEMPLATE")]
    template: Option<String>,
    /// Apps in containers (all profiles) or on the host (none)
    #[arg(long, value_name = "MODE")]
    mode: Option<ModeArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModeArg {
    /// The services of all profiles are started
    Docker,
    /// Those of no profile are
    Native,
}

#[derive(Debug, Args)]
struct WaitArgs {
    /// Give up after SECONDS, counted from the last pull or build
    #[arg(long = "wait-timeout", value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(..=86_400))]
    seconds: u64,
}

/// Start this directory's stack and wait until it is ready
#[derive(Debug, Args)]
#[command(
    visible_alias = "up",
    after_help = "What is chosen is remembered until the next choice; `--default` forgets it.

Examples:
  prism start
  prism start --profile tools            services of a profile as well
  prism start --without web              the rest, with web run by hand"
)]
struct StartArgs {
    #[command(flatten)]
    select: SelectArgs,
    /// Choose as if nothing had ever been chosen
    #[arg(long, conflicts_with_all = ["services", "profiles", "without", "template", "mode"])]
    default: bool,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    directory: DirectoryArgs,
}

/// Stop a session's containers; their data stays
#[derive(Debug, Args)]
struct DirectoryArgs {
    /// The session's directory [default: this one]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Make a git worktree with a stack of its own, and set it up
#[derive(Debug, Args)]
#[command(after_help = "On failure, and on Ctrl-C, all that it made is removed again.

Examples:
  prism create feature/search            a new branch from HEAD, or an existing one
  prism create fix --from origin/main    a new branch from there
  prism create --in-place                this directory: start, then the setup of prism.yaml")]
struct CreateArgs {
    /// The branch [default: a new one, named after the time]
    #[arg(value_name = "BRANCH", conflicts_with = "in_place")]
    branch: Option<String>,
    /// Where a new branch begins [default: HEAD]
    #[arg(long, value_name = "REF", conflicts_with = "in_place")]
    from: Option<String>,
    /// This directory, without a new worktree
    #[arg(long)]
    in_place: bool,
    /// Show what the services write, until interrupted
    #[arg(long)]
    no_detach: bool,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    wait: WaitArgs,
}

/// Stop and start this directory's stack
#[derive(Debug, Args)]
struct RestartArgs {
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    directory: DirectoryArgs,
}

/// Show what the services wrote
#[derive(Debug, Args)]
struct LogsArgs {
    /// Go on as they write more
    #[arg(short, long)]
    follow: bool,
    /// Only the last LINES of each
    #[arg(short = 'n', long, value_name = "LINES")]
    tail: Option<u32>,
    /// Only these services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

/// Remove sessions whose directory is gone
#[derive(Debug, Args)]
struct PruneArgs {
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Remove a session: its containers, networks, volumes and built images, and a worktree that `create` made
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prism destroy                          say what would go, and ask
  prism destroy --yes ../old-worktree    also when that directory is gone already")]
struct DestroyArgs {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Keep the volumes, and so the data
    #[arg(long)]
    keep_volumes: bool,
    /// Every session of yours
    #[arg(long, conflicts_with = "directory")]
    all: bool,
    /// Also a worktree with uncommitted work
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    directory: DirectoryArgs,
}

/// Show this directory's session: services, ports, variables
#[derive(Debug, Args)]
struct InfoArgs {
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Report,
    /// Show passwords
    #[arg(long)]
    show_secrets: bool,
    #[command(flatten)]
    directory: DirectoryArgs,
}

/// List your sessions, running or stopped
#[derive(Debug, Args)]
#[command(visible_alias = "ls")]
struct ListArgs {
    /// Everybody's sessions
    #[arg(long)]
    all: bool,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Report,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Report {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Print the session's variables
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prism env > .env.local
  prism env --format json | jq -r .DATABASE_URL")]
struct EnvArgs {
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "dotenv")]
    format: EnvFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EnvFormat {
    /// NAME=value lines, quoted where needed
    Dotenv,
    /// One object
    Json,
}

/// Print one variable, or where a service listens
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prism get db                127.0.0.1:32768
  prism get db:5432           the same, by container port
  prism get DATABASE_URL      postgres://…")]
struct GetArgs {
    /// A variable's name, SERVICE, or SERVICE:PORT
    #[arg(value_name = "NAME|SERVICE[:PORT]")]
    what: String,
}

/// Run `docker compose` on this session
#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    disable_version_flag = true,
    after_help = "Examples:
  prism compose ps
  prism compose logs -f db
  prism compose exec db psql -U postgres"
)]
struct ComposeArgs {
    /// What `docker compose` takes, other than -p and -f
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Write a commented prism.yaml
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prism init
  prism init --from session.config.mjs   convert a JavaScript configuration, read by your own node")]
struct InitArgs {
    /// Take over what this JavaScript configuration says
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// Print a completion script
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prism completions bash > ~/.local/share/bash-completion/completions/prism
  prism completions zsh > ~/.zfunc/_prism")]
struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}
