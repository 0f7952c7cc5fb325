//! Where a new worktree goes, and the files that git does not bring there.

use std::path::{Path, PathBuf};

use anyhow::Context;
use domain::failure::Failure;
use domain::text::word::word;

use crate::end::worktree::default_sessions;
use crate::find::{CONFIGURATION, Session};
use crate::git::{self, Repository};
use crate::machine::files;

/// Where a new worktree goes.
#[derive(Debug)]
pub struct Destination {
    /// The top of the new worktree.
    pub worktree: PathBuf,
    /// The session directory in it.
    pub session: PathBuf,
}

/// Decides where the worktree of `branch` goes: `sessions_dir`, else a directory beside the main worktree.
///
/// # Errors
/// It is not known where the main worktree is; or, without a `sessions_dir`, that would be in the midst of the project
/// of which this one is a submodule.
pub fn place(session: &Session, repository: &Repository, branch: &str) -> anyhow::Result<Destination> {
    let said = session.settings.sessions_dir.as_deref();
    if !repository.has_home && said.is_none_or(|said| Path::new(said).is_relative()) {
        return Err(no_home(session, repository, branch).into());
    }
    let sessions = match said {
        Some(directory) => normalized(&repository.main.join(directory)),
        None => {
            if let Some(parent) = git::superproject(&repository.main)? {
                return Err(inside_other(session, &repository.main, &parent).into());
            }
            default_sessions(&repository.main)
        }
    };
    let worktree = files::canonical(&sessions).join(branch.replace('/', "-"));
    // A project below the top of its repository is found at the same place in the new worktree.
    let top = session.git_top().context("the session is not in a git worktree")?;
    let below = session.path().strip_prefix(top).unwrap_or(Path::new(""));
    let session = if below.as_os_str().is_empty() { worktree.clone() } else { worktree.join(below) };
    Ok(Destination { worktree, session })
}

/// Says that the git directory is kept away from the main worktree, and that nothing tells where that is.
fn no_home(session: &Session, repository: &Repository, branch: &str) -> Failure {
    let common = repository.common.display().to_string();
    Failure::new(format!("worktrees go beside the main one, and `{common}` does not say where that is")).hint(format!(
        "`prism -C MAIN create {}`, in the main worktree, lets it know; or say an absolute `sessions_dir:` in `{}`",
        word(branch),
        session.path().join(CONFIGURATION).display()
    ))
}

/// Says that worktrees would go into another project's, and names a place beside that.
fn inside_other(session: &Session, main: &Path, parent: &Path) -> Failure {
    let up = main.strip_prefix(parent).map_or(1, |below| below.components().count() + 1);
    let name = main.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let place = format!("sessions_dir: {}{name}-sessions", "../".repeat(up));
    Failure::new(format!("this is a submodule of `{}`", parent.display())).hint(format!(
        "say where worktrees go: `echo {} >> {}`",
        word(place),
        word(session.path().join(CONFIGURATION).display())
    ))
}

/// Resolves `..` by name, as the directories need not exist yet.
pub(super) fn normalized(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, component| {
        match component {
            std::path::Component::ParentDir => drop(path.pop()),
            std::path::Component::CurDir => {}
            other => path.push(other),
        }
        path
    })
}
