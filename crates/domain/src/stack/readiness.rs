//! Whether the containers that run are the ones that the header expects, and how far they are.

use std::time::Duration;

use crate::catalog::{Kind, Probe};
use crate::engine::container::{Container, Health, State, Status};
use crate::engine::kind::kind_of;
use crate::identity::name::ServiceName;
use crate::stack::header::Header;
use crate::stack::plan::{Publication, ServicePlan};
use crate::stack::settings::Ready;
use crate::text::url;

/// A container that started less than this ago, and has no health check, is asked before it is believed.
pub const YOUNG: Duration = Duration::from_secs(10);

/// A container that nothing can be asked of is watched for a moment: a wrong command ends at once.
const UNSETTLED: Duration = Duration::from_secs(1);

/// What is known of one container, or of a missing one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing more is expected of it.
    Ready,
    /// It runs; ask the health check.
    AskHealth,
    /// It runs; ask the primary port.
    AskPort,
    /// It runs and has to end with status 0.
    AskCompletion,
    /// It runs since a moment, and nothing can be asked: see whether it stays.
    Settle,
    /// The list does not tell: inspect it.
    Inspect,
    /// Its health check says no.
    Unhealthy,
    /// It ended with this status, and should not have.
    Exited(i64),
    /// Absent, never started, paused, or without a binding that it should have.
    Down,
}

/// How a session's containers compare with its header, as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Everything in scope is ready: the warm path.
    Ready,
    /// Everything in scope runs, something must still be asked or waited for.
    Waiting,
    /// Compose has to act.
    Down,
}

/// A service of the scope, one of its containers if it has one, and what is known of it.
#[derive(Debug, Clone)]
pub struct Finding<'a> {
    /// The service.
    pub service: &'a ServiceName,
    /// What is expected of it.
    pub plan: &'a ServicePlan,
    /// `None`: the container is missing.
    pub container: Option<&'a Container>,
    /// The judgement.
    pub verdict: Verdict,
}

/// Judges every expected container of the scope. `containers` are those of one session, without twins.
pub fn survey<'a>(header: &'a Header, containers: &'a [Container]) -> Vec<Finding<'a>> {
    let mut findings = Vec::new();
    for service in &header.scope {
        let Some(plan) = header.services.get(service).filter(|plan| !plan.ignored) else { continue };
        let mut missing = plan.replicas;
        for container in containers.iter().filter(|container| container.service == *service) {
            missing = missing.saturating_sub(1);
            findings.push(Finding {
                service,
                plan,
                container: Some(container),
                verdict: believe(header, plan, container, judge(plan, container)),
            });
        }
        for _ in 0..missing {
            findings.push(Finding { service, plan, container: None, verdict: Verdict::Down });
        }
    }
    findings
}

/// Doubts that a container is ready whose port did not answer the last time: it has only grown older since.
fn believe(header: &Header, plan: &ServicePlan, container: &Container, verdict: Verdict) -> Verdict {
    let is_by_port = plan.primary.is_some() && matches!(plan.ready, None | Some(Ready::Tcp));
    let is_doubted = is_by_port && container.state == State::Running;
    if verdict == Verdict::Ready && is_doubted && header.unanswered.contains(&container.id) {
        Verdict::AskPort
    } else {
        verdict
    }
}

/// Says of a service that is down what is the matter with it: a clause.
pub fn why_down(finding: &Finding) -> String {
    let Some(container) = finding.container else { return "it has no container".to_owned() };
    match container.state {
        State::Created => "its container was never started".to_owned(),
        State::Paused => "its container is paused".to_owned(),
        State::Exited => "its container was stopped".to_owned(),
        State::Gone => "its container is being removed".to_owned(),
        _ => {
            let missing = missing_bindings(finding.plan, container);
            let at = |port: &Publication| match finding.plan.host_ports(port) {
                Some(ports) => format!(
                    "{} at {}",
                    port.container,
                    url::address(&port.host_ip.to_string(), *ports.start())
                ),
                None => port.container.to_string(),
            };
            let missing: Vec<String> = missing.map(at).collect();
            format!("its container does not publish {}", missing.join(", "))
        }
    }
}

/// Sums up a survey.
pub fn stage(findings: &[Finding]) -> Stage {
    let of = |finding: &Finding| match finding.verdict {
        Verdict::Ready => Stage::Ready,
        Verdict::Down | Verdict::Exited(_) => Stage::Down,
        _ => Stage::Waiting,
    };
    findings.iter().map(of).max().unwrap_or(Stage::Ready)
}

