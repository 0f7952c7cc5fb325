//! From containers to variables: what each service of a session tells the programs around it.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::{self, Database, Kind, Login, User};
use super::container::{Binding, Container, Inspection};
use super::name::ServiceName;
use super::port::{ContainerPort, Protocol};
use super::url;
use crate::error::Failure;

/// One variable of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name: `[A-Za-z_][A-Za-z0-9_]*`.
    pub name: String,
    /// Its value, without a NUL byte.
    pub value: String,
    /// The service that it speaks of; `None` for one of `prism.yaml`'s `env`.
    pub service: Option<ServiceName>,
    /// The container port that it speaks of.
    pub port: Option<ContainerPort>,
    /// It holds a password.
    pub secret: bool,
    /// The prefix of the names that are kept or replaced together with it.
    pub group: Option<&'static str>,
}

/// The variables of a session, and what a verbose run says of missing ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// Sorted by name.
    pub list: Vec<Variable>,
    /// Sentences.
    pub notes: Vec<String>,
}

/// Says whether the variables of this container need more than the Engine's list: credentials.
pub fn needs_inspection(container: &Container) -> bool {
    kind_of(container).is_some_and(|kind| !kind.logins.is_empty())
}

/// Returns the kind of a container, by its label or its image.
pub fn kind_of(container: &Container) -> Option<&'static Kind> {
    catalog::kind(container.label("kind"), &container.image).ok().flatten()
}

/// Derives all variables from the running containers of one session, without twins.
///
/// `inspections` are by container id; `host` is where a remote Engine's ports are, `None` for loopback.
///
/// # Errors
/// Two services want the same name, or a value holds a NUL byte.
pub fn derive(
    containers: &[Container],
    inspections: &BTreeMap<String, Inspection>,
    host: Option<&str>,
) -> Result<Variables, Failure> {
    let services = gather(containers, inspections, host)?;
    let mut names = Names::default();
    for service in &services {
        service.own_variables(&mut names)?;
    }
    global_variables(&services, &mut names)?;
    names.finish(&services)
}

/// A service with a published port.
struct Service<'a> {
    name: &'a ServiceName,
    prefix: String,
    kind: Option<&'static Kind>,
    preferred: bool,
    /// Endpoints of each container, by container number.
    replicas: Vec<Endpoints>,
    credentials: Credentials,
}

struct Endpoints {
    host: String,
    primary: Option<(ContainerPort, u16)>,
    ports: BTreeMap<ContainerPort, u16>,
}

#[derive(Default)]
struct Credentials {
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
}

fn gather<'a>(
    containers: &'a [Container],
    inspections: &BTreeMap<String, Inspection>,
    host: Option<&str>,
) -> Result<Vec<Service<'a>>, Failure> {
    let mut services: Vec<Service> = Vec::new();
    for container in containers.iter().filter(|container| container.label("ignore") != Some("true")) {
        let Some(endpoints) = endpoints(container, containers, host) else { continue };
        if let Some(service) = services.iter_mut().find(|service| *service.name == container.service) {
            service.replicas.push(endpoints);
            continue;
        }
        let prefix = prefix(container.label("prefix").unwrap_or(&container.service.0));
        if let Some(other) = services.iter().find(|service| service.prefix == prefix) {
            return Err(Failure::new(format!(
                "services `{}` and `{}` both give variables that begin with `{prefix}_`",
                other.name, container.service
            ))
            .hint(format!(
                "give one of them another prefix: label `dev-prism.prefix`, or `services: {{{}: {{prefix: …}}}}` in prism.yaml",
                container.service
            )));
        }
        let kind = kind_of(container);
        let inspection = inspections.get(&container.id);
        services.push(Service {
            name: &container.service,
            prefix,
            kind,
            preferred: container.label("primary") == Some("true"),
            replicas: vec![endpoints],
            credentials: kind.zip(inspection).map(|(kind, seen)| credentials(kind, seen)).unwrap_or_default(),
        });
    }
    Ok(services)
}

