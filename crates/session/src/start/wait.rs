//! Waiting until every service is ready, or one has failed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use domain::catalog::Probe;
use domain::engine::container::{Container, Inspection, State};
use domain::failure::Failure;
use domain::port::{ContainerPort, Protocol};
use domain::stack::header::Header;
use domain::stack::plan::ServicePlan;
use domain::stack::readiness::{self, Finding, Verdict, survey};
use domain::stack::settings::Ready;
use domain::variable::{self, Place};

use crate::docker::{Checked, HealthCheck};
use crate::find::{generated, reach};
use crate::machine::{probe, timing};
use crate::start::diagnosis::{self, Insides};
use crate::start::options::Options;
use crate::work::Work;

/// How often the Engine is asked.
const POLL: Duration = Duration::from_millis(100);

/// How long after a health check's command failed it is run again.
const HEALTH_POLL: Duration = Duration::from_millis(300);

/// How long ports beside the primary one are waited for: many of them never listen.
const OTHER_PORTS: Duration = Duration::from_secs(2);

/// How long a published port may be nobody's: the Engine may just be about to bind it.
const ABSENT: Duration = Duration::from_secs(2);

/// When and how often a person is told what is awaited.
const FIRST_WORD: Duration = Duration::from_secs(2);
const NEXT_WORD: Duration = Duration::from_secs(8);

/// After so long a person wants to know why.
const LONG: Duration = Duration::from_secs(10);

/// How long after its first silence it is asked whether a port is served by UDP alone.
const BY_UDP: Duration = Duration::from_secs(2);

/// How the waiting ended, if not with an error.
#[derive(Debug)]
pub enum Outcome {
    /// Everything awaited is ready.
    Ready(Vec<Container>),
    /// Something is missing that only Compose can bring back: the services, each with what is the matter with it.
    Down(Vec<String>),
}

/// What is waited for, and what has been learnt so far.
#[derive(Debug)]
pub struct Wait<'a> {
    work: &'a mut Work,
    header: &'a Header,
    options: &'a Options,
    host: Option<String>,
    /// Since when nobody has a port of a running container on this machine.
    absent: BTreeMap<String, Instant>,
    deadline: Instant,
    /// Containers that ran before prism did anything: of these, one that ends was stopped by somebody.
    before: BTreeSet<String>,
    /// Containers that were found ready by asking.
    ready: BTreeSet<String>,
    /// The users that containers have, where their readiness is asked for by one.
    users: BTreeMap<String, String>,
    /// Containers whose ports were asked.
    asked: BTreeSet<String>,
    /// Since when the primary port of a container does not answer, where it has a UDP port of the same number.
    silent: BTreeMap<String, Instant>,
    /// A remedy was told.
    advised: bool,
    /// Since when the other ports of a container are waited for.
    other_ports: BTreeMap<String, Instant>,
    /// Since when a container that nothing can be asked of is seen to run.
    settling: BTreeMap<String, Instant>,
    /// Health checks that run, by container.
    checks: BTreeMap<String, HealthCheck>,
    /// When a health check's command failed last, by container.
    failed_checks: BTreeMap<String, Instant>,
    /// What it wrote then.
    wrote: BTreeMap<String, String>,
}

impl<'a> Wait<'a> {
    /// Prepares to wait until a session is ready. The time that is allowed began at `since`.
    pub fn new(work: &'a mut Work, header: &'a Header, options: &'a Options, since: Instant) -> Self {
        Self {
            host: work.engine.endpoint().host.clone(),
            work,
            header,
            options,
            absent: BTreeMap::new(),
            deadline: since + options.wait_timeout,
            before: BTreeSet::new(),
            ready: BTreeSet::new(),
            users: BTreeMap::new(),
            asked: BTreeSet::new(),
            silent: BTreeMap::new(),
            advised: false,
            other_ports: BTreeMap::new(),
            settling: BTreeMap::new(),
            checks: BTreeMap::new(),
            failed_checks: BTreeMap::new(),
            wrote: BTreeMap::new(),
        }
    }

