//! The variables of a session that is up, for every emitter.

use std::collections::BTreeMap;
use std::path::Path;

use super::{OVERRIDE, Session};
use crate::docker::{Endpoint, Engine};
use crate::domain::container::{Container, Inspection};
use crate::domain::environment::{Assignment, RECORD, record};
use crate::domain::header::Header;
use crate::domain::variable::{self, Variables};
use crate::domain::{dotenv, template};
use crate::error::Failure;
use crate::files;

/// Everything that a session says of itself.
#[derive(Debug)]
pub struct SessionVariables {
    /// Those of services and of `prism.yaml`, sorted by name.
    pub assignments: Vec<Assignment>,
    /// Those that are always prism's.
    pub own: Vec<(String, String)>,
    /// Where they came from, and why some are missing.
    pub derived: Variables,
}

/// Derives the variables, inspecting only containers whose credentials are needed.
pub fn variables(
    session: &Session,
    engine: &Engine,
    endpoint: &Endpoint,
    header: Option<&Header>,
    containers: &[Container],
) -> anyhow::Result<SessionVariables> {
    let wanted = containers.iter().filter(|container| variable::needs_inspection(container));
    let wanted = wanted.filter(|container| {
        !container.live_bindings().is_empty() || container.host_network || container.label("via").is_some()
    });
    let mut inspections = engine.inspect(wanted.map(|container| container.id.as_str()))?;
    read_credential_files(containers, &mut inspections);
    let derived = variable::derive(containers, &inspections, endpoint.host.as_deref())?;
    let known: BTreeMap<&str, &str> =
        derived.list.iter().map(|v| (v.name.as_str(), v.value.as_str())).collect();
    let configured = template::resolve(&session.settings.env, &known)?;
    for (name, value) in &configured {
        check(name, value)?;
    }
    let of_services = derived.list.iter().filter(|variable| !configured.contains_key(&variable.name));
    let of_services = of_services.map(|variable| Assignment {
        name: variable.name.clone(),
        value: variable.value.clone(),
        group: variable.group,
    });
    let of_file = configured.iter().map(|(name, value)| Assignment {
        name: name.clone(),
        value: value.clone(),
        group: None,
    });
    let mut assignments: Vec<Assignment> = of_services.chain(of_file).collect();
    assignments.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(SessionVariables { assignments, own: own(session, header, containers), derived })
}

/// Adds the credentials that stand in files of the host. One that cannot be read is a missing one.
fn read_credential_files(containers: &[Container], inspections: &mut BTreeMap<String, Inspection>) {
    for container in containers {
        let Some((kind, seen)) = variable::kind_of(container).zip(inspections.get_mut(&container.id)) else {
            continue;
        };
        for (name, path) in variable::credential_files(kind, seen) {
            if let Ok(Some(text)) = files::read_configuration(Path::new(&path)) {
                seen.environment.insert(name, text.trim_end_matches(['\n', '\r']).to_owned());
            }
        }
    }
}

fn check(name: &str, value: &str) -> Result<(), Failure> {
    let is_name = name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    if !is_name {
        return Err(Failure::new(format!(
            "`env.{name}` in prism.yaml: `{name}` is not a name for a variable"
        ))
        .hint("names consist of letters, digits and `_`, and do not begin with a digit"));
    }
    if value.contains('\0') {
        return Err(Failure::new(format!("`env.{name}` in prism.yaml holds a NUL byte")));
    }
    Ok(())
}

/// Lists what is always prism's, so that plain `docker compose` in a child addresses this session.
fn own(session: &Session, header: Option<&Header>, containers: &[Container]) -> Vec<(String, String)> {
    let project = header
        .map(|header| &header.project)
        .or_else(|| containers.first().map(|container| &container.project));
    let mut own = vec![
        ("PRISM_SESSION".to_owned(), session.id.0.clone()),
        ("SESSION_DIR".to_owned(), session.directory.clone()),
    ];
    if let Some(project) = project {
        own.push(("COMPOSE_PROJECT_NAME".to_owned(), project.to_string()));
    }
    if let Some(header) = header {
        own.extend(compose_files(session, header));
    }
    own
}

fn compose_files(session: &Session, header: &Header) -> Vec<(String, String)> {
    let mut files = header.files.clone();
    files.push(session.path().join(OVERRIDE).to_string_lossy().into_owned());
    let separator = [":", ";", "|", "\n"]
        .into_iter()
        .find(|separator| files.iter().all(|file| !file.contains(separator)));
    let separator = separator.unwrap_or(":");
    let mut own = vec![
        ("COMPOSE_FILE".to_owned(), files.join(separator)),
        ("COMPOSE_PATH_SEPARATOR".to_owned(), separator.to_owned()),
    ];
    // Without these, Compose in a sub-directory would read that directory's `.env`.
    let dotenv = session.path().join(".env");
    let mut env_files = header.env_files.clone();
    if env_files.is_empty() && dotenv.is_file() {
        env_files.push(dotenv.to_string_lossy().into_owned());
    }
    let chosen_by_user = header.variables.get("COMPOSE_ENV_FILES").is_some_and(Option::is_some);
    let has_comma = env_files.iter().any(|file| file.contains(','));
    if chosen_by_user || has_comma {
        // A comma cannot be written in this list, and Compose finds the file of its own directory by itself.
        // The caller's own choice reaches the child as it is.
    } else if env_files.is_empty() {
        own.push(("COMPOSE_DISABLE_ENV_FILE".to_owned(), "1".to_owned()));
    } else {
        own.push(("COMPOSE_ENV_FILES".to_owned(), env_files.join(",")));
    }
    own
}

impl SessionVariables {
    /// Lists every variable with its value, the record of them last: what a snippet or a file holds.
    pub fn all(&self) -> Vec<(String, String)> {
        let assigned =
            self.assignments.iter().map(|assignment| (assignment.name.clone(), assignment.value.clone()));
        let mut all: Vec<(String, String)> = assigned.chain(self.own.iter().cloned()).collect();
        let record = record(all.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        all.push((RECORD.to_owned(), record));
        all
    }

    /// Writes `.env.session`, if it does not say the same already.
    pub fn write_dotenv(&self, session: &Session) -> anyhow::Result<()> {
        let all = self.all();
        let lines = dotenv::write(all.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let text = format!("{}\n{lines}", dotenv::HEADER);
        files::write(&session.dotenv_path(), text.as_bytes(), dotenv::is_generated).map(drop)
    }
}
