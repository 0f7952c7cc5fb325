//! Making sure that a session is up: look, decide, do one thing, and look again.

use std::collections::BTreeSet;
use std::time::Instant;

use domain::engine::container::{Container, State};
use domain::failure::{Code, Failure};
use domain::stack::header::Header;
use domain::stack::readiness::Stage;
use domain::stack::step::{Facts, Refusal, STARTS, Step, decide};

use crate::environment::dotenv;
use crate::environment::up::Up;
use crate::find::reach::{self, LIST_LAG, LIST_POLL};
use crate::find::{Session, owner};
use crate::machine::lock::Lock;
use crate::start::options::{Options, check_services};
use crate::start::patience::{LIMIT, patience};
use crate::start::wait::{Outcome, Wait};
use crate::start::warm::Observation;
use crate::start::{cold, rename, warm};
use crate::work::Work;

/// Brings the session up, by the cheapest way that is sure.
///
/// The caller keeps the work's interrupt until it acts on the result: a signal must not be lost in between.
pub fn up(work: &mut Work, options: &Options) -> anyhow::Result<Up> {
    let patience = patience(work.notices, work.interrupt.clone(), options.wait_timeout.min(LIMIT));
    let before = work.engine.set_patience(Some(patience));
    let result = Start::new(options).run(work);
    work.engine.set_patience(before);
    result
}

/// A start under way.
struct Start<'a> {
    options: &'a Options,
    /// The session's lock, while it is held.
    lock: Option<Lock>,
    /// How often it was taken.
    locked: u8,
    /// The header that was made here: it need not be read.
    header: Option<Header>,
    /// When the time for getting ready began, if Compose acted.
    since: Option<Instant>,
    /// The containers that ran before Compose acted: one that somebody is stopping may still be listed as running, also
    /// by Compose.
    ran: Option<BTreeSet<String>>,
    /// What went down, with why, of what was waited for.
    fell: Vec<String>,
    /// Until when the Engine's list may lag behind what is.
    lag: Option<Instant>,
}

impl<'a> Start<'a> {
    fn new(options: &'a Options) -> Self {
        Self {
            options,
            lock: None,
            locked: 0,
            header: None,
            since: None,
            ran: None,
            fell: Vec::new(),
            lag: None,
        }
    }

    fn run(mut self, work: &mut Work) -> anyhow::Result<Up> {
        loop {
            let sight = self.look(work)?;
            let step = decide(&self.facts(work, &sight));
            if !matches!(step, Step::Done | Step::Refuse(Refusal::NoSession)) {
                work.interrupt.listen()?;
            }
            match (step, sight.header) {
                (Step::Done, Some(header)) => return Ok(self.done(work, header, sight.containers)),
                (Step::Wait, Some(header)) => {
                    if let Some(containers) = self.wait(work, &header, &sight.containers)? {
                        return Ok(self.done(work, header, containers));
                    }
                }
                (Step::Rename, Some(header)) => {
                    let _lock = if self.lock.is_none() { Some(work.lock()?) } else { None };
                    self.header = Some(cold::own_names(work, header)?);
                }
                (Step::Refresh, _) => self.header = Some(cold::header(work)?),
                (Step::Lock, _) => self.lock(work)?,
                (Step::Thaw, _) => cold::thaw(work, &sight.containers)?,
                (Step::Compose, _) => self.compose(work, &sight.containers)?,
                (Step::Refuse(refusal), _) => return Err(self.refuse(refusal, &work.session).into()),
                // Without a header, nothing else is decided.
                (Step::Pause | Step::Done | Step::Wait | Step::Rename, _) => {
                    std::thread::park_timeout(LIST_POLL);
                }
            }
        }
    }

    /// Looks at the session. A header that was made here is the one that is meant.
    fn look(&mut self, work: &mut Work) -> anyhow::Result<Observation> {
        let made = self.header.take();
        let is_made = made.is_some();
        let mut sight = warm::look(work, made)?;
        owner::refuse(&work.session.directory, &sight.containers)?;
        if let Some(header) = &sight.header {
            check_services(&header.services, &self.options.services)?;
        }
        sight.header = sight.header.filter(|header| is_made || self.options.is_met(header));
        Ok(sight)
    }

