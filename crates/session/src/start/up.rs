//! Making sure that a session is up, by the cheapest way that is sure: warm, waiting, or cold.

use std::collections::BTreeSet;

use domain::failure::{Failure, Kind};
use domain::stack::readiness::{Stage, stage, survey};

use crate::docker::{Endpoint, Engine};
use crate::environment::dotenv;
use crate::environment::up::Up;
use crate::find::reach::{self, LIST_LAG};
use crate::find::{Session, owner};
use crate::machine::process::interrupt::Interrupt;
use crate::start::options::{Options, check_services};
use crate::start::patience::{LIMIT, patience};
use crate::start::wait::{Outcome, Wait};
use crate::start::{cold, rename, warm};

/// Brings the session up.
///
/// The caller keeps `interrupt` until it acts on the result: a signal must not be lost in between.
pub fn up(
    session: &Session,
    engine: &mut Engine,
    endpoint: &Endpoint,
    options: &Options,
    interrupt: &Interrupt,
) -> anyhow::Result<Up> {
    let patience = patience(options.notices, interrupt.clone(), options.wait_timeout.min(LIMIT));
    let before = engine.set_patience(Some(patience));
    let result = bring_up(session, engine, endpoint, options, interrupt);
    engine.set_patience(before);
    result
}

fn bring_up(
    session: &Session,
    engine: &mut Engine,
    endpoint: &Endpoint,
    options: &Options,
    interrupt: &Interrupt,
) -> anyhow::Result<Up> {
    let mut sight = warm::look(session, engine)?;
    owner::refuse(&session.directory, &sight.containers)?;
    if let Some(header) = &sight.header {
        check_services(&header.services, &options.services)?;
    }
    let header = sight.header.filter(|header| options.is_met(header));
    let header = match header {
        Some(header) if rename::is_due(&header, &sight.containers) => {
            let header = cold::rename(session, engine, header, options.notices, interrupt)?;
            // The Engine gave it another host port with that.
            sight.containers = engine.session(&session.id)?;
            header.dress(&mut sight.containers);
            sight.stage = stage(&survey(&header, &sight.containers));
            Some(header)
        }
        other => other,
    };
    if let (Stage::Ready, Some(header)) = (sight.stage, &header) {
        sight.containers = reach::settled(engine, endpoint, &session.id, sight.containers, LIST_LAG)?;
        header.dress(&mut sight.containers);
        sight.stage = stage(&survey(header, &sight.containers));
    }
    let header = match (sight.stage, header) {
        (Stage::Ready, Some(mut header)) => {
            dotenv::refresh(session, &mut header);
            return Ok(Up { header, containers: sight.containers, started: false });
        }
        (_, header) => header,
    };
    if !options.start && sight.containers.is_empty() {
        return Err(no_session(session).into());
    }
    interrupt.listen()?;
    let header = match header {
        // The generated file is gone or out of date, which is not the session's fault.
        None if !options.start => Some(cold::header(session, engine, endpoint, options.notices, interrupt)?),
        other => other,
    };
    if let Some(header) = header
        && stage(&survey(&header, &sight.containers)) != Stage::Down
    {
        let wait = Wait::new(session, &header, endpoint, options, interrupt, interrupt.now());
        let before = if options.start { cold::running(&sight.containers) } else { BTreeSet::new() };
        let wait = wait.that_ran(before);
        if let Outcome::Ready(containers) = wait.until_ready(engine)? {
            let mut header = header;
            dotenv::refresh(session, &mut header);
            return Ok(Up { header, containers, started: false });
        }
    }
    if !options.start {
        return Err(Failure::new(format!("the session of `{}` is not up", session.directory))
            .hint("start it with `prism start`, or leave `--no-start` away")
            .into());
    }
    cold::start(session, engine, endpoint, options, interrupt)
}

/// Says that a directory has no session.
pub fn no_session(session: &Session) -> Failure {
    Failure::new(format!("there is no session in `{}`", session.directory))
        .kind(Kind::NoSession)
        .hint("`prism start` starts its stack")
}
