//! The files by which Compose knows a session: the user's with the override, or what both come to.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::failure::Failure;
use domain::identity::own::UNSET;
use domain::stack::header::Header;
use domain::stack::printed;
use domain::stack::resolved::{extension, resolved};
use domain::text::dotenv;
use tempfile::NamedTempFile;

use crate::compose::{Compose, ComposeFiles, read_dotenv};
use crate::find::Session;
use crate::find::generated::{self, RESOLVED, SECRETS};
use crate::work::Work;

/// How often the end of `docker compose config` is looked for.
pub(super) const CONFIG_POLL: Duration = Duration::from_millis(5);

/// Says how Compose is to be called for a session.
pub(super) fn compose(session: &Session, header: &Header) -> Compose {
    let paths = |texts: &[String]| texts.iter().map(PathBuf::from).collect::<Vec<_>>();
    let mut environment = session.compose_environment(&header.known);
    let (files, env_files) = if header.resolved.is_some() {
        // Nothing is left to interpolate, and what a `.env` says of Compose itself was heard before.
        environment.retain(|(name, _)| name != "COMPOSE_DISABLE_ENV_FILE" && name != "COMPOSE_ENV_FILES");
        environment.push(("COMPOSE_DISABLE_ENV_FILE".into(), "1".into()));
        let secrets = session.generated(SECRETS);
        (vec![session.generated(RESOLVED)], Vec::from_iter(secrets.exists().then_some(secrets)))
    } else {
        let mut files = paths(&header.files);
        files.push(session.override_path());
        (files, paths(&header.env_files))
    };
    Compose {
        directory: session.path().to_path_buf(),
        project_directory: None,
        files,
        env_files,
        profiles: header.profiles.clone(),
        project: header.project.clone(),
        environment,
    }
}

/// Lets Compose resolve the user's files, as `compose` names them, and the override; writes down what comes out.
/// `is_given` says of a variable whether children may find another value of it.
pub(super) fn resolve(
    work: &Work,
    compose: &Compose,
    header: &mut Header,
    is_given: impl Fn(&str) -> bool,
) -> anyhow::Result<()> {
    let Work { session, interrupt, .. } = work;
    let mut compose = compose.clone();
    compose.files.push(session.override_path());
    // What an env file says is not read again; what the caller's own environment says is there, and in no file.
    let is_from_file = |name: &str| !session.environment.iter().any(|(given, _)| given == name);
    let names = header.variables.keys().map(String::as_str);
    let names = names.filter(|name| is_given(name) || is_from_file(name));
    let (compose, _file) = telling(compose, names)?;
    let (yaml, json) = compose.resolve(|| Ok(interrupt.pause(CONFIG_POLL)?))?;
    let config = printed::both(&yaml, json.as_deref())
        .map_err(|error| Failure::new("cannot read what `docker compose config` printed").caused_by(error))?;
    let directory = compose.project_directory.as_deref().unwrap_or(session.path());
    let project = resolved(config, &directory.to_string_lossy(), is_given);
    generated::write(&session.generated(RESOLVED), &project.text)?;
    let path = session.generated(SECRETS);
    if project.secrets.is_empty() {
        generated::remove(&path)?;
    } else {
        let secrets = project.secrets.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        generated::write(&path, &format!("{}\n{}", dotenv::HEADER, dotenv::write(secrets).text))?;
        header.child_env_files.extend(listable(&path));
    }
    header.resolved = session.resolved_hash();
    Ok(())
}

/// Returns a path as the list of env files can have it: a comma would end it there.
fn listable(path: &Path) -> Option<String> {
    Some(path.to_string_lossy().into_owned()).filter(|path| !path.contains(','))
}

/// Lets Compose tell what it takes for these variables, by a file that has to stay meanwhile. It goes first: Compose fails
/// to merge another file into one with an empty list.
pub(super) fn telling<'n>(
    mut compose: Compose,
    names: impl Iterator<Item = &'n str>,
) -> anyhow::Result<(Compose, NamedTempFile)> {
    let mut file = NamedTempFile::new()?;
    if let Some(extension) = extension(names) {
        file.write_all(extension.as_bytes())?;
        compose.project_directory =
            compose.files.first().and_then(|file| file.parent()).map(Path::to_path_buf);
        compose.files.insert(0, file.path().to_path_buf());
    }
    Ok((compose, file))
}

/// Lists the env files that a child's Compose may read. What they say of variables is for files that the child names
/// itself; one that names a project would lead it away from the session.
pub(super) fn child_env_files(session: &Session, found: &ComposeFiles) -> Vec<String> {
    let own = session.path().join(".env");
    let is_own = found.env_files.is_empty() && found.candidates.contains(&own);
    let all = if is_own { std::slice::from_ref(&own) } else { &found.env_files[..] };
    let names_project = |path: &Path| read_dotenv(path).iter().any(|(name, _)| name == UNSET);
    all.iter()
        .filter(|path| path.is_file() && !names_project(path))
        .filter_map(|path| listable(path))
        .collect()
}
