//! Which ports of this machine a value names: as a URL, `host:port`, JDBC, PostgreSQL's keywords, or a driver's own form.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};

/// A host and a port as they are written in a value.
type Address = (String, u16);

/// Returns the ports of this machine, called `hostname`, that `value` names, each once; none if it names others only, or is
/// no address at all. Where it says no port, the usual one of its scheme is meant.
pub fn ports(value: &str, hostname: &str) -> Vec<u16> {
    let value = value.trim();
    let found = of_keywords(value).or_else(|| of_driver(value)).unwrap_or_else(|| {
        let is_url = value.contains("://") || value.starts_with("jdbc:");
        if is_url { urls(value).iter().flat_map(|url| of_url(url)).collect() } else { of_list(value) }
    });
    let mut ports = Vec::new();
    for (host, port) in found {
        if is_here(&host, hostname) && !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

/// Says whether a host name or address is this machine's own. So is the directory of a socket.
pub fn is_here(host: &str, hostname: &str) -> bool {
    const NAMES: [&str; 5] =
        ["localhost", "localhost.localdomain", "localhost6", "ip6-localhost", "ip6-loopback"];
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
    let (last, first) = parts.split_last()?;
    let room = 8 * (4 - u32::try_from(first.len()).ok().filter(|count| *count < 4)?);
    if first.iter().any(|part| *part > 255) || (room < 32 && *last >> room != 0) {
        return None;
    }
    let start = first.iter().zip([24, 16, 8]).fold(0, |sum, (part, shift)| sum | part << shift);
    Some(Ipv4Addr::from_bits(start | last))
}

/// Divides a list of URLs by commas; hosts of one URL may be divided by commas too.
fn urls(value: &str) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for part in value.split(',') {
        match urls.last_mut() {
            Some(url) if !part.contains("://") => url.extend([",", part]),
            _ => urls.push(part.trim().to_owned()),
        }
    }
    urls
}

fn of_url(url: &str) -> Vec<Address> {
    let jdbc = url.strip_prefix("jdbc:");
    let Some((scheme, rest)) = url.split_once("://") else { return jdbc.map_or_else(Vec::new, of_jdbc) };
    let scheme = jdbc.map_or(scheme, |_| scheme.trim_start_matches("jdbc:"));
    let default = default_port(scheme);
    // SQL Server's URLs divide by `;`.
    let strict = rest.split(['/', '?', '#', ';']).next().unwrap_or(rest);
    // PostgreSQL's library allows for a password that is not encoded.
    let lenient = rest.split('/').next().unwrap_or(rest);
    let hosts = |authority: &str| authority.rsplit('@').next().unwrap_or_default().to_owned();
    let mut hosts = [hosts(strict), hosts(lenient)].join(",");
    if matches!(default, Some(5432 | 3306)) {
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
    hosts.split(',').filter_map(|host_port| address(host_port, default)).collect()
}

/// Reads JDBC's forms without `://`: `postgresql:shop`, `oracle:thin:@localhost:1521:XE`.
fn of_jdbc(url: &str) -> Vec<Address> {
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    let default = default_port(scheme);
    let found = match rest.split_once('@') {
        Some((_, address_of)) => {
            let place = address_of.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
            address(&place.splitn(3, ':').take(2).collect::<Vec<_>>().join(":"), default)
        }
        None if scheme == "postgresql" => default.map(|port| ("localhost".to_owned(), port)),
        None => None,
    };
    found.into_iter().collect()
}

/// Reads `localhost:9092,other:9092`.
fn of_list(value: &str) -> Vec<Address> {
    value.split(',').filter_map(|host_port| address(host_port.trim(), None)).collect()
}

/// Reads what Go's driver for MySQL takes: `user:password@tcp(localhost:3306)/shop`.
fn of_driver(value: &str) -> Option<Vec<Address>> {
    let (before, rest) = value.split_once("tcp(")?;
    let (inside, _) = rest.split_once(')').filter(|_| before.is_empty() || before.ends_with('@'))?;
    Some(address(inside, Some(3306)).into_iter().collect())
}

/// Reads `host=localhost port=5432 …`, as PostgreSQL's library takes it, and `Host=localhost;Port=5432;…` of .NET.
fn of_keywords(value: &str) -> Option<Vec<Address>> {
    let of_dotnet = value.contains(';');
    let pairs = keywords(value, of_dotnet)?;
    let of = |names: &[&str]| {
        let found = pairs.iter().rev().find(|(key, _)| names.contains(&key.as_str()));
        found.map(|(_, value)| value.as_str())
    };
    if !of_dotnet {
        of(&["host", "hostaddr", "port", "dbname"])?;
        // Without a host its library takes the local socket.
        let hosts = of(&["hostaddr"]).or(of(&["host"])).filter(|host| !host.is_empty());
        let ports = of(&["port"]).filter(|port| !port.is_empty()).unwrap_or("5432");
        let last = ports.rsplit(',').next();
        let ports = ports.split(',').map(Some).chain(std::iter::repeat(last)).flatten();
        let found = hosts.unwrap_or("localhost").split(',').zip(ports);
        return Some(found.filter_map(|(host, port)| Some((host.to_owned(), port.parse().ok()?))).collect());
    }
    let (host, usual) = match of(&["host"]) {
        Some(host) => (host, &[5432][..]),
        None => (of(&["server", "data source", "datasource"])?, &[1433, 3306][..]),
    };
    let host = host.strip_prefix("tcp:").unwrap_or(host);
    // SQL Server's port follows a comma.
    let (host, port) = host.split_once(',').map_or((host, of(&["port"])), |(host, port)| (host, Some(port)));
    let host = host.split('\\').next().unwrap_or(host).replace("(local)", "localhost");
    let ports = port.map_or_else(|| usual.to_vec(), |port| port.trim().parse().into_iter().collect());
    Some(ports.into_iter().map(|port| (host.clone(), port)).collect())
}

/// Divides `key=value` pairs; `None` for a text that is anything else.
fn keywords(text: &str, by_semicolon: bool) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let key = key.trim();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || (by_semicolon && c == ' ');
        if key.is_empty() || !key.chars().all(is_word) {
            return None;
        }
        let (value, after) = if by_semicolon {
            let (value, after) = after.split_once(';').unwrap_or((after, ""));
            (value.trim().to_owned(), after)
        } else {
            word(after.trim_start())
        };
        pairs.push((key.to_ascii_lowercase(), value));
        rest = after.trim_start();
    }
    Some(pairs)
}

/// Takes one word off: up to a space, or in single quotes; a backslash takes the next character as it is.
fn word(text: &str) -> (String, &str) {
    let (quoted, text) = text.strip_prefix('\'').map_or((false, text), |text| (true, text));
    let mut word = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => word.extend(chars.next().map(|(_, c)| c)),
            '\'' if quoted => return (word, &text[at + 1..]),
            c if c.is_whitespace() && !quoted => return (word, &text[at..]),
            c => word.push(c),
        }
    }
    (word, "")
}

/// Reads `host`, `host:port` or `[host]:port`; without a port it is the default one.
fn address(host_port: &str, default: Option<u16>) -> Option<Address> {
    let (host, port) = match host_port.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match host_port.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host_port, None),
        },
    };
    let port = match port {
        Some(port) if !port.is_empty() => port.parse().ok()?,
        _ => default?,
    };
    Some((host.split('\\').next().unwrap_or(host).to_owned(), port))
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

/// Returns the port that a scheme means where a URL names none.
fn default_port(scheme: &str) -> Option<u16> {
    // `postgresql+asyncpg://` and `mysql:loadbalance://` name a driver after the scheme.
    Some(match scheme.split(['+', ':']).next()?.to_ascii_lowercase().as_str() {
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
