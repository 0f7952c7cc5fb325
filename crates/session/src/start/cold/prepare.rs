//! From the user's Compose files to an override on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, stderr};
use std::path::PathBuf;
use std::time::SystemTime;

use domain::engine::container::Container;
use domain::engine::note::Note;
use domain::failure::Failure;
use domain::identity::name::{ProjectName, ServiceName};
use domain::identity::own::{self, is_own};
use domain::identity::variable_name;
use domain::port::reservation::{Slot, apps};
use domain::stack::header::{GENERATOR, Header, SharedName};
use domain::stack::input::seccomp_profile;
use domain::stack::model::Model;
use domain::stack::overlay::{Facts, overlay, session_labels};
use domain::stack::plan::Plan;
use domain::stack::{port_name, scope, store};
use domain::text::dotenv::is_generated;
use domain::text::hash::content_hash;
use domain::text::word::word;
use domain::text::yaml;

use super::data::Stores;
use super::examine::{Examined, Mentioned, examine};
use super::lacking::Lacking;
use super::reserve::{Request, Reserve};
use super::resolve;
use crate::compose::{Compose, ComposeFiles};
use crate::docker::{self, Endpoint, Engine};
use crate::environment::dotenv;
use crate::find::generated::{self, RESOLVED};
use crate::find::input::{self, Inputs};
use crate::find::{Session, key};
use crate::git;
use crate::machine::files;
use crate::machine::process::interrupt::Interrupt;
use crate::notice::Notices;
use crate::start::options::check_services;
use crate::start::warm;

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
    /// Services that are left out now: containers of theirs are stopped.
    pub(super) left_out: Vec<ServiceName>,
    /// What its services write to outside of it.
    pub(super) stores: Stores,
    /// Services into whose images ports of the session go, with a hash of what they are built from.
    pub(super) builds: BTreeMap<ServiceName, String>,
    body: String,
}

/// What it takes to write an override.
pub(super) struct Prepare<'a> {
    pub(super) session: &'a Session,
    pub(super) engine: &'a mut Engine,
    pub(super) endpoint: &'a Endpoint,
    pub(super) notices: Notices,
    pub(super) interrupt: &'a Interrupt,
    /// The session's containers.
    pub(super) containers: &'a [Container],
    /// Services that the user names.
    pub(super) services: &'a [ServiceName],
    /// The app whose command is to run.
    pub(super) app: Option<&'a str>,
    /// Ports that could not be bound.
    pub(super) refused: &'a BTreeSet<u16>,
    /// Nothing is to be started: a session that does not exist reserves nothing.
    pub(super) only_to_look: bool,
    /// The user chooses now what belongs to the session.
    pub(super) is_chosen_now: bool,
}

