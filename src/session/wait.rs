//! Waiting until every service is ready, or one has failed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::Session;
use crate::docker::Engine;
use crate::domain::catalog::Probe;
use crate::domain::container::{Container, Inspection, State, without_twins};
use crate::domain::header::Header;
use crate::domain::name::ServiceName;
use crate::domain::settings::Ready;
use crate::domain::state::{self, Finding, Verdict, by_age_and_health, survey};
use crate::domain::variable;
use crate::error::Failure;
use crate::output::Output;
use crate::probe;
use crate::process::interrupt::Interrupt;

/// How often the Engine is asked.
const POLL: Duration = Duration::from_millis(100);

/// How often a health check's command is run.
const HEALTH_POLL: Duration = Duration::from_millis(300);

/// How long ports beside the primary one are waited for: many of them never listen.
const OTHER_PORTS: Duration = Duration::from_secs(2);

/// For how long a container that nothing can be asked of has to run.
const SETTLED: Duration = Duration::from_millis(500);

/// When and how often a person is told what is awaited.
const FIRST_WORD: Duration = Duration::from_secs(2);
const NEXT_WORD: Duration = Duration::from_secs(10);

/// A container that was started again so often will not make it.
const RESTART_LIMIT: i64 = 3;

/// How many of a failed container's last lines are shown.
const LOG_LINES: usize = 10;

/// How the waiting ended, if not with an error.
#[derive(Debug)]
pub enum Outcome {
    /// Everything awaited is ready.
    Ready(Vec<Container>),
    /// Something is missing that only Compose can bring back: the services.
    Down(Vec<ServiceName>),
}

/// What is waited for, and what has been learnt so far.
#[derive(Debug)]
pub struct Wait<'a> {
    /// The session.
    pub session: &'a Session,
    /// What is expected.
    pub header: &'a Header,
    /// Only these services are awaited; all of the scope if empty.
    pub services: &'a [ServiceName],
    /// The Engine's host, where it is not this machine.
    pub host: Option<&'a str>,
    /// When to give up, and the time that was allowed.
    pub deadline: Instant,
    /// The limit that the user knows.
    pub limit: Duration,
    /// Ends the waiting early.
    pub interrupt: &'a Interrupt,
    /// Where progress goes.
    pub output: Output,
    /// Containers that were found ready by asking.
    pub ready: BTreeSet<String>,
    /// Since when the other ports of a container are waited for.
    pub other_ports: BTreeMap<String, Instant>,
    /// When health checks were run last.
    pub health_asked: Option<Instant>,
}