/// Returns the host and port at which a container's primary port is reached from here.
pub fn primary_endpoint(
    container: &Container,
    all: &[Container],
    host: Option<&str>,
) -> Option<(String, u16)> {
    let endpoints = endpoints(container, all, host)?;
    Some((endpoints.host, endpoints.primary?.1))
}

/// Returns the host and port at which one port of a container is reached from here.
pub fn endpoint(
    container: &Container,
    all: &[Container],
    host: Option<&str>,
    port: ContainerPort,
) -> Option<(String, u16)> {
    let endpoints = endpoints(container, all, host)?;
    Some((endpoints.host, *endpoints.ports.get(&port)?))
}

/// Finds where a container can be reached from here; `None` if it publishes nothing.
fn endpoints(container: &Container, all: &[Container], host: Option<&str>) -> Option<Endpoints> {
    let internal: Option<ContainerPort> = container.label("internal_port").and_then(|port| port.parse().ok());
    if container.host_network {
        let port = internal?;
        let host = host.unwrap_or("127.0.0.1").to_owned();
        return Some(Endpoints {
            host,
            primary: Some((port, port.number)),
            ports: [(port, port.number)].into(),
        });
    }
    let guest = container.label("via");
    let owner = match guest {
        Some(owner) => all.iter().find(|other| other.service.0 == owner)?,
        None => container,
    };
    // IPv4 first: most programs try the first address only.
    let mut bindings: Vec<&Binding> = owner.live_bindings().iter().collect();
    bindings.sort_by_key(|binding| (binding.host_ip.contains(':'), binding.container));
    let first = bindings.first()?;
    let mut ports: BTreeMap<ContainerPort, u16> = BTreeMap::new();
    for binding in &bindings {
        ports.entry(binding.container).or_insert(binding.host_port);
    }
    if guest.is_some() {
        // A guest is credited with its own port only; the others are the owner's.
        let port = internal?;
        ports.retain(|container, _| *container == port);
    }
    let kind_port = kind_of(container).map(|kind| ContainerPort::tcp(kind.port));
    let primary = [internal, kind_port].into_iter().flatten().find(|port| ports.contains_key(port));
    let primary = primary.or_else(|| ports.keys().find(|port| port.is_tcp()).copied());
    let host = host.map_or_else(|| reachable(&first.host_ip), str::to_owned);
    Some(Endpoints { host, primary: primary.and_then(|port| Some((port, *ports.get(&port)?))), ports })
}

/// An unspecified address is bound, but cannot be connected to everywhere.
fn reachable(host_ip: &str) -> String {
    match host_ip {
        "" | "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" => "::1".to_owned(),
        other => other.to_owned(),
    }
}

/// Turns a service's name into the beginning of its variables' names.
pub fn prefix(name: &str) -> String {
    let upper: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    if upper.starts_with(|c: char| c.is_ascii_digit()) { format!("_{upper}") } else { upper }
}

fn credentials(kind: &Kind, seen: &Inspection) -> Credentials {
    let variable = |names: &[&str]| names.iter().find_map(|name| seen.environment.get(*name)).cloned();
    let named = |names: &[&str]| variable(names).filter(|value| !value.is_empty());
    let mut found = Credentials::default();
    for Login { user, password } in kind.logins {
        let user = match user {
            User::Nobody => None,
            User::Named(name) => Some((*name).to_owned()),
            User::FromOr(variables, default) => {
                Some(named(variables).unwrap_or_else(|| (*default).to_owned()))
            }
            User::From(variables) => match named(variables) {
                Some(name) => Some(name),
                None => continue,
            },
        };
        found.user = user;
        found.password = named(password);
        break;
    }
    if let Some(password) = kind.password_flag.and_then(|flag| flag_value(&seen.command, flag)) {
        found.password = Some(expand(&password, &seen.environment));
    }
    let trusted =
        |(name, value): &(&str, &str)| seen.environment.get(*name).is_some_and(|found| found == value);
    if kind.without_password.iter().any(trusted) {
        found.password = None;
    }
    found.database = named(kind.database).or_else(|| match kind.default_database {
        Database::Nothing => None,
        Database::LikeUser => found.user.clone(),
    });
    found
}

