//! `prism create`: a worktree, its stack, its setup; or nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use clap::Args;
use domain::environment::{Environment, Sources, Stray};
use domain::failure::{self, Failure, Kind};
use domain::text::word::word;
use session::create::{self, Made};
use session::data::Present;
use session::docker::{Endpoint, Engine};
use session::environment::up::Up;
use session::environment::{SessionVariables, child};
use session::find::{CONFIGURATION, Session};
use session::git::{EngineMark, Repository};
use session::machine::process::identity;
use session::machine::process::interrupt::Interrupt;
use session::start::options::Options;
use session::start::up;

use super::args::{SelectArgs, WaitArgs};
use super::context::{Context, enter, lock, options};
use super::data::DataArgs;

/// Make a git worktree with a stack of its own, and set it up
#[derive(Debug, Args)]
#[command(after_help = "On failure, and on Ctrl-C, all that it made is removed again. After a crash, the
same command, naming the branch, goes on from where it was.

Examples:
  prism create feature/search            an existing branch, also a remote's; else a new one from HEAD
  prism create fix --from origin/main    a new branch from there
  prism create fix --data-from main      with a copy of the main worktree's data
  prism create --in-place                this directory: start, then the setup of prism.yaml")]
pub(super) struct CreateArgs {
    /// The branch [default: a new one, named after the time]
    #[arg(value_name = "BRANCH", conflicts_with = "in_place")]
    pub(super) branch: Option<String>,
    /// Where a new branch begins [default: HEAD]
    #[arg(long, value_name = "REF", conflicts_with = "in_place")]
    pub(super) from: Option<String>,
    /// This directory, without a new worktree
    #[arg(long)]
    pub(super) in_place: bool,
    /// Leave a prism.yaml here that is not committed
    #[arg(long, conflicts_with = "in_place")]
    pub(super) no_settings: bool,
    /// Show what the services write, until interrupted
    #[arg(long)]
    pub(super) no_detach: bool,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    #[command(flatten)]
    pub(super) data: DataArgs,
    #[command(flatten)]
    pub(super) wait: WaitArgs,
}

pub(super) fn run(context: Context, args: CreateArgs) -> anyhow::Result<()> {
    let (endpoint, mut engine) = context.engine()?;
    let here = context.session(&endpoint)?;
    // For the whole time: whatever happens, what was made is removed first.
    let interrupt = Interrupt::default();
    interrupt.listen()?;
    let mut made = Made::default();
    let result = make(&context, &args, here, &endpoint, &mut engine, &interrupt, &mut made);
    match result {
        Ok(session) => {
            if let Err(error) = conclude(&context, &session, &endpoint, &engine, &interrupt) {
                context
                    .output
                    .note(format!("everything is up, and stays; `{}` ends what is left", made.again()));
                return Err(error);
            }
            made.keep();
            context.output.note(format!(
                "`{}` is up; `prism -C {} exec -- CMD` runs a command there",
                session.directory,
                word(&session.directory)
            ));
            if args.no_detach {
                drop(interrupt);
                return super::logs::follow(&session, &engine.session(&session.id)?);
            }
            Ok(())
        }
        Err(mut error) => {
            if made.undo(&mut engine, context.notices) {
                failure::forget_session(&mut error);
            }
            Err(error)
        }
    }
}

/// Notes down that nothing of this `create` is left to be done.
fn conclude(
    context: &Context,
    session: &Session,
    endpoint: &Endpoint,
    engine: &Engine,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let _lock = lock(&session.id, context.output, interrupt)?;
    let _ports = session::port::lock(endpoint, interrupt)?;
    engine.update_note(&session.id, |note| note.setup = None)
}

fn make(
    context: &Context,
    args: &CreateArgs,
    here: Session,
    endpoint: &Endpoint,
    engine: &mut Engine,
    interrupt: &Interrupt,
    made: &mut Made,
) -> anyhow::Result<Session> {
    let from = here.settings.data.from.as_deref();
    let data = args.data.asked(from, Present::Keep, &here, engine, endpoint)?;
    let (session, sources) = if args.in_place {
        made.begin(here.path(), context.notices, interrupt)?;
        (here, Vec::new())
    } else {
        worktree(context, args, &here, endpoint, engine, made, interrupt)?
    };
    interrupt.check()?;
    made.session(engine, &session)?;
    if made.resumes() {
        context.output.note("an earlier `create` was interrupted: going on from there");
    }
    let options = Options {
        setup: Some(identity::own()),
        data,
        selection: args.select.selection(&session.settings)?,
        ..options(context.notices, true, &[], args.wait.seconds)
    };
    let up = up::up(&session, engine, endpoint, &options, interrupt)?;
    made.check_own(engine, &session)?;
    let variables =
        session::environment::variables(&session, engine, endpoint, Some(&up.header), &up.containers)?;
    variables.write_dotenv(&session)?;
    create::refresh(&session, &sources, &up.header, &variables, engine, context.notices)?;
    if !session.settings.setup.is_empty() {
        let environment = environment(context, &session, engine, &up, variables)?;
        set_up(context, args, &session, &environment, made, interrupt)?;
    }
    Ok(session)
}

