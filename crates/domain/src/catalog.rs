//! The usual images: their ports, where their credentials stand, and the variables that programs look for.

mod data;
mod kinds;
mod program;

pub use self::kinds::kinds;
pub use self::program::Runs;
use crate::port::ContainerPort;

/// One kind of service. A row of [`kinds`].
#[derive(Debug)]
pub struct Kind {
    /// Its name, as the label `dev-prism.kind` takes it.
    pub name: &'static str,
    /// Last path components of image names; the last two, where one would not tell.
    pub images: &'static [&'static str],
    /// The TCP ports that clients use, the usual one first.
    pub ports: &'static [u16],
    /// The programs that are its server, some with their first argument; none where the images run nothing else.
    pub servers: &'static [&'static str],
    /// How its readiness is asked for.
    pub probe: Probe,
    /// Where user and password stand; the first login that applies is taken.
    pub logins: &'static [Login],
    /// Command-line flags that carry the user and the password, before the environment.
    pub user_flag: Option<&'static str>,
    /// See `user_flag`.
    pub password_flag: Option<&'static str>,
    /// Environment variables of the container with `NAME=value` that mean: no password.
    pub without_password: &'static [(&'static str, &'static str)],
    /// Where the database stands.
    pub database: Database,
    /// What else a client needs.
    pub facts: &'static [Fact],
    /// The URL: the first of these whose placeholders all have a value. Placeholders, percent-encoded: `{auth}`
    /// (`user:password@` or nothing), `{user} {password} {address} {database}`; `{address}` is `host:port`, and
    /// `{address:81}` the same of container port 81.
    pub urls: &'static [&'static str],
    /// What it serves at other ports.
    pub others: &'static [Other],
    /// Variables that programs look for, set when exactly one service would give them, or one is primary.
    pub globals: &'static [&'static Group],
}

impl Kind {
    /// Returns the port that its clients use, unless told otherwise.
    pub fn port(&self) -> u16 {
        self.ports.first().copied().unwrap_or_default()
    }

    /// Says whether its own protocol is spoken at this port: one that is not known for anything else may have been
    /// chosen by the user.
    pub fn speaks_at(&self, port: u16) -> bool {
        self.ports.contains(&port) || !self.others.iter().any(|other| other.ports.contains(&port))
    }
}

/// Something else that a service of a kind serves: a user interface, another protocol.
#[derive(Debug)]
pub struct Other {
    /// What follows the service's prefix, as in `MANAGEMENT_URL`.
    pub suffix: &'static str,
    /// The container ports at which it may be, the usual one first.
    pub ports: &'static [u16],
    /// The URL, with the placeholders of [`Kind::urls`].
    pub url: &'static str,
}

/// Global names that make sense together only, and are kept or replaced as a whole: a caller's host with a session's
/// port would lead nowhere, or to somebody else's data.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    /// What it is called in messages. Groups of one name are one group, whichever kinds they stand at.
    pub name: &'static str,
    /// Names and values. Placeholders: `{url} {address} {address:81} {host} {port} {user} {password} {database}` and the
    /// suffix of a [`Fact`]; a variable of which one has no value is not set. Of two lines for one name the first that
    /// has all its values is taken.
    pub variables: &'static [(&'static str, &'static str)],
    /// Names that a session does not set, and that lead programs elsewhere all the same.
    pub rivals: &'static [&'static str],
    /// Where the group leads, if it says so in several variables.
    pub address: Option<Address>,
    /// It takes any credentials, and so those of another service of the group; it gives its own names beside them.
    pub takes_any: bool,
}

impl Group {
    /// Says whether a variable of this name is one of the group.
    pub fn gives(&self, name: &str) -> bool {
        self.variables.iter().any(|(variable, _)| *variable == name)
    }
}

/// Variables that say together where a client connects to.
#[derive(Debug, PartialEq, Eq)]
pub struct Address {
    /// The ones that may name the host.
    pub hosts: &'static [&'static str],
    /// The one that names the port.
    pub port: &'static str,
    /// The port where none is named.
    pub default: u16,
}

/// How a service without a health check is asked whether it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Connect, then read for a moment: end of file means not ready.
    Tcp,
    /// PostgreSQL's answer to a client that begins to log in: it accepts connections long before it accepts those.
    Postgres,
    /// MySQL's greeting.
    Mysql,
    /// Redis' answer to `PING`.
    Redis,
}

/// A user and where the password stands.
#[derive(Debug)]
pub struct Login {
    /// The user.
    pub user: User,
    /// Environment variables of the container, first match.
    pub password: &'static [&'static str],
    /// The password that the image has where none is given.
    pub default_password: Option<&'static str>,
    /// It ends before the first of these: one of several, or something else, follows.
    pub ends: &'static [char],
}

/// Where a user's name stands.
#[derive(Debug)]
pub enum User {
    /// The service knows passwords only.
    Nobody,
    /// Always this one.
    Named(&'static str),
    /// This one, but only where there is a password: otherwise nobody logs in.
    WithPassword(&'static str),
    /// In one of these environment variables; without any, or without a password, the login does not apply.
    From(&'static [&'static str]),
    /// In one of these environment variables, else this one.
    FromOr(&'static [&'static str], &'static str),
    /// `user/password` in this environment variable, or with another separator.
    Joined {
        /// The variable; empty for the first word of the command that has the separator.
        variable: &'static str,
        /// What stands between the two.
        separator: char,
    },
}

/// Something that clients of a kind have to be told, beside address, user, password and database.
#[derive(Debug)]
pub struct Fact {
    /// What follows the service's prefix.
    pub suffix: &'static str,
    /// Environment variables of the container, first match.
    pub variables: &'static [&'static str],
    /// It opens the door, as a password does.
    pub is_secret: bool,
}

