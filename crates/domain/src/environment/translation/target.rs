//! Where programs find the services of a session, by the ports and the names by which they know them.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Kind;
use crate::engine::container::Container;
use crate::identity::address_name::{Half, normal};
use crate::identity::name::ServiceName;
use crate::identity::variable_name::{self, is_reserved};
use crate::port::ContainerPort;
use crate::stack::plan::ServicePlan;
use crate::stack::settings::Translate;
use crate::text::loopback;
use crate::variable::{self, Place};

/// Where programs find the services of a session in place of where they are told.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// What this machine is called.
    pub(super) hostname: String,
    /// By the port that the Compose files publish, or the usual one of a service.
    pub(super) by_port: BTreeMap<u16, Target>,
    /// The services, each with where its usual port is.
    services: Vec<(Called, Target)>,
    /// What names of variables call each service.
    called: BTreeMap<ServiceName, Called>,
    /// The ports of apps, by the prefix of their variables.
    pub(super) apps: BTreeMap<String, u16>,
    left_alone: LeftAlone,
}

/// Which names are not, or not everywhere, given another value.
#[derive(Debug, Clone, Default)]
pub struct LeftAlone {
    /// What `prism.yaml` says.
    pub translate: Translate,
    /// Names by which the Compose files may say where they publish: another `docker compose` reads them, too.
    pub of_compose: BTreeSet<String>,
}

/// A port of a service, and where it is.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) service: ServiceName,
    pub(super) port: ContainerPort,
    pub(super) place: Place,
    /// It is a server of a known kind, and not the project itself.
    pub(super) is_known: bool,
    /// The Compose files publish it at this number, rather than that programs would take that one by themselves.
    pub(super) is_published: bool,
}

/// What names of variables call a service.
#[derive(Debug, Clone)]
struct Called {
    prefix: String,
    /// The words for its kind.
    words: Vec<String>,
}

impl Targets {
    /// Collects the targets. `services` are those of the session; `host` is where a remote Engine's ports are.
    pub fn new<'s>(
        hostname: String,
        services: impl Iterator<Item = (&'s ServiceName, &'s ServicePlan)>,
        containers: &[Container],
        host: Option<&str>,
        apps: &BTreeMap<String, u16>,
        left_alone: LeftAlone,
    ) -> Self {
        let apps = apps.iter().map(|(app, port)| (variable_name::prefix(app), *port)).collect();
        let mut targets = Self { hostname, apps, left_alone, ..Self::default() };
        let mut usual: BTreeMap<u16, Vec<Target>> = BTreeMap::new();
        for (name, plan) in services.filter(|(_, plan)| !plan.ignored) {
            let container = containers.iter().filter(|it| it.service == *name).min_by_key(|it| it.number);
            let Some(container) = container else { continue };
            let kind = plan.known_kind();
            targets.called.insert(name.clone(), Called::new(name, plan, kind));
            let is_known = kind.is_some();
            let target = |port: ContainerPort, is_published| {
                let place = variable::endpoint(container, containers, host, port)?;
                Some(Target { service: name.clone(), port, place, is_known, is_published })
            };
            for (published, port) in plan.declared.iter().filter(|(_, port)| port.is_tcp()) {
                targets.by_port.extend(target(*port, true).map(|target| (*published, target)));
            }
            // What browsers take by themselves is no service's own, and a client's is nobody's.
            let Some(kind) = kind.filter(|_| !plan.completes) else { continue };
            let Some(target) = plan.primary.and_then(|port| target(port, false)) else { continue };
            usual.entry(target.port.number).or_default().push(target.clone());
            targets.services.push((Called::new(name, plan, Some(kind)), target));
        }
        for (port, targets_there) in usual {
            // Of two databases, neither is the one that is meant by the usual port.
            if let [target] = targets_there.as_slice() {
                targets.by_port.entry(port).or_insert_with(|| target.clone());
            }
        }
        targets
    }

    /// Finds the service that a name speaks of, without its `_HOST`: the only one that is called so, else the only one of
    /// that kind.
    pub(super) fn called(&self, stem: &str) -> Option<&Target> {
        let only = |is_meant: &dyn Fn(&Called) -> bool| {
            let mut found = self.services.iter().filter(|(called, _)| is_meant(called));
            found.next().filter(|_| found.next().is_none()).map(|(_, target)| target)
        };
        let is_of = |called: &Called| {
            let rest = stem.strip_prefix(&called.prefix).map(|rest| rest.is_empty() || rest.starts_with('_'));
            let before = stem.strip_suffix(&called.prefix).map(|before| before.ends_with('_'));
            rest == Some(true) || before == Some(true)
        };
        let has_word = |called: &Called| stem.split('_').any(|word| called.words.iter().any(|it| it == word));
        only(&is_of).or_else(|| only(&has_word))
    }

    /// Finds what completes a host of this machine that a program is given without a port: the name and the value of that.
    pub fn complement(&self, name: &str, host: &str) -> Option<(String, u16)> {
        let half = lone_host(name)?;
        let is_here = |host: &str| loopback::is_here(host, &self.hostname) && !host.starts_with('/');
        let target = self.called(&half.stem()).filter(|_| !self.is_left_alone(name))?;
        let is_meant = is_here(loopback::bare_host(host)) && is_here(&target.place.host);
        is_meant.then(|| (half.port_name(), target.place.port))
    }

    /// Says whether a name is one by which clients are told where a server of a known kind is.
    pub fn is_of_client(&self, name: &str) -> bool {
        lone_host(name).is_some_and(|half| self.called(&half.stem()).is_some())
    }

    /// Lists the words for a service, or for the apps.
    pub(super) fn words(&self, service: Option<&ServiceName>) -> Vec<&str> {
        match service.map(|name| self.called.get(name)) {
            Some(called) => {
                let called = called.into_iter();
                called.flat_map(|it| it.words.iter().map(String::as_str).chain(divided(&it.prefix))).collect()
            }
            None => self.apps.keys().flat_map(|app| divided(app)).collect(),
        }
    }

    /// Says whether the Compose files say by this name where they publish.
    pub fn is_of_compose(&self, name: &str) -> bool {
        self.left_alone.of_compose.contains(name)
    }

    /// Says whether a host is this machine, to a program that connects: one that listens is told all addresses.
    pub fn is_here(&self, host: &str) -> bool {
        !loopback::is_for_all(host) && !host.starts_with('/') && loopback::is_here(host, &self.hostname)
    }

    pub(super) fn is_left_alone(&self, name: &str) -> bool {
        let is_excepted = match &self.left_alone.translate {
            Translate::All(all) => !all,
            Translate::Except(names) => names.iter().any(|excepted| excepted == name),
        };
        is_excepted || is_reserved(name) || is_of_origins(name) || is_of_server(name)
    }
}

