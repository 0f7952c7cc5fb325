//! Reserved host ports, and the texts in which labels keep them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::identity::name::{ServiceName, SessionId};
use crate::port::{ContainerPort, Protocol, expand_range};
use crate::text::hash::number_of;

/// What a session reserves host ports for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// A container port of a service, for all of its replicas.
    Service(ServiceName, ContainerPort),
    /// An app on the host.
    App(String),
}

/// Contiguous host ports, one for each replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    /// The lowest one.
    pub first: u16,
    /// How many; at least 1, and none is above 65535.
    pub count: u16,
}

/// The replicas that one network of the kernel's has room for: a label that speaks of more, which would leave too few
/// ports for everybody else, was written by another hand.
const MOST: u16 = 1024;

/// What a session has reserved.
pub type Reservations = BTreeMap<Slot, Block>;

impl Slot {
    /// Returns the number from which the preferred host port follows: the same one on every machine and day.
    pub fn hash(&self, directory: &str, session: &SessionId) -> u64 {
        let (what, port) = match self {
            Self::Service(service, port) => (&service.0, port.to_string()),
            Self::App(app) => (app, "app".to_owned()),
        };
        // The first of the replicas; the others follow it.
        number_of(&[directory, session.as_str(), what, &port, "1"])
    }

    /// Returns the protocol of its ports.
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Service(_, port) => port.protocol,
            Self::App(_) => Protocol::Tcp,
        }
    }

    /// Returns the name of the service or app.
    pub fn owner(&self) -> &str {
        match self {
            Self::Service(service, _) => &service.0,
            Self::App(app) => app,
        }
    }
}

/// `service `db``, `app `web``.
impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service, _) => write!(f, "service `{service}`"),
            Self::App(app) => write!(f, "app `{app}`"),
        }
    }
}

impl Block {
    /// Returns `count` ports from `first`, unless they would end above 65535.
    pub fn new(first: u16, count: u16) -> Option<Self> {
        first.checked_add(count.checked_sub(1)?).map(|_| Self { first, count })
    }

    /// Returns its ports.
    pub fn ports(self) -> RangeInclusive<u16> {
        self.first..=self.first + (self.count - 1)
    }
}

/// `23817`, `24001-24002`: as Compose writes it too.
impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(f, "{}", self.first),
            _ => write!(f, "{}-{}", self.first, self.ports().end()),
        }
    }
}

impl FromStr for Block {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ports = expand_range(text)?;
        match ports.end() - ports.start() {
            rest if rest < MOST => Ok(Self { first: *ports.start(), count: rest + 1 }),
            _ => Err(format!("`{text}` are too many ports")),
        }
    }
}

/// Returns the ports of apps.
pub fn apps(reserved: &Reservations) -> BTreeMap<String, u16> {
    let of_apps = reserved.iter().filter_map(|(slot, block)| match slot {
        Slot::App(app) => Some((app.clone(), block.first)),
        Slot::Service(..) => None,
    });
    of_apps.collect()
}

/// Writes the label of one service's containers: `5432/tcp=23817,9187/tcp=24001-24002`.
pub fn service_label(ports: impl Iterator<Item = (ContainerPort, Block)>) -> String {
    let entries: BTreeMap<ContainerPort, Block> = ports.collect();
    entries.iter().map(|(port, block)| format!("{port}={block}")).collect::<Vec<_>>().join(",")
}

/// Reads the label of a container. An entry that cannot be read, by whatever hand, counts as not there.
pub fn read_service_label(service: &ServiceName, label: &str) -> Reservations {
    read(label, |key| Some(Slot::Service(service.clone(), key.parse().ok()?)))
}

/// Writes the label of a session's note: `db:5432/tcp=23817,web=24311`, the latter an app.
pub fn note_label(reservations: &Reservations) -> String {
    let entry = |(slot, block): (&Slot, &Block)| match slot {
        Slot::Service(service, port) => format!("{service}:{port}={block}"),
        Slot::App(app) => format!("{app}={block}"),
    };
    reservations.iter().map(entry).collect::<Vec<_>>().join(",")
}

/// Reads the label of a session's note.
pub fn read_note_label(label: &str) -> Reservations {
    read(label, |key| match key.split_once(':') {
        Some((service, port)) => Some(Slot::Service(service.into(), port.parse().ok()?)),
        None => Some(Slot::App(key.to_owned())),
    })
}