    /// Takes the end of containers that ran before for something that a start mends.
    #[must_use]
    pub fn that_ran(self, before: BTreeSet<String>) -> Self {
        Self { before, ..self }
    }

    /// Waits.
    ///
    /// # Errors
    /// A service failed, the time is over, or a signal came.
    pub fn until_ready(mut self) -> anyhow::Result<Outcome> {
        reach::check_name(self.work.engine.endpoint())?;
        let began = self.work.interrupt.now();
        let mut next_word = began + FIRST_WORD;
        let wanted = &self.options.services;
        loop {
            let mut containers = self.work.engine.session(&self.work.session.id)?;
            self.header.dress(&mut containers);
            let mut findings = survey(self.header, &containers);
            findings.retain(|finding| wanted.is_empty() || wanted.contains(finding.service));
            let inspections = diagnosis::inspect_unclear(&self.work.engine, &mut findings)?;
            self.doubt(&mut findings);
            if let Some(failure) =
                diagnosis::failure(&self.work.engine, &findings, &inspections, |container| {
                    self.before.contains(&container.id) && container.state == State::Exited
                })
            {
                return Err(failure.into());
            }
            let is_down = |finding: &&Finding| matches!(finding.verdict, Verdict::Down | Verdict::Exited(_));
            let down = findings.iter().filter(is_down);
            let down: Vec<String> = down
                .map(|finding| format!("`{}` ({})", finding.service, readiness::why_down(finding)))
                .collect();
            if !down.is_empty() {
                return Ok(Outcome::Down(down));
            }
            self.ask_health(&findings, &containers, &inspections)?;
            self.ask_ports(&findings, &containers)?;
            self.let_settle(&findings, &inspections);
            self.work.interrupt.check()?;
            let pending: Vec<&Finding> = findings.iter().filter(|finding| !self.is_ready(finding)).collect();
            if pending.is_empty() {
                self.remember(&BTreeSet::new(), &containers);
                timing::mark("wait");
                return Ok(Outcome::Ready(containers));
            }
            let now = self.work.interrupt.now();
            if now >= self.deadline {
                let silent = pending.iter().filter(|finding| finding.verdict == Verdict::AskPort);
                let silent = silent.filter_map(|finding| Some(finding.container?.id.clone()));
                self.remember(&silent.collect(), &containers);
                let insides = Insides::of_checks(&inspections).with_checks(&self.wrote);
                return Err(diagnosis::timed_out(
                    &self.work.engine,
                    &pending,
                    self.options.wait_timeout,
                    insides,
                )
                .into());
            }
            if now >= next_word {
                next_word = now + NEXT_WORD;
                self.tell(&pending, &inspections, now - began);
            }
            // The Engine's island goes on with the health checks meanwhile.
            self.work.engine.pause(POLL);
        }
    }

    /// Notes down which containers did not answer in time, so that the next run does not take them for ready by their age,
    /// and which did.
    fn remember(&self, unanswered: &BTreeSet<String>, containers: &[Container]) {
        let is_there = |id: &&String| containers.iter().any(|container| container.id == **id);
        let answered: BTreeSet<String> =
            self.header.answered.iter().chain(&self.ready).filter(is_there).cloned().collect();
        if self.header.unanswered.iter().ne(unanswered) || self.header.answered.iter().ne(&answered) {
            let mut header = Header {
                unanswered: unanswered.iter().cloned().collect(),
                answered: answered.into_iter().collect(),
                ..self.header.clone()
            };
            if let Err(error) = generated::write_header(&self.work.session, &mut header) {
                self.work.notices.detail(format!("{error:#}"));
            }
        }
    }

