//! From the user's Compose files to an override on disk.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::compose::{Compose, ComposeFiles};
use crate::docker::{self, Endpoint};
use crate::domain::container::Container;
use crate::domain::dotenv;
use crate::domain::header::{GENERATOR, Header, is_generated};
use crate::domain::model::Model;
use crate::domain::name::{ProjectName, ServiceName};
use crate::domain::note::Note;
use crate::domain::overlay::{Facts, overlay, session_labels};
use crate::domain::plan::{Plan, plan};
use crate::domain::scope;
use crate::domain::yaml;
use crate::error::Failure;
use crate::process::interrupt::Interrupt;
use crate::session::input::Inputs;
use crate::session::{DOTENV, OVERRIDE, Session, warm};
use crate::{files, git};

/// How often the end of `docker compose config` is looked for.
const CONFIG_POLL: Duration = Duration::from_millis(5);

/// An override that was written, and how to use it.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The project as Compose is told of it.
    pub(super) compose: Compose,
    /// The override's header.
    pub(super) header: Header,
    /// What cannot be isolated.
    pub(super) notes: Vec<String>,
    /// The session had no containers before.
    pub(super) is_first: bool,
    /// The external networks of services that have some: Docker's name, and the aliases wanted there.
    pub(super) external: Vec<(ServiceName, String, Vec<String>)>,
    /// What is to be remembered of this start.
    pub(super) note: Note,
    /// The labels of everything that belongs to the session.
    pub(super) labels: BTreeMap<String, String>,
    /// Services that are left out: containers of theirs are stopped.
    pub(super) excluded: Vec<ServiceName>,
    body: String,
}

/// A project as Compose resolves it, and what prism decides of it.
#[derive(Debug)]
pub struct Examined {
    found: ComposeFiles,
    compose: Compose,
    inputs: Inputs,
    /// The resolved project.
    pub model: Model,
    /// The decisions.
    pub plan: Plan,
}

impl Examined {
    /// Says whether every input is known.
    pub fn is_followed(&self) -> bool {
        self.inputs.followed
    }
}

/// Resolves the project. Writes and starts nothing.
pub fn examine(session: &Session, endpoint: &Endpoint, interrupt: &Interrupt) -> anyhow::Result<Examined> {
    let found = session.compose_files()?;
    let inputs = Inputs::collect(session, &found)?;
    let compose = Compose {
        directory: session.path().to_path_buf(),
        files: found.files.clone(),
        env_files: found.env_files.clone(),
        project: session.project(),
        environment: session.environment.clone(),
    };
    let json = compose
        .config(|| Ok(interrupt.pause(CONFIG_POLL)?))
        .map_err(|error| with_env_file_hint(session, error))?;
    let model = Model::parse(&json)
        .map_err(|error| Failure::new("cannot read what `docker compose config` printed").caused_by(error))?;
    let mut profiles = session.settings.profiles.clone();
    profiles.extend(found.profiles.iter().cloned());
    let plan = plan(&model, &session.settings, bind(session, endpoint)?, &profiles)?;
    Ok(Examined { found, compose, inputs, model, plan })
}

/// In a fresh worktree a missing env file most likely is one that git ignores.
fn with_env_file_hint(session: &Session, error: anyhow::Error) -> anyhow::Error {
    let text = crate::error::render(&error);
    let Some(main) = session.main_worktree() else { return error };
    let missing =
        text.split_whitespace().filter_map(|word| Path::new(word).strip_prefix(session.path()).ok());
    match missing
        .map(Path::to_path_buf)
        .find(|path| main.join(path).is_file() && !session.path().join(path).exists())
    {
        Some(path) => absent(session, &path).into(),
        None => error,
    }
}

/// Fails if a bind mount names a file that exists in the main worktree only: Docker would make a directory of
/// that name.
fn preflight(session: &Session, model: &Model) -> Result<(), Failure> {
    let Some(main) = session.main_worktree() else { return Ok(()) };
    let mounts =
        model.services.values().flat_map(|service| &service.volumes).filter(|mount| mount.kind == "bind");
    let sources =
        mounts.filter_map(|mount| Path::new(mount.source.as_deref()?).strip_prefix(session.path()).ok());
    let is_absent = |path: &&Path| !session.path().join(path).exists() && main.join(path).is_file();
    let mut absent_files = sources.filter(is_absent);
    absent_files.next().map_or(Ok(()), |path| Err(absent(session, path)))
}

fn absent(session: &Session, path: &Path) -> Failure {
    let shown = path.display();
    Failure::new(format!("`{shown}` is missing in `{}`, but the main worktree has it", session.directory)).hint(format!(
        "git does not carry it: name it as `env_files: [{shown}]` in prism.yaml for `prism create`, or copy it now"
    ))
}