/// Finds the reserved ports that Compose's messages say could not be bound. The Engine has many words for it.
pub fn refused(log: &[String], reserved: impl Iterator<Item = u16>) -> BTreeSet<u16> {
    const WORDS: [&str; 4] = ["already allocated", "already in use", "failed to bind", "not available"];
    let about_ports: Vec<&String> =
        log.iter().filter(|line| WORDS.iter().any(|words| line.contains(words))).collect();
    let names = |line: &str, port: u16| {
        let text = format!(":{port}");
        let mut rests = line.match_indices(&text).map(|(at, found)| &line[at + found.len()..]);
        rests.any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    reserved.filter(|port| about_ports.iter().any(|line| names(line, *port))).collect()
}

fn read(label: &str, slot: impl Fn(&str) -> Option<Slot>) -> Reservations {
    label
        .split(',')
        .filter_map(|entry| entry.split_once('='))
        .filter_map(|(key, block)| Some((slot(key)?, block.parse().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, port: u16) -> Slot {
        Slot::Service(name.into(), ContainerPort::tcp(port))
    }

    #[test]
    fn labels_come_back() {
        let reserved: Reservations = [
            (service("db", 5432), Block { first: 23817, count: 1 }),
            (service("web", 80), Block { first: 24001, count: 2 }),
            (Slot::App("web".into()), Block { first: 24311, count: 1 }),
        ]
        .into();
        let label = note_label(&reserved);
        assert_eq!(label, "db:5432/tcp=23817,web:80/tcp=24001-24002,web=24311");
        assert_eq!(read_note_label(&label), reserved);
        let ports = [(ContainerPort::tcp(80), Block { first: 24001, count: 2 })];
        let label = service_label(ports.into_iter());
        assert_eq!(label, "80/tcp=24001-24002");
        assert_eq!(read_service_label(&"web".into(), &label).len(), 1);
    }

    #[test]
    fn what_a_hand_broke_is_passed_over() {
        for (label, left) in [
            ("", 0),
            ("nonsense", 0),
            ("db:5432/tcp=0", 0),
            ("db:5432/tcp=70000", 0),
            ("db:5432/tcp=5-4,db:80/tcp=9", 1),
            ("db:x/tcp=1,=,a=b,db:1/icmp=5", 0),
            ("db:5432/tcp=1-65535,web=20000-29999,db:80/tcp=2000-3023", 1),
        ] {
            assert_eq!(read_note_label(label).len(), left, "{label}");
        }
    }

    #[test]
    fn the_engines_words_for_a_port_that_it_could_not_bind() {
        let reserved = [2381, 23817, 23818];
        for (line, ports) in [
            (
                "driver failed programming external connectivity on endpoint x (6d8): Bind for 127.0.0.1:23817 failed: port is already allocated",
                &[23817][..],
            ),
            (
                "… Error starting userland proxy: listen tcp4 127.0.0.1:23817: bind: address already in use",
                &[23817],
            ),
            (
                "failed to set up container networking: driver failed … failed to bind host port for 127.0.0.1:23818:172.18.0.2:80/tcp: address already in use",
                &[23818],
            ),
            (
                "Ports are not available: exposing port TCP 127.0.0.1:2381 -> 127.0.0.1:0: listen tcp 127.0.0.1:2381: bind: address already in use",
                &[2381],
            ),
            ("Conflict. The container name \"/x-23817\" is already in use", &[]),
            ("Bind for 127.0.0.1:9 failed: port is already allocated", &[]),
            ("pull access denied for registry:23817/x", &[]),
        ] {
            let found: Vec<u16> = refused(&[line.to_owned()], reserved.into_iter()).into_iter().collect();
            assert_eq!(found, ports, "{line}");
        }
    }

    #[test]
    fn blocks_end_at_65535() {
        assert_eq!(Block::new(65535, 2), None);
        assert_eq!(Block::new(65534, 2).map(|block| block.to_string()), Some("65534-65535".to_owned()));
        assert_eq!(Block::new(5, 0), None);
    }

    #[test]
    fn the_hash_tells_everything_apart_and_never_changes() {
        let id = SessionId::new("/w/shop", None);
        let hash = |slot: Slot| slot.hash("/w/shop", &id);
        assert_eq!(hash(service("db", 5432)) % 10_000, 3_744, "a release must not move everybody's ports");
        assert_ne!(hash(service("db", 5432)), hash(service("db", 5433)));
        assert_ne!(hash(Slot::App("web".into())), hash(service("web", 80)));
    }
}
