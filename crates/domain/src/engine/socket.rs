//! What listens inside a container, as its kernel's tables say, and what that means for a port that does not answer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::port::{ContainerPort, Protocol};

/// The files that hold the tables.
pub const TABLES: [&str; 4] = ["/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp", "/proc/net/udp6"];

/// A TCP socket that listens, and a UDP socket that is connected to nobody.
const LISTEN: &str = "0A";
const UNCONNECTED: &str = "07";

/// Docker's own resolver inside of each container.
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

/// The ports that wait for somebody in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sockets {
    /// Each with whether it can be reached from outside the container.
    ports: BTreeMap<ContainerPort, bool>,
}

impl Sockets {
    /// Reads the tables, one after another.
    pub fn parse(text: &str) -> Self {
        let mut ports: BTreeMap<ContainerPort, bool> = BTreeMap::new();
        for Listening { port, address, .. } in listening(text) {
            if address != RESOLVER {
                *ports.entry(port).or_default() |= !address.is_loopback();
            }
        }
        Self { ports }
    }

    /// Says whether a port can be reached from outside the container.
    pub fn serves(&self, port: ContainerPort) -> bool {
        self.ports.get(&port).copied().unwrap_or_default()
    }

    /// Says what there is instead of somebody who answers at this port.
    pub fn explain(&self, awaited: ContainerPort) -> String {
        let there = match self.ports.get(&awaited) {
            Some(true) => return "it listens there, but does not answer yet".to_owned(),
            Some(false) => {
                return "it listens there for itself alone, on its own loopback address".to_owned();
            }
            None => "nobody listens there",
        };
        let others: Vec<String> = self.reachable().iter().map(ToString::to_string).collect();
        match others.as_slice() {
            [] => format!("{there}, nor at any other port"),
            others => format!("{there}, but on {}", others.join(", ")),
        }
    }

    /// Says what to write for a port at which nobody listens; `None` where waiting is all that can be done.
    pub fn remedy(&self, service: &str, awaited: ContainerPort) -> Option<String> {
        match self.ports.get(&awaited) {
            Some(true) => None,
            Some(false) => Some(format!("let the program in `{service}` listen on 0.0.0.0")),
            None => {
                let other = self.reachable().into_iter().find(|port| port.is_tcp())?;
                Some(format!("give `{service}` `ports: [\"{}\"]`, if that is its port", other.number))
            }
        }
    }

    fn reachable(&self) -> BTreeSet<ContainerPort> {
        self.ports.iter().filter(|(_, reachable)| **reachable).map(|(port, _)| *port).collect()
    }
}

/// A socket that waits for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listening {
    /// Its port.
    pub port: ContainerPort,
    /// Its address; one of IPv4 also where it stands in a table of IPv6.
    pub address: IpAddr,
    /// By which its owner can be found; 0 where the table does not say.
    pub inode: u64,
}

/// Lists the sockets that wait for somebody: reads the tables, one after another.
pub fn listening(text: &str) -> Vec<Listening> {
    let mut found = Vec::new();
    let mut protocol = Protocol::Tcp;
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if fields.first() == Some(&"sl") {
            protocol = if fields.contains(&"drops") { Protocol::Udp } else { Protocol::Tcp };
            continue;
        }
        let waits = if protocol == Protocol::Udp { UNCONNECTED } else { LISTEN };
        let local = fields.get(1).and_then(|local| local.rsplit_once(':'));
        let (Some((address, port)), true) = (local, fields.get(3) == Some(&waits)) else { continue };
        let Some(number) = u16::from_str_radix(port, 16).ok().filter(|port| *port > 0) else { continue };
        let Some(address) = address_of(address) else { continue };
        let inode = fields.get(9).and_then(|inode| inode.parse().ok()).unwrap_or_default();
        found.push(Listening { port: ContainerPort { number, protocol }, address, inode });
    }
    found
}

/// Reads an address: words of four bytes in the machine's order.
fn address_of(text: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(text.get(at..at + 8)?, 16).ok();
    let bytes: Vec<u8> = (0..text.len()).step_by(8).filter_map(word).flat_map(u32::to_ne_bytes).collect();
    let four = <[u8; 4]>::try_from(bytes.as_slice()).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    let six = || <[u8; 16]>::try_from(bytes.as_slice()).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)));
    Some(four.or_else(|_| six()).ok()?.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    const HEAD6: &str =
        "  sl  local_address                         remote_address                        st tx_queue\n";
    const HEAD_UDP: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";

    /// An entry of a table, its address in this machine's order.
    fn entry(address: &[u8], port: u16, state: &str) -> String {
        let words = address.chunks(4).map(|word| u32::from_ne_bytes(word.try_into().expect("four bytes")));
        let address: String = words.map(|word| format!("{word:08X}")).collect();
        format!(
            "   0: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 1 1\n"
        )
    }

    #[test]
    fn what_listens_where() {
        let six = |last: u8| [[0; 15].as_slice(), &[last]].concat();
        let text = [
            HEAD,
            &entry(&[0, 0, 0, 0], 6390, "0A"),
            &entry(&[127, 0, 0, 1], 9000, "0A"),
            &entry(&[172, 18, 0, 2], 6390, "01"),
            &entry(&[127, 0, 0, 11], 40_000, "0A"),
            HEAD6,
            &entry(&six(1), 9001, "0A"),
            &entry(&six(0), 80, "0A"),
            HEAD_UDP,
            &entry(&[0, 0, 0, 0], 53, "07"),
            &entry(&[172, 18, 0, 2], 54, "01"),
            "cat: nonsense\n",
        ]
        .concat();
        let sockets = Sockets::parse(&text);
        let udp = |number| ContainerPort { number, protocol: Protocol::Udp };
        for (port, served) in
            [(6390, true), (9000, false), (40_000, false), (9001, false), (80, true), (53, false)]
        {
            assert_eq!(sockets.serves(ContainerPort::tcp(port)), served, "{port}");
        }
        assert!(sockets.serves(udp(53)) && !sockets.serves(udp(54)));
        assert_eq!(
            sockets.explain(ContainerPort::tcp(6379)),
            "nobody listens there, but on 53/udp, 80/tcp, 6390/tcp"
        );
        assert_eq!(sockets.explain(ContainerPort::tcp(80)), "it listens there, but does not answer yet");
        let own = sockets.explain(ContainerPort::tcp(9000));
        assert_eq!(own, "it listens there for itself alone, on its own loopback address");
        let nothing = Sockets::parse("");
        assert_eq!(nothing.explain(ContainerPort::tcp(1)), "nobody listens there, nor at any other port");
        assert_eq!(nothing.remedy("x", ContainerPort::tcp(1)), None);
        assert_eq!(
            sockets.remedy("cache", ContainerPort::tcp(6379)).as_deref(),
            Some("give `cache` `ports: [\"80\"]`, if that is its port")
        );
        let loopback = sockets.remedy("web", ContainerPort::tcp(9001));
        assert_eq!(loopback.as_deref(), Some("let the program in `web` listen on 0.0.0.0"));
    }
}
