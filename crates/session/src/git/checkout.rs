//! Which branch each worktree of a repository has, found without running git.

use std::fs;
use std::path::{Path, PathBuf};

use domain::worktree::checkout::Checkout;

use super::head::{self, Head};
use super::marker::Marker;
use super::repository::Repository;
use crate::machine::read;

impl Repository {
    /// Lists the worktrees, also those that are not there any more. The session of one that prism did not make is where
    /// `below` its top is.
    pub fn checkouts(&self, below: &Path) -> Vec<Checkout> {
        let main = self.main.join(".git").exists().then(|| Checkout {
            session: below_of(&self.main, below),
            branch: branch(&self.common),
            made_for: None,
        });
        let linked = fs::read_dir(self.common.join("worktrees")).into_iter().flatten().filter_map(Result::ok);
        let linked = linked.filter_map(|entry| {
            let private = entry.path();
            let entry = private.join(read::text(&private.join("gitdir")).ok()?.trim());
            let top = entry.parent()?;
            let top = top.canonicalize().unwrap_or_else(|_| top.to_path_buf());
            let marker = Marker::of(&private, &top);
            Some(Checkout {
                session: marker
                    .as_ref()
                    .map_or_else(|| below_of(&top, below), |marker| marker.session.clone()),
                branch: branch(&private),
                made_for: marker.map(|marker| marker.branch),
            })
        });
        // Of one that is half removed, git may know nothing any more.
        let going = self.all_announced().into_iter().filter(|marker| marker.is_going);
        let going = going.map(|marker| Checkout {
            session: marker.session,
            branch: Some(marker.branch.clone()),
            made_for: Some(marker.branch),
        });
        let mut found: Vec<Checkout> = main.into_iter().chain(linked).collect();
        let known: Vec<PathBuf> = found.iter().map(|checkout| checkout.session.clone()).collect();
        found.extend(going.filter(|checkout| !known.contains(&checkout.session)));
        found.sort_by(|one, other| one.session.cmp(&other.session));
        found
    }
}

/// Reads which branch the worktree with this git directory has. While one is rebased, it is checked out nowhere, and yet
/// is the one that the worktree is about.
fn branch(private: &Path) -> Option<String> {
    let read = |name: &str| read::text(&private.join(name)).ok();
    let head = || match head::head(private)? {
        Head::Reference(reference) => Some(reference),
        Head::Commit(_) => None,
    };
    let reference =
        read("rebase-merge/head-name").or_else(|| read("rebase-apply/head-name")).or_else(head)?;
    reference.trim().strip_prefix("refs/heads/").map(str::to_owned)
}

fn below_of(top: &Path, below: &Path) -> PathBuf {
    top.join(below).components().collect()
}
