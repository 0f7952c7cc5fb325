//! What is meant by `--data-from`.

use std::path::{Path, PathBuf};

use domain::engine::mark::Source;
use domain::engine::snapshot::{Name, Snapshot};
use domain::failure::{Code, Failure};
use domain::identity::name::SessionId;
use domain::text::template::nearest;

use crate::docker::{self, Endpoint, Engine};
use crate::find::{self, Caller, Session};
use crate::git::Repository;
use crate::machine::files;

/// The word that means the main worktree's session.
const MAIN: &str = "main";

/// Finds what `word` means for a session of the directory `here`: `main`, a directory, or a snapshot of the project.
///
/// # Errors
/// It means nothing.
pub fn find(word: &str, here: &Session, engine: &Engine, caller: &Caller) -> anyhow::Result<Source> {
    let endpoint = engine.endpoint();
    if word == MAIN {
        return session(here.main_worktree().as_deref().unwrap_or(here.path()), endpoint);
    }
    let is_path = word.contains('/') || matches!(word, "." | "..");
    if !is_path && let Ok(name) = Name::try_from(word.to_owned()) {
        let known = snapshots(engine, &project(here.path()))?;
        if known.iter().any(|snapshot| snapshot.name == name && snapshot.whole.is_some()) {
            return Ok(Source::Snapshot { of: project(here.path()), name });
        }
        if !caller.here()?.join(word).is_dir() {
            return Err(unknown(word, &known).into());
        }
    }
    let directory = files::canonical(&caller.here()?.join(word));
    if !directory.is_dir() {
        return Err(Failure::new(format!("there is no directory `{word}` whose data could be copied"))
            .code(Code::Usage)
            .hint("name a directory, `main`, or a snapshot: `prism snapshot list` shows them")
            .into());
    }
    let found = find::locate(&directory, &here.environment).unwrap_or(directory);
    session(&found, endpoint)
}

/// Says whether there is something to copy: a session that has volumes, or a snapshot.
pub fn is_there(source: &Source, engine: &Engine) -> anyhow::Result<bool> {
    match source {
        Source::Session { id, .. } => {
            Ok(!engine.session_volumes(id)?.is_empty() || !engine.note(id)?.anonymous.is_empty())
        }
        Source::Snapshot { .. } => Ok(true),
    }
}

/// Names what the snapshots of a directory's project have in common.
pub fn project(directory: &Path) -> String {
    let common = Repository::find(directory).map(|repository| repository.common);
    let common = common.map(|common| common.canonicalize().unwrap_or(common));
    common.unwrap_or_else(|| PathBuf::from(directory)).to_string_lossy().into_owned()
}

/// Lists this user's snapshots of a project, whole or not.
pub(super) fn snapshots(engine: &Engine, of: &str) -> anyhow::Result<Vec<Snapshot>> {
    let owner = docker::owner_at(Path::new(of));
    let mut found = engine.snapshots()?;
    found.retain(|snapshot| snapshot.of == of && snapshot.owner == owner);
    Ok(found)
}

/// Says that there is no such snapshot.
pub(super) fn unknown(word: &str, known: &[Snapshot]) -> Failure {
    let names: Vec<String> = known.iter().map(|snapshot| snapshot.name.to_string()).collect();
    let hint = match nearest(word, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "`prism snapshot save NAME` makes one of this session's data".to_owned(),
        None => format!("the snapshots are: {}", names.join(", ")),
    };
    Failure::new(format!("there is no snapshot `{word}` of this project")).code(Code::Usage).hint(hint)
}

fn session(directory: &Path, endpoint: &Endpoint) -> anyhow::Result<Source> {
    let Some(text) = directory.to_str() else {
        return Err(Failure::new(format!("`{}` has a name that is not UTF-8", directory.display())).into());
    };
    let machine = endpoint.shared.then(|| docker::machine_at(directory));
    Ok(Source::Session { id: SessionId::new(text, machine.as_deref()), directory: text.to_owned() })
}