/// Finds the argument after `flag`, also inside the script of a `sh -c`.
fn flag_value(command: &[String], flag: &str) -> Option<String> {
    let words = command.iter().flat_map(|argument| {
        if argument.contains(char::is_whitespace) {
            shell_words::split(argument).unwrap_or_else(|_| vec![argument.clone()])
        } else {
            vec![argument.clone()]
        }
    });
    let words: Vec<String> = words.collect();
    let at = words.iter().position(|word| word == flag)?;
    words.get(at + 1).filter(|value| !value.is_empty()).cloned()
}

/// Expands a value that is nothing but `$NAME` or `${NAME}`, as a shell in the container would.
fn expand(value: &str, environment: &BTreeMap<String, String>) -> String {
    let name = value.strip_prefix('$').map(|name| name.trim_start_matches('{').trim_end_matches('}'));
    name.and_then(|name| environment.get(name)).cloned().unwrap_or_else(|| value.to_owned())
}

impl Service<'_> {
    fn own_variables(&self, names: &mut Names) -> Result<(), Failure> {
        let Some(first) = self.replicas.first() else { return Ok(()) };
        let prefix = &self.prefix;
        let mut add = |suffix: &str, value: String, port, secret| {
            names.add(format!("{prefix}_{suffix}"), value, self.name, port, secret)
        };
        add("HOST", first.host.clone(), None, false)?;
        if let Some((port, bound)) = first.primary {
            add("PORT", bound.to_string(), Some(port), false)?;
            add("URL", self.url(first, port, bound), Some(port), self.credentials.password.is_some())?;
        }
        for (port, bound) in &first.ports {
            let suffix = match port.protocol {
                Protocol::Tcp => format!("PORT_{}", port.number),
                other => format!("PORT_{}_{}", port.number, other.to_string().to_uppercase()),
            };
            add(&suffix, bound.to_string(), Some(*port), false)?;
        }
        if self.replicas.len() > 1 {
            for (number, replica) in self.replicas.iter().enumerate() {
                if let Some((port, bound)) = replica.primary {
                    add(&format!("{}_PORT", number + 1), bound.to_string(), Some(port), false)?;
                }
            }
        }
        let Credentials { user, password, database } = &self.credentials;
        for (suffix, value, secret) in
            [("USER", user, false), ("PASSWORD", password, true), ("DATABASE", database, false)]
        {
            if let Some(value) = value {
                add(suffix, value.clone(), None, secret)?;
            }
        }
        Ok(())
    }

    fn url(&self, at: &Endpoints, port: ContainerPort, bound: u16) -> String {
        let address = url::address(&at.host, bound);
        let Some(kind) = self.kind.filter(|kind| kind.port == port.number) else {
            return format!("{}://{address}", catalog::generic_scheme(port));
        };
        let encoded = |part: &Option<String>| part.as_deref().map(url::encode).unwrap_or_default();
        let auth = match &self.credentials {
            Credentials { user: None, password: None, .. } => String::new(),
            Credentials { user, password: None, .. } => format!("{}@", encoded(user)),
            Credentials { user, password, .. } => format!("{}:{}@", encoded(user), encoded(password)),
        };
        let database = encoded(&self.credentials.database);
        let url = fill(
            kind.url,
            &[("auth", Some(&auth)), ("address", Some(&address)), ("database", Some(&database))],
        );
        url.unwrap_or_default().trim_end_matches('/').to_owned()
    }
}

