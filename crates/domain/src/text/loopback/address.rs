//! The forms in which a value names hosts and ports.

/// One address of a value: where it leads, and how another one is written in its place.
pub(super) struct Address<'v> {
    /// The host as it is written; `localhost` where it is left out.
    pub(super) host: &'v str,
    /// The port, or the usual one.
    pub(super) port: u16,
    /// A browser or its like goes there.
    pub(super) is_of_web: bool,
    /// Parts of the value, each with what is to stand there instead: `{host}`, `{port}` or `{address}` are the new ones.
    /// None where that cannot be written.
    pub(super) edits: Vec<(&'v str, &'static str)>,
}

/// Lists the addresses that a value names, of this machine or of others.
pub(super) fn addresses(value: &str) -> Vec<Address<'_>> {
    let value = value.trim();
    of_keywords(value).or_else(|| of_pdo(value)).or_else(|| of_driver(value)).unwrap_or_else(|| {
        let is_url = value.contains("://") || ["jdbc:", "r2dbc:"].iter().any(|it| value.starts_with(it));
        if is_url { urls(value).into_iter().flat_map(of_url).collect() } else { of_list(value) }
    })
}

/// Divides a list of URLs by commas; hosts of one URL may be divided by commas too.
fn urls(value: &str) -> Vec<&str> {
    let commas = value.match_indices(',').map(|(at, _)| at);
    let is_between = |at: &usize| value[at + 1..].split(',').next().is_some_and(|next| next.contains("://"));
    let mut urls = Vec::new();
    let mut start = 0;
    for at in commas.filter(is_between).chain([value.len()]) {
        urls.push(value[start..at].trim());
        start = at + 1;
    }
    urls
}

fn of_url(url: &str) -> Vec<Address<'_>> {
    let jdbc = url.strip_prefix("jdbc:").or_else(|| url.strip_prefix("r2dbc:"));
    let jdbc = jdbc.map(|rest| rest.strip_prefix("pool:").unwrap_or(rest));
    let Some((scheme, rest)) = url.split_once("://") else { return jdbc.map_or_else(Vec::new, of_jdbc) };
    let scheme = jdbc.and_then(|rest| rest.split_once("://")).map_or(scheme, |(scheme, _)| scheme);
    let default = default_port(scheme);
    // SQL Server's URLs divide by `;`.
    let strict = rest.split(['/', '?', '#', ';']).next().unwrap_or(rest);
    // PostgreSQL's library allows for a password that is not encoded.
    let lenient = rest.split('/').next().unwrap_or(rest);
    let mut parts: Vec<&str> = Vec::new();
    for authority in [strict, lenient] {
        let hosts = authority.rsplit('@').next().unwrap_or_default();
        // Most often both are one and the same.
        let is_new = |part: &&str| parts.iter().all(|known| !std::ptr::eq(*known, *part));
        let new: Vec<&str> = hosts.split(',').filter(is_new).collect();
        parts.extend(new);
    }
    let is_of_web = ["http", "https", "ws", "wss"].contains(&scheme.to_ascii_lowercase().as_str());
    let found = parts.into_iter().filter_map(|part| address(part, default));
    let mut found: Vec<Address> = found.map(|found| Address { is_of_web, ..found }).collect();
    if matches!(default, Some(5432 | 3306)) {
        let has_host = strict.rsplit('@').next() != Some("");
        found.extend(of_query(rest, default.unwrap_or_default(), has_host));
    }
    found
}

/// Reads what the address of a URL does not say: the query does, or else the library's default.
fn of_query(rest: &str, default: u16, has_host: bool) -> Option<Address<'_>> {
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let port = parameter("port");
    let number = match port {
        Some(port) => port.parse().ok()?,
        None => default,
    };
    match parameter("host") {
        Some(host) => {
            let edits = match port {
                Some(port) => vec![(host, "{host}"), (port, "{port}")],
                None => vec![(host, "{host}&port={port}")],
            };
            Some(Address { host, port: number, is_of_web: false, edits })
        }
        None if has_host => None,
        None => Some(Address { host: "localhost", port: number, is_of_web: false, edits: Vec::new() }),
    }
}

