//! Percent-encoding for the parts of a URL, and where a URL points.

use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};

/// Encodes everything but RFC 3986's unreserved characters, so that any parser finds the part whole.
pub fn encode(part: &str) -> String {
    let mut encoded = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

/// Writes `host:port`, with an IPv6 address in brackets.
pub fn address(host: &str, port: u16) -> String {
    if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Returns the port at which `url` points to this machine; `None` if it points elsewhere or is no URL.
///
/// A URL without a port means the one that its scheme is known for.
pub fn loopback_port(url: &str) -> Option<u16> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    // Of several hosts (mongodb, kafka) the first is looked at.
    let host_port = authority.rsplit('@').next()?.split(',').next()?;
    let (host, port) = match host_port.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match host_port.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host_port, None),
        },
    };
    if !is_loopback(host) {
        return None;
    }
    match port {
        Some(port) if !port.is_empty() => port.parse().ok(),
        _ => default_port(scheme),
    }
}

/// Says whether a host name or address is this machine's own.
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host.parse::<IpAddr>().map_or_else(
        |_| host == "localhost" || host.ends_with(".localhost"),
        |address| address.is_loopback() || address.is_unspecified(),
    )
}

/// Returns the port that a scheme means where a URL names none.
fn default_port(scheme: &str) -> Option<u16> {
    // `postgresql+asyncpg://` and the like name a driver after the scheme.
    Some(match scheme.split('+').next()?.to_ascii_lowercase().as_str() {
        "postgres" | "postgresql" => 5432,
        "mysql" | "mysql2" | "mariadb" => 3306,
        "redis" | "rediss" | "valkey" => 6379,
        "mongodb" => 27017,
        "amqp" => 5672,
        "nats" => 4222,
        "kafka" => 9092,
        "memcached" => 11211,
        "mqtt" => 1883,
        "sqlserver" | "mssql" => 1433,
        "oracle" => 1521,
        "bolt" | "neo4j" => 7687,
        "smtp" => 25,
        "http" => 80,
        "https" => 443,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_what_a_password_may_hold() {
        assert_eq!(encode("p@ss w/rd"), "p%40ss%20w%2Frd");
        assert_eq!(encode("a-b.c_d~é%"), "a-b.c_d~%C3%A9%25");
    }

    #[test]
    fn finds_where_a_url_points() {
        for (url, port) in [
            ("postgres://u:p@localhost:5432/shop", Some(5432)),
            ("postgres://u:p%40@127.0.0.1/shop", Some(5432)),
            ("postgresql+asyncpg://localhost/shop", Some(5432)),
            ("redis://[::1]:7000", Some(7000)),
            ("redis://[::1]", Some(6379)),
            ("http://0.0.0.0:8080/x:y@z", Some(8080)),
            ("http://LOCALHOST.:81?x", Some(81)),
            ("http://api.localhost", Some(80)),
            ("mysql://u:p@db.example.com:3306/x", None),
            ("custom://localhost", None),
            ("localhost:5432", None),
            ("", None),
        ] {
            assert_eq!(loopback_port(url), port, "{url}");
        }
    }

    #[test]
    fn brackets_ipv6() {
        assert_eq!(address("::1", 80), "[::1]:80");
        assert_eq!(address("127.0.0.1", 80), "127.0.0.1:80");
    }
}
