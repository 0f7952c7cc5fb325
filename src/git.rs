//! What prism wants of git: the project's name, and silence about generated files.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Returns the directory name of the main worktree, found without running git; `None` outside git.
///
/// A linked worktree's `.git` is a file that leads to `<main>/.git/worktrees/<name>`, whose `commondir` leads
/// to `<main>/.git`.
pub fn main_worktree_name(top: &Path) -> Option<String> {
    let entry = top.join(".git");
    let main = if entry.is_dir() {
        top.to_path_buf()
    } else {
        let link = fs::read_to_string(&entry).ok()?;
        let private = top.join(link.strip_prefix("gitdir:")?.trim());
        let common = match fs::read_to_string(private.join("commondir")) {
            Ok(common) => private.join(common.trim()).canonicalize().ok()?,
            // A submodule has no common directory: it is a project of its own.
            Err(_) => return name(top),
        };
        match common.file_name().and_then(|name| name.to_str()) {
            Some(".git") => common.parent()?.to_path_buf(),
            // A bare repository: `shop.git`.
            _ => common.with_extension(""),
        }
    };
    name(&main)
}

fn name(directory: &Path) -> Option<String> {
    Some(directory.file_name()?.to_string_lossy().into_owned())
}

/// Adds `patterns` to the repository's own exclude file, where they are not there yet.
///
/// Failing is no error: the files then show up in `git status`, and that is all.
pub fn exclude(directory: &Path, patterns: &[&str]) {
    let _ = try_exclude(directory, patterns);
}

fn try_exclude(directory: &Path, patterns: &[&str]) -> Option<()> {
    let path = exclude_file(directory)?;
    let present = fs::read_to_string(&path).unwrap_or_default();
    let missing: Vec<&&str> =
        patterns.iter().filter(|pattern| !present.lines().any(|line| line.trim() == **pattern)).collect();
    if missing.is_empty() {
        return Some(());
    }
    fs::create_dir_all(path.parent()?).ok()?;
    let mut file = fs::File::options().append(true).create(true).open(&path).ok()?;
    let separator = if present.is_empty() || present.ends_with('\n') { "" } else { "\n" };
    let lines: String = missing.iter().map(|pattern| format!("{pattern}\n")).collect();
    // One write: several prisms may be at it.
    file.write_all(format!("{separator}{lines}").as_bytes()).ok()
}

fn exclude_file(directory: &Path) -> Option<PathBuf> {
    let output = Command::new("git")
        .args(["rev-parse", "--git-path", "info/exclude"])
        .current_dir(directory)
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !path.trim().is_empty()).then(|| directory.join(path.trim_end_matches('\n')))
}