    /// Says what is awaited; after a while also what is there instead, and once what to do about it.
    fn tell(&mut self, pending: &[&Finding], inspections: &BTreeMap<String, Inspection>, waited: Duration) {
        let is_long = waited >= LONG;
        let insides = if is_long {
            Insides::of_checks(inspections).with_checks(&self.wrote).look(&self.work.engine, pending)
        } else {
            Insides::default()
        };
        let (notices, awaited) = (self.work.notices, diagnosis::describe(pending, &insides));
        notices.note(format!("waiting {} s for {awaited}", waited.as_secs()));
        if is_long && !std::mem::replace(&mut self.advised, true) {
            let ready = "`dev-prism.ready: none` does not wait";
            let remedy = diagnosis::remedy(pending, &insides);
            if let Some(remedy) = remedy {
                notices.note(format!("{remedy}; {ready}"));
            }
        }
    }

    /// Has a port answer even if its container grew old meanwhile: one that was asked stays asked until it answers. A
    /// database may take long to initialize itself, and be healthy on a socket inside all the while.
    fn doubt(&mut self, findings: &mut [Finding]) {
        for finding in findings {
            let Some(container) = finding.container.filter(|_| finding.plan.primary.is_some()) else {
                continue;
            };
            if finding.verdict == Verdict::AskPort {
                self.asked.insert(container.id.clone());
            }
            let speaks = readiness::probe(finding.plan, container) != Probe::Tcp;
            let by_port = matches!(finding.plan.ready, None | Some(Ready::Tcp));
            if finding.verdict == Verdict::Ready
                && container.state == State::Running
                && by_port
                && (speaks || self.asked.contains(&container.id))
            {
                finding.verdict = Verdict::AskPort;
            }
        }
    }

    fn is_ready(&self, finding: &Finding) -> bool {
        finding.verdict == Verdict::Ready
            || finding.container.is_some_and(|container| self.ready.contains(&container.id))
    }

    /// Runs the health checks' own commands, so that a slow interval costs nothing. A container that Docker
    /// calls unhealthy is asked once more, as that verdict may be a whole interval old.
    fn ask_health(
        &mut self,
        findings: &[Finding],
        containers: &[Container],
        inspections: &BTreeMap<String, Inspection>,
    ) -> anyhow::Result<()> {
        for finding in findings {
            let is_unhealthy = finding.verdict == Verdict::Unhealthy;
            let (true, Some(container)) =
                (is_unhealthy || finding.verdict == Verdict::AskHealth, finding.container)
            else {
                continue;
            };
            let Some(seen) = inspections.get(&container.id).filter(|_| !self.is_ready(finding)) else {
                continue;
            };
            let Some(check) = self.checks.get_mut(&container.id) else {
                let failed = self.failed_checks.get(&container.id);
                if failed.is_none_or(|failed| failed.elapsed() >= HEALTH_POLL) {
                    self.checks.insert(
                        container.id.clone(),
                        self.work.engine.start_health_check(&container.id, seen),
                    );
                }
                continue;
            };
            let Some(Checked { is_healthy, text }) = self.work.engine.health(check) else { continue };
            self.checks.remove(&container.id);
            if is_healthy && self.listens(finding, container, containers)? {
                self.ready.insert(container.id.clone());
            } else if is_unhealthy && !is_healthy {
                let failure = diagnosis::unhealthy(&self.work.engine, finding, Some(&text));
                return failure.map_or(Ok(()), |failure| Err(failure.into()));
            } else {
                self.failed_checks.insert(container.id.clone(), Instant::now());
                self.wrote.insert(container.id.clone(), text);
            }
        }
        Ok(())
    }

    /// Says whether a healthy container answers from outside, where prism speaks its protocol.
    fn listens(
        &mut self,
        finding: &Finding,
        container: &Container,
        containers: &[Container],
    ) -> anyhow::Result<bool> {
        let endpoint = variable::primary_endpoint(container, containers, self.host.as_deref());
        let Some(place) = endpoint.filter(|_| readiness::probe(finding.plan, container) != Probe::Tcp) else {
            return Ok(true);
        };
        self.answers(finding, container, &place)
    }

