//! The variables of a session that is up, for every emitter.

pub mod app;
pub mod child;
pub mod dotenv;
pub mod guard;
pub mod localhost;
pub mod stranger;
pub mod up;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use domain::engine::container::{Container, Inspection};
use domain::engine::kind;
use domain::environment::translation::{self, LeftAlone, Targets};
use domain::environment::{former, record};
use domain::failure;
use domain::identity::own::{self, RECORD};
use domain::port::reservation;
use domain::stack::dotenv_file::{Dotenv, Line};
use domain::stack::header::Header;
use domain::stack::port_name;
use domain::text::dotenv::{HEADER, is_generated, write};
use domain::variable::{self, Missing, Variable};

use self::dotenv::Reader;
use crate::docker::{self, Engine};
use crate::environment::guard::Strangers;
use crate::find::generated::RESOLVED;
use crate::find::{Session, reach};
use crate::machine::{files, timing};
use crate::notice::Notices;

/// Everything that a session says of itself.
#[derive(Debug)]
pub struct SessionVariables {
    /// Those of services and of `prism.yaml`, sorted by name.
    pub variables: Vec<Variable>,
    /// Those that are always prism's.
    pub own: Vec<(String, String)>,
    /// What one might look for in vain.
    pub missing: Vec<Missing>,
    /// The ports of apps.
    pub apps: BTreeMap<String, u16>,
    /// Where programs find the services.
    pub targets: Targets,
    /// The ports of the Compose file that lead to the session where the program runs: none, but in a network of its own.
    pub reached: BTreeSet<u16>,
    /// Who else answers at its ports, if it was looked.
    pub strangers: Option<Strangers>,
    /// Lines of dotenv files that lead to a port of this machine, and are left as they are: where each stands, with its name.
    pub untold: Vec<(String, u16)>,
}

/// What the variables of a session follow from, whoever reads them.
#[derive(Debug, Clone)]
pub struct Derived {
    list: Vec<Variable>,
    own: Vec<(String, String)>,
    missing: Vec<Missing>,
    apps: BTreeMap<String, u16>,
    targets: Targets,
}

/// Derives the variables, as a program gets them that runs in the session directory.
pub fn variables(
    session: &Session,
    engine: &Engine,
    header: Option<&Header>,
    containers: &[Container],
) -> anyhow::Result<SessionVariables> {
    let usual = Reader::default();
    let derived = derive(session, engine, header, containers)?;
    let nothing = Dotenv::default();
    let recorded = header.map_or(&nothing, |header| &header.dotenv);
    derived.complete(session, header, &dotenv::lines(session, recorded, &usual))
}

/// Derives what services give, inspecting only containers whose credentials are needed.
pub fn derive(
    session: &Session,
    engine: &Engine,
    header: Option<&Header>,
    containers: &[Container],
) -> anyhow::Result<Derived> {
    let mut dressed = Vec::new();
    let containers = if header.is_some() {
        containers
    } else {
        dressed.extend_from_slice(containers);
        dress(session, None, &mut dressed);
        &dressed[..]
    };
    let wanted = needing_inspection(containers).map(|container| container.id.as_str());
    reach::check(engine, header, containers)?;
    timing::mark("build");
    let mut inspections = engine.inspect(wanted)?;
    timing::mark("inspect");
    let mut missing = read_credential_files(containers, &mut inspections);
    let host = engine.endpoint().host.as_deref();
    let mut derived = variable::derive(containers, &inspections, host)?;
    let apps = match header {
        Some(header) => header.apps.clone(),
        None if session.settings.apps.is_empty() => BTreeMap::new(),
        None => reservation::apps(&engine.note(&session.id)?.ports.unwrap_or_default()),
    };
    variable::add_apps(&mut derived, &apps);
    missing.extend(derived.missing);
    let targets = match header {
        Some(header) => {
            let translate = session.settings.translate.clone();
            let left_alone = LeftAlone { translate, of_compose: header.names_of_ports() };
            Targets::new(docker::hostname(), header.in_scope(), containers, host, &apps, left_alone)
        }
        None => Targets::default(),
    };
    Ok(Derived { list: derived.list, own: own(session, header, host), missing, apps, targets })
}

impl Derived {
    /// Writes `.env.session` as any program gets the variables, and returns them as `reader` does.
    pub fn refreshed(
        self,
        session: &Session,
        header: &Header,
        reader: &Reader,
        notices: Notices,
    ) -> anyhow::Result<SessionVariables> {
        let lines = dotenv::lines(session, &header.dotenv, reader);
        let usual = Reader::default();
        if *reader != usual {
            let usual = dotenv::lines(session, &header.dotenv, &usual);
            if usual != lines {
                self.clone().complete(session, Some(header), &usual)?.refresh_dotenv(session, notices);
                return self.complete(session, Some(header), &lines);
            }
        }
        let variables = self.complete(session, Some(header), &lines)?;
        variables.refresh_dotenv(session, notices);
        Ok(variables)
    }

    /// Returns the variables as a program gets them that reads these lines.
    fn complete(
        self,
        session: &Session,
        header: Option<&Header>,
        lines: &[Line],
    ) -> anyhow::Result<SessionVariables> {
        let Self { list, mut own, missing, apps, targets } = self;
        let list = translation::apply(list, lines, &targets);
        let untold = translation::untold(lines, &targets);
        let variables = variable::configure(&session.settings, None, list, &own)?;
        if let Some(header) = header {
            let read = header.variables.iter().filter_map(|(name, hash)| hash.as_ref().map(|_| name));
            let set = own.iter().map(|(name, _)| name).chain(variables.iter().map(|variable| &variable.name));
            own.extend(former(&session.environment, read, set));
        }
        let missing = variable::unset(missing, &variables);
        Ok(SessionVariables {
            variables,
            own,
            missing,
            apps,
            targets,
            reached: BTreeSet::new(),
            strangers: None,
            untold,
        })
    }
}