impl Prepare<'_> {
    fn examine(&mut self) -> anyhow::Result<Examined> {
        let mut examined = examine(self.session, self.engine, self.endpoint, self.interrupt)?;
        if self.session.ephemeral.is_some() {
            examined.plan.unpin();
        }
        if self.only_to_look {
            examined.plan.check_pins(self.refused)?;
        }
        Ok(examined)
    }

    /// Resolves the project, reserves its ports, and writes its override. `note` says what the user chose to belong to
    /// the session.
    pub(super) fn run(mut self, note: Note) -> anyhow::Result<Prepared> {
        make_way(self.session, self.notices, self.only_to_look)?;
        let mut examined = self.examine()?;
        let Self { session, engine, endpoint, notices, interrupt, containers, refused, .. } = self;
        let Examined { mentioned, model, plan, compose, inputs, .. } = &examined;
        let mut notes = plan.shared.clone();
        check_services(&plan.services, self.services)?;
        let present = scope::present(containers, &note.left_out, self.is_chosen_now);
        let selection = note.selection.over(&session.settings.select);
        let scope = scope::scope(model, plan, &selection, &present)?;
        if scope.is_empty() && !self.only_to_look {
            return Err(nothing_chosen(model).into());
        }
        notes.extend(remarks(session, model, &scope, endpoint)?);
        notes.extend(Lacking::of(session).tell_inputs(inputs, note.setup.is_some()));
        plan.check_apps(&session.settings, &scope)?;
        plan.check_templates(&session.settings, &scope, self.app)?;
        let excluded = scope::excluded(model, &selection, &scope);
        let remembered = scope::left_out(containers, &note.left_out, &scope);
        let left_out = if self.is_chosen_now { remembered.clone() } else { excluded.clone() };
        let old = warm::read_header(session);
        let created_at = created_at(containers, old.as_ref());
        let has_start_interval = engine.has_start_interval()?;
        let project = compose.project.clone();
        let mut facts = facts(session, project.clone(), created_at.clone(), has_start_interval, excluded);
        let labels = session_labels(&facts);
        let stores = stores(session, model, plan, &scope);
        let request = Request {
            plan,
            services: &publishers(plan, present.iter().chain(&scope), mentioned),
            project: &compose.project,
            labels: &labels,
            stores: &stores,
            note: Note {
                config: session.configuration_hash(&inputs.files),
                left_out: remembered,
                origin: session.origin(),
                machine: endpoint.machine_name(),
                ..note
            },
            only_if_present: self.only_to_look,
        };
        let note = Reserve { session, engine, endpoint, notices, interrupt, refused }.reserve(request)?;
        let reserved = note.ports.clone().unwrap_or_default();
        let engine_host = endpoint.host.as_deref();
        let host = session.host(engine_host);
        let known =
            port_name::values(&mentioned.names, &mentioned.slots, &reserved, plan, &host, engine_host);
        examined.complete(session, &known, interrupt)?;
        let Examined { found, compose, inputs, builds, model, mut plan, profiles, .. } = examined;
        plan.reserve(&reserved);
        (facts.profiles, facts.builds) = (hashes(session, &found, &inputs, &model), builds);
        let body = body(&model, &plan, &facts, &inputs.empty_lists);
        let header = Header {
            generator: GENERATOR.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            body: String::new(),
            project: project.clone(),
            session_id: session.id.clone(),
            created_at,
            settled: false,
            followed: inputs.followed,
            files: texts(&found.files),
            env_files: texts(&found.env_files),
            child_env_files: resolve::child_env_files(session, &found),
            // Nothing has this hash: it is known when the project is resolved.
            resolved: inputs.reads_variables.then(String::new),
            profiles: scope::profiles(&model, &scope, &[profiles, selection.profiles].concat()),
            inputs: inputs.files,
            variables: inputs.variables,
            host_ports: inputs.host_ports,
            scope,
            services: plan.services.clone(),
            shared_names: shared_names(&model, &project),
            renamed: Vec::new(),
            known,
            inspected: Vec::new(),
            unanswered: old.as_ref().map(|header| header.unanswered.clone()).unwrap_or_default(),
            machine: endpoint.machine_name(),
            dotenv: dotenv::read(session),
            apps: apps(&reserved),
        };
        let is_stale = old.is_none_or(|old| old.body != content_hash(body.as_bytes()));
        let mut prepared = Prepared {
            compose: resolve::compose(session, &header),
            header,
            notes,
            is_first: containers.is_empty(),
            body,
            left_out,
            stores,
            builds: facts.builds,
        };
        let dotenv = prepared.header.dotenv.clone();
        let is_given = |name: &str| dotenv.may_give(name) || is_given_to_children(session, &plan, name);
        prepared.write_all(session, &compose, is_stale, is_given, interrupt)?;
        Ok(prepared)
    }
}

/// Says which files of the services are not there, and to whom may choose, which services may be left out.
fn remarks(
    session: &Session,
    model: &Model,
    scope: &[ServiceName],
    endpoint: &Endpoint,
) -> anyhow::Result<Vec<String>> {
    let lacking = Lacking::of(session);
    let mut notes = lacking.check_mounts(model, scope, endpoint)?;
    notes.extend(lacking.tell_paths(model, scope, endpoint));
    notes.extend(scope::built_here(model, scope, &session.directory).filter(|_| stderr().is_terminal()));
    Ok(notes)
}

/// Writes what the override states.
fn body(model: &Model, plan: &Plan, facts: &Facts, empty_lists: &BTreeSet<Vec<String>>) -> String {
    let mut stated = overlay(model, plan, facts);
    for path in empty_lists.iter().filter(|path| model.lacks(path)) {
        stated.reset_at(path);
    }
    yaml::write(&stated)
}

/// Lists what services write to that somebody else could write to as well.
pub(super) fn stores(session: &Session, model: &Model, plan: &Plan, scope: &[ServiceName]) -> Stores {
    let pulled = model.services.iter().filter(|(_, service)| service.build.is_none());
    let images = pulled.filter_map(|(name, service)| Some((name.clone(), service.image.clone()?)));
    Stores { stores: store::stores(model, plan, scope, &session.directory), images: images.collect() }
}

fn facts(
    session: &Session,
    project: ProjectName,
    created_at: String,
    has_start_interval: bool,
    excluded: Vec<ServiceName>,
) -> Facts {
    Facts {
        project,
        session_id: session.id.clone(),
        directory: session.directory.clone(),
        owner: docker::owner_at(session.path()),
        process: session.ephemeral.as_ref().map(|ephemeral| ephemeral.process.clone()),
        created_at,
        has_start_interval,
        profiles: BTreeMap::new(),
        builds: BTreeMap::new(),
        excluded,
    }
}