/// Sets the names that programs look for, where it is clear which service is meant.
fn global_variables(services: &[Service], names: &mut Names) -> Result<(), Failure> {
    let mut candidates: BTreeMap<&str, Vec<(&Service, &str)>> = BTreeMap::new();
    for service in services {
        for (name, template) in service.kind.iter().flat_map(|kind| kind.globals) {
            candidates.entry(name).or_default().push((service, template));
        }
    }
    for (name, candidates) in candidates {
        let preferred: Vec<_> = candidates.iter().filter(|(service, _)| service.preferred).collect();
        let (service, template) = match (preferred.as_slice(), candidates.as_slice()) {
            (&[&one], _) | ([], &[one]) => one,
            _ => {
                let wanted: Vec<String> =
                    candidates.iter().map(|(service, _)| format!("`{}`", service.name)).collect();
                names.notes.push(format!(
                    "{name} is not set: {} would give it; label one of them `dev-prism.primary: \"true\"`",
                    wanted.join(" and ")
                ));
                continue;
            }
        };
        let Some((first, (port, bound))) =
            service.replicas.first().and_then(|first| Some((first, first.primary?)))
        else {
            continue;
        };
        let Credentials { user, password, database } = &service.credentials;
        let value = fill(
            template,
            &[
                ("url", Some(&service.url(first, port, bound))),
                ("host", Some(&first.host)),
                ("port", Some(&bound.to_string())),
                ("user", user.as_deref()),
                ("password", password.as_deref()),
                ("database", database.as_deref()),
            ],
        );
        if let Some(value) = value {
            let secret =
                template.contains("{password}") || (template.contains("{url}") && password.is_some());
            names.add(name.to_owned(), value, service.name, Some(port), secret)?;
        }
    }
    Ok(())
}

/// Fills placeholders; `None` if one of those used has no value.
fn fill(template: &str, values: &[(&str, Option<&str>)]) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        out.push_str(before);
        out.push_str(values.iter().find(|(known, _)| *known == name)?.1?);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[derive(Default)]
struct Names {
    found: BTreeMap<String, Variable>,
    skipped: BTreeSet<String>,
    notes: Vec<String>,
}

impl Names {
    fn add(
        &mut self,
        name: String,
        value: String,
        service: &ServiceName,
        port: Option<ContainerPort>,
        secret: bool,
    ) -> Result<(), Failure> {
        if is_reserved(&name) {
            if self.skipped.insert(service.0.clone()) {
                self.notes.push(format!(
                    "{name} is not set for service `{service}`: other programs take their settings from it; use a prefix (label `dev-prism.prefix`)"
                ));
            }
            return Ok(());
        }
        if value.contains('\0') {
            return Err(Failure::new(format!("the value of {name} (service `{service}`) holds a NUL byte")));
        }
        match self.found.get(&name).and_then(|found| found.service.as_ref()) {
            // A service may be called like the name that its kind gives: `redis` and REDIS_URL.
            Some(other) if other == service => Ok(()),
            Some(other) => Err(Failure::new(format!("services `{other}` and `{service}` both give {name}"))
                .hint("give one of them another prefix: label `dev-prism.prefix`")),
            None => {
                let variable = Variable {
                    name: name.clone(),
                    value,
                    service: Some(service.clone()),
                    port,
                    secret,
                    group: None,
                };
                self.found.insert(name, variable);
                Ok(())
            }
        }
    }

    fn finish(self, services: &[Service]) -> Result<Variables, Failure> {
        let groups: BTreeSet<&'static str> =
            services.iter().filter_map(|service| service.kind).filter_map(|kind| kind.group).collect();
        let mut list: Vec<Variable> = self.found.into_values().collect();
        for variable in &mut list {
            variable.group = groups.iter().find(|group| variable.name.starts_with(**group)).copied();
        }
        Ok(Variables { list, notes: self.notes })
    }
}

/// Names that no service may set: programs take code, identity or their own settings from them (SERVICES.md).
pub fn is_reserved(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "PATH",
        "HOME",
        "SHELL",
        "USER",
        "TERM",
        "IFS",
        "ENV",
        "BASH_ENV",
        "ZDOTDIR",
        "PROMPT_COMMAND",
        "NODE_OPTIONS",
        "NODE_PATH",
        "RUBYOPT",
        "RUBYLIB",
        "JAVA_TOOL_OPTIONS",
        "EDITOR",
        "VISUAL",
        "PAGER",
        "BROWSER",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "KUBECONFIG",
        "SESSION_DIR",
    ];
    const PREFIXES: &[&str] = &[
        "LD_",
        "DYLD_",
        "PYTHON",
        "PERL5",
        "RUSTC",
        "CARGO_",
        "GIT_",
        "SSH_",
        "GPG_",
        "DOCKER_",
        "PIP_",
        "npm_config_",
        "NPM_CONFIG_",
        "UV_",
        "PRISM_",
        "COMPOSE_",
        "__PRISM_",
    ];
    let numbered = name
        .strip_prefix("PS")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name.ends_with("_PROXY")
        || name.ends_with("_proxy")
        || numbered
}

