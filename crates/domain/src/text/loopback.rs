//! Which ports of this machine a value names: as a URL, `host:port`, JDBC, PostgreSQL's keywords, or a driver's own form;
//! and the same value with other ones in their place.

mod address;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use self::address::{Address, addresses};
use crate::text::url;

/// The addresses that `localhost` may mean.
pub const USUAL: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Returns the ports of this machine, called `hostname`, that `value` names, each once; none if it names others only, or is
/// no address at all. Where it says no port, the usual one of its scheme is meant.
pub fn ports(value: &str, hostname: &str) -> Vec<u16> {
    let mut ports = Vec::new();
    for Address { host, port, .. } in addresses(value) {
        if is_here(host, hostname) && !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

/// A value that leads elsewhere than it was written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// The value.
    pub value: String,
    /// The port that it named, and the one that it names now, of each address that is another one now.
    pub ports: Vec<(u16, u16)>,
}

/// Writes `value` with other places, hosts and ports, for the ports of this machine, called `hostname`, that it names; all
/// else in it stays as it is. `None` if `place` knows none of them. What names no host stays, too, and so does a socket's
/// directory.
pub fn translated<'p>(
    value: &str,
    hostname: &str,
    place: impl Fn(u16) -> Option<(&'p str, u16)>,
) -> Option<Translated> {
    let mut edits: Vec<(usize, &str, String)> = Vec::new();
    let mut ports = Vec::new();
    for address in addresses(value) {
        let is_meant = is_here(address.host, hostname)
            && !decoded(address.host).starts_with('/')
            && !is_for_all(address.host);
        let Some((host, port)) = is_meant.then(|| place(address.port)).flatten() else { continue };
        // A cookie, a certificate and an origin are for the name that stands there.
        let keeps_name = address.is_of_web && is_named(address.host) && is_loopback(host);
        let host = if keeps_name { address.host } else { host };
        let start = |edited: &str| edited.as_ptr().addr() - value.as_ptr().addr();
        // One port for several hosts cannot become several.
        let is_free = |(at, old): (usize, &str)| {
            edits.iter().all(|(other, text, _)| at + old.len() < *other || *other + text.len() < at)
        };
        if address.edits.is_empty() || !address.edits.iter().all(|(old, _)| is_free((start(old), old))) {
            continue;
        }
        edits.extend(address.edits.iter().map(|(old, new)| {
            let text = new.replace("{address}", &url::address(host, port)).replace("{host}", host);
            (start(old), *old, text.replace("{port}", &port.to_string()))
        }));
        ports.push((address.port, port));
    }
    if ports.is_empty() {
        return None;
    }
    edits.sort_by_key(|(at, ..)| *at);
    let (mut written, mut rest) = (String::new(), 0);
    for (at, old, new) in edits {
        written.push_str(&value[rest..at]);
        written.push_str(&new);
        rest = at + old.len();
    }
    written.push_str(&value[rest..]);
    Some(Translated { value: written, ports })
}

/// Returns the host of a value that names nothing else, be it as the beginning of a URL.
pub fn bare_host(value: &str) -> &str {
    value.split_once("://").map_or(value, |(_, host)| host).trim_end_matches('/')
}

/// Says whether a host stands for all addresses: who is told that listens, and leads nowhere.
pub fn is_for_all(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "*" || address.is_ok_and(|address| address.to_canonical().is_unspecified())
}

/// Says whether a host is `localhost` or a name below it, which browsers resolve by themselves.
pub fn is_named(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

/// Says whether an address is of this machine alone.
fn is_loopback(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Says whether a host name or address is this machine's own. So is the directory of a socket.
pub fn is_here(host: &str, hostname: &str) -> bool {
    const NAMES: [&str; 6] =
        ["localhost", "localhost.localdomain", "localhost6", "ip6-localhost", "ip6-loopback", "(local)"];
    let host = decoded(host);
    if host.starts_with('/') {
        return true;
    }
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    // `fe80::1%eth0` names an interface.
    let host = host.split('%').next().unwrap_or_default();
    let address = host.parse::<IpAddr>().ok().or_else(|| ipv4(host).map(IpAddr::V4));
    if let Some(address) = address {
        return address.to_canonical().is_loopback() || address.is_unspecified();
    }
    let hostname = hostname.to_ascii_lowercase();
    let is_own = !host.is_empty() && (host == hostname || Some(host) == hostname.split('.').next());
    is_own || NAMES.contains(&host) || host.ends_with(".localhost")
}

/// Reads an IPv4 address as `inet_aton(3)` does: one to four numbers, decimal, octal or hexadecimal, of which the last one
/// fills what is left.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let number = |part: &str| match part.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if part.len() > 1 && part.starts_with('0') => u32::from_str_radix(part, 8).ok(),
        None => part.parse().ok(),
    };
    let parts: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    // A number that small is a number, and no address.
    if matches!(parts[..], [only] if only < 1 << 24) && !text.starts_with("0x") {
        return None;
    }
    let (last, first) = parts.split_last()?;
    let room = 8 * (4 - u32::try_from(first.len()).ok().filter(|count| *count < 4)?);
    if first.iter().any(|part| *part > 255) || (room < 32 && *last >> room != 0) {
        return None;
    }
    let start = first.iter().zip([24, 16, 8]).fold(0, |sum, (part, shift)| sum | part << shift);
    Some(Ipv4Addr::from_bits(start | last))
}

/// Resolves percent-encoding; what is none stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