    /// Collects what the next step follows from.
    fn facts(&mut self, work: &Work, sight: &Observation) -> Facts {
        let fits = sight.header.is_some();
        let is_ready = fits && sight.stage == Stage::Ready && self.locked == 0;
        Facts {
            fits,
            stage: sight.stage,
            is_empty: sight.containers.is_empty(),
            is_misnamed: sight.header.as_ref().is_some_and(|it| rename::is_due(it, &sight.containers)),
            is_paused: sight.containers.iter().any(|container| container.state == State::Paused),
            lags: is_ready && reach::lags(&work.engine, &sight.containers) && self.may_lag(),
            may_start: self.options.start,
            is_locked: self.lock.is_some(),
            locked: self.locked,
            acted: self.since.is_some(),
            fell: !self.fell.is_empty(),
        }
    }

    /// Says whether it is soon enough for the Engine's list to lag behind what is.
    fn may_lag(&mut self) -> bool {
        Instant::now() < *self.lag.get_or_insert_with(|| Instant::now() + LIST_LAG)
    }

    /// Takes the session's lock: whoever had it may have done everything.
    fn lock(&mut self, work: &Work) -> anyhow::Result<()> {
        if self.locked > 0 {
            work.notices.note(format!("bringing up again what did not stay up: {}", self.fell.join(", ")));
        }
        self.lock = Some(work.lock()?);
        self.locked += 1;
        (self.ran, self.since) = (None, None);
        self.fell.clear();
        if let Some(ephemeral) = &work.session.ephemeral {
            ephemeral.check(&work.session.id)?;
        }
        Ok(())
    }

    /// Lets Compose bring up what is chosen.
    fn compose(&mut self, work: &mut Work, containers: &[Container]) -> anyhow::Result<()> {
        let Some(lock) = self.lock.take() else { return Ok(()) };
        let (header, since) = cold::start(work, self.options, &lock, containers)?;
        (self.header, self.since, self.ran) = (Some(header), Some(since), Some(running(containers)));
        Ok(())
    }

    /// Waits until what is awaited is ready. [`None`]: something is missing that only Compose can bring back.
    fn wait(
        &mut self,
        work: &mut Work,
        header: &Header,
        containers: &[Container],
    ) -> anyhow::Result<Option<Vec<Container>>> {
        // Others may start it as well meanwhile.
        self.lock = None;
        // What ends of them was stopped by somebody, and is started again: once.
        let is_mended = self.options.start && self.locked < STARTS;
        let ran = self.ran.take().unwrap_or_else(|| running(containers));
        let ran = if is_mended { ran } else { BTreeSet::new() };
        let since = self.since.take().unwrap_or_else(|| work.interrupt.now());
        match Wait::new(work, header, self.options, since).that_ran(ran).until_ready()? {
            Outcome::Ready(containers) => Ok(Some(containers)),
            Outcome::Down(down) => {
                self.fell = down;
                Ok(None)
            }
        }
    }

    fn done(self, work: &Work, mut header: Header, containers: Vec<Container>) -> Up {
        dotenv::refresh(&work.session, &mut header);
        Up { header, containers, started: self.locked > 0 }
    }

    fn refuse(&self, refusal: Refusal, session: &Session) -> Failure {
        match refusal {
            Refusal::NoSession => no_session(session),
            Refusal::NotUp => Failure::new(format!("the session of `{}` is not up", session.directory))
                .hint("start it with `prism start`, or leave `--no-start` away"),
            Refusal::Unstable => {
                Failure::new(format!("not everything stays up: {}", self.fell.join(", "))).hint_there(
                    "`prism compose ps -a` shows the containers; `prism compose up -d --force-recreate` makes them anew",
                )
            }
        }
    }
}

/// Collects the ids of containers that run.
pub fn running(containers: &[Container]) -> BTreeSet<String> {
    let running = containers.iter().filter(|container| container.state == State::Running);
    running.map(|container| container.id.clone()).collect()
}

/// Says that a directory has no session.
pub fn no_session(session: &Session) -> Failure {
    Failure::new(format!("there is no session in `{}`", session.directory))
        .code(Code::NoSession)
        .hint("`prism start` starts its stack")
}