/// Resolves the project and writes its override. `note` says what the user chose to belong to the session.
pub(super) fn prepare(
    session: &Session,
    endpoint: &Endpoint,
    note: Note,
    containers: &[Container],
    interrupt: &Interrupt,
) -> anyhow::Result<Prepared> {
    // Before anything is started: a foreign file of that name would be found only afterwards.
    files::check(&session.dotenv_path(), dotenv::is_generated)?;
    let Examined { found, compose, inputs, model, plan } = examine(session, endpoint, interrupt)?;
    preflight(session, &model)?;
    let present = containers.iter().map(|container| container.service.clone()).collect();
    let scope = scope::scope(&model, &plan, &note.selection, &present)?;
    let old = warm::read_header(session);
    let created_at = created_at(containers, old.as_ref());
    let facts = Facts {
        project: compose.project.clone(),
        session_id: session.id.clone(),
        directory: session.directory.clone(),
        owner: docker::owner(),
        created_at: created_at.clone(),
        excluded: scope::excluded(&model, &note.selection),
        restated: inputs
            .variables
            .keys()
            .any(|name| session.settings.env.contains_key(name) || plan.may_export(name)),
    };
    let mut stated = overlay(&model, &plan, &facts);
    for path in inputs.empty_lists.iter().filter(|path| model.lacks(path)) {
        stated.reset_at(path);
    }
    let body = yaml::write(&stated);
    let compose_project = compose.project.clone();
    let config = session.configuration_hash(&inputs.files);
    let header = Header {
        generator: GENERATOR.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        body: String::new(),
        project: compose.project.clone(),
        session_id: session.id.clone(),
        created_at,
        settled: false,
        followed: inputs.followed,
        files: texts(&found.files),
        env_files: texts(&found.env_files),
        inputs: inputs.files,
        variables: inputs.variables,
        scope,
        services: plan.services,
    };
    let mut prepared = Prepared {
        compose,
        header,
        notes: plan.shared,
        is_first: containers.is_empty(),
        body,
        external: external_names(&model, &compose_project),
        note: Note { config, ..note },
        labels: session_labels(&facts),
        excluded: facts.excluded,
    };
    // An unsettled header: should Compose not get to the end, the next run does not believe this file.
    prepared.write(session)?;
    git::exclude(session.path(), &[OVERRIDE, DOTENV]);
    Ok(prepared)
}

impl Prepared {
    /// Marks the override as the one that the running stack was brought up from.
    pub(super) fn settle(&mut self, session: &Session) -> anyhow::Result<()> {
        self.header.settled = true;
        self.write(session).map(drop)
    }

    fn write(&mut self, session: &Session) -> anyhow::Result<bool> {
        let text = self.header.prepend(&self.body)?;
        files::write(&session.override_path(), text.as_bytes(), is_generated)
    }
}

/// Lists which names services are to have on networks that other sessions use as well.
fn external_names(model: &Model, project: &ProjectName) -> Vec<(ServiceName, String, Vec<String>)> {
    let mut found = Vec::new();
    for (name, service) in &model.services {
        for (key, attachment) in &service.networks {
            let Some(network) = model.networks.get(key).filter(|network| network.external) else { continue };
            let users = attachment.iter().filter_map(|attachment| attachment.aliases.as_ref()).flatten();
            let aliases =
                std::iter::once(&name.0).chain(users).map(|alias| format!("{alias}-{}", project.suffix()));
            found.push((
                name.clone(),
                network.name.clone().unwrap_or_else(|| key.clone()),
                aliases.collect(),
            ));
        }
    }
    found
}

fn texts(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.to_string_lossy().into_owned()).collect()
}

/// Decides where ports are published. Other machines can reach whatever a remote Engine binds.
fn bind(session: &Session, endpoint: &Endpoint) -> Result<IpAddr, Failure> {
    match session.settings.bind {
        Some(bind) => Ok(bind),
        None if endpoint.shared => Err(Failure::new(format!(
            "the Docker Engine at {} is not on this machine: its loopback cannot be reached",
            endpoint.address
        ))
        .hint(
            "say in prism.yaml at which of its addresses ports may be published, as in `bind: 192.168.1.5`",
        )),
        None => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    }
}

/// Keeps the time of the session's first creation, as a changed label recreates containers.
fn created_at(containers: &[Container], old: Option<&Header>) -> String {
    let of_containers =
        containers.iter().filter_map(|container| container.label("created_at")).min().map(str::to_owned);
    let of_file = || old.map(|header| header.created_at.clone());
    of_containers
        .or_else(of_file)
        .unwrap_or_else(|| humantime::format_rfc3339_seconds(SystemTime::now()).to_string())
}