fn nothing_chosen(model: &Model) -> Failure {
    let failure = Failure::new("no service of this project belongs to the session");
    let mut profiles = model.services.values().flat_map(|service| &service.profiles);
    match profiles.next() {
        Some(profile) => {
            let setting = format!("`profiles: [{profile}]` in prism.yaml chooses some");
            let profile = word(profile);
            failure.hint_there(format!("{setting}; so does `prism start --profile {profile}`")).hint(setting)
        }
        None => failure.hint_there("`prism start --default` chooses them all"),
    }
}

/// Says whether a child may find another value under this name than Compose did.
fn is_given_to_children(session: &Session, plan: &Plan, name: &str) -> bool {
    let is_of_app = |app: &String| {
        name.strip_prefix(&variable_name::prefix(app)).is_some_and(|rest| rest.starts_with('_'))
    };
    session.settings.env.contains_key(name)
        || plan.may_export(name)
        || session.settings.apps.keys().any(is_of_app)
        || name.starts_with(own::PORT)
        || name.starts_with(own::HOST)
        || is_own(name)
}

/// Hashes the files of the host that the Engine gets the text of, by the names that the project has for them.
fn hashes(
    session: &Session,
    found: &ComposeFiles,
    inputs: &Inputs,
    model: &Model,
) -> BTreeMap<String, String> {
    let directory = found.project_directory().unwrap_or(session.path());
    let options = model.services.values().flat_map(|service| &service.security_opt);
    let profiles = options.filter_map(|option| seccomp_profile(option));
    let hash = |file: &str| inputs.files.get(input::below(directory, file).to_str()?)?.clone();
    profiles.filter_map(|file| Some((file.to_owned(), hash(file)?))).collect()
}

/// Collects the services that need host ports: those of the session, and those whose ports the Compose file uses, each
/// with the one that publishes for it.
fn publishers<'s>(
    plan: &Plan,
    services: impl Iterator<Item = &'s ServiceName>,
    mentioned: &Mentioned,
) -> BTreeSet<ServiceName> {
    let of_names = mentioned.slots.values().filter_map(|slot| match slot {
        Slot::Service(service, _) => Some(service.clone()),
        Slot::App(_) => None,
    });
    let owner = |service: &ServiceName| {
        plan.services.get(service).and_then(|plan| plan.via.clone()).unwrap_or_else(|| service.clone())
    };
    services.map(owner).chain(of_names).collect()
}

impl Prepared {
    /// Writes the override, and the resolved project where the files read variables. One `is_stale` that another override
    /// came to.
    fn write_all(
        &mut self,
        session: &Session,
        compose: &Compose,
        is_stale: bool,
        is_given: impl Fn(&str) -> bool,
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        if is_stale {
            generated::remove(&session.generated(RESOLVED))?;
        }
        // An unsettled header: should Compose not get to the end, the next run does not believe this file.
        self.write(session)?;
        if session.ephemeral.is_none() {
            git::exclude(session.path(), &generated::NAMES);
        }
        if self.header.resolved.is_some() {
            resolve::resolve(session, compose, &mut self.header, is_given, interrupt)?;
            self.write(session)?;
            self.compose = resolve::compose(session, &self.header);
        }
        Ok(())
    }

    /// Marks the override as the one that the running stack was brought up from.
    pub(super) fn settle(&mut self, session: &Session) -> anyhow::Result<()> {
        self.header.settled = true;
        self.write(session).map(drop)
    }

    fn write(&mut self, session: &Session) -> anyhow::Result<bool> {
        let text = self.header.prepend(&self.body, key::made().as_deref())?;
        generated::write(&session.override_path(), &text)
    }
}

/// Checks that the generated files can be written, before anything is started: a foreign one would be found only
/// afterwards. The predecessor's are taken over, with a word.
fn make_way(session: &Session, notices: Notices, only_to_look: bool) -> anyhow::Result<()> {
    if let Some(path) = session.dotenv_path() {
        files::check(&path, is_generated)?;
    }
    let former = session.former_files();
    if !former.is_empty() && !only_to_look {
        notices.note(format!(
            "dev-prism 0.6 wrote `{}`: prism writes its own in place of it",
            former.join("`, `")
        ));
    }
    Ok(())
}

/// Lists which names services are to have on networks that other sessions use as well.
fn shared_names(model: &Model, project: &ProjectName) -> Vec<SharedName> {
    let mut found = Vec::new();
    for (name, service) in &model.services {
        for (key, attachment) in &service.networks {
            let Some(network) = model.networks.get(key).filter(|network| network.external) else { continue };
            let users = attachment.iter().filter_map(|attachment| attachment.aliases.as_ref()).flatten();
            let aliases =
                std::iter::once(&name.0).chain(users).map(|alias| format!("{alias}-{}", project.suffix()));
            found.push(SharedName {
                service: name.clone(),
                network: network.name.clone().unwrap_or_else(|| key.clone()),
                aliases: aliases.collect(),
            });
        }
    }
    found
}

fn texts(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.to_string_lossy().into_owned()).collect()
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
