//! Bringing a session up, or up again.

use domain::variable::{self, Place};

use crate::end::remove;
use crate::environment::up::Up;
use crate::environment::{self, SessionVariables};
use crate::find::{self, owner};
use crate::start::options::Options;
use crate::start::{cold, up};
use crate::work::Work;

/// A session that was brought up.
#[derive(Debug)]
pub struct Started {
    /// It was not up before.
    pub started: bool,
    /// Where services listen, by name.
    pub places: Vec<(String, Place)>,
    /// Its variables.
    pub variables: SessionVariables,
}

/// Brings it up, and writes `.env.session`.
///
/// # Errors
/// It cannot be brought up; a signal came.
pub fn start(work: &mut Work, options: &Options) -> anyhow::Result<Started> {
    let up = up::up(work, options)?;
    started(work, &up)
}

/// Stops every container, and starts it again.
///
/// # Errors
/// As [`start`]; what is wrong with the project is said before anything is stopped.
pub fn restart(work: &mut Work, options: &Options) -> anyhow::Result<Started> {
    let Work { session, engine, .. } = work;
    owner::refuse_all(engine, &session.id, &session.directory)?;
    cold::header(work)?;
    let Work { session, engine, interrupt, notices } = work;
    let lock = find::lock(&session.id, interrupt, || notices.note(find::WAITING))?;
    let containers = engine.every_container(&session.id)?;
    remove::rest(engine, &session.id, &containers, interrupt)?;
    drop(lock);
    start(work, options)
}

fn started(work: &Work, up: &Up) -> anyhow::Result<Started> {
    let Work { session, engine, .. } = work;
    let Up { header, containers, started } = up;
    let variables = environment::variables(session, engine, Some(header), containers)?;
    variables.write_dotenv(session)?;
    let host = engine.endpoint().host.as_deref();
    let place = |it| variable::primary_endpoint(it, containers, host);
    let places = containers.iter().filter_map(|it| Some((it.service.to_string(), place(it)?))).collect();
    Ok(Started { started: *started, places, variables })
}