/// Reads JDBC's forms without `://`: `postgresql:shop`, `oracle:thin:@localhost:1521:XE`.
fn of_jdbc(url: &str) -> Vec<Address<'_>> {
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    let default = default_port(scheme);
    let found = match rest.split_once('@') {
        Some((_, address_of)) => {
            let place = address_of.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
            let colons: Vec<usize> = place.match_indices(':').map(|(at, _)| at).collect();
            address(&place[..colons.get(1).copied().unwrap_or(place.len())], default)
        }
        None if scheme == "postgresql" => {
            default.map(|port| Address { host: "localhost", port, is_of_web: false, edits: Vec::new() })
        }
        None => None,
    };
    found.into_iter().collect()
}

/// Reads `localhost:9092,other:9092`, with options behind that as StackExchange.Redis has them. What has anything else in it
/// is no list of addresses. Divided by spaces or semicolons, it is one if each part has a port.
fn of_list(value: &str) -> Vec<Address<'_>> {
    if !value.contains(',') && value.contains([' ', ';']) {
        let parts = value.split([' ', ';']).filter(|part| !part.is_empty());
        let all: Option<Vec<Address<'_>>> = parts.map(of_place).collect();
        return all.unwrap_or_default();
    }
    let parts: Vec<&str> = value.split(',').map(str::trim).collect();
    let addresses = parts.iter().take_while(|part| !part.contains('='));
    let addresses: Vec<&str> = addresses.copied().collect();
    let are_options = parts[addresses.len()..].iter().all(|part| part.contains('='));
    if !are_options || !addresses.iter().all(|part| part.chars().all(is_of_place)) {
        return Vec::new();
    }
    addresses.into_iter().filter_map(|host_port| address(host_port, None)).collect()
}

fn of_place(part: &str) -> Option<Address<'_>> {
    address(part, None).filter(|_| part.chars().all(is_of_place))
}

fn is_of_place(c: char) -> bool {
    c.is_alphanumeric() || " .:-_%[]".contains(c)
}

/// Reads what Go's driver for MySQL takes: `user:password@tcp(localhost:3306)/shop`.
fn of_driver(value: &str) -> Option<Vec<Address<'_>>> {
    let (before, rest) = value.split_once("tcp(")?;
    let (inside, _) = rest.split_once(')').filter(|_| before.is_empty() || before.ends_with('@'))?;
    Some(address(inside, Some(3306)).into_iter().collect())
}

/// Reads `host=localhost port=5432 …`, as PostgreSQL's library takes it, and `Host=localhost;Port=5432;…` of .NET.
fn of_keywords(value: &str) -> Option<Vec<Address<'_>>> {
    let of_dotnet = value.contains(';');
    let pairs = keywords(value, of_dotnet)?;
    if !of_dotnet {
        return of_libpq(value, &pairs, " port={port}");
    }
    match pairs.of(&["host"]) {
        Some(host) => Some(of_server(value, &pairs, host, &[(5432, ";Port={port}")])),
        None => {
            let host = pairs.of(&["server", "data source", "datasource"])?;
            Some(of_server(value, &pairs, host, &[(1433, ""), (3306, ";Port={port}")]))
        }
    }
}

/// Reads the data source of PHP's PDO: `pgsql:host=localhost;port=5432;dbname=shop`.
fn of_pdo(value: &str) -> Option<Vec<Address<'_>>> {
    let (driver, rest) = value.split_once(':')?;
    // For PostgreSQL, PDO makes spaces of semicolons.
    let pairs = keywords(rest, driver != "pgsql" || rest.contains(';'))?;
    match driver {
        "pgsql" => of_libpq(value, &pairs, if rest.contains(';') { ";port={port}" } else { " port={port}" }),
        "mysql" => Some(of_server(value, &pairs, pairs.of(&["host"])?, &[(3306, ";port={port}")])),
        "sqlsrv" => Some(of_server(value, &pairs, pairs.of(&["server"])?, &[(1433, "")])),
        _ => None,
    }
}

