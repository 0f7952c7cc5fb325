//! The Engine's JSON as domain values.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use domain::engine::claim::{self, Whose};
use domain::engine::container::{Binding, Container, Health, Inspection, State};
use domain::identity::label::LABEL;
use domain::identity::name::{ProjectName, ServiceName, SessionId};
use domain::port::{ContainerPort, Protocol};

use super::claim::judged;
use super::model::{ContainerInspection, ContainerSummary, Mount, Port};

/// Converts an entry of the Engine's list. `None` if it lacks what makes it a container of a session, or is a foreign one
/// with such labels.
pub(super) fn listed(mut summary: ContainerSummary) -> Option<Container> {
    let (labels, name, image) = judged(&mut summary);
    let (claim, is_ours) = match claim::container(&labels, &name, image)? {
        Whose::Ours(claim) => (claim, true),
        Whose::OtherTools(claim) => (claim, false),
        Whose::Foreign(_) => return None,
    };
    made(summary, labels, name, claim.id, is_ours)
}

/// Converts an entry of the Engine's list that is of a session's Compose project, and has none of prism's labels.
pub(super) fn lost(mut summary: ContainerSummary, session: &SessionId) -> Option<Container> {
    let (labels, name, image) = judged(&mut summary);
    if !claim::is_lost(&labels, &name, image, session) {
        return None;
    }
    made(summary, labels, name, session.clone(), false)
}

fn made(
    summary: ContainerSummary,
    labels: BTreeMap<String, String>,
    name: String,
    session_id: SessionId,
    is_ours: bool,
) -> Option<Container> {
    let compose = |key: &str| labels.get(&format!("com.docker.compose.{key}"));
    let own = |key: &str| labels.get(&format!("{LABEL}{key}"));
    let service = compose("service").or_else(|| own("service"))?.clone();
    Some(Container {
        id: summary.id?,
        name,
        session_id,
        is_ours,
        project: ProjectName::reported(compose("project").cloned().unwrap_or_default()),
        service: ServiceName(service),
        number: compose("container-number").and_then(|number| number.parse().ok()).unwrap_or(1),
        one_off: compose("oneoff").is_some_and(|value| value.eq_ignore_ascii_case("true")),
        image: summary.image.unwrap_or_default(),
        state: state(summary.state.as_deref(), summary.status.as_deref().unwrap_or_default()),
        status: summary.status.unwrap_or_default(),
        bindings: summary.ports.unwrap_or_default().into_iter().filter_map(binding).collect(),
        host_network: summary
            .host_config
            .and_then(|config| config.network_mode)
            .is_some_and(|mode| mode == "host"),
        created: summary.created.unwrap_or(0),
        labels,
    })
}

/// Reads a state; of one that has no word, or an unknown one, what its status begins with says more than nothing.
fn state(listed: Option<&str>, status: &str) -> State {
    match listed {
        Some("running") => State::Running,
        Some("paused") => State::Paused,
        Some("restarting") => State::Restarting,
        // Podman (`libpod/define`) has words of its own: `stopped`, `configured`, `initialized`.
        Some("exited" | "stopping" | "stopped") => State::Exited,
        Some("created" | "configured" | "initialized") => State::Created,
        Some("removing" | "dead") => State::Gone,
        _ => match status.split(' ').next() {
            Some("Up") if status.ends_with("(Paused)") => State::Paused,
            Some("Up") => State::Running,
            Some("Restarting") => State::Restarting,
            Some("Exited") => State::Exited,
            Some("Created") => State::Created,
            _ => State::Gone,
        },
    }
}

/// Returns the name of a container that runs, and what it has bound.
pub(super) fn bound(summary: ContainerSummary) -> Option<(String, Vec<Binding>)> {
    let bindings: Vec<Binding> = summary.ports.unwrap_or_default().into_iter().filter_map(binding).collect();
    let name = summary.names.unwrap_or_default().first()?.trim_start_matches('/').to_owned();
    (!bindings.is_empty()).then_some((name, bindings))
}

fn binding(port: Port) -> Option<Binding> {
    let protocol = match port.protocol.as_deref() {
        Some("udp") => Protocol::Udp,
        Some("sctp") => Protocol::Sctp,
        _ => Protocol::Tcp,
    };
    Some(Binding {
        container: ContainerPort { number: port.inside, protocol },
        host_ip: port.ip.unwrap_or_default(),
        host_port: port.outside?,
    })
}