#[cfg(test)]
mod tests {
    use super::super::container::tests::container;
    use super::*;

    fn serving(service: &str, image: &str, ports: &[(u16, u16)]) -> Container {
        let mut it = container(service, "Up 2 minutes");
        it.image = image.into();
        it.bindings = ports
            .iter()
            .map(|&(inside, outside)| Binding {
                container: ContainerPort::tcp(inside),
                host_ip: "127.0.0.1".into(),
                host_port: outside,
            })
            .collect();
        it
    }

    fn inspected(environment: &[(&str, &str)], command: &[&str]) -> Inspection {
        Inspection {
            environment: environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            ..Inspection::default()
        }
    }

    fn derived(services: &[(Container, Inspection)]) -> BTreeMap<String, String> {
        let containers: Vec<Container> = services.iter().map(|(container, _)| container.clone()).collect();
        let inspections =
            services.iter().map(|(container, seen)| (container.id.clone(), seen.clone())).collect();
        let variables = derive(&containers, &inspections, None).expect("variables");
        variables.list.into_iter().map(|variable| (variable.name, variable.value)).collect()
    }

    /// Container facts in, variables out: a row per case.
    #[test]
    fn kinds() {
        type Row = (
            &'static str,
            &'static str,
            &'static [(&'static str, &'static str)],
            &'static [&'static str],
            &'static [(&'static str, &'static str)],
        );
        let rows: &[Row] = &[
            (
                "db",
                "ghcr.io/acme/postgres:17",
                &[("POSTGRES_PASSWORD", "p@ss w/rd")],
                &[],
                &[
                    ("DATABASE_URL", "postgres://postgres:p%40ss%20w%2Frd@127.0.0.1:7000/postgres"),
                    ("DB_DATABASE", "postgres"),
                    ("DB_HOST", "127.0.0.1"),
                    ("DB_PASSWORD", "p@ss w/rd"),
                    ("DB_PORT", "7000"),
                    ("DB_PORT_5432", "7000"),
                    ("DB_URL", "postgres://postgres:p%40ss%20w%2Frd@127.0.0.1:7000/postgres"),
                    ("DB_USER", "postgres"),
                    ("PGDATABASE", "postgres"),
                    ("PGHOST", "127.0.0.1"),
                    ("PGPASSWORD", "p@ss w/rd"),
                    ("PGPORT", "7000"),
                    ("PGUSER", "postgres"),
                ],
            ),
            (
                "db",
                "postgres",
                &[
                    ("POSTGRES_USER", "me"),
                    ("POSTGRES_DB", "shop"),
                    ("POSTGRES_PASSWORD", "x"),
                    ("POSTGRES_HOST_AUTH_METHOD", "trust"),
                ],
                &[],
                &[
                    ("DATABASE_URL", "postgres://me@127.0.0.1:7000/shop"),
                    ("DB_DATABASE", "shop"),
                    ("DB_HOST", "127.0.0.1"),
                    ("DB_PORT", "7000"),
                    ("DB_PORT_5432", "7000"),
                    ("DB_URL", "postgres://me@127.0.0.1:7000/shop"),
                    ("DB_USER", "me"),
                    ("PGDATABASE", "shop"),
                    ("PGHOST", "127.0.0.1"),
                    ("PGPORT", "7000"),
                    ("PGUSER", "me"),
                ],
            ),
            (
                "m",
                "mysql:8",
                &[
                    ("MYSQL_USER", "u"),
                    ("MYSQL_PASSWORD", "p"),
                    ("MYSQL_ROOT_PASSWORD", "r"),
                    ("MYSQL_DATABASE", "d"),
                ],
                &[],
                &[
                    ("DATABASE_URL", "mysql://u:p@127.0.0.1:7000/d"),
                    ("MYSQL_HOST", "127.0.0.1"),
                    ("MYSQL_PWD", "p"),
                    ("MYSQL_TCP_PORT", "7000"),
                    ("M_DATABASE", "d"),
                    ("M_HOST", "127.0.0.1"),
                    ("M_PASSWORD", "p"),
                    ("M_PORT", "7000"),
                    ("M_PORT_3306", "7000"),
                    ("M_URL", "mysql://u:p@127.0.0.1:7000/d"),
                    ("M_USER", "u"),
                ],
            ),
            (
                "m",
                "mariadb",
                &[("MARIADB_ROOT_PASSWORD", "r"), ("MYSQL_ROOT_PASSWORD", "no")],
                &[],
                &[
                    ("DATABASE_URL", "mysql://root:r@127.0.0.1:7000"),
                    ("MYSQL_HOST", "127.0.0.1"),
                    ("MYSQL_PWD", "r"),
                    ("MYSQL_TCP_PORT", "7000"),
                    ("M_HOST", "127.0.0.1"),
                    ("M_PASSWORD", "r"),
                    ("M_PORT", "7000"),
                    ("M_PORT_3306", "7000"),
                    ("M_URL", "mysql://root:r@127.0.0.1:7000"),
                    ("M_USER", "root"),
                ],
            ),
            (
                "redis",
                "redis:8-alpine",
                &[],
                &["redis-server", "--requirepass", "s:cret"],
                &[
                    ("REDIS_HOST", "127.0.0.1"),
                    ("REDIS_PASSWORD", "s:cret"),
                    ("REDIS_PORT", "7000"),
                    ("REDIS_PORT_6379", "7000"),
                    ("REDIS_URL", "redis://:s%3Acret@127.0.0.1:7000"),
                ],
            ),
            (
                "c",
                "valkey",
                &[("P", "x")],
                &["sh", "-c", "exec valkey-server --requirepass \"$P\""],
                &[
                    ("C_HOST", "127.0.0.1"),
                    ("C_PASSWORD", "x"),
                    ("C_PORT", "7000"),
                    ("C_PORT_6379", "7000"),
                    ("C_URL", "redis://:x@127.0.0.1:7000"),
                    ("REDIS_URL", "redis://:x@127.0.0.1:7000"),
                ],
            ),
        ];
        for (service, image, environment, command, expected) in rows {
            let port = catalog::kind(None, image).ok().flatten().expect("a kind").port;
            let found =
                derived(&[(serving(service, image, &[(port, 7000)]), inspected(environment, command))]);
            let found: Vec<(&str, &str)> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            assert_eq!(&found, expected, "{image} {environment:?}");
        }
    }

    #[test]
    fn a_password_file_is_not_a_password() {
        let found = derived(&[(
            serving("db", "postgres", &[(5432, 7000)]),
            inspected(&[("POSTGRES_PASSWORD_FILE", "/run/x")], &[]),
        )]);
        assert_eq!(found.get("PGPASSWORD"), None);
    }

    #[test]
    fn a_service_of_no_known_kind_gets_generic_variables() {
        let mut web = serving("my-web.1", "x", &[(8080, 7000), (9, 7001)]);
        web.labels.insert("dev-prism.internal_port".into(), "8080".into());
        web.bindings.push(Binding {
            container: ContainerPort { number: 9, protocol: Protocol::Udp },
            host_ip: "127.0.0.1".into(),
            host_port: 7002,
        });
        let found = derived(&[(web, Inspection::default())]);
        assert_eq!(found["MY_WEB_1_URL"], "http://127.0.0.1:7000");
        assert_eq!(found["MY_WEB_1_PORT_9"], "7001");
        assert_eq!(found["MY_WEB_1_PORT_9_UDP"], "7002");
    }

    #[test]
    fn prefixes() {
        for (name, expected) in
            [("db", "DB"), ("my-db", "MY_DB"), ("1st", "_1ST"), ("größe", "GR__E"), ("a.b_c", "A_B_C")]
        {
            assert_eq!(prefix(name), expected);
        }
    }

    #[test]
    fn two_sql_services_give_no_database_url_unless_one_is_primary() {
        let mut pg = serving("pg", "postgres", &[(5432, 7000)]);
        let my = serving("my", "mysql", &[(3306, 7001)]);
        let variables = derive(&[pg.clone(), my.clone()], &BTreeMap::new(), None).expect("variables");
        assert!(variables.list.iter().all(|variable| variable.name != "DATABASE_URL"));
        assert!(
            variables.list.iter().any(|variable| variable.name == "PGPORT"),
            "the only postgres keeps its own names"
        );
        assert!(
            variables.notes[0].contains("`my` and `pg`") || variables.notes[0].contains("`pg` and `my`"),
            "{:?}",
            variables.notes
        );
        pg.labels.insert("dev-prism.primary".into(), "true".into());
        let variables = derive(&[pg, my], &BTreeMap::new(), None).expect("variables");
        assert!(
            variables
                .list
                .iter()
                .any(|variable| variable.name == "DATABASE_URL" && variable.value.contains(":7000"))
        );
    }

    #[test]
    fn a_service_called_docker_does_not_move_the_engine() {
        let variables =
            derive(&[serving("docker", "x", &[(2375, 7000)])], &BTreeMap::new(), None).expect("variables");
        assert!(variables.list.is_empty());
        assert!(variables.notes[0].contains("prefix"));
    }

    #[test]
    fn equal_prefixes_are_an_error_that_names_both() {
        let error =
            derive(&[serving("a-b", "x", &[(1, 2)]), serving("a.b", "x", &[(1, 3)])], &BTreeMap::new(), None);
        let error = error.expect_err("collision").to_string();
        assert!(error.contains("`a-b`") && error.contains("`a.b`") && error.contains("`A_B_`"), "{error}");
    }

    #[test]
    fn replicas_are_numbered() {
        let first = serving("w", "x", &[(80, 7000)]);
        let mut second = serving("w", "x", &[(80, 7001)]);
        second.number = 2;
        let found = derived(&[(first, Inspection::default()), (second, Inspection::default())]);
        assert_eq!(
            (found["W_PORT"].as_str(), found["W_1_PORT"].as_str(), found["W_2_PORT"].as_str()),
            ("7000", "7000", "7001")
        );
    }

    #[test]
    fn a_guest_is_found_at_the_owner_of_its_network() {
        let owner = serving("vpn", "x", &[(6379, 7000), (1, 7001)]);
        let mut guest = serving("cache", "redis", &[]);
        guest.labels.extend([
            ("dev-prism.via".into(), "vpn".into()),
            ("dev-prism.internal_port".into(), "6379".into()),
        ]);
        let found = derived(&[(owner, Inspection::default()), (guest, Inspection::default())]);
        assert_eq!(found["CACHE_URL"], "redis://127.0.0.1:7000");
    }

    #[test]
    fn on_the_hosts_network_the_container_port_is_the_port() {
        let mut host = serving("cache", "redis", &[]);
        host.host_network = true;
        host.labels.insert("dev-prism.internal_port".into(), "6379".into());
        assert_eq!(derived(&[(host, Inspection::default())])["CACHE_PORT"], "6379");
    }

    #[test]
    fn ipv4_comes_first_and_a_remote_engine_has_its_own_host() {
        let mut web = serving("web", "x", &[(80, 7000)]);
        web.bindings
            .insert(0, Binding { container: ContainerPort::tcp(80), host_ip: "::1".into(), host_port: 7009 });
        let variables = derive(&[web.clone()], &BTreeMap::new(), Some("box")).expect("variables");
        assert!(variables.list.iter().any(|variable| variable.value == "http://box:7000"));
        web.bindings.truncate(1);
        assert_eq!(derived(&[(web, Inspection::default())])["WEB_URL"], "http://[::1]:7009");
    }
}
