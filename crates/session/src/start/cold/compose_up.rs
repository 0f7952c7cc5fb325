//! `docker compose up`, watched while it runs and helped where it does not heal by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use domain::engine::container::{Container, Inspection, State};
use domain::failure::Failure;
use domain::identity::name::ServiceName;
use domain::port::reservation::refused;
use domain::stack::readiness::{Finding, Verdict, survey};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::half_made::half_made;
use super::prepare::Prepared;
use super::progress::Progress;
use crate::compose;
use crate::machine::lock::Lock;
use crate::machine::process::interrupt::Interrupt;
use crate::start::diagnosis::{self, Insides};
use crate::start::options::Options;
use crate::start::rename;
use crate::work::Work;

/// How often Compose is looked after.
const POLL: Duration = Duration::from_millis(50);

/// How often the Engine is asked meanwhile.
const SURVEY: Duration = Duration::from_millis(300);

/// How often a person is told what Compose waits for.
const WORD: Duration = Duration::from_secs(10);

/// How long Compose may take to end after it was told to.
const GRACE: Duration = Duration::from_secs(10);

/// What brings a stack up.
const UP: &[&str] = &["up", "-d"];

/// The same, for what it does not see to be broken.
const UP_ANEW: &[&str] = &["up", "-d", "--force-recreate"];

/// Makes containers anew, and starts nothing.
const CREATE_ANEW: &[&str] = &["create", "--force-recreate"];

/// Builds images anew: `up` builds those only that are not there.
const BUILD: &[&str] = &["build"];

/// The status with which Compose ends when an image cannot be had.
const MISSING_IMAGE: i32 = 18;

/// All that `up` needs.
pub(super) struct ComposeUp<'a> {
    work: &'a mut Work,
    options: &'a Options,
    lock: &'a Lock,
    prepared: &'a mut Prepared,
    /// When the last pull or build ended: from then on the time is counted.
    since: Instant,
    /// The containers that ran before.
    ran: &'a BTreeSet<String>,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Everything was started; the last pull or build ended then.
    Up(Instant),
    /// These reserved ports could not be bound.
    Refused(BTreeSet<u16>),
}

impl<'a> ComposeUp<'a> {
    pub(super) fn new(
        work: &'a mut Work,
        options: &'a Options,
        lock: &'a Lock,
        prepared: &'a mut Prepared,
        ran: &'a BTreeSet<String>,
    ) -> Self {
        let since = work.interrupt.now();
        Self { work, options, lock, prepared, since, ran }
    }

    /// Runs `up`, a second time where experience says that this helps.
    pub(super) fn run(mut self) -> anyhow::Result<Ended> {
        let stale = self.stale_images()?;
        if !stale.is_empty() {
            self.act(BUILD, &stale)?;
        }
        let mut half_made = half_made(self.work)?;
        half_made.retain(|service| self.prepared.header.scope.contains(service));
        if !half_made.is_empty() {
            self.act(CREATE_ANEW, &half_made)?;
        }
        let mut arguments = UP;
        let mut is_last = false;
        loop {
            let scope = self.prepared.header.scope.clone();
            let (status, log) = self.attempt(arguments, &scope)?;
            let unbound = status.success() && !is_last && self.has_unbound()?;
            if status.success() && !unbound {
                return Ok(Ended::Up(self.since));
            }
            let refused = refused(&log, self.prepared.header.host_ports());
            if !refused.is_empty() {
                return Ok(Ended::Refused(refused));
            }
            arguments = match remedy(&log) {
                _ if unbound => UP_ANEW,
                Some(remedy) if !is_last => remedy,
                _ => return Err(self.explain(status, &log)?.into()),
            };
            is_last = true;
            self.work.notices.detail("trying again");
        }
    }

    /// Lists the services whose images were built with other ports of the session than it has now.
    fn stale_images(&self) -> anyhow::Result<Vec<ServiceName>> {
        if self.prepared.builds.is_empty() {
            return Ok(Vec::new());
        }
        let built = self.work.engine.builds(&self.work.session.id)?;
        let is_stale = |(service, hash): &(&ServiceName, &String)| {
            let mut images = built.iter().filter(|(name, _)| name == *service).peekable();
            images.peek().is_some() && images.all(|(_, built)| built != *hash)
        };
        let stale = self.prepared.builds.iter().filter(is_stale);
        Ok(stale.map(|(service, _)| service.clone()).collect())
    }

    /// Makes what the services need, images above all, and starts none of them.
    pub(super) fn create(mut self) -> anyhow::Result<()> {
        let scope = self.prepared.header.scope.clone();
        self.act(&["create"], &scope)
    }

    /// Runs Compose once, and fails if it does.
    fn act(&mut self, arguments: &[&str], services: &[ServiceName]) -> anyhow::Result<()> {
        match self.attempt(arguments, services)? {
            (status, _) if status.success() => Ok(()),
            (status, log) => Err(self.explain(status, &log)?.into()),
        }
    }