/// Converts an inspection.
pub(super) fn inspected(response: ContainerInspection) -> Inspection {
    let state = response.state.unwrap_or_default();
    let config = response.config.unwrap_or_default();
    let last = state.health.as_ref().and_then(|health| health.log.as_ref()?.last());
    let health_text = last.filter(|run| run.exit_code != Some(0)).and_then(|run| run.output.clone());
    let health = state.health.and_then(|health| health.status).and_then(|status| match status.as_str() {
        "starting" => Some(Health::Starting),
        "healthy" => Some(Health::Healthy),
        "unhealthy" => Some(Health::Unhealthy),
        _ => None,
    });
    let check = config.healthcheck.unwrap_or_default();
    let started = state.started_at.as_deref().and_then(|text| humantime::parse_rfc3339(text).ok());
    let entry = |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    Inspection {
        environment: config.env.unwrap_or_default().iter().filter_map(entry).collect(),
        mounts: response.mounts.unwrap_or_default().into_iter().filter_map(bind_mount).collect(),
        command: [config.entrypoint.unwrap_or_default(), config.cmd.unwrap_or_default()].concat(),
        age: started.and_then(|started| SystemTime::now().duration_since(started).ok()),
        restarts: response.restart_count.unwrap_or(0),
        health,
        health_text,
        health_command: check.test.and_then(|test| health_command(&test, config.shell.as_deref())),
        health_timeout: check
            .timeout
            .and_then(|nanos| u64::try_from(nanos).ok())
            .filter(|nanos| *nanos > 0)
            .map(Duration::from_nanos),
        exit_code: state.exit_code.unwrap_or(0),
    }
}

fn bind_mount(mount: Mount) -> Option<(String, String)> {
    (mount.kind.as_deref() == Some("bind")).then_some((mount.destination?, mount.source?))
}

/// Turns `["CMD", …]` or `["CMD-SHELL", script]` into an argument list.
fn health_command(test: &[String], shell: Option<&[String]>) -> Option<Vec<String>> {
    match test.split_first() {
        Some((word, arguments)) if word == "CMD" && !arguments.is_empty() => Some(arguments.to_vec()),
        Some((word, script)) if word == "CMD-SHELL" => {
            let default = ["/bin/sh".to_owned(), "-c".to_owned()];
            let shell = shell.filter(|shell| !shell.is_empty()).unwrap_or(&default);
            Some([shell, script].concat())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summaries(text: &str) -> Vec<ContainerSummary> {
        serde_json::from_str(text).expect("a list")
    }

    #[test]
    fn a_container_in_an_unknown_state_hides_no_other_one() {
        let list = summaries(
            r#"[{"Id":"a","State":"running"},{"Id":"b","State":"stopped"},
                {"Id":"c","State":"hibernating","Status":"Up 2 hours","Ports":[{"PrivatePort":1,"Type":"quic"}]},
                {"Id":"d","State":"initialized","Labels":null,"Names":null,"Ports":null}]"#,
        );
        let states =
            list.iter().map(|it| state(it.state.as_deref(), it.status.as_deref().unwrap_or_default()));
        let expected = [State::Running, State::Exited, State::Running, State::Created];
        assert_eq!(states.collect::<Vec<_>>(), expected);
        assert_eq!(list[2].ports.as_ref().expect("ports")[0].inside, 1);
    }

    #[test]
    fn an_inspection_is_read_as_far_as_it_is_understood() {
        let seen: ContainerInspection = serde_json::from_str(
            r#"{"Id":"a","State":{"Status":"odd","ExitCode":3,"Health":{"Status":"dozing","FailingStreak":0}},
                "HostConfig":{"CgroupnsMode":"odd","RestartPolicy":{"Name":"always"}},"Config":{"Env":["A=1"]}}"#,
        )
        .expect("an inspection");
        let seen = inspected(seen);
        assert_eq!((seen.health, seen.exit_code), (None, 3));
        assert_eq!(seen.environment.get("A").map(String::as_str), Some("1"));
    }
}
