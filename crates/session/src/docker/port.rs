//! What the Engine knows of host ports, and whether they can be looked at from here.

use std::fs;

use domain::engine::container::State;
use domain::engine::ledger::Holdings;
use domain::identity::name::SessionId;

use super::endpoint::Peer;
use super::model::Info;
use super::{Engine, container};

/// Where the Engine binds ports, as seen from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locality {
    /// On this machine: what cannot be bound here, it cannot bind either.
    Here,
    /// On this machine, with the rights of a user.
    Rootless,
    /// In a virtual machine of this one, which forwards ports: its answer alone decides.
    Machine,
    /// In a container, behind a tunnel or far away, as far as can be known.
    Elsewhere,
}

impl Engine {
    /// Asks for everything that says who has which host port.
    pub fn holdings(&mut self) -> anyhow::Result<Holdings> {
        let summaries = self.list("/containers/json?all=true")?;
        let mut holdings = Holdings { notes: self.notes()?, ..Holdings::default() };
        for summary in summaries {
            match container::listed(summary.clone()) {
                Some(container) if container.label("managed") == Some("true") => {
                    if container.state != State::Gone {
                        holdings.containers.push(container);
                    }
                }
                _ => holdings.foreign.extend(container::bound(summary)),
            }
        }
        Ok(holdings)
    }

    /// Names the container, of another session or of none, that has bound a port.
    pub fn holder(&mut self, session: &SessionId, port: u16) -> anyhow::Result<Option<String>> {
        let mut held = self.holdings()?.held_by_others(session);
        Ok(held.remove(&port).filter(|holder| holder.running).map(|holder| holder.to_string()))
    }

    /// Finds out where the Engine binds ports. In doubt it is elsewhere.
    pub fn place(&self) -> anyhow::Result<Locality> {
        if self.endpoint.shared {
            return Ok(Locality::Elsewhere);
        }
        let info = self.info()?;
        let read = |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
        let peer = self.endpoint.peer();
        let is_tunnel = peer.as_ref().is_some_and(Peer::is_tunnel);
        let place = Locality::of(&info, &read("osrelease"), &read("hostname"));
        Ok(match place {
            Locality::Here if peer.is_some_and(|peer| peer.has_other_network()) => Locality::Elsewhere,
            // Machines made from one image have one name and one kernel.
            _ if is_tunnel => Locality::Elsewhere,
            place => place,
        })
    }
}

impl Locality {
    /// Compares what an Engine says of itself with the kernel and name of this machine. The machine to which Docker
    /// Desktop, colima or an ssh tunnel leads has another kernel, or another name; the usual ones are known by these.
    fn of(info: &Info, kernel: &str, name: &str) -> Self {
        let is_same = |found: &Option<String>, here: &str| found.as_deref() == Some(here.trim());
        let options = info.security_options.as_deref().unwrap_or_default();
        if !is_same(&info.kernel_version, kernel) || !is_same(&info.name, name) {
            let said = |text: &Option<String>| text.clone().unwrap_or_default().to_lowercase();
            let (name, kernel) = (said(&info.name), said(&info.kernel_version));
            let is_known = ["linuxkit", "orbstack", "wsl2"].iter().any(|part| kernel.contains(part))
                || ["docker-desktop", "rancher-desktop", "colima", "lima-"]
                    .iter()
                    .any(|start| name.starts_with(start));
            if is_known { Self::Machine } else { Self::Elsewhere }
        } else if options.iter().any(|option| option.contains("name=rootless")) {
            Self::Rootless
        } else {
            Self::Here
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_doubt_an_engine_is_elsewhere() {
        let info = |kernel: &str, name: &str, option: &str| Info {
            kernel_version: Some(kernel.to_owned()),
            name: Some(name.to_owned()),
            security_options: Some(vec!["name=seccomp,profile=builtin".to_owned(), option.to_owned()]),
            ..Info::default()
        };
        for (info, place) in [
            (info("6.1", "box", "name=cgroupns"), Locality::Here),
            (info("6.1", "box", "name=rootless"), Locality::Rootless),
            (info("6.6-linuxkit", "docker-desktop", ""), Locality::Machine),
            (info("6.1", "docker-desktop", ""), Locality::Machine),
            (info("6.1", "db-server", ""), Locality::Elsewhere),
            (info("6.8", "box", ""), Locality::Elsewhere),
            (Info::default(), Locality::Elsewhere),
        ] {
            assert_eq!(Locality::of(&info, "6.1\n", "box\n"), place, "{info:?}");
        }
        assert_eq!(Locality::of(&info("", "", ""), "", "x"), Locality::Elsewhere, "no /proc: another system");
    }
}