/// Gives containers what is said of their services beside the Compose files: as it was at the last start; without the
/// generated file, as `prism.yaml` has it.
pub fn dress(session: &Session, header: Option<&Header>, containers: &mut [Container]) {
    if let Some(header) = header {
        return header.dress(containers);
    }
    for container in containers {
        if let Some(said) = session.settings.services.get(&container.service) {
            said.dress(container);
        }
    }
}

/// Picks the containers of which more has to be known than the Engine's list says.
pub fn needing_inspection(containers: &[Container]) -> impl Iterator<Item = &Container> {
    let wanted = containers.iter().filter(|container| kind::needs_inspection(container));
    wanted.filter(|container| {
        !container.live_bindings().is_empty() || container.host_network || container.label("via").is_some()
    })
}

/// Adds the credentials that stand in files of the host. One that cannot be read is a missing one; says which.
fn read_credential_files(
    containers: &[Container],
    inspections: &mut BTreeMap<String, Inspection>,
) -> Vec<Missing> {
    let mut missing = Vec::new();
    for container in containers {
        let Some((kind, seen)) = kind::kind_of(container).zip(inspections.get_mut(&container.id)) else {
            continue;
        };
        for (name, path) in variable::credential_files(kind, seen) {
            let text = path.and_then(|path| files::read_configuration(Path::new(&path)).ok().flatten());
            match text {
                Some(text) => {
                    seen.environment.insert(name, text.trim_end_matches(['\n', '\r']).to_owned());
                }
                None => missing.push(Missing {
                    names: Vec::new(),
                    why: format!(
                        "the file of {name}_FILE of service `{}` cannot be read from here: what it says is missing",
                        container.service
                    ),
                }),
            }
        }
    }
    missing
}

/// Lists what is always prism's, so that plain `docker compose` in a child addresses this session.
fn own(session: &Session, header: Option<&Header>, host: Option<&str>) -> Vec<(String, String)> {
    let mut own = vec![
        ("PRISM_SESSION".to_owned(), session.id.to_string()),
        ("SESSION_DIR".to_owned(), session.directory.clone()),
    ];
    let Some(header) = header else { return own };
    own.extend(compose_files(session, header));
    let mut ports = port_name::exported(&header.services, &header.apps, &session.host(host), host);
    // What the Compose file uses has the value that it was started with.
    ports.extend(header.known.clone().into_iter().filter(|(name, _)| own::is_meant(name)));
    own.extend(ports);
    own
}

/// Leads plain `docker compose` to the session. The project's name stands in the files.
fn compose_files(session: &Session, header: &Header) -> Vec<(String, String)> {
    let files = if header.resolved.is_some() {
        vec![session.generated(RESOLVED)]
    } else {
        header.files.iter().map(PathBuf::from).chain([session.override_path()]).collect()
    };
    let files: Vec<String> = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
    let separator = [":", ";", "|", "\n"]
        .into_iter()
        .find(|separator| files.iter().all(|file| !file.contains(separator)));
    let separator = separator.unwrap_or(":");
    vec![
        ("COMPOSE_FILE".to_owned(), files.join(separator)),
        ("COMPOSE_PATH_SEPARATOR".to_owned(), separator.to_owned()),
        ("COMPOSE_PROFILES".to_owned(), header.profiles.join(",")),
        // In a sub-directory, Compose would read that directory's `.env`, which may name another project.
        ("COMPOSE_ENV_FILES".to_owned(), header.child_env_files.join(",")),
        ("COMPOSE_DISABLE_ENV_FILE".to_owned(), "1".to_owned()),
    ]
}

impl SessionVariables {
    /// Lists every variable with its value, the record of them last: what other programs read.
    pub fn all(&self) -> Vec<(String, String)> {
        self.listed(|_| true)
    }

    fn listed(&self, is_listed: impl Fn(&Variable) -> bool) -> Vec<(String, String)> {
        let assigned = self.variables.iter().filter(|variable| is_listed(variable));
        let assigned = assigned.map(|variable| (variable.name.clone(), variable.value.clone()));
        let mut all: Vec<(String, String)> = assigned.chain(self.own.iter().cloned()).collect();
        let record = record(all.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        all.push((RECORD.to_owned(), record));
        all
    }

    /// Writes `.env.session` for a command that does not need it: somebody's own file of that name is said, as it would
    /// go stale unnoticed; a directory that cannot be written is what it is.
    pub fn refresh_dotenv(&self, session: &Session, notices: Notices) {
        if let Err(error) = self.write_dotenv(session) {
            let path = session.dotenv_path();
            match path.map_or(Ok(()), |path| files::check(&path, is_generated)) {
                Err(error) => notices.note(failure::brief(&error)),
                Ok(()) => notices.detail(format!("{error:#}")),
            }
        }
    }

    /// Writes `.env.session`, if it does not say the same already. An ephemeral session has none.
    pub fn write_dotenv(&self, session: &Session) -> anyhow::Result<()> {
        let Some(path) = session.dotenv_path() else { return Ok(()) };
        // People have shells read it.
        let all = self.listed(|variable| !variable.exec_only);
        let written = write(all.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let text = format!("{HEADER}\n{}", written.text);
        files::write(&path, text.as_bytes(), is_generated).map(drop)
    }
}
