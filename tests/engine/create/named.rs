//! Sessions that are named by the branch of their worktree.

use std::fs;

use super::{branches, worktree};
use crate::support::Project;
use crate::support::project::containers_of;

fn committed() -> Project {
    let project = Project::quick();
    let git = |arguments: &[&str]| project.sandbox.git(&project.directory, arguments);
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "x"]);
    project
}

#[test]
fn what_create_was_told_destroy_understands() {
    let project = committed();
    let made = worktree(&project, "feature-b");
    project.prism(&["create", "feature/b"]).succeeds();
    let nearly = project.prism(&["destroy", "--yes", "feature-b"]).exits(1);
    assert!(nearly.stderr.contains("did you mean `feature/b`?"), "{nearly}");
    project.prism(&["start", "no-such"]).exits(2);
    assert!(project.prism(&["info", "feature/b"]).succeeds().stdout.contains("shop-sessions/feature-b"));
    project.prism(&["ports", "inspect", "feature/b"]).exits(3);
    assert!(project.prism(&["stop", "feature/b"]).succeeds().stderr.contains("shop-sessions/feature-b"));
    let started = project.prism(&["start", "feature/b"]).succeeds();
    assert!(started.stderr.contains("shop-sessions/feature-b"), "{started}");
    // From inside of it, as from everywhere in the repository; and the main worktree's is that of its branch.
    let main = project.sandbox.prism(&made, &["destroy", "--yes", "main"]).succeeds();
    assert!(main.stderr.contains("shop` has no session"), "{main}");

    project.prism(&["destroy", "--yes", "feature/b"]).succeeds();
    assert!(!made.exists() && containers_of(&made).is_empty());
    assert_eq!(branches(&project), "main\n");
    let gone = project.prism(&["destroy", "--yes", "feature/b"]).exits(1);
    assert!(gone.stderr.contains("no worktree's branch is called `feature/b`"), "{gone}");
}

#[test]
fn a_directory_that_is_there_is_meant_rather_than_a_branch() {
    let project = committed();
    project.prism(&["create", "docs"]).succeeds();
    fs::create_dir(project.directory.join("docs")).expect("a directory");
    let outcome = project.prism(&["destroy", "--yes", "docs"]).succeeds();
    assert!(outcome.stderr.contains("shop/docs` has no session"), "{outcome}");
    assert!(outcome.stderr.contains("the branch of that name is at `"), "{outcome}");
    assert!(worktree(&project, "docs").exists());

    // Both have a session: neither is guessed, as either would lose its data.
    let docs = project.directory.join("docs");
    fs::copy(project.directory.join("compose.yaml"), docs.join("compose.yaml")).expect("copied");
    project.sandbox.prism(&docs, &["start"]).succeeds();
    let refused = project.prism(&["destroy", "--yes", "docs"]).exits(2);
    let hint = format!("`prism destroy {}` removes the former", docs.display());
    assert!(refused.stderr.contains(&hint), "{refused}");
    assert!(containers_of(&docs).len() == 1 && worktree(&project, "docs").exists());
    project.prism(&["destroy", "--yes", "./docs"]).succeeds();
    assert!(containers_of(&docs).is_empty() && worktree(&project, "docs").exists());
    fs::remove_file(docs.join("compose.yaml")).expect("the file");

    // The worktree was made for one branch and has another: neither is guessed.
    fs::remove_dir(project.directory.join("docs")).expect("empty");
    project.sandbox.git(&worktree(&project, "docs"), &["checkout", "-q", "-b", "other"]);
    let refused = project.prism(&["destroy", "--yes", "docs"]).exits(2);
    assert!(refused.stderr.contains("has the branch `other` by now"), "{refused}");
    // In the midst of a rebase, the branch is checked out nowhere.
    let private = project.directory.join(".git/worktrees/docs/rebase-merge");
    project.sandbox.git(&worktree(&project, "docs"), &["checkout", "-q", "--detach"]);
    fs::create_dir(&private).expect("a directory");
    fs::write(private.join("head-name"), "refs/heads/other\n").expect("head-name");
    assert!(project.prism(&["info", "other"]).succeeds().stdout.contains("shop-sessions/docs"));
    fs::remove_dir_all(private).expect("rebase-merge");
    project.sandbox.git(&worktree(&project, "docs"), &["checkout", "-q", "docs"]);
    // A worktree that somebody deleted still is the one of its branch.
    fs::remove_dir_all(worktree(&project, "docs")).expect("the worktree");
    project.prism(&["destroy", "--yes", "docs"]).succeeds();
    assert!(containers_of(&worktree(&project, "docs")).is_empty());
}
