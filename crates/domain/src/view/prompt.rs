//! The segment that a prompt shows of a session.

use std::collections::BTreeMap;

use crate::engine::container::{Container, Health, State, Status};
use crate::printable::clean;
use crate::stack::header::Header;
use crate::stack::readiness::{Verdict, survey};

/// What a format may ask for.
pub const NAMES: [&str; 6] = ["name", "project", "directory", "state", "healthy", "total"];

/// A session in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    project: String,
    state: &'static str,
    healthy: usize,
    total: usize,
}

impl Summary {
    /// Sums up what runs of a session. Without a header, what there is stands for what there should be.
    pub fn new(header: Option<&Header>, containers: &[Container]) -> Self {
        let mut services: BTreeMap<&str, bool> = BTreeMap::new();
        let mut count = |service, is_fine| {
            services.entry(service).and_modify(|all| *all &= is_fine).or_insert(is_fine);
        };
        if let Some(header) = header {
            for finding in survey(header, containers) {
                // A young service is not doubted here: asking it takes longer than a prompt should.
                let is_answered = || finding.container.is_some_and(|it| header.answered.contains(&it.id));
                let is_fine = match finding.verdict {
                    Verdict::Ready | Verdict::AskPort | Verdict::Settle => true,
                    Verdict::AskHealth => is_answered(),
                    _ => false,
                };
                count(finding.service.0.as_str(), is_fine);
            }
        } else {
            for container in containers {
                count(container.service.0.as_str(), is_healthy(container));
            }
        }
        let (healthy, total) = (services.values().filter(|is_fine| **is_fine).count(), services.len());
        let is_running = containers.iter().any(|container| container.state == State::Running);
        let of_header = || header.map(|header| header.project.to_string());
        Self {
            project: containers
                .first()
                .map(|it| it.project.to_string())
                .or_else(of_header)
                .unwrap_or_default(),
            state: match (is_running, healthy == total) {
                (false, _) => "down",
                (true, true) => "up",
                (true, false) => "partly",
            },
            healthy,
            total,
        }
    }
}

fn is_healthy(container: &Container) -> bool {
    let health = match Status::parse(&container.status) {
        Status::Up { health, .. } => health,
        _ => None,
    };
    container.state == State::Running && matches!(health, None | Some(Health::Healthy))
}

/// Finds the first placeholder of a format that does not exist.
pub fn unknown_placeholder(format: &str) -> Option<&str> {
    let mut rest = format;
    while let Some((_, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        if !NAMES.contains(&name) {
            return Some(name);
        }
        rest = after;
    }
    None
}

/// Writes the segment for a session directory. `None` as summary: Docker did not answer.
pub fn segment(format: Option<&str>, directory: &str, summary: Option<&Summary>) -> String {
    let format = format.unwrap_or(match summary.map(|summary| summary.state) {
        None | Some("down") => "{name} {state}",
        _ => "{name} {state} {healthy}/{total}",
    });
    let count = |of: fn(&Summary) -> usize| summary.map_or_else(|| "?".to_owned(), |it| of(it).to_string());
    let value = |name: &str| match name {
        "name" => directory.rsplit('/').next().unwrap_or(directory).to_owned(),
        "project" => summary.map(|summary| summary.project.clone()).unwrap_or_default(),
        "directory" => directory.to_owned(),
        "state" => summary.map_or("?", |summary| summary.state).to_owned(),
        "healthy" => count(|summary| summary.healthy),
        _ => count(|summary| summary.total),
    };
    let mut text = String::new();
    let mut rest = format;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        text.push_str(before);
        text.push_str(&value(name));
        rest = after;
    }
    text.push_str(rest);
    // Directory names are anybody's text, and so may hold what a terminal obeys.
    clean(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::container::tests::container;

    #[test]
    fn the_states_of_a_session() {
        let mut stopped = container("db", "Exited (0) 2 minutes ago");
        stopped.state = State::Exited;
        let fine = || container("web", "Up 2 minutes (healthy)");
        for (containers, expected) in [
            (vec![], "shop down"),
            (vec![stopped.clone()], "shop down"),
            (vec![stopped, fine()], "shop partly 1/2"),
            (vec![container("db", "Up 2 minutes (health: starting)"), fine()], "shop partly 1/2"),
            (vec![container("db", "Up 2 minutes"), fine()], "shop up 2/2"),
        ] {
            let summary = Summary::new(None, &containers);
            assert_eq!(segment(None, "/w/shop", Some(&summary)), expected);
        }
        assert_eq!(segment(None, "/w/shop", None), "shop ?");
    }

    #[test]
    fn placeholders() {
        let summary = Summary::new(None, &[container("web", "Up 2 minutes")]);
        let format = "{project} {directory} {name}:{state} {healthy}/{total} {";
        assert_eq!(unknown_placeholder(format), None);
        assert_eq!(segment(Some(format), "/w/shop", Some(&summary)), "shop-1a2b3c4d /w/shop shop:up 1/1 {");
        assert_eq!(unknown_placeholder("{nmae}"), Some("nmae"));
        assert_eq!(segment(Some("{name}"), "/w/a\x1b[31m\nb", None), "a\u{fffd}[31m\u{fffd}b");
    }
}
