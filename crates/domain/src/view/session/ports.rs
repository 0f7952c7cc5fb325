//! Who has which port, as `ports` shows it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{SCHEMA, line, widths};
use crate::engine::ledger::Assignment;
use crate::environment::forward::CommandPort;
use crate::identity::name::SessionId;
use crate::port::reservation::Slot;
use crate::printable::clean;

/// What listens in the network of a session's commands.
#[derive(Debug)]
pub struct CommandPorts {
    /// The session directory.
    pub directory: String,
    /// The session.
    pub session_id: SessionId,
    /// Its ports.
    pub ports: Vec<CommandPort>,
}

/// One host port, as programs read it.
#[derive(Serialize)]
struct PortDocument<'a> {
    port: u16,
    host_ips: &'a BTreeSet<String>,
    directory: &'a str,
    session_id: &'a str,
    service: Option<&'a str>,
    container_port: Option<String>,
    app: Option<&'a str>,
    command_port: Option<u16>,
    state: Option<&'static str>,
}

/// Writes the document of `prism ports --format json`.
pub fn ports_json(
    assignments: &[Assignment],
    commands: &[CommandPorts],
) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Document<'a> {
        schema: u32,
        ports: Vec<PortDocument<'a>>,
    }
    let ports = assignments.iter().map(|it| {
        let (service, container_port, app) = match &it.slot {
            Slot::Service(service, port) => (Some(service.0.as_str()), Some(port.to_string()), None),
            Slot::App(app) => (None, None, Some(app.as_str())),
        };
        let (port, directory, session_id) = (it.port, it.directory.as_str(), it.session_id.as_str());
        let (host_ips, state) = (&it.host_ips, state(it));
        PortDocument {
            port,
            host_ips,
            directory,
            session_id,
            service,
            container_port,
            app,
            command_port: None,
            state,
        }
    });
    let loopback = BTreeSet::from(["127.0.0.1".to_owned()]);
    let of_commands = commands.iter().flat_map(|it| it.ports.iter().map(move |port| (it, port)));
    let of_commands = of_commands.map(|(it, port)| PortDocument {
        port: port.host_port,
        host_ips: &loopback,
        directory: &it.directory,
        session_id: it.session_id.as_str(),
        service: None,
        container_port: None,
        app: None,
        command_port: Some(port.port),
        state: Some("running"),
    });
    let ports = ports.chain(of_commands).collect();
    Ok(serde_json::to_string_pretty(&Document { schema: SCHEMA, ports })? + "\n")
}

/// Writes what `prism ports` shows a person: a line for each port.
pub fn ports_text(assignments: &[Assignment], commands: &[CommandPorts]) -> String {
    let head = ["PORT", "OF", "STATE", "DIRECTORY"].map(str::to_owned);
    let row = |it: &Assignment| {
        let of = match &it.slot {
            Slot::Service(service, port) => format!("{service} {port}{}", elsewhere(it)),
            Slot::App(app) => format!("{app} (app)"),
        };
        let ephemeral = if it.is_ephemeral() { " (ephemeral)" } else { "" };
        let directory = format!("{}{ephemeral}", clean(&it.directory));
        [it.port.to_string(), clean(&of), state(it).unwrap_or("-").to_owned(), directory]
    };
    let of_commands = commands.iter().flat_map(|it| {
        it.ports.iter().map(|port| {
            let of = format!("port {} of a command", port.port);
            [port.host_port.to_string(), of, "running".to_owned(), clean(&it.directory)]
        })
    });
    let rows = std::iter::once(head).chain(assignments.iter().map(row)).chain(of_commands);
    let rows: Vec<[String; 4]> = rows.collect();
    let widths = widths(rows.iter());
    rows.iter().map(|row| line(row, &widths, "")).collect()
}

/// Says where a port is bound, if not where every port is unless the user says otherwise.
fn elsewhere(assignment: &Assignment) -> String {
    let usual = BTreeSet::from(["127.0.0.1".to_owned()]);
    if assignment.host_ips.is_empty() || assignment.host_ips == usual {
        return String::new();
    }
    let host_ips: Vec<&str> = assignment.host_ips.iter().map(String::as_str).collect();
    format!(" at {}", host_ips.join(", "))
}

/// Whether an app runs, Docker does not know.
fn state(assignment: &Assignment) -> Option<&'static str> {
    match assignment.slot {
        Slot::Service(..) => Some(if assignment.running { "running" } else { "stopped" }),
        Slot::App(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::ContainerPort;

    #[test]
    fn a_line_for_each_port() {
        let at = |port, slot, running| Assignment {
            directory: "/w/shop".into(),
            session_id: SessionId::claimed(if port == 1 { "/w/shop+7-abcdef" } else { "/w/shop" }),
            port,
            slot,
            running,
            host_ips: if port == 1 { ["127.0.0.1".into(), "::1".into()].into() } else { BTreeSet::new() },
        };
        let db = || Slot::Service("db".into(), ContainerPort::tcp(5432));
        let assignments =
            [at(23_817, db(), true), at(24_311, Slot::App("web".into()), false), at(1, db(), true)];
        let commands = [CommandPorts {
            directory: "/w/shop".into(),
            session_id: SessionId::claimed("/w/shop"),
            ports: vec![CommandPort { port: 3000, host_port: 31_306 }],
        }];
        assert_eq!(
            ports_text(&assignments, &commands),
            "PORT   OF                             STATE    DIRECTORY\n\
             23817  db 5432/tcp                    running  /w/shop\n\
             24311  web (app)                      -        /w/shop\n\
             1      db 5432/tcp at 127.0.0.1, ::1  running  /w/shop (ephemeral)\n\
             31306  port 3000 of a command         running  /w/shop\n"
        );
        let json: serde_json::Value =
            serde_json::from_str(&ports_json(&assignments, &commands).expect("json")).expect("json");
        assert_eq!(json["ports"][3]["command_port"].as_u64(), Some(3000));
        assert_eq!((json["schema"].as_u64(), json["ports"][0]["port"].as_u64()), (Some(1), Some(23_817)));
        assert_eq!(
            (json["ports"][0]["state"].as_str(), json["ports"][1]["state"].as_str()),
            (Some("running"), None)
        );
    }
}
