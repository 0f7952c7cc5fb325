//! Names that are prism's own: of variables, and of the files that a session generates.

/// The variable that tells prism's own variables from the caller's: `NAME=<trace of its value>` by spaces.
pub const RECORD: &str = "PRISM_VARS";

/// The variable in which a shell's hook keeps what it set, for that shell alone.
pub const DIFF: &str = "__PRISM_DIFF";

/// The variable in which it keeps what it took away of direnv's until direnv has seen that: direnv may put back another
/// [`DIFF`] then.
pub const AWAY: &str = "__PRISM_AWAY";

/// The variable that holds, as JSON, what the caller had where prism sets something that Compose reads.
pub const FORMER: &str = "PRISM_FORMER";

/// The variable by which direnv's `use prism` claims a session directory for itself.
pub const DIRENV: &str = "PRISM_DIRENV";

/// The file name of the override that a session generates.
pub const OVERRIDE: &str = "docker-compose.session.yml";

/// The file name of the resolved project that a session generates, where its Compose files read variables.
pub const RESOLVED: &str = "docker-compose.session.resolved.yml";

/// The project's name stands in the generated files: a name in the environment would hold for any other file as well,
/// and `docker compose -f other.yml up` would replace the session's containers.
pub const UNSET: &str = "COMPOSE_PROJECT_NAME";

/// The names that are always prism's.
pub const OWN: [&str; 7] = [
    "PRISM_SESSION",
    "SESSION_DIR",
    "COMPOSE_PROFILES",
    "COMPOSE_FILE",
    "COMPOSE_PATH_SEPARATOR",
    "COMPOSE_ENV_FILES",
    "COMPOSE_DISABLE_ENV_FILE",
];

/// Says whether a name is prism's own, and nobody else's.
pub fn is_own(name: &str) -> bool {
    OWN.contains(&name) || [UNSET, RECORD, FORMER].contains(&name) || is_meant(name)
}

/// The host at which published ports are reached, unless one is bound elsewhere.
pub const HOST: &str = "PRISM_HOST";

/// How the names of the hosts of single ports begin.
pub const HOST_OF: &str = "PRISM_HOST_";

/// How the names of ports begin.
pub const PORT: &str = "PRISM_PORT_";

/// Says whether a name is that of a reserved port, or of where one is, as a Compose file may use it.
pub fn is_meant(name: &str) -> bool {
    let is_of_port = |prefix| name.strip_prefix(prefix).is_some_and(|rest: &str| !rest.is_empty());
    name == HOST || is_of_port(PORT) || is_of_port(HOST_OF)
}