/// Where the database stands.
#[derive(Debug)]
pub struct Database {
    /// What follows the service's prefix.
    pub suffix: &'static str,
    /// Environment variables of the container, first match.
    pub variables: &'static [&'static str],
    /// The one where none is named.
    pub default: DefaultDatabase,
}

/// The database where none is named.
#[derive(Debug)]
pub enum DefaultDatabase {
    /// There is none.
    Nothing,
    /// Named like the user.
    LikeUser,
    /// Always this one.
    Named(&'static str),
    /// `then` for these images, else `otherwise`.
    ByImage {
        /// As in [`Kind::images`].
        images: &'static [&'static str],
        /// Theirs.
        then: &'static str,
        /// That of all others.
        otherwise: &'static str,
    },
}

/// What a service is called that is of no kind, whatever its image: a client of a database has the database's image.
pub const NO_KIND: &str = "none";

/// Finds the kind of a service: the one that it names itself, else the one of its image.
///
/// # Errors
/// Gives back a `named` kind that does not exist.
pub fn kind<'n>(named: Option<&'n str>, image: &str) -> Result<Option<&'static Kind>, &'n str> {
    match named {
        Some(name) => {
            let lower = name.to_ascii_lowercase();
            if lower == NO_KIND {
                return Ok(None);
            }
            let found = kinds().find(|kind| kind.name == lower || kind.images.contains(&lower.as_str()));
            found.map(Some).ok_or(name)
        }
        None => Ok(kinds().find(|kind| is_among(image, kind.images))),
    }
}

/// Says whether an image is among these: by the last component of its path, or the last two.
pub fn is_among(image: &str, names: &[&str]) -> bool {
    let image = image.split('@').next().unwrap_or(image);
    let (above, last) = image.rsplit_once('/').unwrap_or(("", image));
    let last = last.split(':').next().unwrap_or(last);
    let organisation = above.rsplit('/').next().unwrap_or(above);
    names.iter().any(|name| match name.split_once('/') {
        None => *name == last,
        Some((before, after)) => after == last && before == organisation,
    })
}

/// Returns the URL scheme of a service that is of no known kind.
pub fn generic_scheme(port: ContainerPort) -> &'static str {
    match port.number {
        80 | 3000 | 5173 | 8000 | 8008 | 8080 | 8081 => "http",
        443 | 8443 => "https",
        _ => "tcp",
    }
}

/// Says whether a service of a kind can give a variable that is called so behind its prefix and a `_`.
pub fn is_suffix(kind: Option<&Kind>, suffix: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let of_port = suffix.strip_prefix("PORT_").or_else(|| suffix.strip_prefix("HOST_"));
    let is_of_kind = |kind: &Kind| {
        ["USER", "PASSWORD", kind.database.suffix].contains(&suffix)
            || kind.others.iter().any(|other| other.suffix == suffix)
            || kind.facts.iter().any(|fact| fact.suffix == suffix)
    };
    ["HOST", "PORT", "URL"].contains(&suffix)
        || of_port.is_some_and(|port| is_number(port.strip_suffix("_UDP").unwrap_or(port)))
        || suffix.strip_suffix("_PORT").is_some_and(is_number)
        || kind.is_some_and(is_of_kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registry_organisation_tag_and_digest_do_not_matter() {
        for (image, expected) in [
            ("postgres", Some("postgres")),
            ("postgres:17-alpine", Some("postgres")),
            ("ghcr.io/acme/postgres:17", Some("postgres")),
            ("localhost:5000/postgres@sha256:abc", Some("postgres")),
            ("bitnami/postgresql:16", Some("postgres")),
            ("postgis/postgis:16-3.4", Some("postgres")),
            ("mariadb:11", Some("mariadb")),
            ("valkey/valkey", Some("redis")),
            ("docker.elastic.co/elasticsearch/elasticsearch:8.15.0", Some("elasticsearch")),
            ("mcr.microsoft.com/mssql/server:2022-latest", Some("mssql")),
            ("acme/server", None),
            ("jaegertracing/all-in-one:1.62", Some("otel")),
            ("nextcloud/all-in-one", None),
            ("container-registry.oracle.com/database/free", Some("oracle")),
            ("eclipse-mosquitto:2", Some("mosquitto")),
            ("quay.io/coreos/etcd:v3.5.17", Some("etcd")),
            ("prometheuscommunity/postgres-exporter", None),
            ("nginx", None),
            ("", None),
        ] {
            assert_eq!(kind(None, image).expect("not named").map(|kind| kind.name), expected, "{image}");
        }
    }

    #[test]
    fn a_named_kind_wins_and_must_exist() {
        assert_eq!(kind(Some("Redis"), "postgres").expect("known").map(|kind| kind.name), Some("redis"));
        assert_eq!(kind(Some("rediss"), "postgres").map(|_| ()), Err("rediss"));
        assert!(kind(Some("none"), "postgres").expect("known").is_none());
    }

    #[test]
    fn no_image_belongs_to_two_kinds() {
        let mut images: Vec<_> = kinds().flat_map(|kind| kind.images).collect();
        let all = images.len();
        images.sort_unstable();
        images.dedup();
        assert_eq!(images.len(), all);
    }

    #[test]
    fn groups_of_one_name_have_the_same_rivals() {
        for group in kinds().flat_map(|kind| kind.globals) {
            for other in kinds().flat_map(|kind| kind.globals).filter(|other| other.name == group.name) {
                assert_eq!(group.rivals, other.rivals, "{}", group.name);
            }
        }
    }
}
