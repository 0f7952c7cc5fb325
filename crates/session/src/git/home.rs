//! Where a repository is at home: its main worktree, found without running git.

use std::fs;
use std::path::{Path, PathBuf};

use domain::worktree::git_config;

use super::{common_directory, private_directory};
use crate::machine::read;

/// What prism has noted down in a git directory that is kept away from its worktree.
const NOTE: &str = "prism/main-worktree";

/// A repository's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Home {
    /// The main worktree; of a repository that has none, the directory in which it is kept for its worktrees.
    Known(PathBuf),
    /// The git directory is kept away from the main worktree, and nothing says where that is. What would be its place
    /// if it were a bare repository's gives a name, and no place.
    Unknown(PathBuf),
}

impl Home {
    pub(super) fn path(self) -> PathBuf {
        match self {
            Self::Known(path) | Self::Unknown(path) => path,
        }
    }
}

/// Finds the home of the repository of the worktree at `top`; `None` outside git.
pub(super) fn home(top: &Path) -> Option<Home> {
    let private = private_directory(top)?;
    let common = common_directory(&private)?;
    if !private.join("commondir").exists() {
        // The main worktree itself, or a submodule, which is a project of its own.
        return Some(Home::Known(top.to_path_buf()));
    }
    let read = |name: &str| read::text(&common.join(name)).unwrap_or_default();
    let configuration = read("config");
    let core = |key: &str| git_config::value(&configuration, "core", key);
    // A submodule's git directory, and others that are kept away, may say where the worktree is.
    let said = core("worktree").into_iter().chain(Some(read(NOTE))).filter(|path| !path.is_empty());
    let said = said.filter_map(|path| common.join(path).canonicalize().ok());
    if let Some(main) = said.into_iter().find(|main| leads_to(main, &common)) {
        return Some(Home::Known(main));
    }
    let parent = common.parent()?;
    // `.git` itself; and `.bare`, whether or not a `.git` file beside it says so.
    let is_hidden = common.file_name()?.as_encoded_bytes().starts_with(b".");
    if is_hidden || leads_to(parent, &common) {
        return Some(Home::Known(parent.to_path_buf()));
    }
    // A bare repository, `shop.git`, has no main worktree; its name still is the project's.
    let named = common.with_extension("");
    Some(if core("bare").as_deref() == Some("true") { Home::Known(named) } else { Home::Unknown(named) })
}

/// Notes down where the main worktree is, if this is it and its git directory, kept elsewhere, does not tell.
///
/// # Errors
/// The git directory cannot be written to.
pub(super) fn remember(top: &Path) -> std::io::Result<()> {
    let Some(private) = private_directory(top).and_then(|it| it.canonicalize().ok()) else { return Ok(()) };
    if private.join("commondir").exists() || private.parent() == Some(top) || !top.join(".git").is_file() {
        return Ok(());
    }
    let Some(text) = top.to_str() else { return Ok(()) };
    let note = private.join(NOTE);
    if read::text(&note).is_ok_and(|present| present == text) {
        return Ok(());
    }
    fs::create_dir_all(private.join("prism"))?;
    fs::write(note, text)
}

/// Says whether what is at `directory` is a worktree of the repository at `common`, and not a linked one.
fn leads_to(directory: &Path, common: &Path) -> bool {
    private_directory(directory)
        .and_then(|private| private.canonicalize().ok())
        .is_some_and(|it| it == common)
}
