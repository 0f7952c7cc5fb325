//! `prism create`: a worktree, its stack, its setup; or nothing.

use std::process::{Command, Stdio};
use std::time::SystemTime;

use super::CreateArgs;
use super::context::{Context, enter, options};
use crate::docker::{Endpoint, Engine};
use crate::domain::environment::{Sources, merge};
use crate::error::{Failure, Kind};
use crate::git::Repository;
use crate::process::interrupt::Interrupt;
use crate::session::create::{self, Made};
use crate::session::up::{self, Options, Up};
use crate::session::{self, Session};

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
            made.keep();
            context.output.note(format!(
                "`{}` is up; `prism -C {} exec -- CMD` runs a command there",
                session.directory, session.directory
            ));
            if args.no_detach {
                drop(interrupt);
                return super::logs::follow(&session, &mut engine, &[]);
            }
            Ok(())
        }
        Err(error) => {
            if !made.is_empty() {
                context.output.note("removing what was made");
            }
            made.undo(&mut engine, context.output);
            Err(error)
        }
    }
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
    let session =
        if args.in_place { here } else { worktree(context, args, &here, endpoint, engine, made, interrupt)? };
    interrupt.check()?;
    if !engine.session(&session.id)?.is_empty() {
        return Err(Failure::new(format!("`{}` has a session already", session.directory))
            .hint("`prism start` brings it up; `prism destroy` removes it")
            .into());
    }
    made.session(engine, &session)?;
    let options = Options {
        selection: args.select.selection(&session.settings)?,
        ..options(context.output, true, &[], args.wait.seconds)
    };
    let up = up::up(&session, engine, endpoint, &options, interrupt)?;
    set_up(context, &session, endpoint, engine, &up, interrupt)?;
    Ok(session)
}

/// Makes the worktree and goes there.
fn worktree(
    context: &Context,
    args: &CreateArgs,
    here: &Session,
    endpoint: &Endpoint,
    engine: &mut Engine,
    made: &mut Made,
    interrupt: &Interrupt,
) -> anyhow::Result<Session> {
    let Some(repository) = Repository::find(here.path())? else {
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
    let main = repository.main.clone();
    made.worktree(engine, repository, &place, &branch, args.from.as_deref(), interrupt)?;
    create::copy_env_files(&main, &place.worktree, &here.settings.env_files)?;
    enter(&place.session)?;
    let session = context.session(endpoint)?;
    if session.path() == place.session {
        return Ok(session);
    }
    Err(Failure::new(format!("the branch `{branch}` has no project at `{}`", place.session.display()))
        .hint("commit the Compose file, or name a revision that has one with `--from`")
        .into())
}

fn default_branch() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    format!("session-{}", now.trim_end_matches('Z').replace([':', '-'], "").replace('T', "-"))
}

/// Runs the setup commands in order, with the session's variables.
fn set_up(
    context: &Context,
    session: &Session,
    endpoint: &Endpoint,
    engine: &Engine,
    up: &Up,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let variables =
        session::environment::variables(session, engine, endpoint, Some(&up.header), &up.containers)?;
    variables.write_dotenv(session)?;
    let environment = merge(Sources {
        caller: context.environment.clone(),
        session: variables.assignments,
        own: variables.own,
        override_environment: session.settings.override_environment,
        ..Sources::default()
    })
    .environment;
    for command in &session.settings.setup {
        context.output.note(format!("setup: {command}"));
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(session.path()).env_clear();
        shell.envs(environment.iter().map(|(name, value)| (name, value))).env("PWD", session.path());
        let status = shell.stdin(Stdio::null()).status()?;
        interrupt.check()?;
        if !status.success() {
            return Err(Failure::new(format!("the setup command `{command}` failed ({status})"))
                .hint("correct it, or `setup:` in prism.yaml, and run the same `prism create` again")
                .into());
        }
    }
    Ok(())
}
