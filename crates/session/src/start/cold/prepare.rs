//! From the user's Compose files to an override on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, stderr};
use std::path::PathBuf;
use std::time::SystemTime;

use domain::engine::container::Container;
use domain::engine::note::Note;
use domain::engine::selection::Selection;
use domain::failure::Failure;
use domain::identity::name::{ProjectName, ServiceName};
use domain::identity::own::{self, is_own};
use domain::identity::variable_name;
use domain::port::reservation::{Reservations, Slot, apps};
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

use super::examine::{Examined, Mentioned, examine};
use super::lacking::Lacking;
use super::reserve::{Request, Reserve};
use super::resolve;
use super::writer::Stores;
use crate::compose::Compose;
use crate::docker;
use crate::environment::dotenv;
use crate::find::generated::{self, RESOLVED};
use crate::find::input;
use crate::find::{Session, key};
use crate::git;
use crate::machine::files;
use crate::notice::Notices;
use crate::start::options::{Options, check_services};
use crate::start::warm;
use crate::work::Work;

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

/// What an override is written for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// The stack is to be started.
    Start(&'a Options),
    /// Nothing is to be started: a session that does not exist reserves nothing.
    Look,
}

/// What it takes to write an override.
pub(super) struct Prepare<'a> {
    pub(super) work: &'a mut Work,
    /// The session's containers.
    pub(super) containers: &'a [Container],
    /// Ports that could not be bound.
    pub(super) refused: &'a BTreeSet<u16>,
    pub(super) purpose: Purpose<'a>,
}

/// Which services belong to the session.
struct Chosen {
    selection: Selection,
    /// Those that have containers, and stay.
    present: BTreeSet<ServiceName>,
    scope: Vec<ServiceName>,
    /// Those that the selection leaves out.
    excluded: Vec<ServiceName>,
    /// Those that stay left out at the next start.
    remembered: Vec<ServiceName>,
}

impl Prepare<'_> {
    /// Resolves the project, reserves its ports, and writes its override. `note` says what the user chose to belong to
    /// the session.
    pub(super) fn run(mut self, note: Note) -> anyhow::Result<Prepared> {
        make_way(&self.work.session, self.work.notices, self.is_look())?;
        let mut examined = self.examine()?;
        let chosen = self.choose(&examined, &note)?;
        let notes = self.remarks(&examined, &chosen, &note)?;
        let old = warm::read_header(&self.work.session);
        let mut facts = self.facts(&examined, &chosen, old.as_ref())?;
        let stores = stores(&self.work.session, &examined.model, &examined.plan, &chosen.scope);
        let reserved = self.reserve(&examined, &chosen, &facts, &stores, note)?;
        let known = self.known(&examined, &reserved);
        let left_out = if self.is_chosen_now() { &chosen.remembered } else { &chosen.excluded }.clone();
        let Self { work, containers, .. } = self;
        examined.complete(work, &known)?;
        examined.plan.reserve(&reserved);
        facts.profiles = hashes(&work.session, &examined);
        facts.builds = std::mem::take(&mut examined.builds);
        let body = body(&examined, &facts);
        let header = header(work, &examined, chosen, &facts, known, &reserved, old.as_ref());
        let is_stale = old.is_none_or(|old| old.body != content_hash(body.as_bytes()));
        let mut prepared = Prepared {
            compose: resolve::compose(&work.session, &header),
            header,
            notes,
            is_first: containers.is_empty(),
            body,
            left_out,
            stores,
            builds: facts.builds,
        };
        prepared.write_all(work, &examined, is_stale)?;
        Ok(prepared)
    }

    fn is_look(&self) -> bool {
        matches!(self.purpose, Purpose::Look)
    }

    /// Says whether the user chooses now what belongs to the session.
    fn is_chosen_now(&self) -> bool {
        matches!(self.purpose, Purpose::Start(options) if options.selection.is_some())
    }

    fn examine(&mut self) -> anyhow::Result<Examined> {
        let mut examined = examine(self.work)?;
        if self.work.session.ephemeral.is_some() {
            examined.plan.unpin();
        }
        match self.purpose {
            Purpose::Look => examined.plan.check_pins(self.refused)?,
            Purpose::Start(options) => check_services(&examined.plan.services, &options.services)?,
        }
        Ok(examined)
    }

    /// Decides what belongs to the session.
    fn choose(&self, examined: &Examined, note: &Note) -> anyhow::Result<Chosen> {
        let Examined { model, plan, .. } = examined;
        let settings = &self.work.session.settings;
        let present = scope::present(self.containers, &note.left_out, self.is_chosen_now());
        let selection = note.selection.over(&settings.select);
        let scope = scope::scope(model, plan, &selection, &present)?;
        if scope.is_empty() && !self.is_look() {
            return Err(nothing_chosen(model).into());
        }
        plan.check_apps(settings, &scope)?;
        let app = match self.purpose {
            Purpose::Start(options) => options.app.as_deref(),
            Purpose::Look => None,
        };
        plan.check_templates(settings, &scope, app)?;
        let excluded = scope::excluded(model, &selection, &scope);
        let remembered = scope::left_out(self.containers, &note.left_out, &scope);
        Ok(Chosen { selection, present, scope, excluded, remembered })
    }

    /// Says what cannot be isolated, which files are not there, and to whom may choose, which services may be left out.
    fn remarks(&self, examined: &Examined, chosen: &Chosen, note: &Note) -> anyhow::Result<Vec<String>> {
        let Examined { model, plan, inputs, .. } = examined;
        let (session, endpoint, scope) = (&self.work.session, self.work.engine.endpoint(), &chosen.scope);
        let lacking = Lacking::of(session);
        let mut notes = plan.shared.clone();
        notes.extend(lacking.check_mounts(model, scope, endpoint)?);
        notes.extend(lacking.tell_paths(model, scope, endpoint));
        notes.extend(scope::built_here(model, scope, &session.directory).filter(|_| stderr().is_terminal()));
        notes.extend(lacking.tell_inputs(inputs, note.setup.is_some()));
        Ok(notes)
    }

    fn facts(&self, examined: &Examined, chosen: &Chosen, old: Option<&Header>) -> anyhow::Result<Facts> {
        let session = &self.work.session;
        Ok(Facts {
            project: examined.compose.project.clone(),
            session_id: session.id.clone(),
            directory: session.directory.clone(),
            owner: docker::owner_at(session.path()),
            process: session.ephemeral.as_ref().map(|ephemeral| ephemeral.process.clone()),
            created_at: created_at(self.containers, old),
            has_start_interval: self.work.engine.has_start_interval()?,
            profiles: BTreeMap::new(),
            builds: BTreeMap::new(),
            excluded: chosen.excluded.clone(),
        })
    }

    /// Reserves the ports, and writes the session's note.
    fn reserve(
        &mut self,
        examined: &Examined,
        chosen: &Chosen,
        facts: &Facts,
        stores: &Stores,
        note: Note,
    ) -> anyhow::Result<Reservations> {
        let only_if_present = self.is_look();
        let Examined { plan, mentioned, inputs, .. } = examined;
        let session = &self.work.session;
        let request = Request {
            plan,
            services: &publishers(plan, chosen.present.iter().chain(&chosen.scope), mentioned),
            project: &facts.project,
            labels: &session_labels(facts),
            stores,
            note: Note {
                config: session.configuration_hash(&inputs.files),
                left_out: chosen.remembered.clone(),
                origin: session.origin(),
                machine: self.work.engine.endpoint().machine_name(),
                ..note
            },
            only_if_present,
        };
        let note = Reserve { work: self.work, refused: self.refused }.reserve(request)?;
        Ok(note.ports.unwrap_or_default())
    }

    /// Collects the values of the ports that the Compose files use.
    fn known(&self, examined: &Examined, reserved: &Reservations) -> BTreeMap<String, String> {
        let Mentioned { names, slots } = &examined.mentioned;
        let engine_host = self.work.engine.endpoint().host.as_deref();
        let host = self.work.session.host(engine_host);
        port_name::values(names, slots, reserved, &examined.plan, &host, engine_host)
    }
}

