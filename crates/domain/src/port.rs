//! Container ports, host ports, and the texts they come in.

pub mod allocation;
pub mod holder;
pub mod reservation;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A transport protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP, which a port has where nothing else is said.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP, which Docker publishes too; no variable speaks of it.
    Sctp,
}

/// A port inside a container, as in `5432/tcp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerPort {
    /// 1 to 65535.
    pub number: u16,
    /// The protocol.
    pub protocol: Protocol,
}

impl ContainerPort {
    /// Returns a TCP port.
    pub const fn tcp(number: u16) -> Self {
        Self { number, protocol: Protocol::Tcp }
    }

    /// Says whether this is a TCP port.
    pub fn is_tcp(self) -> bool {
        self.protocol == Protocol::Tcp
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" | "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            "sctp" => Ok(Self::Sctp),
            other => Err(format!("`{other}` is not a protocol that Docker publishes")),
        }
    }
}

impl fmt::Display for ContainerPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.protocol)
    }
}

impl FromStr for ContainerPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        match number.parse() {
            Ok(number) if number > 0 => Ok(Self { number, protocol: protocol.parse()? }),
            _ => Err(format!("`{number}` is not a port from 1 to 65535")),
        }
    }
}

impl Serialize for ContainerPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContainerPort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Host ports of which one or several are chosen, as in `1972-1981`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    /// The lowest, at least 1.
    pub first: u16,
    /// The highest, not below `first`.
    pub last: u16,
}

impl PortRange {
    /// Says how many there are.
    pub fn count(self) -> u32 {
        u32::from(self.last) - u32::from(self.first) + 1
    }

    /// Says whether all of `ports` lie in it.
    pub fn covers(self, ports: &std::ops::RangeInclusive<u16>) -> bool {
        (self.first..=self.last).contains(ports.start()) && (self.first..=self.last).contains(ports.end())
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ports = expand_range(text)?;
        Ok(Self { first: *ports.start(), last: *ports.end() })
    }
}

impl<'de> Deserialize<'de> for PortRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Expands an `expose:` entry: `3000`, `1000-1002`, `2000/udp`.
pub fn expand_exposed(text: &str) -> Result<Vec<ContainerPort>, String> {
    let (numbers, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = protocol.parse()?;
    Ok(expand_range(numbers)?.map(|number| ContainerPort { number, protocol }).collect())
}

/// Expands `8080` or `9000-9010` to its numbers.
pub fn expand_range(text: &str) -> Result<std::ops::RangeInclusive<u16>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
        (Ok(first), Ok(last)) if first > 0 && first <= last => Ok(first..=last),
        _ => Err(format!("`{text}` is not a port or a range of ports from 1 to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_compose_and_labels_write() {
        assert_eq!("5432".parse(), Ok(ContainerPort::tcp(5432)));
        assert_eq!("53/udp".parse(), Ok(ContainerPort { number: 53, protocol: Protocol::Udp }));
        for bad in ["", "0", "70000", "x", "80/icmp", "-1"] {
            assert!(bad.parse::<ContainerPort>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn expands_exposed_ranges() {
        let numbers =
            |text| expand_exposed(text).map(|ports| ports.iter().map(|p| p.number).collect::<Vec<_>>());
        assert_eq!(numbers("1000-1002"), Ok(vec![1000, 1001, 1002]));
        assert_eq!(numbers("2000/udp"), Ok(vec![2000]));
        assert_eq!(numbers("65534-65535"), Ok(vec![65534, 65535]));
        assert!(numbers("5-4").is_err());
    }
}
