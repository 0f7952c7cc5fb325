//! Whether what stands beside a port says that it is another machine's.

use crate::identity::address_name::{HOSTS, normal};
use crate::text::loopback;

/// What else follows the name of something to say where it is.
const PLACES: [&str; 8] = ["_DOMAIN", "_DSN", "_FQDN", "_HOSTS", "_IP", "_NODES", "_URI", "_URL"];

/// Says whether one of the variables beside `STEM_PORT` names another machine than this one, called `hostname`: one that
/// begins with the whole stem, or that says where something is that has a beginning of it for its name.
pub fn is_of_another<'a>(
    stem: &str,
    variables: impl Iterator<Item = (&'a str, &'a str)>,
    hostname: &str,
) -> bool {
    let is_place = |name: &str| HOSTS.iter().chain(&PLACES).any(|suffix| name.ends_with(suffix));
    let is_beside = |name: &str| {
        let name = normal(name);
        let name = name.as_str();
        let is_of_stem = name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('_'));
        let above = HOSTS.iter().chain(&PLACES).find_map(|suffix| name.strip_suffix(suffix));
        let is_above =
            above.is_some_and(|above| stem.strip_prefix(above).is_some_and(|rest| rest.starts_with('_')));
        is_above || is_of_stem && (is_place(name) || !name.ends_with("_PORT"))
    };
    let mut beside = variables.filter(|(name, _)| is_beside(name));
    beside.any(|(_, value)| names_another(value, hostname))
}

/// Says whether a value names other machines, be they in a list or in a URL.
fn names_another(value: &str, hostname: &str) -> bool {
    let host = |part: &str| {
        let part = part.trim().split_once("://").map_or(part.trim(), |(_, rest)| rest);
        let part = part.split(['/', '?']).next().unwrap_or(part);
        let part = part.rsplit('@').next().unwrap_or(part);
        part.rsplit_once(':').map_or(part, |(host, _)| host).to_owned()
    };
    let is_host = |host: &str| {
        let is_of_host = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let is_number = host.chars().all(|c| c.is_ascii_digit() || c == '.');
        host.contains('.') && host.chars().all(is_of_host) && (!is_number || host.split('.').count() == 4)
    };
    value.split(',').map(host).any(|host| is_host(&host) && !loopback::is_here(&host, hostname))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_where_its_neighbours_are() {
        for (stem, name, value, expected) in [
            ("WAREHOUSE", "WAREHOUSE_ENDPOINT", "warehouse.prod.example.com", true),
            ("REPLICA", "REPLICA_DB_HOST", "replica.prod.example.com", true),
            ("RDS", "RDS_URL_HOST", "rds.prod", true),
            ("LEGACY", "LEGACY_IP", "10.9.8.7", true),
            ("REPORT", "REPORT_HOSTS", "a.prod, b.prod", true),
            ("X", "X_URL", "postgres://u:p@db.prod:5432/x", true),
            ("DB_READ", "DB_HOST", "db.prod", true),
            ("DB", "DB_HOST", "localhost", false),
            ("DB", "DB_URL", "postgres://u:p@127.0.0.1/x", false),
            ("DB", "DB_VERSION", "17.2", false),
            ("DB", "DB_NAME", "shop", false),
            ("DB", "DBA_HOST", "dba.prod", false),
            ("SPRING_REDIS", "spring.redis.url", "redis://redis.prod", true),
            ("DB", "OTHER_HOST", "other.prod", false),
        ] {
            assert_eq!(
                is_of_another(stem, [(name, value)].into_iter(), "box"),
                expected,
                "{stem} {name}={value}"
            );
        }
    }
}