impl Wait<'_> {
    /// Waits.
    ///
    /// # Errors
    /// A service failed, the time is over, or a signal came.
    pub fn until_ready(mut self, engine: &mut Engine) -> anyhow::Result<Outcome> {
        let began = Instant::now();
        let mut next_word = began + FIRST_WORD;
        loop {
            let containers = without_twins(engine.session(&self.session.id)?);
            let mut findings = survey(self.header, &containers);
            findings.retain(|finding| self.services.is_empty() || self.services.contains(finding.service));
            let inspections = inspect_unclear(engine, &mut findings)?;
            fail_on_failed(engine, &findings, &inspections)?;
            let down: Vec<ServiceName> = findings
                .iter()
                .filter(|finding| finding.verdict == Verdict::Down)
                .map(|finding| finding.service.clone())
                .collect();
            if !down.is_empty() {
                return Ok(Outcome::Down(down));
            }
            self.ask_health(engine, &findings, &containers, &inspections);
            self.ask_ports(&findings, &containers);
            self.let_settle(&findings, &inspections);
            let pending: Vec<&Finding> = findings.iter().filter(|finding| !self.is_ready(finding)).collect();
            if pending.is_empty() {
                return Ok(Outcome::Ready(containers));
            }
            if Instant::now() >= self.deadline {
                return Err(timed_out(engine, &pending, self.limit).into());
            }
            if Instant::now() >= next_word {
                next_word += NEXT_WORD;
                self.output.note(format!(
                    "waiting for {} ({} s)",
                    describe(&pending),
                    began.elapsed().as_secs()
                ));
            }
            self.interrupt.pause(POLL)?;
        }
    }

    fn is_ready(&self, finding: &Finding) -> bool {
        finding.verdict == Verdict::Ready
            || finding.container.is_some_and(|container| self.ready.contains(&container.id))
    }

    /// Runs the health checks' own commands, so that a slow interval costs nothing.
    fn ask_health(
        &mut self,
        engine: &Engine,
        findings: &[Finding],
        containers: &[Container],
        inspections: &BTreeMap<String, Inspection>,
    ) {
        if self.health_asked.is_some_and(|asked| asked.elapsed() < HEALTH_POLL) {
            return;
        }
        self.health_asked = Some(Instant::now());
        let asked = findings.iter().filter(|it| it.verdict == Verdict::AskHealth && !self.is_ready(it));
        let asked: Vec<(&Finding, &Container)> = asked.filter_map(|it| Some((it, it.container?))).collect();
        let checks = asked
            .iter()
            .filter_map(|(_, container)| Some((container.id.as_str(), inspections.get(&container.id)?)));
        let healthy = engine.check_health(checks);
        for (finding, container) in
            asked.iter().filter(|(_, container)| healthy.contains(&container.id.as_str()))
        {
            let probe = state::probe(finding.plan, container);
            let endpoint = variable::primary_endpoint(container, containers, self.host);
            let listens =
                endpoint.is_none_or(|(host, port)| probe == Probe::Tcp || probe::answers(probe, &host, port));
            if listens {
                self.ready.insert(container.id.clone());
            }
        }
    }

    /// Believes in a container that has run for a moment, and has not been started again in it.
    fn let_settle(&mut self, findings: &[Finding], inspections: &BTreeMap<String, Inspection>) {
        let settling = findings.iter().filter(|finding| finding.verdict == Verdict::Settle);
        for container in settling.filter_map(|finding| finding.container) {
            let Some(seen) = inspections.get(&container.id) else { continue };
            if seen.restarts == 0 && seen.age.is_some_and(|age| age >= SETTLED) {
                self.ready.insert(container.id.clone());
            }
        }
    }

    /// Probes primary ports, and for a short while the others.
    fn ask_ports(&mut self, findings: &[Finding], containers: &[Container]) {
        for finding in findings.iter().filter(|finding| finding.verdict == Verdict::AskPort) {
            let Some(container) = finding.container.filter(|container| !self.ready.contains(&container.id))
            else {
                continue;
            };
            let Some((host, port)) = variable::primary_endpoint(container, containers, self.host) else {
                continue;
            };
            if !self.other_ports.contains_key(&container.id)
                && !probe::answers(state::probe(finding.plan, container), &host, port)
            {
                continue;
            }
            let since = *self.other_ports.entry(container.id.clone()).or_insert_with(Instant::now);
            let others = container
                .live_bindings()
                .iter()
                .filter(|binding| binding.container.is_tcp() && binding.host_port != port);
            let silent: Vec<String> = others
                .filter(|binding| !probe::answers(Probe::Tcp, &host, binding.host_port))
                .map(|binding| binding.container.to_string())
                .collect();
            if silent.is_empty() {
                self.ready.insert(container.id.clone());
            } else if since.elapsed() >= OTHER_PORTS {
                self.output.detail(format!(
                    "nobody listens on {} of `{}` yet",
                    silent.join(", "),
                    finding.service
                ));
                self.ready.insert(container.id.clone());
            }
        }
    }
}