    /// Runs Compose once. Gives its status, and the lines that are no progress.
    fn attempt(
        &mut self,
        arguments: &[&str],
        services: &[ServiceName],
    ) -> anyhow::Result<(ExitStatus, Vec<String>)> {
        // A file, not a pipe: Compose outlives a killed prism.
        let file = tempfile::Builder::new().append(true).tempfile()?.into_file();
        let mut progress = Progress::new(&file);
        let compose = &self.prepared.compose;
        let mut child = self.lock.inherited(|| compose.change(arguments, services, &file))??;
        match self.watch(&mut child, &mut progress) {
            Ok(status) => Ok((status, progress.finish(self.work.notices, status.success()))),
            Err(error) => {
                end(&mut child, &self.work.interrupt)?;
                progress.finish(self.work.notices, false);
                Err(error)
            }
        }
    }

    /// Looks after Compose until it ends.
    ///
    /// # Errors
    /// A signal came, a service failed while others wait for it, or the time is over. Compose still runs then.
    fn watch(&mut self, child: &mut Child, progress: &mut Progress) -> anyhow::Result<ExitStatus> {
        let before = self.failed_containers()?;
        let mut surveyed = self.work.interrupt.now();
        let mut next_word = surveyed + WORD;
        loop {
            let ended = child.try_wait()?;
            if progress.relay(self.work.notices) {
                self.since = self.work.interrupt.now();
            }
            if let Some(status) = ended {
                if status.code().is_none() {
                    compose::kill(child);
                }
                return Ok(status);
            }
            self.own_names()?;
            let now = self.work.interrupt.now();
            next_word = next_word.max(self.since + WORD);
            let is_late = now >= self.since + self.options.wait_timeout;
            if is_late || now >= surveyed + SURVEY {
                surveyed = now;
                let is_due = now >= next_word;
                self.fail_on_new_failure(&before, is_late, is_due)?;
                if is_due {
                    next_word = now + WORD;
                }
            }
            self.work.interrupt.pause(POLL)?;
        }
    }

    /// Takes Compose's names off shared networks as soon as a container runs: until Compose is done, others would
    /// reach it there. What fails now is tried again at the end.
    fn own_names(&mut self) -> anyhow::Result<()> {
        let header = &mut self.prepared.header;
        if !header.shared_names.is_empty() {
            let containers = self.work.engine.session(&self.work.session.id)?;
            let _ = rename::rename(&self.work.engine, header, &containers);
        }
        Ok(())
    }

    /// Collects the containers that look failed already: Compose is about to start them again.
    fn failed_containers(&mut self) -> anyhow::Result<BTreeSet<String>> {
        let containers = self.work.engine.session(&self.work.session.id)?;
        let findings = survey(&self.prepared.header, &containers);
        let failed = findings.iter().filter(|finding| has_failed(finding));
        Ok(failed.filter_map(|finding| finding.container).map(|container| container.id.clone()).collect())
    }

    /// Fails if a service has failed that others may be waiting for, or if there is no time left.
    /// With `is_due`, says what Compose waits for.
    fn fail_on_new_failure(
        &mut self,
        before: &BTreeSet<String>,
        is_late: bool,
        is_due: bool,
    ) -> anyhow::Result<()> {
        let containers = self.work.engine.session(&self.work.session.id)?;
        let mut findings = survey(&self.prepared.header, &containers);
        let inspections = diagnosis::inspect_unclear(&self.work.engine, &mut findings)?;
        // One that ran before was stopped by somebody, and is started again when Compose has ended.
        let is_old = |container: &Container| {
            before.contains(&container.id)
                || container.state == State::Exited && self.ran.contains(&container.id)
        };
        if let Some(failure) = diagnosis::failure(&self.work.engine, &findings, &inspections, is_old) {
            return Err(failure.into());
        }
        let is_new = |finding: &&Finding| finding.container.is_some_and(|container| !is_old(container));
        let unhealthy = findings.iter().filter(is_new).find(|finding| finding.verdict == Verdict::Unhealthy);
        if let Some(failure) = unhealthy.and_then(|finding| {
            diagnosis::unhealthy(&self.work.engine, finding, wrote(finding, &inspections))
        }) {
            return Err(failure.into());
        }
        let is_awaited = |finding: &&Finding| {
            let by_compose = matches!(finding.verdict, Verdict::AskHealth | Verdict::AskCompletion);
            by_compose && finding.container.is_some()
        };
        let awaited: Vec<&Finding> = findings.iter().filter(is_awaited).collect();
        if is_due && !awaited.is_empty() {
            let seconds = self.work.interrupt.now().saturating_duration_since(self.since).as_secs();
            let awaited = diagnosis::describe(&awaited, &Insides::of_checks(&inspections));
            self.work.notices.note(format!("waiting {seconds} s for {awaited}"));
        }
        if is_late {
            let pending: Vec<&Finding> = findings.iter().filter(|it| it.verdict != Verdict::Ready).collect();
            let insides = Insides::of_checks(&inspections);
            let limit = self.options.wait_timeout;
            return Err(diagnosis::timed_out(&self.work.engine, &pending, limit, insides).into());
        }
        Ok(())
    }