/// Judges one container by the Engine's list alone.
pub fn judge(plan: &ServicePlan, container: &Container) -> Verdict {
    match container.state {
        State::Exited => match Status::parse(&container.status) {
            Status::Exited(0) if plan.completes => Verdict::Ready,
            Status::Exited(code) => Verdict::Exited(code),
            _ => Verdict::Inspect,
        },
        State::Restarting => Verdict::Inspect,
        State::Created | State::Paused | State::Gone => Verdict::Down,
        State::Running if plan.ready == Some(Ready::Completed) => Verdict::AskCompletion,
        State::Running if missing_bindings(plan, container).next().is_some() => Verdict::Down,
        State::Running => running(plan, container),
    }
}

fn running(plan: &ServicePlan, container: &Container) -> Verdict {
    let Status::Up { age, health } = Status::parse(&container.status) else { return Verdict::Inspect };
    by_age_and_health(plan, container, age, health)
}

/// Returns how a container's primary port is asked: in its protocol, if that is known.
pub fn probe(plan: &ServicePlan, container: &Container) -> Probe {
    let is_primary = |kind: &Kind| plan.primary.is_some_and(|primary| primary.number == kind.port());
    kind_of(container).filter(|kind| is_primary(kind)).map_or(Probe::Tcp, |kind| kind.probe)
}

/// Judges a running container whose age and health are known, from the list or an inspection.
///
/// A database that initializes itself often answers its health check on a socket inside, long before it
/// listens: where prism speaks the protocol, a young container is asked from the outside as well.
pub fn by_age_and_health(
    plan: &ServicePlan,
    container: &Container,
    age: Duration,
    health: Option<Health>,
) -> Verdict {
    let by_port = match plan.primary {
        Some(_) if age < YOUNG => Verdict::AskPort,
        None if age < UNSETTLED => Verdict::Settle,
        _ => Verdict::Ready,
    };
    match (plan.ready, health) {
        (None, Some(Health::Healthy)) if probe(plan, container) != Probe::Tcp => by_port,
        (Some(Ready::Tcp), _) | (None | Some(Ready::Completed), None) => by_port,
        (Some(Ready::None), _) | (_, Some(Health::Healthy)) => Verdict::Ready,
        (_, Some(Health::Unhealthy)) => Verdict::Unhealthy,
        (_, Some(Health::Starting)) | (Some(Ready::Healthy), None) => Verdict::AskHealth,
    }
}

