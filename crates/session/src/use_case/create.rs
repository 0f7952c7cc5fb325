//! A worktree with a session of its own, set up; or nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use domain::engine::selection::Selection;
use domain::environment::{Environment, Sources, Stray};
use domain::failure::{self, Code, Failure};
use domain::stack::settings::Settings;
use domain::text::word::word;

use crate::create::{self, Made};
use crate::environment::{child, variables};
use crate::find::{CONFIGURATION, Caller, Session};
use crate::git::{EngineMark, Repository};
use crate::machine::process::identity;
use crate::port;
use crate::start::options::Options;
use crate::start::patience::farewell;
use crate::start::up;
use crate::work::Work;

/// What is to be made.
#[derive(Debug)]
pub struct Request {
    /// The worktree; [`None`]: the caller's own directory is set up.
    pub worktree: Option<Branch>,
    /// How its session is brought up.
    pub options: Options,
}

/// The branch of a worktree that is to be made.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// Nobody chose the name: a hint does not repeat it.
    pub is_made_up: bool,
    /// Where a new branch begins; [`None`]: at `HEAD`.
    pub from: Option<String>,
    /// A `prism.yaml` that is not committed stays where it is.
    pub no_settings: bool,
}

/// Makes it, from the session of the caller's directory; the work is at the new one then. `select` says what belongs to a
/// session with these settings, if the caller chooses.
///
/// # Errors
/// Something failed, or a signal came: all that was made is taken back.
pub fn create(
    work: &mut Work,
    caller: &Caller,
    request: &Request,
    select: impl FnOnce(&Settings) -> Result<Option<Selection>, Failure>,
) -> anyhow::Result<()> {
    // For the whole time: whatever happens, what was made is removed first.
    work.interrupt.listen()?;
    let mut made = Made::default();
    if let Err(mut error) = make(work, caller, request, select, &mut made) {
        work.engine.set_patience(Some(farewell(work.notices, work.interrupt.clone())));
        if made.undo(&mut work.engine, work.notices) {
            failure::forget_session(&mut error);
        }
        return Err(error);
    }
    if let Err(error) = conclude(work) {
        work.notices.note(format!("everything is up, and stays; `{}` ends what is left", made.again()));
        return Err(error);
    }
    made.keep();
    Ok(())
}

/// Notes down that nothing of this `create` is left to be done.
fn conclude(work: &Work) -> anyhow::Result<()> {
    let _lock = work.lock()?;
    let _ports = port::lock(&work.engine, &work.interrupt)?;
    work.engine.update_note(&work.session.id, |note| note.setup = None)
}

fn make(
    work: &mut Work,
    caller: &Caller,
    request: &Request,
    select: impl FnOnce(&Settings) -> Result<Option<Selection>, Failure>,
    made: &mut Made,
) -> anyhow::Result<()> {
    let sources = match &request.worktree {
        Some(branch) => worktree(work, caller, branch, made)?,
        None => {
            made.begin(work.session.path(), work.notices, &work.interrupt)?;
            Vec::new()
        }
    };
    work.interrupt.check()?;
    made.session(&mut work.engine, &work.session)?;
    if made.resumes() {
        work.notices.note("an earlier `create` was interrupted: going on from there");
    }
    let options = Options {
        setup: Some(identity::own()),
        selection: select(&work.session.settings)?,
        ..request.options.clone()
    };
    let up = up::up(work, &options)?;
    let Work { session, engine, notices, .. } = &mut *work;
    made.check_own(engine, session)?;
    let variables = variables(session, engine, Some(&up.header), &up.containers)?;
    variables.write_dotenv(session)?;
    create::refresh(session, &sources, &up.header, &variables, engine, *notices)?;
    if session.settings.setup.is_empty() {
        return Ok(());
    }
    let sources = Sources {
        caller: caller.own.clone(),
        override_environment: session.settings.override_environment,
        ..Sources::default()
    };
    let ways_out = |stray: &Stray| stray.ways_out_of("create");
    let environment = child::environment(work, &up, variables, sources, ways_out)?;
    set_up(work, request, &environment, made)
}

/// Makes the worktree, so that the work is at its session. Returns the directories from which files are copied.
fn worktree(
    work: &mut Work,
    caller: &Caller,
    branch: &Branch,
    made: &mut Made,
) -> anyhow::Result<Vec<PathBuf>> {
    let Work { session: here, engine, interrupt, notices } = &*work;
    let Some(repository) = Repository::find(here.path()) else {
        return Err(Failure::new(format!("`{}` is not in a git repository", here.directory))
            .code(Code::Usage)
            .hint("`prism create --in-place` needs none")
            .into());
    };
    let Branch { name, from, no_settings, .. } = branch;
    if !repository.is_branch_name(name)? {
        return Err(Failure::new(format!("`{name}` is not a name for a branch")).code(Code::Usage).into());
    }
    let place = create::place(here, &repository, name)?;
    notices.note(format!("making a worktree of `{name}` at `{}`", place.worktree.display()));
    let below = place.session.strip_prefix(&place.worktree).unwrap_or(Path::new(""));
    let sources = vec![repository.main.join(below), here.path().to_path_buf()];
    made.begin(&place.worktree, *notices, interrupt)?;
    let mark = EngineMark { id: engine.id()?, address: engine.endpoint().address.clone() };
    made.worktree(repository, &place, name, from.as_deref(), mark, *notices)?;
    if !no_settings && let Some(sentence) = create::take_settings(here.path(), &place.session)? {
        notices.note(sentence);
    }
    made.copies(&place.session, &here.settings.env_files);
    create::copy_env_files(&sources, &place.session, &here.settings.env_files)?;
    let there = Caller { directory: Some(place.session.clone()), ..caller.clone() };
    work.session = Session::find(work.engine.endpoint(), &there)?;
    if work.session.path() == place.session {
        return Ok(sources);
    }
    Err(Failure::new(format!("the branch `{name}` has no project at `{}`", place.session.display()))
        .hint("commit the Compose file, or name a revision that has one with `--from`")
        .into())
}

/// Runs the setup commands in order, with the session's variables.
fn set_up(work: &Work, request: &Request, environment: &Environment, made: &mut Made) -> anyhow::Result<()> {
    let Work { session, interrupt, notices, .. } = work;
    for command in &session.settings.setup {
        notices.note(format!("setup: {command}"));
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(session.path()).env_clear();
        shell.envs(environment.iter().map(|(name, value)| (name, value))).env("PWD", session.path());
        let status = made.set_up(shell.stdin(Stdio::null()))?;
        interrupt.check()?;
        if !status.success() {
            return Err(Failure::new(format!("the setup command `{command}` failed ({status})"))
                .hint(again(request, session, made))
                .into());
        }
    }
    Ok(())
}

/// Says where a setup command is corrected, and how to call `create` again.
fn again(request: &Request, session: &Session, made: &Made) -> String {
    let here = session.path().join(CONFIGURATION);
    let Some(branch) = &request.worktree else {
        let directory = word(&session.directory);
        return format!(
            "correct it, or `setup:` in `{}`; then `prism -C {directory} create --in-place`",
            here.display()
        );
    };
    let mut command = String::from("prism create");
    if !branch.is_made_up {
        command.push_str(&format!(" {}", word(&branch.name)));
    }
    if let Some(from) = &branch.from {
        command.push_str(&format!(" --from {}", word(from)));
    }
    if made.resumes() {
        return format!("correct it, or `setup:` in `{}`; then `{command}` goes on", here.display());
    }
    format!(
        "correct it, or `setup:` in prism.yaml, and commit that where the branch begins; then `{command}`"
    )
}
