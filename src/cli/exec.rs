//! `prism exec`: bring the stack up, compose the environment, become the command.

mod ephemeral;
mod flags;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCompleter;
use domain::environment::{Environment, Sources, merge};
use domain::failure::Failure;
use domain::identity::own::RECORD;
use domain::stack::dotenv_file::Mode;
use domain::stack::settings::Localhost;
use domain::text::env_file::Entry;
use session::environment::app;
use session::environment::dotenv::Reader;
use session::environment::localhost::Asked;
use session::machine::process::exec;
use session::machine::timing;
use session::start::options::Options;
use session::use_case::command;
use session::work::Work;

use super::args::WaitArgs;
use super::complete;
use super::context::{Context, options};
use super::data::DataArgs;

/// Run a command with this directory's stack up and its ports in the environment
#[derive(Debug, Default, Args)]
#[command(after_help = "The command replaces prism: signals, job control and exit status are its own.
prism itself fails with 125, 126 (cannot be executed) or 127 (not found).
PRISM_DISABLE=1 runs the command plainly.

With --ephemeral, prism stays beside the command, passes signals on, ends as the command did, and removes the
stack with its data whatever happens; after a SIGKILL of prism, `prism prune` does. --keep-on-failure leaves it.

Examples:
  prism exec -- npm test
  prism exec --env-file .env.test -- cargo test
  prism exec -e DATABASE_URL -- ./migrate      the caller's DATABASE_URL, on purpose
  prism exec --app web -- pnpm dev             PORT is the one that everyone knows as WEB_PORT
  prism exec --localhost -- ./test             for port numbers that are written into code: 5432 is this session's
  prism exec --expose 3000:web -- npm run dev  what listens at 3000 is at WEB_PORT for the rest of this machine
  prism exec --optional -- make lint           also where there is no Compose project
  prism exec --ephemeral -- npm test           a stack for this run alone, as often at once as you like
  prism exec --ephemeral --data-from seeded -- npm test     the same with a copy of a snapshot's data")]
pub(super) struct ExecArgs {
    /// Wait for these services only
    #[arg(long = "service", value_name = "SERVICE", add = ArgValueCompleter::new(complete::services))]
    pub(super) services: Vec<String>,
    /// Start the services of this profile as well
    #[arg(long = "profile", value_name = "PROFILE")]
    pub(super) profiles: Vec<String>,
    /// Run it as this app of prism.yaml [default: the one whose directory this is]
    #[arg(long, value_name = "APP")]
    pub(super) app: Option<String>,
    /// Take variables from FILE, `$NAME` being what the command gets; the last one wins
    #[arg(long = "env-file", value_name = "FILE")]
    pub(super) env_files: Vec<PathBuf>,
    /// Set a variable; without a value, keep the caller's
    #[arg(short = 'e', long = "env", value_name = "NAME[=VALUE]")]
    pub(super) env: Vec<OsString>,
    /// Let the session's variables win over the caller's environment
    #[arg(long = "override")]
    pub(super) override_environment: bool,
    /// Fail if the stack is not up
    #[arg(long)]
    pub(super) no_start: bool,
    /// A fresh stack for this command alone, removed with its data afterwards
    #[arg(long, conflicts_with = "no_start")]
    ephemeral: bool,
    /// Keep the ephemeral stack if the command fails
    #[arg(long, requires = "ephemeral")]
    keep_on_failure: bool,
    /// Give the command a network in which `localhost` is the session (Linux) [default: auto]
    #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "always")]
    localhost: Option<When>,
    /// In that network: what listens at PORT is reached from outside at the port of APP, or at one that stays the
    /// session's
    #[arg(long, value_name = "PORT[:APP]", value_parser = flags::exposed)]
    expose: Vec<(u16, Option<String>)>,
    /// Run the command plainly where there is no Compose project
    #[arg(long)]
    pub(super) optional: bool,
    /// The command is a shell that somebody types into: what is for single commands alone is not for it.
    #[arg(skip)]
    is_shell: bool,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    pub(super) wait: WaitArgs,
    /// The command and its arguments
    #[arg(value_name = "CMD", required = true, trailing_var_arg = true)]
    pub(super) command: Vec<OsString>,
}

impl ExecArgs {
    /// A shell with nothing said of it but that `localhost` is to be the session.
    pub(super) fn at_localhost(command: Vec<OsString>) -> Self {
        Self { localhost: Some(When::Always), is_shell: true, command, ..Self::default() }
    }
}