/// Lists what a container should have bound, and has not.
fn missing_bindings<'a>(
    plan: &'a ServicePlan,
    container: &'a Container,
) -> impl Iterator<Item = &'a Publication> {
    let live = container.live_bindings();
    plan.ports.iter().filter(move |port| {
        !live.iter().any(|binding| {
            binding.container == port.container
                && plan.host_ports(port).is_none_or(|ports| ports.contains(&binding.host_port))
                && binding.host_ip.parse::<std::net::IpAddr>().is_ok_and(|ip| ip == port.host_ip)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::container::Binding;
    use crate::engine::container::tests::container;
    use crate::port::ContainerPort;
    use crate::port::allocation::Policy;

    fn plan() -> ServicePlan {
        let port = ContainerPort::tcp(5432);
        let host_ip = std::net::Ipv4Addr::LOCALHOST.into();
        ServicePlan {
            ports: vec![Publication { container: port, host_ip, host_port: None, policy: Policy::Random }],
            primary: Some(port),
            replicas: 1,
            by_default: true,
            ..ServicePlan::default()
        }
    }

    fn bound(status: &str) -> Container {
        let mut container = container("db", status);
        container.bindings = vec![Binding {
            container: ContainerPort::tcp(5432),
            host_ip: "127.0.0.1".into(),
            host_port: 32768,
        }];
        container
    }

    #[test]
    fn running_containers() {
        for (status, verdict) in [
            ("Up 2 minutes (healthy)", Verdict::Ready),
            ("Up 1 second (healthy)", Verdict::Ready),
            ("Up 2 minutes (health: starting)", Verdict::AskHealth),
            ("Up 2 minutes (unhealthy)", Verdict::Unhealthy),
            ("Up 2 minutes", Verdict::Ready),
            ("Up 9 seconds", Verdict::AskPort),
            ("Up 10 seconds", Verdict::Ready),
            ("Up some time", Verdict::Inspect),
        ] {
            assert_eq!(judge(&plan(), &bound(status)), verdict, "{status}");
        }
    }

    #[test]
    fn a_service_without_a_port_is_watched_for_a_moment() {
        let worker = ServicePlan { replicas: 1, ..ServicePlan::default() };
        assert_eq!(judge(&worker, &container("worker", "Up Less than a second")), Verdict::Settle);
        assert_eq!(judge(&worker, &container("worker", "Up 1 second")), Verdict::Ready);
    }

    #[test]
    fn a_young_database_that_calls_itself_healthy_is_asked_from_outside() {
        let mut db = bound("Up 1 second (healthy)");
        db.image = "postgres:17".into();
        assert_eq!(judge(&plan(), &db), Verdict::AskPort);
        db.status = "Up 10 seconds (healthy)".into();
        assert_eq!(judge(&plan(), &db), Verdict::Ready);
    }

    #[test]
    fn a_missing_or_foreign_binding_means_down() {
        assert_eq!(judge(&plan(), &container("db", "Up 2 minutes (healthy)")), Verdict::Down);
        let mut elsewhere = bound("Up 2 minutes");
        elsewhere.bindings[0].host_ip = "0.0.0.0".into();
        assert_eq!(judge(&plan(), &elsewhere), Verdict::Down);
    }

    #[test]
    fn what_is_the_matter_with_a_service_that_is_down() {
        let service = ServiceName::from("db");
        let mut plan = plan();
        plan.ports[0].host_port = Some(23_817);
        let why = |container: Option<&Container>| {
            why_down(&Finding { service: &service, plan: &plan, container, verdict: Verdict::Down })
        };
        assert_eq!(why(None), "it has no container");
        let mut db = container("db", "Up 2 minutes");
        assert_eq!(why(Some(&db)), "its container does not publish 5432/tcp at 127.0.0.1:23817");
        db.state = State::Paused;
        assert_eq!(why(Some(&db)), "its container is paused");
        db.state = State::Exited;
        assert_eq!(why(Some(&db)), "its container was stopped");
    }

    #[test]
    fn a_binding_at_another_port_than_the_reserved_one_means_down() {
        for (reserved, replicas, verdict) in [
            (32_768, 1, Verdict::Ready),
            (32_767, 1, Verdict::Down),
            (32_767, 2, Verdict::Ready),
            (32_769, 2, Verdict::Down),
        ] {
            let mut plan = ServicePlan { replicas, ..plan() };
            plan.ports[0].host_port = Some(reserved);
            assert_eq!(judge(&plan, &bound("Up 2 minutes")), verdict, "{reserved} for {replicas}");
        }
    }

    #[test]
    fn bindings_of_a_container_that_does_not_run_are_stale() {
        let mut stopped = bound("Exited (0) 2 minutes ago");
        stopped.state = State::Exited;
        assert!(stopped.live_bindings().is_empty());
        assert_eq!(judge(&plan(), &stopped), Verdict::Exited(0), "a stopped database is not a one-shot");
    }

    #[test]
    fn one_shots() {
        let one_shot = ServicePlan { completes: true, replicas: 1, ..ServicePlan::default() };
        let mut ended = container("migrate", "Exited (0) 2 minutes ago");
        ended.state = State::Exited;
        assert_eq!(judge(&one_shot, &ended), Verdict::Ready);
        ended.status = "Exited (3) 2 minutes ago".into();
        assert_eq!(judge(&one_shot, &ended), Verdict::Exited(3));
        let awaited = ServicePlan { ready: Some(Ready::Completed), ..one_shot };
        assert_eq!(judge(&awaited, &container("migrate", "Up 3 seconds")), Verdict::AskCompletion);
    }

    #[test]
    fn the_users_word_on_readiness() {
        let with = |ready| ServicePlan { ready: Some(ready), ..plan() };
        let young = Duration::from_secs(1);
        for (ready, health, verdict) in [
            (Ready::None, Some(Health::Unhealthy), Verdict::Ready),
            (Ready::Tcp, Some(Health::Starting), Verdict::AskPort),
            (Ready::Healthy, None, Verdict::AskHealth),
            (Ready::Healthy, Some(Health::Healthy), Verdict::Ready),
        ] {
            assert_eq!(
                by_age_and_health(&with(ready), &bound(""), young, health),
                verdict,
                "{ready:?} {health:?}"
            );
        }
    }

    #[test]
    fn the_worst_container_gives_the_stage() {
        let plan = plan();
        let service = ServiceName::from("db");
        let finding = |verdict| Finding { service: &service, plan: &plan, container: None, verdict };
        assert_eq!(stage(&[]), Stage::Ready);
        assert_eq!(stage(&[finding(Verdict::Ready), finding(Verdict::AskPort)]), Stage::Waiting);
        assert_eq!(stage(&[finding(Verdict::Unhealthy), finding(Verdict::Ready)]), Stage::Waiting);
        assert_eq!(stage(&[finding(Verdict::AskPort), finding(Verdict::Down)]), Stage::Down);
    }
}