    /// Says whether a container runs without a binding that it should have.
    fn has_unbound(&mut self) -> anyhow::Result<bool> {
        let containers = self.work.engine.session(&self.work.session.id)?;
        let findings = survey(&self.prepared.header, &containers);
        Ok(findings.iter().any(|finding| finding.verdict == Verdict::Down))
    }

    /// Explains why Compose failed: by the service that failed, else in Compose's own words.
    fn explain(&mut self, status: ExitStatus, log: &[String]) -> anyhow::Result<Failure> {
        let containers = self.work.engine.session(&self.work.session.id)?;
        let mut findings = survey(&self.prepared.header, &containers);
        let inspections = diagnosis::inspect_unclear(&self.work.engine, &mut findings)?;
        let unhealthy = || findings.iter().find(|finding| finding.verdict == Verdict::Unhealthy);
        let failure =
            diagnosis::failure(&self.work.engine, &findings, &inspections, |_| false).or_else(|| {
                let finding = unhealthy()?;
                diagnosis::unhealthy(&self.work.engine, finding, wrote(finding, &inspections))
            });
        if let Some(failure) = failure {
            return Ok(failure);
        }
        let is_named = |container: &&Container| {
            log.iter().any(|line| line.contains("dependency failed") && line.contains(&container.name))
        };
        if let Some(container) = containers.iter().find(is_named) {
            let what = format!("service `{}`, which others wait for, failed", container.service);
            return Ok(diagnosis::failed(&self.work.engine, what, container));
        }
        let code = status.code().map_or_else(|| status.to_string(), |code| format!("exit status {code}"));
        let says = |part: &str| log.iter().any(|line| line.contains(part));
        let hint = if says("address pool") {
            "this Engine has no addresses left for another network: `prism prune` and `docker network prune` free some, `default-address-pools` in its daemon.json makes it have more"
        } else if says("marked read-only") {
            "a secret or config is copied into its container unless it is a `file:`, and `read_only: true` forbids that: make it a `file:`"
        } else if status.code() == Some(MISSING_IMAGE) {
            "check the image's name, or log in with `docker login`; an image of your own needs a `build:`"
        } else {
            "`prism compose config` shows the project as Compose sees it, `prism compose ps -a` what became of it"
        };
        let failure = Failure::new(format!("Docker Compose could not start the stack ({code})"));
        Ok(compose::blame(failure.details(compose::without_dump(log)).hint(hint)))
    }
}

fn has_failed(finding: &Finding) -> bool {
    matches!(finding.verdict, Verdict::Exited(_) | Verdict::Unhealthy | Verdict::Inspect)
}

/// Returns what a health check that fails wrote.
fn wrote<'i>(finding: &Finding, inspections: &'i BTreeMap<String, Inspection>) -> Option<&'i str> {
    inspections.get(&finding.container?.id)?.health_text.as_deref()
}

/// Knows what Compose does not heal by itself, but a second `up` does (docs/architecture.md).
fn remedy(log: &[String]) -> Option<&'static [&'static str]> {
    let says = |part: &str| log.iter().any(|line| line.contains(part));
    if says("Conflict. The container name") {
        // Left by a Compose that was killed while it recreated.
        Some(UP)
    } else if says("network") && says("not found") {
        Some(UP_ANEW)
    } else {
        None
    }
}

/// Ends Compose and waits for it. A second signal to prism kills it.
fn end(child: &mut Child, interrupt: &Interrupt) -> anyhow::Result<()> {
    let pid = Pid::from_raw(i32::try_from(child.id())?);
    let _ = kill(pid, Signal::SIGTERM);
    // Should it be stopped, that is how it hears of it.
    let _ = killpg(pid, Signal::SIGCONT);
    let deadline = interrupt.now() + GRACE;
    while child.try_wait()?.is_none() {
        if interrupt.pause(POLL).is_err() || interrupt.now() >= deadline {
            break;
        }
    }
    // The plugin outlives the `docker` that started it, if that was killed.
    compose::kill(child);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_second_up_heals_is_tried_again() {
        let log = |line: &str| vec![line.to_owned()];
        assert_eq!(
            remedy(&log(
                "Error response from daemon: Conflict. The container name \"/0912_x\" is already in use"
            )),
            Some(UP)
        );
        assert_eq!(remedy(&log("Error response from daemon: network 5f not found")), Some(UP_ANEW));
        assert_eq!(remedy(&log("Error response from daemon: pull access denied for nope")), None);
    }
}
