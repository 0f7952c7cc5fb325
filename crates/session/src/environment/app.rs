//! An app of the host: which one is meant, its own variables, and whether its port is still its own.

use std::path::Path;

use domain::failure::{Code, Failure};
use domain::port::Protocol;
use domain::stack::settings::of_directory;
use domain::text::template::nearest;
use domain::variable::{self, Variable};

use crate::docker::Engine;
use crate::environment::SessionVariables;
use crate::find::Session;
use crate::machine::listen::{self, Listener};

/// Finds the app that is named, or the one in whose directory one is, `here`.
///
/// # Errors
/// There is no app of that name.
pub fn find<'s>(
    session: &'s Session,
    named: Option<&'s str>,
    here: Option<&Path>,
) -> Result<Option<&'s str>, Failure> {
    let apps = &session.settings.apps;
    let Some(name) = named else {
        let below = here.and_then(|here| here.strip_prefix(session.path()).ok()).unwrap_or(Path::new(""));
        return Ok(of_directory(apps, &below.to_string_lossy()));
    };
    if apps.contains_key(name) {
        return Ok(Some(name));
    }
    let failure = Failure::new(format!("there is no app `{name}` in prism.yaml")).code(Code::Usage);
    Err(match nearest(name, apps.keys().map(String::as_str)) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None if apps.is_empty() => failure.hint("define it: `apps: {NAME: {port: PORT}}`"),
        None => {
            failure.hint(format!("the apps are: {}", apps.keys().cloned().collect::<Vec<_>>().join(", ")))
        }
    })
}

/// Adds what only the app's own commands get: its port under the name that it reads, and its `env`.
pub fn add(variables: &mut SessionVariables, session: &Session, name: &str) -> anyhow::Result<()> {
    let port = variables.apps.get(name).copied();
    let Some((app, port)) = session.settings.apps.get(name).zip(port) else { return Ok(()) };
    variables.variables.retain(|variable| variable.name != app.port);
    variables.variables.push(Variable {
        name: app.port.clone(),
        value: port.to_string(),
        rule: format!("port of app `{name}`"),
        ..Variable::default()
    });
    let others = std::mem::take(&mut variables.variables);
    variables.variables = variable::configure(&session.settings, Some(name), others, &variables.own)?;
    Ok(())
}

/// Fails if somebody else listens on the app's port: the app could not, and its clients would meet a stranger.
///
/// # Errors
/// That; or the Engine does not answer.
pub fn check_port(
    variables: &SessionVariables,
    session: &Session,
    engine: &mut Engine,
    name: &str,
) -> anyhow::Result<()> {
    let port = variables.apps.get(name).copied();
    let Some(port) = port.filter(|port| !listen::is_free(*port)) else { return Ok(()) };
    let listener = Listener::find(Protocol::Tcp, port);
    // The app itself, in another terminal.
    if listener.as_ref().is_some_and(|listener| listener.is_of_session(session.id.as_str(), session.path())) {
        return Ok(());
    }
    let by = match listener.filter(|listener| !listener.is_proxy()) {
        Some(process) => process.to_string(),
        None => engine.holder(&session.id, port)?.unwrap_or_else(|| "another program".to_owned()),
    };
    Err(Failure::new(format!("port {port} of app `{name}` is taken: {by} listens on it"))
        .hint(format!("`prism ports --reassign {name}` chooses another port for it"))
        .into())
}