/// Says whether a name is one for those who may call: what stands there is not called.
pub fn is_of_origins(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let words = ["ORIGIN", "CORS", "ALLOWED_HOST", "TRUSTED_HOST", "ALLOWED_URL", "DOMAIN", "COOKIE"];
    words.iter().any(|word| name.contains(word))
}

/// Says whether a name is one by which a program of the project is told where to listen.
pub fn is_of_server(name: &str) -> bool {
    const BEGINNINGS: [&str; 11] = [
        "ASPNETCORE_",
        "FLASK_RUN_",
        "GUNICORN_",
        "HTTPS_",
        "HTTP_",
        "KESTREL_",
        "MANAGEMENT_",
        "NITRO_",
        "OCTANE_",
        "SERVER_",
        "UVICORN_",
    ];
    const WORDS: [&str; 5] = ["BIND", "HMR", "LISTEN", "PUMA", "SERVE"];
    let name = normal(name);
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || name.split('_').any(|word| WORDS.contains(&word))
}

impl Target {
    /// Says whether a pair of host and port, by its name without these, tells a program of the project's own where to listen,
    /// rather than where the service is.
    pub(super) fn is_where_to_listen(&self, stem: &str) -> bool {
        const WORDS: [&str; 16] = [
            "APP", "DEV", "DJANGO", "EXPRESS", "FASTIFY", "FLASK", "LISTEN", "LOCAL", "NEST", "NEXT", "NODE",
            "NUXT", "RAILS", "SERVER", "VITE", "WEBPACK",
        ];
        !self.is_known && stem.rsplit('_').next().is_some_and(|word| WORDS.contains(&word))
    }
}

/// Reads the name of a host that means one also where no port stands beside it.
fn lone_host(name: &str) -> Option<Half<'_>> {
    Half::of_host(name).filter(|half| !half.is_glued())
}

/// Lists the words of a prefix that say anything.
fn divided(prefix: &str) -> impl Iterator<Item = &str> {
    prefix.split('_').filter(|word| word.len() > 1)
}

impl Called {
    fn new(name: &ServiceName, plan: &ServicePlan, kind: Option<&'static Kind>) -> Self {
        let prefix = variable_name::prefix(plan.prefix.as_deref().unwrap_or(&name.0));
        let Some(kind) = kind else { return Self { prefix, words: Vec::new() } };
        // Many kinds speak HTTP, and none is called so.
        let is_own = |scheme: &&str| !["http", "https", "tcp", "ws"].contains(scheme);
        let schemes = kind.urls.iter().filter_map(|url| url.split("://").next()).filter(is_own);
        let is_database = kind.globals.iter().any(|group| group.gives("DATABASE_URL"));
        let usual = if is_database { &["DB", "DATABASE", "SQL"][..] } else { &[] };
        let words =
            schemes.chain(kind.images.iter().copied()).chain([kind.name]).chain(usual.iter().copied());
        Self { prefix, words: words.map(str::to_ascii_uppercase).collect() }
    }
}
