//! Why a service is not ready: what an inspection adds, and how a failure is told.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::engine::container::{Container, Inspection, State};
use domain::engine::health::last_word;
use domain::engine::socket::Sockets;
use domain::failure::Failure;
use domain::stack::readiness::{Finding, Verdict, by_age_and_health};
use domain::stack::settings::Ready;

use crate::docker::Engine;

/// A container that was started again so often will not make it.
const RESTART_LIMIT: i64 = 3;

/// How many of a failed container's last lines are shown.
const LOG_LINES: usize = 10;

/// Inspects what the list does not tell, and judges it again.
pub fn inspect_unclear(
    engine: &Engine,
    findings: &mut [Finding],
) -> anyhow::Result<BTreeMap<String, Inspection>> {
    let is_unclear = |finding: &&Finding| {
        matches!(
            finding.verdict,
            Verdict::Inspect | Verdict::AskHealth | Verdict::Unhealthy | Verdict::Settle
        )
    };
    let unclear = findings.iter().filter(is_unclear).filter_map(|finding| finding.container);
    let inspections = engine.inspect(unclear.map(|container| container.id.as_str()))?;
    for finding in findings {
        let Some(container) = finding.container.filter(|_| finding.verdict == Verdict::Inspect) else {
            continue;
        };
        let Some(seen) = inspections.get(&container.id) else { continue };
        if container.state == State::Running {
            let age = seen.age.unwrap_or_default();
            finding.verdict = by_age_and_health(finding.plan, container, age, seen.health);
        } else if container.state == State::Exited {
            let done = seen.exit_code == 0 && finding.plan.completes;
            finding.verdict = if done { Verdict::Ready } else { Verdict::Exited(seen.exit_code) };
        }
    }
    Ok(inspections)
}

/// Finds the first service that will not become ready, and explains it. `is_old` passes over containers whose
/// failure is known and about to be mended.
pub fn failure(
    engine: &Engine,
    findings: &[Finding],
    inspections: &BTreeMap<String, Inspection>,
    is_old: impl Fn(&Container) -> bool,
) -> Option<Failure> {
    findings.iter().find_map(|finding| {
        let container = finding.container.filter(|container| !is_old(container))?;
        let seen = inspections.get(&container.id);
        let service = finding.service;
        match finding.verdict {
            Verdict::Exited(code) => {
                let signal = if code > 128 { format!(" (signal {})", code - 128) } else { String::new() };
                Some(failed(
                    engine,
                    format!("service `{service}` exited with status {code}{signal}"),
                    container,
                ))
            }
            Verdict::Inspect if seen.is_some_and(|seen| seen.restarts >= RESTART_LIMIT) => {
                // While it runs once more, its status is that of nothing.
                let said =
                    container.status.strip_prefix("Restarting (").and_then(|rest| rest.split(')').next());
                let said = said.and_then(|code| code.parse().ok());
                let code = said.unwrap_or_else(|| seen.map_or(0, |seen| seen.exit_code));
                let what = format!("service `{service}` keeps restarting (exit status {code})");
                Some(failed(engine, what, container))
            }
            Verdict::AskHealth if lacks_health_check(finding, seen) => Some(
                Failure::new(format!(
                    "service `{service}` should be awaited until it is healthy, but has no health check"
                ))
                .hint("add a `healthcheck:`, or set `dev-prism.ready` to `tcp` or `none`"),
            ),
            _ => None,
        }
    })
}

fn lacks_health_check(finding: &Finding, seen: Option<&Inspection>) -> bool {
    finding.plan.ready == Some(Ready::Healthy) && seen.is_some_and(|seen| seen.health.is_none())
}

/// Explains that a service's health check says no, and what it wrote.
pub fn unhealthy(engine: &Engine, finding: &Finding, wrote: Option<&str>) -> Option<Failure> {
    let wrote =
        wrote.and_then(last_word).map_or_else(String::new, |word| format!(": its check says `{word}`"));
    Some(failed(engine, format!("service `{}` is unhealthy{wrote}", finding.service), finding.container?))
}

