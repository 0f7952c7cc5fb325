//! What the Engine says of a container, and how its `Status` text is read.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::identity::label::LABEL;
use crate::identity::name::{ProjectName, ServiceName, SessionId};
use crate::port::ContainerPort;

/// How much of an id Compose puts before the name of the container that is to replace its own.
const SHORT_ID: usize = 12;

/// A container of a session, as the Engine lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its full id.
    pub id: String,
    /// Its first name, without the leading slash: for messages only, never for identity.
    pub name: String,
    /// The session it belongs to, or says that it does.
    pub session_id: SessionId,
    /// It is known to be of that session; not only another tool with the same labels says so.
    pub is_ours: bool,
    /// The Compose project.
    pub project: ProjectName,
    /// The service.
    pub service: ServiceName,
    /// Which of the service's replicas.
    pub number: u32,
    /// A container of `compose run`, which stands for no service.
    pub one_off: bool,
    /// The image it was created from.
    pub image: String,
    /// Every label.
    pub labels: BTreeMap<String, String>,
    /// `created`, `running`, `paused`, `restarting`, `exited`, `removing`, `dead`.
    pub state: State,
    /// The `Status` text, as in `Up 3 minutes (healthy)`.
    pub status: String,
    /// Host ports; only what a running container has means anything.
    pub bindings: Vec<Binding>,
    /// It shares the host's network.
    pub host_network: bool,
    /// When it was created, in seconds since 1970.
    pub created: i64,
}

/// A container's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Never started.
    Created,
    /// Runs.
    Running,
    /// Frozen.
    Paused,
    /// Ended and about to be started again.
    Restarting,
    /// Ended.
    Exited,
    /// Being removed, or beyond repair.
    Gone,
}

/// A published port, as it is bound now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binding {
    /// The port inside.
    pub container: ContainerPort,
    /// The address outside.
    pub host_ip: String,
    /// The port outside.
    pub host_port: u16,
}

/// What an inspection adds to the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// The environment, `NAME` → value.
    pub environment: BTreeMap<String, String>,
    /// Files and directories of the host that it sees, place inside → place outside.
    pub mounts: BTreeMap<String, String>,
    /// Entrypoint and command as one argument list.
    pub command: Vec<String>,
    /// How long ago it was started, where that is known.
    pub age: Option<Duration>,
    /// How often the Engine started it again.
    pub restarts: i64,
    /// Its own word on its health; `None` without a health check.
    pub health: Option<Health>,
    /// What the health check wrote when the Engine ran it last, and it failed.
    pub health_text: Option<String>,
    /// The health check's command.
    pub health_command: Option<Vec<String>>,
    /// How long the health check may take.
    pub health_timeout: Option<Duration>,
    /// Its exit status, meaningful when it is not running.
    pub exit_code: i64,
}

impl Inspection {
    /// For how long a container that nothing can be asked of has to run.
    const SETTLED: Duration = Duration::from_millis(500);

    /// Says whether it has run for a moment and was not started again. `watched` is for how long it was seen to run: by
    /// a clock that was set back, it has not begun yet.
    pub fn has_settled(&self, watched: Duration) -> bool {
        self.restarts == 0 && self.age.into_iter().chain([watched]).any(|age| age >= Self::SETTLED)
    }
}

/// A health check's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// No verdict yet.
    Starting,
    /// It answers.
    Healthy,
    /// It failed too often.
    Unhealthy,
}

/// What a `Status` text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Running, for at least so long.
    Up {
        /// The age, rounded down by the Engine.
        age: Duration,
        /// The verdict of the health check, where there is one.
        health: Option<Health>,
    },
    /// Ended with this status.
    Exited(i64),
    /// Anything else: the container must be inspected.
    Unknown,
}

impl Status {
    /// Reads the Engine's English, strictly.
    pub fn parse(text: &str) -> Self {
        if let Some(rest) = text.strip_prefix("Exited (") {
            let code = rest.split_once(')').and_then(|(code, _)| code.parse().ok());
            return code.map_or(Self::Unknown, Self::Exited);
        }
        let Some(rest) = text.strip_prefix("Up ") else { return Self::Unknown };
        let (age, health) = match rest.split_once(" (") {
            None => (rest, None),
            Some((age, "healthy)")) => (age, Some(Health::Healthy)),
            Some((age, "unhealthy)")) => (age, Some(Health::Unhealthy)),
            Some((age, "health: starting)")) => (age, Some(Health::Starting)),
            Some(_) => return Self::Unknown,
        };
        parse_age(age).map_or(Self::Unknown, |age| Self::Up { age, health })
    }
}