pub(super) fn run(context: Context, args: ExecArgs) -> anyhow::Result<u8> {
    if std::env::var_os("PRISM_DISABLE").is_some_and(|value| value == "1") {
        return Err(exec::replace(&args.command, &std::env::vars_os().collect()).into());
    }
    let explicit = args.env.iter().map(flags::explicit).collect::<Result<Vec<_>, _>>()?;
    let env_files = flags::env_files(&args.env_files)?;
    // An Engine is needed only where there is a project.
    if args.optional && session::find::locate(context.caller.here()?, &context.caller.environment).is_none() {
        let explicit = flags::callers(explicit, &context, None)?;
        let sources = Sources { caller: context.caller.own, env_files, explicit, ..Sources::default() };
        find_command(&sources, &args.command)?;
        return Err(exec::replace(&args.command, &plain(&sources)?).into());
    }
    let mut work = context.work()?;
    timing::mark("find");
    if !args.ephemeral {
        work.engine.begin(&work.session.id);
        timing::mark("connect");
    }
    let session = &work.session;
    let app =
        app::find(session, args.app.as_deref(), context.caller.directory.as_deref())?.map(str::to_owned);
    let sources = Sources {
        caller: context.caller.own.clone(),
        env_files,
        explicit: flags::callers(explicit, &context, Some(session).filter(|_| !args.ephemeral))?,
        override_environment: args.override_environment || session.settings.override_environment,
        ..Sources::default()
    };
    // A PATH of prism.yaml is known only when its templates are.
    let of_app = app.as_ref().and_then(|app| session.settings.apps.get(app));
    let gives_path = |env: &BTreeMap<String, String>| env.contains_key("PATH");
    if !gives_path(&session.settings.env) && !of_app.is_some_and(|app| gives_path(&app.env)) {
        find_command(&sources, &args.command)?;
    }
    timing::mark("find");
    let options = Options {
        profiles: args.profiles,
        app: app.clone(),
        data: args.data.asked_if(args.ephemeral, &work, &context.caller)?,
        ..options(!args.no_start, &args.services, args.wait.seconds)
    };
    let mode = mode(&sources, &args.command);
    let reader = Reader::new(session, context.caller.here()?, mode);
    let when = match args.localhost {
        Some(when) => Localhost::from(when),
        None if args.expose.is_empty() => session.settings.localhost,
        None => Localhost::Always,
    };
    let localhost = Asked { when, exposed: args.expose };
    let command = command::Command { app, is_shell: args.is_shell, reader, sources, localhost };
    if args.ephemeral {
        work.session = work.session.into_ephemeral()?;
        let environment = |work: &mut Work| command::ready(work, &options, command);
        return ephemeral::run(&context, work, &args.command, args.keep_on_failure, environment);
    }
    let (environment, network) = command::ready(&mut work, &options, command)?;
    let Work { interrupt, .. } = work;
    timing::mark("build");
    let program = exec::Program::find(&args.command, &environment)?;
    timing::mark("exec");
    context.output.timings(timing::report());
    if let Some(network) = network {
        network.enter()?;
    }
    interrupt.release()?;
    Err(program.replace().into())
}

/// When a command gets a network of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum When {
    /// When something else answers at a port of the Compose file.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl From<When> for Localhost {
    fn from(when: When) -> Self {
        match when {
            When::Auto => Self::Auto,
            When::Always => Self::Always,
            When::Never => Self::Never,
        }
    }
}

/// Says for what the command reads its dotenv files.
fn mode(sources: &Sources, command: &[OsString]) -> Mode {
    let said = |name: &str| {
        let by_flag = sources.explicit.iter().rev().find(|flag| flag.name == name);
        let given = by_flag.and_then(|flag| flag.value.as_deref());
        let of_caller =
            || sources.caller.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_os_str());
        given.or_else(of_caller)?.to_str().map(str::to_owned)
    };
    Mode::of(said, command.iter().filter_map(|word| word.to_str()))
}

/// The environment of a command that runs without a session.
fn plain(sources: &Sources) -> Result<Environment, Failure> {
    let mut environment = merge(sources)?.environment;
    environment.retain(|(name, _)| name != RECORD);
    Ok(environment)
}

/// Looks the command up before anything is started for it, unless only the session's variables tell where.
fn find_command(sources: &Sources, command: &[OsString]) -> Result<(), Failure> {
    let is_known = |name: &str| sources.caller.iter().any(|(known, _)| known == name);
    let paths = || sources.env_files.iter().filter(|entry| entry.name == "PATH");
    if !paths().flat_map(Entry::names).all(is_known) {
        return Ok(());
    }
    let command = command.first().map_or(OsStr::new(""), OsString::as_os_str);
    let find = |environment: &Environment| {
        let path = environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_os_str());
        exec::find(command, path).map(drop)
    };
    if paths().next().is_none() && sources.explicit.is_empty() {
        return find(&sources.caller);
    }
    let files = paths().cloned().collect();
    find(&plain(&Sources { env_files: files, ..sources.clone() })?)
}
