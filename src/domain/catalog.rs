//! The usual images: their ports, where their credentials stand, and the variables that programs look for.

use super::port::ContainerPort;

/// One kind of service. A row of [`KINDS`].
#[derive(Debug)]
pub struct Kind {
    /// Its name, as the label `dev-prism.kind` takes it.
    pub name: &'static str,
    /// Last path components of image names.
    pub images: &'static [&'static str],
    /// The TCP port that clients use.
    pub port: u16,
    /// How its readiness is asked for.
    pub probe: Probe,
    /// Where user and password stand; the first login whose user is known is taken.
    pub logins: &'static [Login],
    /// A command-line flag that carries the password, before the environment.
    pub password_flag: Option<&'static str>,
    /// Environment variables of the container with `NAME=value` that mean: no password.
    pub without_password: &'static [(&'static str, &'static str)],
    /// Environment variables of the container that name the database.
    pub database: &'static [&'static str],
    /// The database where none is named.
    pub default_database: Database,
    /// The URL. Placeholders: `{auth}` (`user:password@`), `{address}` (`host:port`), `{database}`.
    pub url: &'static str,
    /// Variables that programs look for, set when exactly one service would give them, or one is primary.
    /// Placeholders: `{url} {host} {port} {user} {password} {database}`; one without a value is not set.
    pub globals: &'static [(&'static str, &'static str)],
    /// What makes sense together only.
    pub group: Option<&'static Group>,
}

/// Global names that make sense together only: a caller's host with a session's port would lead nowhere, or to
/// somebody else's data.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    /// The beginning of the names, as in `PG`.
    pub prefix: &'static str,
    /// Names that a session never sets, and that lead programs elsewhere all the same.
    pub rivals: &'static [&'static str],
}

const PG: Group = Group { prefix: "PG", rivals: &["PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE"] };
const MYSQL_GROUP: Group = Group { prefix: "MYSQL_", rivals: &["MYSQL_UNIX_PORT"] };

/// How a service without a health check is asked whether it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Connect, then read for a moment: end of file means not ready.
    Tcp,
    /// PostgreSQL's answer to an `SSLRequest`.
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
}

/// Where a user's name stands.
#[derive(Debug)]
pub enum User {
    /// The service knows passwords only.
    Nobody,
    /// Always this one.
    Named(&'static str),
    /// In one of these environment variables; without any, the login does not apply.
    From(&'static [&'static str]),
    /// In one of these environment variables, else this one.
    FromOr(&'static [&'static str], &'static str),
}

/// The database where none is named.
#[derive(Debug)]
pub enum Database {
    /// There is none.
    Nothing,
    /// Named like the user.
    LikeUser,
}

/// Every kind that prism knows, a row each.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "postgres",
        images: &["postgres", "postgresql", "postgis", "pgvector", "timescaledb"],
        port: 5432,
        probe: Probe::Postgres,
        logins: &[Login {
            user: User::FromOr(&["POSTGRES_USER", "POSTGRESQL_USERNAME"], "postgres"),
            password: &["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"],
        }],
        password_flag: None,
        without_password: &[("POSTGRES_HOST_AUTH_METHOD", "trust")],
        database: &["POSTGRES_DB", "POSTGRESQL_DATABASE"],
        default_database: Database::LikeUser,
        url: "postgres://{auth}{address}/{database}",
        globals: &[
            ("DATABASE_URL", "{url}"),
            ("PGHOST", "{host}"),
            ("PGPORT", "{port}"),
            ("PGUSER", "{user}"),
            ("PGPASSWORD", "{password}"),
            ("PGDATABASE", "{database}"),
        ],
        group: Some(&PG),
    },
    Kind {
        name: "mysql",
        images: &["mysql", "percona", "percona-server", "mysql-server"],
        port: 3306,
        probe: Probe::Mysql,
        logins: &[
            Login { user: User::From(&["MYSQL_USER"]), password: &["MYSQL_PASSWORD"] },
            Login { user: User::Named("root"), password: &["MYSQL_ROOT_PASSWORD"] },
        ],
        ..MYSQL
    },
    Kind {
        name: "mariadb",
        images: &["mariadb"],
        logins: &[
            Login {
                user: User::From(&["MARIADB_USER", "MYSQL_USER"]),
                password: &["MARIADB_PASSWORD", "MYSQL_PASSWORD"],
            },
            Login { user: User::Named("root"), password: &["MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD"] },
        ],
        ..MYSQL
    },
    Kind {
        name: "redis",
        images: &["redis", "valkey", "dragonfly", "keydb", "redis-stack", "redis-stack-server"],
        port: 6379,
        probe: Probe::Redis,
        logins: &[Login { user: User::Nobody, password: &["REDIS_PASSWORD", "VALKEY_PASSWORD"] }],
        password_flag: Some("--requirepass"),
        without_password: &[],
        database: &[],
        default_database: Database::Nothing,
        url: "redis://{auth}{address}",
        globals: &[("REDIS_URL", "{url}")],
        group: None,
    },
];

const MYSQL: Kind = Kind {
    name: "",
    images: &[],
    port: 3306,
    probe: Probe::Mysql,
    logins: &[],
    password_flag: None,
    without_password: &[],
    database: &["MARIADB_DATABASE", "MYSQL_DATABASE"],
    default_database: Database::Nothing,
    url: "mysql://{auth}{address}/{database}",
    globals: &[
        ("DATABASE_URL", "{url}"),
        ("MYSQL_HOST", "{host}"),
        ("MYSQL_TCP_PORT", "{port}"),
        ("MYSQL_PWD", "{password}"),
    ],
    group: Some(&MYSQL_GROUP),
};

/// Finds the kind of a service: the one that it names itself, else the one of its image.
///
/// # Errors
/// Gives back a `named` kind that does not exist.
pub fn kind<'n>(named: Option<&'n str>, image: &str) -> Result<Option<&'static Kind>, &'n str> {
    match named {
        Some(name) => {
            let lower = name.to_ascii_lowercase();
            let found = KINDS.iter().find(|kind| kind.name == lower || kind.images.contains(&lower.as_str()));
            found.map(Some).ok_or(name)
        }
        None => {
            let name = image_name(image);
            Ok(KINDS.iter().find(|kind| kind.images.contains(&name)))
        }
    }
}

/// Returns the last path component of an image, without tag and digest.
pub fn image_name(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split(':').next().unwrap_or(last)
}

/// Returns the URL scheme of a service that is of no known kind.
pub fn generic_scheme(port: ContainerPort) -> &'static str {
    match port.number {
        80 | 3000 | 5173 | 8000 | 8008 | 8080 | 8081 => "http",
        443 | 8443 => "https",
        _ => "tcp",
    }
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
    }

    #[test]
    fn no_image_belongs_to_two_kinds() {
        let mut images: Vec<_> = KINDS.iter().flat_map(|kind| kind.images).collect();
        let all = images.len();
        images.sort_unstable();
        images.dedup();
        assert_eq!(images.len(), all);
    }
}