/// Reads the ages that Docker's `units.HumanDuration` writes.
fn parse_age(text: &str) -> Option<Duration> {
    let seconds = match text {
        "Less than a second" => 0,
        "1 second" => 1,
        "About a minute" => 60,
        "About an hour" => 3600,
        _ => {
            let (number, unit) = text.split_once(' ')?;
            let unit = match unit {
                "seconds" => 1,
                "minutes" => 60,
                "hours" => 3600,
                "days" => 86400,
                "weeks" => 7 * 86400,
                "months" => 30 * 86400,
                "years" => 365 * 86400,
                _ => return None,
            };
            number.parse::<u64>().ok()?.checked_mul(unit)?
        }
    };
    Some(Duration::from_secs(seconds))
}

impl Container {
    /// Returns the labelled value `dev-prism.<key>`.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(&format!("{LABEL}{key}")).map(String::as_str)
    }

    /// Puts another value in place of one of prism's labels, or takes it away.
    pub fn set_label(&mut self, key: &str, value: Option<String>) {
        let name = format!("{LABEL}{key}");
        match value {
            Some(value) => drop(self.labels.insert(name, value)),
            None => drop(self.labels.remove(&name)),
        }
    }

    /// Returns the labels that it has in common with everything of its session.
    pub fn session_labels(&self) -> BTreeMap<String, String> {
        let common = ["managed", "working_dir", "session_id", "owner"];
        let common = common.map(|key| format!("{LABEL}{key}"));
        common.iter().filter_map(|name| Some((name.clone(), self.labels.get(name)?.clone()))).collect()
    }

    /// Returns its bindings if it runs: what is listed for any other state is stale.
    pub fn live_bindings(&self) -> &[Binding] {
        if self.state == State::Running { &self.bindings } else { &[] }
    }

    /// Returns what nobody else can bind: a paused container answers to nobody, but keeps what it has bound.
    pub fn has_bound(&self) -> impl Iterator<Item = &Binding> {
        let bound = matches!(self.state, State::Running | State::Paused);
        self.bindings.iter().filter(move |_| bound)
    }
}

/// Drops what stands for no service, and of containers with equal service and number all but one.
///
/// A Compose that was killed while it recreated leaves twins; the running one counts.
pub fn without_twins(mut containers: Vec<Container>) -> Vec<Container> {
    containers.retain(|container| !container.one_off && container.state != State::Gone);
    containers.sort_by(|a, b| {
        let key = |c: &Container| (c.service.clone(), c.number, c.state != State::Running, -c.created);
        key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
    });
    containers.dedup_by(|b, a| a.service == b.service && a.number == b.number);
    containers
}

/// Picks the containers that never ran and were to replace others that are still there: Compose names them after those
/// until it has removed them, and does not get on if it finds the name taken. What they hold, the others have.
pub fn replacements(containers: &[Container]) -> Vec<Container> {
    let replaces = |new: &Container, old: &Container| {
        let is_same = new.service == old.service && new.number == old.number;
        let id = new.name.split_once('_').map(|(id, _)| id).filter(|id| id.len() == SHORT_ID);
        is_same && id.is_some_and(|id| old.id.starts_with(id))
    };
    let is_left = |new: &&Container| {
        new.state == State::Created && !new.one_off && containers.iter().any(|old| replaces(new, old))
    };
    containers.iter().filter(is_left).cloned().collect()
}