/// Writes the first line of the override.
fn header(
    work: &Work,
    examined: &Examined,
    chosen: Chosen,
    facts: &Facts,
    known: BTreeMap<String, String>,
    reserved: &Reservations,
    old: Option<&Header>,
) -> Header {
    let Examined { found, inputs, model, plan, profiles, .. } = examined;
    let session = &work.session;
    let Chosen { selection, scope, .. } = chosen;
    Header {
        generator: GENERATOR.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        body: String::new(),
        project: facts.project.clone(),
        session_id: session.id.clone(),
        created_at: facts.created_at.clone(),
        settled: false,
        followed: inputs.followed,
        files: texts(&found.files),
        env_files: texts(&found.env_files),
        child_env_files: resolve::child_env_files(session, found),
        // Nothing has this hash: it is known when the project is resolved.
        resolved: inputs.reads_variables.then(String::new),
        profiles: scope::profiles(model, &scope, &[profiles.clone(), selection.profiles].concat()),
        inputs: inputs.files.clone(),
        variables: inputs.variables.clone(),
        host_ports: inputs.host_ports.clone(),
        scope,
        services: plan.services.clone(),
        shared_names: shared_names(model, &facts.project),
        renamed: Vec::new(),
        known,
        inspected: Vec::new(),
        unanswered: old.map(|header| header.unanswered.clone()).unwrap_or_default(),
        answered: old.map(|header| header.answered.clone()).unwrap_or_default(),
        machine: work.engine.endpoint().machine_name(),
        dotenv: dotenv::read(session),
        apps: apps(reserved),
    }
}

/// Writes what the override states.
fn body(examined: &Examined, facts: &Facts) -> String {
    let Examined { model, plan, inputs, .. } = examined;
    let mut stated = overlay(model, plan, facts);
    for path in inputs.empty_lists.iter().filter(|path| model.lacks(path)) {
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
fn hashes(session: &Session, examined: &Examined) -> BTreeMap<String, String> {
    let Examined { found, inputs, model, .. } = examined;
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
    fn write_all(&mut self, work: &Work, examined: &Examined, is_stale: bool) -> anyhow::Result<()> {
        let session = &work.session;
        if is_stale {
            generated::remove(&session.generated(RESOLVED))?;
        }
        // An unsettled header: should Compose not get to the end, the next run does not believe this file.
        self.write(session)?;
        if session.ephemeral.is_none() {
            git::exclude(session.path(), &generated::NAMES);
        }
        if self.header.resolved.is_some() {
            let dotenv = self.header.dotenv.clone();
            let is_given =
                |name: &str| dotenv.may_give(name) || is_given_to_children(session, &examined.plan, name);
            resolve::resolve(work, &examined.compose, &mut self.header, is_given)?;
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
