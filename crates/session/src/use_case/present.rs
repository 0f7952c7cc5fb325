//! A session as it is, without starting anything.

use domain::engine::container::{Container, State};
use domain::failure::{self, Code, Failure};
use domain::stack::header::Header;

use super::target::Target;
use crate::data;
use crate::docker::Engine;
use crate::environment::{self, SessionVariables, dotenv};
use crate::find::{Caller, Consent, Session, git_top, reach};
use crate::glance;
use crate::machine::process::interrupt::Interrupt;
use crate::machine::timing;
use crate::notice::Notices;
use crate::start::{up, warm};
use crate::work::Work;

/// A session as it is.
#[derive(Debug)]
pub struct Present {
    /// What one goes on working with.
    pub work: Work,
    /// The header of its override, whether or not that fits.
    pub header: Option<Header>,
    /// Its containers.
    pub containers: Vec<Container>,
}

impl Present {
    /// Finds a session that has containers.
    ///
    /// # Errors
    /// [`Code::NoSession`] if it has none.
    pub fn find(
        caller: &Caller,
        engine: Engine,
        interrupt: Interrupt,
        notices: Notices,
    ) -> anyhow::Result<Self> {
        let mut present = Self::unread(caller, engine, interrupt, notices)?;
        present.work.session = present.work.session.read()?;
        if let Some(header) = present.header.as_mut().filter(|header| header.settled) {
            dotenv::refresh(&present.work.session, header);
        }
        Ok(present)
    }

    /// Finds one that runs for a shell: with `prism.yaml` only if starting has approved it.
    ///
    /// # Errors
    /// [`Code::NoSession`] if it has no containers; it is stopped.
    pub fn for_shell(
        caller: &Caller,
        engine: Engine,
        interrupt: Interrupt,
        notices: Notices,
    ) -> anyhow::Result<Self> {
        let mut present = Self::unread(caller, engine, interrupt, notices)?.running()?;
        let Work { session, engine, .. } = &mut present.work;
        if let Consent::Missing(text) = session.read_approved(engine)? {
            // One that is broken says so itself.
            session.parse(&text)?;
            notices.note(glance::UNAPPROVED);
        }
        Ok(present)
    }

    fn unread(
        caller: &Caller,
        mut engine: Engine,
        interrupt: Interrupt,
        notices: Notices,
    ) -> anyhow::Result<Self> {
        let session = match Session::find_unread(engine.endpoint(), caller) {
            // Its Compose file may be gone, on another branch for instance.
            Err(error) if failure::code(&error) == Code::NoProject => {
                let directory = Target::find(caller, &mut engine, None, notices)?.directory;
                let git_top = git_top(&directory);
                Session::at(directory, git_top, engine.endpoint(), caller.environment.clone())
                    .map(|session| (session, Some(error)))
            }
            other => other.map(|session| (session, None)),
        };
        let (session, no_project) = session?;
        timing::mark("find");
        engine.begin(&session.id);
        timing::mark("connect");
        let header = warm::read_header(&session);
        let likely: &[String] = header.as_ref().map_or(&[], |header| &header.inspected);
        let mut containers = engine.look(&session.id, likely)?;
        if containers.iter().any(|it| matches!(it.state, State::Paused | State::Created)) {
            data::mend(&mut engine, &session.id)?;
            containers = engine.look(&session.id, likely)?;
        }
        let mut containers = reach::settled(&mut engine, &session.id, containers, reach::LIST_LAG)?;
        timing::mark("list");
        environment::dress(&session, header.as_ref(), &mut containers);
        if containers.is_empty() {
            return Err(no_project.unwrap_or_else(|| up::no_session(&session).into()));
        }
        Ok(Self { work: Work { session, engine, interrupt, notices }, header, containers })
    }

    /// Gives itself back if something of it runs: only then it has ports.
    ///
    /// # Errors
    /// It is stopped.
    pub fn running(self) -> anyhow::Result<Self> {
        if self.containers.iter().any(|container| container.state == State::Running) {
            return Ok(self);
        }
        Err(Failure::new(format!("the session of `{}` is stopped", self.work.session.directory))
            .hint("`prism start` brings it up")
            .into())
    }

    /// Derives its variables.
    pub fn variables(&self) -> anyhow::Result<SessionVariables> {
        let Self { work, header, containers } = self;
        environment::variables(&work.session, &work.engine, header.as_ref(), containers)
    }
}