/// Lists the services of which a container was never started that Compose had to copy something into: it may have been
/// ended, or refused, before it did.
pub fn half_made(containers: &[Container]) -> Vec<ServiceName> {
    let is_unsure =
        |it: &&Container| it.state == State::Created && it.label("copied").is_some() && !it.one_off;
    let mut services: Vec<ServiceName> =
        containers.iter().filter(is_unsure).map(|container| container.service.clone()).collect();
    services.sort();
    services.dedup();
    services
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A running container of `service`, to be adjusted by the test.
    pub(crate) fn container(service: &str, status: &str) -> Container {
        Container {
            id: format!("id-{service}"),
            name: format!("p-{service}-1"),
            session_id: SessionId::new("/w/shop", None),
            is_ours: true,
            project: ProjectName::reported("shop-1a2b3c4d"),
            service: service.into(),
            number: 1,
            one_off: false,
            image: "nginx".into(),
            labels: BTreeMap::new(),
            state: State::Running,
            status: status.into(),
            bindings: Vec::new(),
            host_network: false,
            created: 0,
        }
    }

    #[test]
    fn reads_every_status_text_of_the_engine() {
        let up = |seconds, health| Status::Up { age: Duration::from_secs(seconds), health };
        for (text, status) in [
            ("Up Less than a second", up(0, None)),
            ("Up 1 second", up(1, None)),
            ("Up 9 seconds (health: starting)", up(9, Some(Health::Starting))),
            ("Up About a minute (healthy)", up(60, Some(Health::Healthy))),
            ("Up 5 minutes (unhealthy)", up(300, Some(Health::Unhealthy))),
            ("Up About an hour", up(3600, None)),
            ("Up 26 hours", up(26 * 3600, None)),
            ("Up 2 weeks", up(14 * 86400, None)),
            ("Exited (0) 3 minutes ago", Status::Exited(0)),
            ("Exited (137) Less than a second ago", Status::Exited(137)),
            ("Up 3 minutes (Paused)", Status::Unknown),
            ("Created", Status::Unknown),
            ("Restarting (1) 5 seconds ago", Status::Unknown),
            ("Up since yesterday", Status::Unknown),
            ("Up 3 fortnights", Status::Unknown),
            ("Up 99999999999999999999 years", Status::Unknown),
            ("", Status::Unknown),
        ] {
            assert_eq!(Status::parse(text), status, "{text}");
        }
    }

    #[test]
    fn a_container_settles_whatever_the_clock_says() {
        let seen = |age: Option<u64>, restarts| Inspection {
            age: age.map(Duration::from_millis),
            restarts,
            ..Inspection::default()
        };
        let (no_time, long) = (Duration::ZERO, Duration::from_secs(1));
        assert!(seen(Some(500), 0).has_settled(no_time));
        assert!(!seen(Some(499), 0).has_settled(no_time));
        assert!(!seen(None, 0).has_settled(no_time));
        assert!(seen(None, 0).has_settled(long), "it begins in the future");
        assert!(seen(Some(0), 0).has_settled(long));
        assert!(!seen(Some(500), 1).has_settled(long), "it is started again and again");
    }

    #[test]
    fn what_was_to_replace_another_container_is_told_by_its_name() {
        let created = |id: &str, name: &str| Container {
            id: id.into(),
            name: name.into(),
            state: State::Created,
            ..container("db", "Created")
        };
        let old = created("0123456789abcdef", "p-db-1");
        let new = created("fedcba9876543210", "0123456789ab_p-db-1");
        let other = created("aaaaaaaaaaaaaaaa", "bbbbbbbbbbbb_p-db-1");
        assert_eq!(replacements(&[old.clone(), new.clone(), other.clone()]), std::slice::from_ref(&new));
        assert_eq!(
            replacements(&[new.clone(), other]),
            [],
            "what it replaced is gone, and it has its volumes"
        );
        let mut second = old.clone();
        second.number = 2;
        assert_eq!(replacements(&[second, new.clone()]), []);
        let run = Container { state: State::Exited, ..new };
        assert_eq!(replacements(&[old, run]), []);
    }

    #[test]
    fn only_what_something_is_copied_into_may_be_half_made() {
        let label = (format!("{LABEL}copied"), "1".to_owned());
        let labels = BTreeMap::from([label]);
        let created =
            Container { state: State::Created, labels: labels.clone(), ..container("db", "Created") };
        let plain = Container { labels: BTreeMap::new(), ..created.clone() };
        let one_off = Container { one_off: true, ..created.clone() };
        let ran = Container { state: State::Exited, ..created.clone() };
        assert_eq!(half_made(&[plain, one_off, ran]), []);
        assert_eq!(half_made(&[created.clone(), created]), ["db".into()]);
    }

    #[test]
    fn of_twins_the_running_one_counts_and_one_offs_never() {
        let mut old = container("db", "Exited (137) 2 seconds ago");
        old.state = State::Exited;
        old.created = 9;
        let mut one_off = container("db", "Up 1 second");
        one_off.one_off = true;
        let live = container("db", "Up 2 seconds");
        assert_eq!(without_twins(vec![old, one_off, live.clone()]), [live]);
    }
}
