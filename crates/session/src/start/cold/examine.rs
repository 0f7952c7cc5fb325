//! What Compose makes of the user's files, and what prism decides of it, before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use domain::failure::Failure;
use domain::identity::name::ServiceName;
use domain::port::reservation::Slot;
use domain::stack::isolation::shared;
use domain::stack::model::Model;
use domain::stack::plan::{Plan, plan};
use domain::stack::{port_name, reader, store};
use domain::text::loopback::is_here;

use super::lacking::Lacking;
use super::resolve::{CONFIG_POLL, telling};
use crate::compose::{Compose, ComposeFiles};
use crate::docker::{self, Endpoint};
use crate::find::input::{Inputs, project_name};
use crate::find::{CONFIGURATION, Session, reach};
use crate::work::Work;

/// A project as Compose resolves it, and what prism decides of it.
#[derive(Debug)]
pub struct Examined {
    pub(super) found: ComposeFiles,
    pub(super) compose: Compose,
    pub(super) inputs: Inputs,
    pub(super) mentioned: Mentioned,
    pub(super) profiles: Vec<String>,
    bind: IpAddr,
    /// What ports of the session go into the images of, with a hash of what those are built from.
    pub(super) builds: BTreeMap<ServiceName, String>,
    /// The resolved project.
    pub model: Model,
    /// The decisions.
    pub plan: Plan,
}

/// What a Compose file uses of ports that are not published yet.
#[derive(Debug)]
pub(super) struct Mentioned {
    pub(super) names: BTreeSet<String>,
    pub(super) slots: BTreeMap<String, Slot>,
}

impl Examined {
    /// Says whether every input is known.
    pub fn is_followed(&self) -> bool {
        self.inputs.followed
    }

    /// Says which files the session goes without that the main worktree has.
    pub fn lacking(&self, session: &Session) -> Option<String> {
        Lacking::of(session).tell_inputs(&self.inputs, false)
    }

    /// Tells Compose the ports that its files use, and resolves the project again if they use any.
    pub(super) fn complete(&mut self, work: &Work, known: &BTreeMap<String, String>) -> anyhow::Result<()> {
        self.compose.environment = work.session.compose_environment(known);
        if !known.is_empty() {
            let (model, plan) = resolve(work, &self.compose, &self.inputs, self.bind, &self.profiles)?;
            self.builds = model.builds_unlike(&self.model);
            (self.model, self.plan) = (model, plan);
        }
        Ok(())
    }
}

/// Resolves the project. Writes and starts nothing.
///
/// What there is of the session already keeps the name under which it was made, whatever the files say by now: under
/// another one, its data would not be found.
pub fn examine(work: &mut Work) -> anyhow::Result<Examined> {
    let Work { session, engine, interrupt, .. } = work;
    let found = session.compose_files()?;
    let inputs = Inputs::collect(session, &found, interrupt)?;
    let project = match engine.project(&session.id)? {
        Some(project) => project,
        None => session.project(project_name(session, &found, &inputs)),
    };
    let names = port_name::mentioned(inputs.variables.keys());
    let host = session.host(engine.endpoint().host.as_deref());
    let compose = Compose {
        directory: session.path().to_path_buf(),
        project_directory: None,
        files: found.files.clone(),
        env_files: found.env_files.clone(),
        profiles: Vec::new(),
        project,
        environment: session.compose_environment(&port_name::placeholders(&names, &host)),
    };
    let mut profiles = session.settings.profiles.clone();
    profiles.extend(found.profiles.iter().cloned());
    let bind = bind(session, engine.endpoint())?;
    reach::check_name(engine.endpoint())?;
    let (model, plan) = resolve(work, &compose, &inputs, bind, &profiles)
        .map_err(|error| with_files_hint(&work.session, &inputs, error))?;
    let slots = port_name::slots(&names, &plan, work.session.settings.apps.keys().cloned())?;
    let mentioned = Mentioned { names, slots };
    let builds = BTreeMap::new();
    Ok(Examined { found, compose, inputs, mentioned, profiles, bind, builds, model, plan })
}

fn resolve(
    work: &Work,
    compose: &Compose,
    inputs: &Inputs,
    bind: IpAddr,
    profiles: &[String],
) -> anyhow::Result<(Model, Plan)> {
    let Work { session, interrupt, .. } = work;
    let names = inputs.variables.keys().map(String::as_str).filter(|_| inputs.reads_variables);
    let (compose, _file) = telling(compose.clone(), names)?;
    let json = compose
        .config(|| Ok(interrupt.pause(CONFIG_POLL)?))
        .map_err(|error| Lacking::of(session).explain(inputs, error))?;
    let model = Model::parse(&json)
        .map_err(|error| Failure::new("cannot read what `docker compose config` printed").caused_by(error))?;
    let mut plan = plan(&model, &session.settings, bind, profiles)?;
    plan.own = store::own(&model, &plan, &session.directory);
    plan.shared.extend(shared(&model, &plan.own, &session.directory));
    plan.shared.extend(reader::spoken(&model, &compose.project).said);
    Ok((model, plan))
}

/// Compose says the line of a mistake, but neither the YAML file nor the `env_file` in which it is.
fn with_files_hint(session: &Session, inputs: &Inputs, error: anyhow::Error) -> anyhow::Error {
    let text = domain::failure::render(&error);
    let is_yaml = text.contains("  | yaml: ");
    if !is_yaml && !text.contains("  | line ") {
        return error;
    }
    let present = inputs.files.iter().filter(|(_, hash)| hash.is_some()).map(|(path, _)| Path::new(path));
    let below = |path: &Path| path.strip_prefix(session.path()).unwrap_or(path).to_path_buf();
    let is_meant = |path: &&Path| {
        let has_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        let name = below(path);
        has_yaml == is_yaml && name != Path::new(CONFIGURATION) && name != Path::new(".env")
    };
    let files: Vec<&Path> = present.filter(is_meant).collect();
    let list = |paths: Vec<PathBuf>| {
        paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(" or ")
    };
    match error.downcast::<Failure>() {
        Ok(failure) if !files.is_empty() => failure
            .hint_there(format!(
                "correct it in {}",
                list(files.iter().map(|path| path.to_path_buf()).collect())
            ))
            .hint(format!(
                "correct it in {}, and commit that where the branch begins",
                list(files.iter().map(|path| below(path)).collect())
            ))
            .into(),
        Ok(failure) => failure.into(),
        Err(error) => error,
    }
}

/// Decides where ports are published. Other machines can reach whatever a remote Engine binds.
fn bind(session: &Session, endpoint: &Endpoint) -> Result<IpAddr, Failure> {
    match session.settings.bind {
        Some(bind) => Ok(bind),
        // Somebody knows better, as in a container that has the machine's own network.
        None if endpoint.host.as_deref().is_some_and(|host| is_here(host, "")) => {
            Ok(IpAddr::V4(Ipv4Addr::LOCALHOST))
        }
        None if endpoint.shared => {
            let of_container = docker::gateway().map(|gateway| {
                format!("`bind: {gateway}` in prism.yaml publishes ports where this container finds that machine; if the container has the machine's own network, `export PRISM_HOST=127.0.0.1`")
            });
            let general = "say in prism.yaml at which of its addresses ports may be published, as in `bind: 192.168.1.5`";
            Err(Failure::new(format!(
                "the Docker Engine at {} is not on this machine: its loopback cannot be reached",
                endpoint.address
            ))
            .hint(of_container.unwrap_or_else(|| general.to_owned())))
        }
        None => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    }
}