/// Reads the keywords of PostgreSQL's library. `says` is what says a port where none is said.
fn of_libpq<'v>(value: &'v str, pairs: &Pairs<'v>, says: &'static str) -> Option<Vec<Address<'v>>> {
    let of = |names: &[&str]| pairs.of(names);
    of(&["host", "hostaddr", "port", "dbname"])?;
    let end = &value[value.len()..];
    let written = of(&["port"]).filter(|port| !port.is_empty());
    // Without a host its library takes the local socket.
    let Some(hosts) = of(&["hostaddr"]).or(of(&["host"])).filter(|host| !host.is_empty()) else {
        let port = written.unwrap_or("5432").split(',').next()?.parse().ok()?;
        return Some(vec![Address { host: "localhost", port, is_of_web: false, edits: Vec::new() }]);
    };
    let ports = written.unwrap_or("5432");
    let last = ports.rsplit(',').next();
    let ports = ports.split(',').map(Some).chain(std::iter::repeat(last)).flatten();
    let found = hosts.split(',').zip(ports).filter_map(|(host, port)| {
        let edits = match written {
            Some(_) => vec![(host, "{host}"), (port, "{port}")],
            None if hosts.contains(',') => Vec::new(),
            None => vec![(host, "{host}"), (end, says)],
        };
        Some(Address { host, port: port.parse().ok()?, is_of_web: false, edits })
    });
    Some(found.collect())
}

/// Reads the host of a server, and its port, which follows a comma or stands for itself. `usual` are the ports that no port
/// may mean, each with what says another one: nothing where that follows a comma.
fn of_server<'v>(
    value: &'v str,
    pairs: &Pairs<'v>,
    host: &'v str,
    usual: &[(u16, &'static str)],
) -> Vec<Address<'v>> {
    let end = value.trim_end_matches([';', ' ']).len();
    let end = &value[end..end];
    let host = host.strip_prefix("tcp:").unwrap_or(host);
    let (host, port) =
        host.split_once(',').map_or((host, pairs.of(&["port"])), |(host, port)| (host, Some(port)));
    let (host, port) = match (host.split_once(':'), port) {
        (Some((host, port)), None) if !port.contains(':') => (host, Some(port)),
        _ => (host, port),
    };
    // A named instance is found by its name, not by a port.
    let host = host.split('\\').next().unwrap_or(host);
    let at = |port: u16, edits| Address { host, port, is_of_web: false, edits };
    match port.map(str::trim) {
        Some(port) => {
            let number = port.parse().ok();
            number.into_iter().map(|number| at(number, vec![(host, "{host}"), (port, "{port}")])).collect()
        }
        None => usual
            .iter()
            .map(|(number, says)| match *says {
                "" => at(*number, vec![(host, "{host},{port}")]),
                says => at(*number, vec![(host, "{host}"), (end, says)]),
            })
            .collect(),
    }
}

/// Keys, in small letters, with their values.
struct Pairs<'v>(Vec<(String, &'v str)>);

impl<'v> Pairs<'v> {
    /// Returns what the last one of these keys says.
    fn of(&self, names: &[&str]) -> Option<&'v str> {
        let found = self.0.iter().rev().find(|(key, _)| names.contains(&key.as_str()));
        found.map(|(_, value)| *value)
    }
}

/// Divides `key=value` pairs; `None` for a text that is anything else.
fn keywords(text: &str, by_semicolon: bool) -> Option<Pairs<'_>> {
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
            (value.trim(), after)
        } else {
            word(after.trim_start())
        };
        pairs.push((key.to_ascii_lowercase(), value));
        rest = after.trim_start();
    }
    Some(Pairs(pairs))
}

/// Takes one word off, as it is written: up to a space, or in single quotes; a backslash takes the next character with it.
fn word(text: &str) -> (&str, &str) {
    let (quoted, text) = text.strip_prefix('\'').map_or((false, text), |text| (true, text));
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '\'' if quoted => return (&text[..at], &text[at + 1..]),
            c if c.is_whitespace() && !quoted => return (&text[..at], &text[at..]),
            _ => {}
        }
    }
    (text, "")
}

/// Reads `host`, `host:port` or `[host]:port`; without a port it is the default one.
fn address(host_port: &str, default: Option<u16>) -> Option<Address<'_>> {
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
    let host = host.split('\\').next().unwrap_or(host);
    Some(Address { host, port, is_of_web: false, edits: vec![(host_port, "{address}")] })
}

/// Returns the port that a scheme means where a URL names none.
fn default_port(scheme: &str) -> Option<u16> {
    // `postgresql+asyncpg://` and `mysql:loadbalance://` name a driver after the scheme.
    Some(match scheme.split(['+', ':']).next()?.to_ascii_lowercase().as_str() {
        "postgres" | "postgresql" | "postgis" | "psql" | "pgsql" | "ecto" => 5432,
        "mysql" | "mysql2" | "mariadb" => 3306,
        "redis" | "rediss" | "rediscache" | "valkey" | "valkeys" => 6379,
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
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        _ => return None,
    })
}
