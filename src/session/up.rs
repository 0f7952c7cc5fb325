//! Making sure that a session is up, by the cheapest way that is sure: warm, waiting, or cold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::patience::{LIMIT, patience};
use super::wait::{Outcome, Wait};
use super::{Session, cold, owner, rename, warm};
use crate::docker::{Endpoint, Engine};
use crate::domain::container::Container;
use crate::domain::header::Header;
use crate::domain::name::ServiceName;
use crate::domain::plan::ServicePlan;
use crate::domain::scope::Selection;
use crate::domain::state::{Stage, stage, survey};
use crate::domain::template::nearest;
use crate::error::{Failure, Kind};
use crate::output::Output;
use crate::process::interrupt::Interrupt;

/// How a session is to be brought up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Start what does not run.
    pub start: bool,
    /// What belongs to the session from now on; `None`: as it was.
    pub selection: Option<Selection>,
    /// Profiles that belong to it as well.
    pub profiles: Vec<String>,
    /// The process of the `create` of whose setup the session waits, if it is made now.
    pub setup: Option<String>,
    /// The app of `prism.yaml` whose command is to run: its templates have to fit.
    pub app: Option<String>,
    /// Wait for these services only; for all if empty.
    pub services: Vec<ServiceName>,
    /// Give up after so long, counted from the last pull or build.
    pub wait_timeout: Duration,
    /// Where progress goes.
    pub output: Output,
}

impl Options {
    /// Combines what is chosen now with what was chosen before.
    pub fn selection(&self, before: &Selection) -> Selection {
        let mut selection = self.selection.clone().unwrap_or_else(|| before.clone());
        let new = self.profiles.iter().filter(|profile| !before.profiles.contains(profile));
        selection.profiles.extend(new.cloned());
        selection
    }

    /// Says whether the scope of `header` is known to be what is chosen.
    pub fn is_met(&self, header: &Header) -> bool {
        let in_scope = |profile: &String| {
            let mut services =
                header.services.iter().filter(|(_, plan)| plan.profiles.contains(profile)).peekable();
            services.peek().is_some() && services.all(|(name, _)| header.scope.contains(name))
        };
        self.selection.is_none() && self.profiles.iter().all(in_scope)
    }
}

/// A session that is up.
#[derive(Debug)]
pub struct Up {
    /// What it was started from.
    pub header: Header,
    /// Its containers.
    pub containers: Vec<Container>,
    /// It did not run before.
    pub started: bool,
}

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
    let patience = patience(options.output, interrupt.clone(), options.wait_timeout.min(LIMIT));
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
            let header = cold::rename(session, engine, header, options.output, interrupt)?;
            // The Engine gave it another host port with that.
            sight.containers = engine.session(&session.id)?;
            header.dress(&mut sight.containers);
            sight.stage = stage(&survey(&header, &sight.containers));
            Some(header)
        }
        other => other,
    };
    if let (Stage::Ready, Some(header)) = (sight.stage, &header) {
        return Ok(Up { header: header.clone(), containers: sight.containers, started: false });
    }
    if !options.start && sight.containers.is_empty() {
        return Err(no_session(session).into());
    }
    interrupt.listen()?;
    let header = match header {
        // The generated file is gone or out of date, which is not the session's fault.
        None if !options.start => Some(cold::header(session, engine, endpoint, options.output, interrupt)?),
        other => other,
    };
    if let Some(header) = header
        && stage(&survey(&header, &sight.containers)) != Stage::Down
    {
        let wait = Wait::new(session, &header, endpoint, options, interrupt, interrupt.now());
        let before = if options.start { cold::running(&sight.containers) } else { BTreeSet::new() };
        let wait = wait.that_ran(before);
        if let Outcome::Ready(containers) = wait.until_ready(engine)? {
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

/// Fails on a service name that the project does not have.
pub fn check_services(
    services: &BTreeMap<ServiceName, ServicePlan>,
    wanted: &[ServiceName],
) -> Result<(), Failure> {
    let Some(unknown) = wanted.iter().find(|service| !services.contains_key(*service)) else {
        return Ok(());
    };
    let failure = Failure::new(format!("there is no service `{unknown}`")).kind(Kind::Usage);
    let names = || services.keys().map(|service| service.0.as_str());
    Err(match nearest(&unknown.0, names()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint(format!("the services are: {}", names().collect::<Vec<_>>().join(", "))),
    })
}