/// Inspects what the list does not tell, and judges it again.
fn inspect_unclear(
    engine: &Engine,
    findings: &mut [Finding],
) -> anyhow::Result<BTreeMap<String, Inspection>> {
    let unclear = findings.iter().filter(|finding| {
        matches!(
            finding.verdict,
            Verdict::Inspect | Verdict::AskHealth | Verdict::Unhealthy | Verdict::Settle
        )
    });
    let ids = unclear.filter_map(|finding| finding.container).map(|container| container.id.as_str());
    let inspections = engine.inspect(ids)?;
    for finding in findings {
        let Some(container) = finding.container.filter(|_| finding.verdict == Verdict::Inspect) else {
            continue;
        };
        let Some(seen) = inspections.get(&container.id) else { continue };
        if container.state == State::Running {
            finding.verdict =
                by_age_and_health(finding.plan, container, seen.age.unwrap_or_default(), seen.health);
        } else if container.state == State::Exited {
            let done = seen.exit_code == 0 && finding.plan.completes;
            finding.verdict = if done { Verdict::Ready } else { Verdict::Exited(seen.exit_code) };
        }
    }
    Ok(inspections)
}

/// Fails with the first service that will not become ready.
fn fail_on_failed(
    engine: &Engine,
    findings: &[Finding],
    inspections: &BTreeMap<String, Inspection>,
) -> Result<(), Failure> {
    for finding in findings {
        let Some(container) = finding.container else { continue };
        let seen = inspections.get(&container.id);
        let service = finding.service;
        let what = match finding.verdict {
            Verdict::Exited(code) => exited(finding, code),
            Verdict::Unhealthy => format!("service `{service}` is unhealthy"),
            Verdict::Inspect if seen.is_some_and(|seen| seen.restarts >= RESTART_LIMIT) => {
                format!(
                    "service `{service}` keeps restarting (exit status {})",
                    seen.map_or(0, |seen| seen.exit_code)
                )
            }
            Verdict::AskHealth if lacks_health_check(finding, seen) => {
                return Err(Failure::new(format!(
                    "service `{service}` should be awaited until it is healthy, but has no health check"
                ))
                .hint("add a `healthcheck:`, or set `dev-prism.ready` to `tcp` or `none`"));
            }
            _ => continue,
        };
        return Err(failed(engine, what, container));
    }
    Ok(())
}

fn lacks_health_check(finding: &Finding, seen: Option<&Inspection>) -> bool {
    finding.plan.ready == Some(Ready::Healthy) && seen.is_some_and(|seen| seen.health.is_none())
}

/// Says that a service ended.
pub fn exited(finding: &Finding, code: i64) -> String {
    let signal = if code > 128 { format!(" (signal {})", code - 128) } else { String::new() };
    format!("service `{}` exited with status {code}{signal}", finding.service)
}

/// Builds the failure of a container, with the last lines that it wrote.
pub fn failed(engine: &Engine, what: String, container: &Container) -> Failure {
    Failure::new(what)
        .details(engine.last_lines(&container.id, LOG_LINES))
        .hint(format!("`prism compose logs {}` shows everything it wrote", container.service))
}

fn timed_out(engine: &Engine, pending: &[&Finding], limit: Duration) -> Failure {
    let failure = Failure::new(format!("gave up after {} s waiting for {}", limit.as_secs(), describe(pending)))
        .hint("`--wait-timeout SECONDS` waits longer; the label `dev-prism.ready` (none, tcp, healthy) says what to wait for");
    match pending.iter().find_map(|finding| finding.container) {
        Some(container) => failure.details(engine.last_lines(&container.id, LOG_LINES)),
        None => failure,
    }
}

/// Names what is awaited: `db` (health check), `web` (port 80/tcp).
fn describe(pending: &[&Finding]) -> String {
    let one = |finding: &&Finding| {
        let of = match finding.verdict {
            Verdict::AskHealth => "health check".to_owned(),
            Verdict::AskPort => finding.plan.primary.map_or_else(String::new, |port| format!("port {port}")),
            Verdict::AskCompletion => "to complete".to_owned(),
            _ => "to run".to_owned(),
        };
        format!("`{}` ({of})", finding.service)
    };
    pending.iter().map(one).collect::<Vec<_>>().join(", ")
}