    /// Asks a container's primary port.
    fn answers(&mut self, finding: &Finding, container: &Container, place: &Place) -> anyhow::Result<bool> {
        let probe = readiness::probe(finding.plan, container);
        if probe == Probe::Postgres && !self.users.contains_key(&container.id) {
            let seen = self.work.engine.inspect([container.id.as_str()].into_iter())?;
            // It may be gone meanwhile.
            let Some(seen) = seen.get(&container.id) else { return Ok(false) };
            let user = variable::user(container, seen).unwrap_or_default();
            self.users.insert(container.id.clone(), user);
        }
        let user = self.users.get(&container.id).map_or("", String::as_str);
        let answers = probe::answers(probe, user, &place.host, place.port);
        if !answers {
            self.check_presence(container, place)?;
        }
        Ok(answers)
    }

    /// Fails if nobody has a port on this machine that the Engine says to have published: it never will be here.
    fn check_presence(&mut self, container: &Container, place: &Place) -> Result<(), Failure> {
        if self.host.is_some() || !reach::is_absent(&place.host, place.port) {
            self.absent.remove(&container.id);
            return Ok(());
        }
        let since = *self.absent.entry(container.id.clone()).or_insert_with(Instant::now);
        if since.elapsed() < ABSENT {
            return Ok(());
        }
        Err(reach::absent(self.work.engine.endpoint(), container, place.port))
    }

    /// Says whether a port that is published for TCP and UDP is served by UDP alone, as a resolver's may be: then nobody
    /// will ever answer by TCP.
    fn is_served_by_udp(&mut self, plan: &ServicePlan, container: &Container) -> bool {
        let Some(primary) = plan.primary else { return false };
        let twin = ContainerPort { protocol: Protocol::Udp, ..primary };
        if !plan.ports.iter().any(|port| port.container == twin) {
            return false;
        }
        let silent = self.silent.entry(container.id.clone()).or_insert_with(Instant::now);
        if silent.elapsed() < BY_UDP {
            return false;
        }
        *silent = Instant::now();
        self.work
            .engine
            .sockets(&container.id)
            .is_some_and(|sockets| sockets.serves(twin) && !sockets.serves(primary))
    }

    /// Believes in a container that has run for a moment, and has not been started again in it.
    fn let_settle(&mut self, findings: &[Finding], inspections: &BTreeMap<String, Inspection>) {
        let settling = findings.iter().filter(|finding| finding.verdict == Verdict::Settle);
        for container in settling.filter_map(|finding| finding.container) {
            let Some(seen) = inspections.get(&container.id) else { continue };
            let since = *self.settling.entry(container.id.clone()).or_insert_with(Instant::now);
            if seen.has_settled(since.elapsed()) {
                self.ready.insert(container.id.clone());
            }
        }
    }

    /// Probes primary ports, and for a short while the others.
    fn ask_ports(&mut self, findings: &[Finding], containers: &[Container]) -> anyhow::Result<()> {
        for finding in findings.iter().filter(|finding| finding.verdict == Verdict::AskPort) {
            let unknown = finding.container.filter(|container| !self.ready.contains(&container.id));
            let Some(container) = unknown else { continue };
            let Some(place) = variable::primary_endpoint(container, containers, self.host.as_deref()) else {
                continue;
            };
            if !self.other_ports.contains_key(&container.id)
                && !self.answers(finding, container, &place)?
                && !self.is_served_by_udp(finding.plan, container)
            {
                continue;
            }
            let since = *self.other_ports.entry(container.id.clone()).or_insert_with(Instant::now);
            let others = variable::other_endpoints(container, &place, self.host.as_deref()).into_iter();
            let silent: Vec<String> = others
                .filter(|(_, place)| !probe::answers(Probe::Tcp, "", &place.host, place.port))
                .map(|(port, _)| port.to_string())
                .collect();
            if silent.is_empty() {
                self.ready.insert(container.id.clone());
            } else if since.elapsed() >= OTHER_PORTS {
                let (ports, service) = (silent.join(", "), finding.service);
                self.work.notices.detail(format!("nobody listens on {ports} of `{service}` yet"));
                self.ready.insert(container.id.clone());
            }
        }
        Ok(())
    }
}