/// Makes the worktree and goes there. The second value are the directories from which files are copied.
fn worktree(
    context: &Context,
    args: &CreateArgs,
    here: &Session,
    endpoint: &Endpoint,
    engine: &Engine,
    made: &mut Made,
    interrupt: &Interrupt,
) -> anyhow::Result<(Session, Vec<PathBuf>)> {
    let Some(repository) = Repository::find(here.path()) else {
        return Err(Failure::new(format!("`{}` is not in a git repository", here.directory))
            .kind(Kind::Usage)
            .hint("`prism create --in-place` needs none")
            .into());
    };
    let branch = args.branch.clone().unwrap_or_else(default_branch);
    if !repository.is_branch_name(&branch)? {
        return Err(Failure::new(format!("`{branch}` is not a name for a branch")).kind(Kind::Usage).into());
    }
    let place = create::place(here, &repository, &branch)?;
    context.output.note(format!("making a worktree of `{branch}` at `{}`", place.worktree.display()));
    let below = place.session.strip_prefix(&place.worktree).unwrap_or(Path::new(""));
    let sources = vec![repository.main.join(below), here.path().to_path_buf()];
    made.begin(&place.worktree, context.notices, interrupt)?;
    let engine = EngineMark { id: engine.id()?, address: endpoint.address.clone() };
    made.worktree(repository, &place, &branch, args.from.as_deref(), engine, context.notices)?;
    if !args.no_settings
        && let Some(sentence) = create::take_settings(here.path(), &place.session)?
    {
        context.output.note(sentence);
    }
    made.copies(&place.session, &here.settings.env_files);
    create::copy_env_files(&sources, &place.session, &here.settings.env_files)?;
    enter(&place.session)?;
    let session = context.session(endpoint)?;
    if session.path() == place.session {
        return Ok((session, sources));
    }
    Err(Failure::new(format!("the branch `{branch}` has no project at `{}`", place.session.display()))
        .hint("commit the Compose file, or name a revision that has one with `--from`")
        .into())
}

fn default_branch() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    format!("session-{}", now.trim_end_matches('Z').replace([':', '-'], "").replace('T', "-"))
}

/// Builds what the setup commands have for their environment.
fn environment(
    context: &Context,
    session: &Session,
    engine: &mut Engine,
    up: &Up,
    variables: SessionVariables,
) -> anyhow::Result<Environment> {
    let sources = Sources {
        caller: context.caller.clone(),
        override_environment: session.settings.override_environment,
        ..Sources::default()
    };
    let ways_out = |stray: &Stray| stray.ways_out_of("create");
    child::environment(session, engine, up, variables, sources, context.notices, ways_out)
}

/// Runs the setup commands in order, with the session's variables.
fn set_up(
    context: &Context,
    args: &CreateArgs,
    session: &Session,
    environment: &Environment,
    made: &mut Made,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    for command in &session.settings.setup {
        context.output.note(format!("setup: {command}"));
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(session.path()).env_clear();
        shell.envs(environment.iter().map(|(name, value)| (name, value))).env("PWD", session.path());
        let status = made.set_up(shell.stdin(Stdio::null()))?;
        interrupt.check()?;
        if !status.success() {
            return Err(Failure::new(format!("the setup command `{command}` failed ({status})"))
                .hint(again(args, session, made))
                .into());
        }
    }
    Ok(())
}

/// Says where a setup command is corrected, and how to call `create` again.
fn again(args: &CreateArgs, session: &Session, made: &Made) -> String {
    let here = session.path().join(CONFIGURATION);
    if args.in_place {
        let directory = word(&session.directory);
        return format!(
            "correct it, or `setup:` in `{}`; then `prism -C {directory} create --in-place`",
            here.display()
        );
    }
    let mut command = String::from("prism create");
    if let Some(branch) = &args.branch {
        command.push_str(&format!(" {}", word(branch)));
    }
    if let Some(from) = &args.from {
        command.push_str(&format!(" --from {}", word(from)));
    }
    if made.resumes() {
        return format!("correct it, or `setup:` in `{}`; then `{command}` goes on", here.display());
    }
    format!(
        "correct it, or `setup:` in prism.yaml, and commit that where the branch begins; then `{command}`"
    )
}
