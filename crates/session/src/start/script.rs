//! The project's own scripts, looked through for containers whose fixed names a session does not have.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use domain::stack::model::Model;
use domain::stack::script::{is_script, mentions, sentences};

use crate::find::Session;
use crate::machine::read;

/// How deep directories are looked into.
const DEPTH: usize = 4;

/// How many entries of directories are looked at, so that nobody waits for a whole tree.
const ENTRIES: usize = 20_000;

/// A script is not larger.
const SIZE: u64 = 256 << 10;

/// Directories of what others wrote, or what is made.
const FOREIGN: &[&str] = &["node_modules", "vendor", "target", "dist", "build", "venv", "__pycache__"];

/// Hidden directories that hold scripts all the same.
const HIDDEN: &[&str] = &[".github", ".husky", ".circleci"];

/// Names each container that a script means and a session has not, with the places, a sentence each.
pub fn containers(session: &Session, model: &Model) -> Vec<String> {
    let fixed = model.services.iter().filter_map(|(service, it)| Some((it.container_name.clone()?, service)));
    let names: BTreeMap<String, String> = fixed.map(|(name, service)| (name, service.0.clone())).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let mut search = Search { top: session.path(), names: &names, left: ENTRIES, found: BTreeMap::new() };
    search.directory(session.path(), DEPTH);
    sentences(&names, &search.found)
}

struct Search<'a> {
    top: &'a Path,
    names: &'a BTreeMap<String, String>,
    left: usize,
    found: BTreeMap<String, Vec<String>>,
}

impl Search<'_> {
    fn directory(&mut self, directory: &Path, depth: usize) {
        // What cannot be read is not told of.
        let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok).take(self.left);
        let mut entries: Vec<_> = entries.collect();
        self.left -= entries.len();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            // Links are not followed: what they lead to is elsewhere, or found there.
            let Ok(kind) = entry.file_type() else { continue };
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let path = entry.path();
            let is_looked_into = !FOREIGN.contains(&&*name)
                && (!name.starts_with('.') || HIDDEN.contains(&&*name))
                // A worktree or a submodule has a session of its own.
                && !path.join(".git").exists();
            if kind.is_dir() && depth > 0 && is_looked_into {
                self.directory(&path, depth - 1);
            } else if kind.is_file() {
                self.file(&path);
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let Some(below) = path.strip_prefix(self.top).ok().and_then(Path::to_str) else { return };
        let is_small = || fs::metadata(path).is_ok_and(|found| found.len() <= SIZE);
        if !is_script(below) || !is_small() {
            return;
        }
        let Ok(text) = read::text(path) else { return };
        for (line, name) in mentions(&text, self.names.keys().map(String::as_str)) {
            self.found.entry(name.to_owned()).or_default().push(format!("{below}:{line}"));
        }
    }
}
