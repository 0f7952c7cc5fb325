//! `use prism` of direnv: which files to watch, then the session's variables.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use domain::engine::container::State;
use domain::environment::Environment;
use domain::identity::own::{DIFF, DIRENV};
use domain::shell::Shell;
use domain::shell::layer::{Layer, Now, Operation, Sight};
use domain::stack::settings::Settings;
use session::compose::ComposeFiles;
use session::environment::{self, SessionVariables};
use session::find::{CONFIGURATION, Consent, Session, generated, locate};
use session::glance;
use session::machine::files;
use session::machine::process::interrupt::Interrupt;
use session::start::{cold, up, warm};
use session::work::Work;

use super::super::args::WAIT_SECONDS;
use super::super::context::{Context, options};

/// Prints what `use prism` evaluates. What comes before a failure is evaluated all the same, so that the failure's
/// cause is watched.
pub(super) fn evaluate(context: Context, bash: &Shell, start: bool) -> anyhow::Result<()> {
    let here = std::env::current_dir()?;
    let directory = locate(&here, &context.caller.environment).unwrap_or(here);
    let shown = directory.display().to_string();
    let watched = watched(&directory, &context.caller.environment);
    let watched: Vec<String> = watched.iter().map(|path| bash.quote(&path.to_string_lossy())).collect();
    let mine = Operation { name: DIRENV.to_owned(), value: Some(shown) };
    context.output.print(format!("watch_file {}\n{}", watched.join(" "), bash.render(&[mine])))?;

    let now = Now::new(std::env::vars_os());
    let layer = Layer::read(now.get(DIFF));
    let output = context.output;
    let interrupt = Interrupt::default();
    let engine = context.engine_until(&interrupt)?;
    let session = Session::find_unread(engine.endpoint(), &context.caller)?;
    let mut work = Work { session, engine, interrupt, notices: context.notices };
    let (found, wrong) = variables(&context, &mut work, start)?;
    let steps = match found {
        Some(variables) => layer.settle(&now, &variables.offer(&work.session)),
        None => {
            if wrong.is_none() {
                output.note("the session is not up: `prism start` starts it");
            }
            layer.step(&now, &Sight::Nothing, |_| {})
        }
    };
    output.print(bash.render(&steps))?;
    wrong.map_or(Ok(()), Err)
}

/// Returns the session's variables, `None` if it is not up and not to be started; and what is wrong with the project.
/// What runs was started when that was right: its variables stay as they were.
fn variables(
    context: &Context,
    work: &mut Work,
    start: bool,
) -> anyhow::Result<(Option<SessionVariables>, Option<anyhow::Error>)> {
    let mut wrong = None;
    if start {
        match started(context, work) {
            Ok(variables) => return Ok((Some(variables), None)),
            Err(error) => wrong = Some(error),
        }
    }
    let running = match running(context, work) {
        Ok(running) => running,
        Err(error) => return Err(wrong.unwrap_or(error)),
    };
    Ok((running, wrong.or_else(|| mistake(context, work).err())))
}

/// Brings the session up.
fn started(context: &Context, work: &mut Work) -> anyhow::Result<SessionVariables> {
    work.session = context.session(&work.engine)?;
    let up = up::up(work, &options(true, &[], WAIT_SECONDS))?;
    let variables = environment::variables(&work.session, &work.engine, Some(&up.header), &up.containers)?;
    variables.write_dotenv(&work.session)?;
    Ok(variables)
}

/// Fails if the session's files were changed since it was started, and Compose does not accept them as they are.
fn mistake(context: &Context, work: &mut Work) -> anyhow::Result<()> {
    work.session = context.session(&work.engine)?;
    match warm::fitting_header(&work.session) {
        Some(_) => Ok(()),
        None => cold::examine(work).map(drop),
    }
}

/// Returns what runs of the session.
fn running(context: &Context, work: &mut Work) -> anyhow::Result<Option<SessionVariables>> {
    let Work { session, engine, .. } = work;
    *session = Session::find_unread(engine.endpoint(), &context.caller)?;
    if let Consent::Missing(text) = session.read_approved(engine)? {
        session.parse(&text)?;
        context.output.note(glance::UNAPPROVED);
    }
    let mut containers = engine.session(&session.id)?;
    if !containers.iter().any(|container| container.state == State::Running) {
        return Ok(None);
    }
    let header = warm::read_header(session).filter(|header| header.settled);
    environment::dress(session, header.as_ref(), &mut containers);
    environment::variables(session, engine, header.as_ref(), &containers).map(Some)
}

/// Lists the files that decide what the session's variables are, whether or not they exist.
fn watched(directory: &Path, environment: &Environment) -> BTreeSet<PathBuf> {
    let configuration = directory.join(CONFIGURATION);
    let settings = files::read_configuration(&configuration).ok().flatten();
    let settings = settings.and_then(|text| Settings::parse(&text, CONFIGURATION).ok()).unwrap_or_default();
    let found = ComposeFiles::find(directory, &settings.compose, environment);
    let generated = [generated::OVERRIDE, generated::DOTENV].map(|name| directory.join(name));
    let inputs = warm::peek(directory).into_iter().flat_map(|header| header.inputs.into_keys());
    let all = found
        .files
        .into_iter()
        .chain(found.candidates)
        .chain(found.env_files)
        .chain(inputs.map(PathBuf::from));
    all.chain(generated).chain([configuration]).collect()
}
