//! What every verb begins with: the caller, the Engine, the session of a directory.

use std::path::Path;
use std::time::Duration;

use domain::failure::{Code, Failure};
use domain::identity::name::ServiceName;
use session::docker::{Endpoint, Engine};
use session::find::{Caller, Session};
use session::machine::process::interrupt::Interrupt;
use session::notice::Notices;
use session::start::options::Options;
use session::start::patience::{LIMIT, patience};
use session::use_case::present::Present;
use session::use_case::target::{Named, Target};
use session::work::Work;

use crate::output::Output;

/// What a verb works with.
#[derive(Debug)]
pub(super) struct Context {
    /// Where it speaks.
    pub(super) output: Output,
    /// Where the session tells what happens: the same.
    pub(super) notices: Notices,
    /// Who calls.
    pub(super) caller: Caller,
}

impl Context {
    pub(super) fn new(output: Output) -> Self {
        Self {
            output,
            notices: Notices::to(Box::leak(Box::new(output))),
            caller: Caller::new(std::env::current_dir().ok(), std::env::vars_os().collect()),
        }
    }

    /// Finds the Engine.
    pub(super) fn engine(&self) -> anyhow::Result<Engine> {
        self.engine_until(&Interrupt::default())
    }

    /// The same, for a verb that listens: a signal ends every wait for an answer.
    pub(super) fn engine_until(&self, interrupt: &Interrupt) -> anyhow::Result<Engine> {
        let mut engine = Engine::new(Endpoint::discover(&self.caller.environment)?)?;
        engine.set_patience(Some(patience(self.notices, interrupt.clone(), LIMIT)));
        Ok(engine)
    }

    /// Finds the session of the working directory.
    pub(super) fn session(&self, engine: &Engine) -> anyhow::Result<Session> {
        Session::find(engine.endpoint(), &self.caller)
    }

    /// Finds the session of the working directory and its Engine, to do something about it.
    pub(super) fn work(&self) -> anyhow::Result<Work> {
        let interrupt = Interrupt::default();
        let engine = self.engine_until(&interrupt)?;
        let session = self.session(&engine)?;
        Ok(Work { session, engine, interrupt, notices: self.notices })
    }

    /// Finds the session that is meant, whether or not it has a project.
    pub(super) fn target(&self, engine: &mut Engine, named: Option<Named<'_>>) -> anyhow::Result<Target> {
        Target::find(&self.caller, engine, named, self.notices)?.mend(engine)
    }

    /// Finds a session that has containers.
    pub(super) fn present(&self) -> anyhow::Result<Present> {
        let interrupt = Interrupt::default();
        Present::find(&self.caller, self.engine_until(&interrupt)?, interrupt, self.notices)
    }

    /// Finds a session that runs, at least in part.
    pub(super) fn running(&self) -> anyhow::Result<Present> {
        self.present()?.running()
    }

    /// The same for a shell.
    pub(super) fn running_for_shell(&self) -> anyhow::Result<Present> {
        let interrupt = Interrupt::default();
        Present::for_shell(&self.caller, self.engine_until(&interrupt)?, interrupt, self.notices)
    }

    /// Goes where a verb is told to, by a directory or by the branch of a worktree.
    pub(super) fn enter(&mut self, named: Option<Named<'_>>) -> anyhow::Result<()> {
        let Some(named) = named else { return Ok(()) };
        enter(&named.directory(&self.caller, self.notices)?)?;
        self.caller.directory = std::env::current_dir().ok();
        Ok(())
    }
}

/// Makes a directory argument the working directory.
pub(super) fn enter(directory: &Path) -> anyhow::Result<()> {
    std::env::set_current_dir(directory).map_err(|error| {
        Failure::new(format!("cannot go to `{}`", directory.display()))
            .code(Code::Usage)
            .caused_by(error)
            .into()
    })
}

/// Builds the options of everything that starts a stack.
pub(super) fn options(start: bool, services: &[String], wait_timeout: u64) -> Options {
    Options {
        start,
        selection: None,
        profiles: Vec::new(),
        setup: None,
        app: None,
        data: None,
        services: services.iter().map(|name| ServiceName(name.clone())).collect(),
        wait_timeout: Duration::from_secs(wait_timeout),
    }
}
