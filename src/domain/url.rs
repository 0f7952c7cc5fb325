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

/// Returns the ports at which `url` points to this machine, of each host that it names; none if it points elsewhere or
/// is no URL.
///
/// A URL without a port means the one that its scheme is known for.
pub fn loopback_ports(url: &str) -> Vec<u16> {
    let Some((scheme, rest)) = url.split_once("://") else { return Vec::new() };
    // SQL Server's URLs divide by `;`.
    let strict = rest.split(['/', '?', '#', ';']).next().unwrap_or(rest);
    // PostgreSQL's library allows for a password that is not encoded.
    let lenient = rest.split('/').next().unwrap_or(rest);
    let hosts = |authority: &str| authority.rsplit('@').next().unwrap_or_default().to_owned();
    let mut hosts = [hosts(strict), hosts(lenient)].join(",");
    if matches!(default_port(scheme), Some(5432 | 3306)) {
        // What the address does not say, the query does, or else the library's default.
        let query = rest.split_once('?').map_or("", |(_, query)| query);
        let pairs = || query.split('&').filter_map(|pair| pair.split_once('='));
        let parameter = |name: &str| pairs().find(|(key, _)| *key == name).map(|(_, value)| value);
        let port = parameter("port").map_or(String::new(), |port| format!(":{port}"));
        match parameter("host") {
            Some(host) => hosts += &format!(",{host}{port}"),
            None if strict.rsplit('@').next() == Some("") => hosts += &format!(",localhost{port}"),
            None => {}
        }
    }
    let mut ports: Vec<u16> = Vec::new();
    for port in hosts.split(',').filter_map(|host_port| loopback_port(scheme, host_port)) {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

fn loopback_port(scheme: &str, host_port: &str) -> Option<u16> {
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
        |address| address.to_canonical().is_loopback() || address.is_unspecified(),
    )
}

/// Returns the port that a scheme means where a URL names none.
fn default_port(scheme: &str) -> Option<u16> {
    // `postgresql+asyncpg://` and the like name a driver after the scheme, `jdbc:` stands before it.
    let scheme = scheme.strip_prefix("jdbc:").unwrap_or(scheme);
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
        for (url, ports) in [
            ("postgres://u:p@localhost:5432/shop", &[5432][..]),
            ("postgres://u:p%40@127.0.0.1/shop", &[5432]),
            ("postgresql+asyncpg://localhost/shop", &[5432]),
            ("redis://[::1]:7000", &[7000]),
            ("redis://[::1]", &[6379]),
            ("http://0.0.0.0:8080/x:y@z", &[8080]),
            ("http://LOCALHOST.:81?x", &[81]),
            ("http://api.localhost", &[80]),
            ("mysql://u:p@db.example.com:3306/x", &[]),
            ("custom://localhost", &[]),
            ("mongodb://u:p@db.example:1,localhost:2,127.0.0.1/x", &[2, 27017]),
            ("jdbc:postgresql://localhost/x", &[5432]),
            ("sqlserver://localhost:1433;database=x", &[1433]),
            ("localhost:5432", &[]),
            ("postgres://u:hun#ter2@localhost:5432/x", &[5432]),
            ("postgres://u:p?q@localhost:5433/x", &[5433]),
            ("postgres:///x?host=localhost&port=5434", &[5434]),
            ("postgres:///x", &[5432]),
            ("postgres:///x?host=db.example.com", &[]),
            ("http://example.com/a@localhost:80?host=localhost", &[]),
            ("http://[::ffff:127.0.0.1]:8080", &[8080]),
            ("sqlite:///x", &[]),
            ("", &[]),
        ] {
            assert_eq!(loopback_ports(url), ports, "{url}");
        }
    }

    #[test]
    fn brackets_ipv6() {
        assert_eq!(address("::1", 80), "[::1]:80");
        assert_eq!(address("127.0.0.1", 80), "127.0.0.1:80");
    }
}