/// Builds the failure of a container, with the last lines that it wrote.
pub fn failed(engine: &Engine, what: String, container: &Container) -> Failure {
    Failure::new(what)
        .details(engine.last_lines(&container.id, LOG_LINES))
        .hint_there(format!("`prism logs {}` shows everything it wrote", container.service))
}

/// What containers say for themselves, by id.
#[derive(Debug, Default)]
pub struct Insides {
    /// What listens in those whose ports do not answer.
    sockets: BTreeMap<String, Sockets>,
    /// What the health checks of those wrote that fail.
    checks: BTreeMap<String, String>,
}

impl Insides {
    /// Takes what the Engine saw of health checks.
    pub fn of_checks(inspections: &BTreeMap<String, Inspection>) -> Self {
        let wrote = inspections.iter().filter_map(|(id, seen)| Some((id.clone(), seen.health_text.clone()?)));
        Self { checks: wrote.collect(), ..Self::default() }
    }

    /// Adds what health checks wrote that prism ran itself.
    #[must_use]
    pub fn with_checks(mut self, wrote: &BTreeMap<String, String>) -> Self {
        self.checks.extend(wrote.clone());
        self
    }

    /// Looks at what listens in the containers whose ports do not answer.
    #[must_use]
    pub fn look(mut self, engine: &Engine, pending: &[&Finding]) -> Self {
        let asked = pending.iter().filter(|finding| finding.verdict == Verdict::AskPort);
        let containers = asked.filter_map(|finding| finding.container);
        self.sockets = containers
            .filter_map(|container| Some((container.id.clone(), engine.sockets(&container.id)?)))
            .collect();
        self
    }

    /// Says why one is not ready: a clause.
    fn explain(&self, finding: &Finding) -> Option<String> {
        let id = &finding.container?.id;
        if matches!(finding.verdict, Verdict::AskHealth | Verdict::Unhealthy) {
            return Some(format!("it fails with `{}`", last_word(self.checks.get(id)?)?));
        }
        Some(self.sockets.get(id)?.explain(finding.plan.primary?))
    }
}

/// Explains that the time is over.
pub fn timed_out(engine: &Engine, pending: &[&Finding], limit: Duration, insides: Insides) -> Failure {
    let insides = insides.look(engine, pending);
    let general = "`--wait-timeout SECONDS` waits longer; the label `dev-prism.ready` (none, tcp, healthy) says what to wait for";
    let hint = match remedy(pending, &insides) {
        Some(remedy) => format!("{remedy}; {general}"),
        None => general.to_owned(),
    };
    let awaited = describe(pending, &insides);
    let failure =
        Failure::new(format!("gave up after {} s waiting for {awaited}", limit.as_secs())).hint(hint);
    match pending.iter().find_map(|finding| finding.container) {
        Some(container) => failure.details(engine.last_lines(&container.id, LOG_LINES)),
        None => failure,
    }
}

/// Says what to do about the first port at which nobody listens.
pub fn remedy(pending: &[&Finding], insides: &Insides) -> Option<String> {
    pending.iter().find_map(|finding| {
        let sockets = insides.sockets.get(&finding.container?.id)?;
        sockets.remedy(&finding.service.0, finding.plan.primary?)
    })
}

/// Names what is awaited: `db` (health check), `web` (port 80/tcp): nobody listens there, but on 8080/tcp.
pub fn describe(pending: &[&Finding], insides: &Insides) -> String {
    let one = |finding: &&Finding| {
        let of = match finding.verdict {
            Verdict::AskHealth | Verdict::Unhealthy => "health check".to_owned(),
            Verdict::AskPort => finding.plan.primary.map_or_else(String::new, |port| format!("port {port}")),
            Verdict::AskCompletion => "to complete".to_owned(),
            _ => "to run".to_owned(),
        };
        let why = insides.explain(finding).map_or_else(String::new, |why| format!(": {why}"));
        format!("`{}` ({of}){why}", finding.service)
    };
    let is_plain = pending.iter().all(|finding| insides.explain(finding).is_none());
    let separator = if is_plain { ", " } else { "; " };
    pending.iter().map(one).collect::<Vec<_>>().join(separator)
}
