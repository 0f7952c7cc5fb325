//! What a name means that is given for a branch.

use std::fs;
use std::path::Path;

use super::{branches, committed, worktree};
use crate::support::Project;

/// A project whose remotes `origin` and, if so, `fork` have the branch `feature/pay`, which is not here.
fn cloned(remotes: &[&str]) -> Project {
    let project = Project::quick();
    let git = |arguments: &[&str]| project.sandbox.git(&project.directory, arguments);
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "x"]);
    for remote in remotes {
        let path = project.sandbox.work().join(format!("{remote}.git"));
        let path = path.to_str().expect("UTF-8");
        git(&["clone", "-q", "--bare", ".", path]);
        git(&["checkout", "-q", "-b", "feature/pay"]);
        git(&["commit", "-qm", remote, "--allow-empty"]);
        git(&["push", "-q", path, "feature/pay"]);
        git(&["checkout", "-q", "main"]);
        git(&["branch", "-q", "-D", "feature/pay"]);
        git(&["remote", "add", "-f", remote, path]);
    }
    project
}

fn subject(project: &Project, directory: &Path) -> String {
    project.sandbox.git(directory, &["log", "-1", "--format=%s"]).trim().to_owned()
}

#[test]
fn a_branch_that_only_a_remote_has_is_followed() {
    let project = cloned(&["origin"]);
    let made = worktree(&project, "feature-pay");
    let created = project.prism(&["create", "feature/pay"]).succeeds();
    assert!(created.stderr.contains("`feature/pay` follows `origin/feature/pay`"), "{created}");
    assert_eq!(subject(&project, &made), "origin");
    let status = project.sandbox.git(&made, &["status", "--short", "--branch"]);
    assert_eq!(status, "## feature/pay...origin/feature/pay\n");
    project.sandbox.prism(&made, &["destroy", "--yes"]).succeeds();
    assert_eq!(branches(&project), "main\n", "it was made with the worktree, and the remote has all of it");

    // Said otherwise, it is a branch of its own.
    project.prism(&["create", "feature/pay", "--from", "main"]).succeeds();
    assert_eq!(subject(&project, &made), "x");
    assert_eq!(project.sandbox.git(&made, &["status", "--short", "--branch"]), "## feature/pay\n");
    project.sandbox.prism(&made, &["destroy", "--yes"]).succeeds();

    // What failed leaves no trace in the configuration, either.
    project.write("prism.yaml", "env_files: [nope.env]\n");
    project.prism(&["create", "feature/pay"]).exits(1);
    assert_eq!(branches(&project), "main\n");
    let configured = project.sandbox.git(&project.directory, &["config", "--list", "--local"]);
    assert!(!configured.contains("branch."), "{configured}");
}

#[test]
fn of_several_remotes_the_preferred_one_is_followed() {
    let project = cloned(&["origin", "fork"]);
    let refused = project.prism(&["create", "feature/pay"]).exits(2);
    assert!(
        refused.stderr.contains(
            "several remotes have the branch `feature/pay`: `fork/feature/pay`, `origin/feature/pay`"
        ) && refused.stderr.contains(" branch --track feature/pay fork/feature/pay`"),
        "{refused}"
    );
    assert_eq!(branches(&project), "main\n");
    assert!(!project.sandbox.work().join("shop-sessions").exists());
    let hint =
        refused.stderr.split('`').find(|part| part.contains("checkout.defaultRemote")).expect("a command");
    let hint = hint.replace("fork", "origin");
    project.sandbox.command("sh", &project.sandbox.work(), &["-c", &hint]).succeeds();
    project.prism(&["create", "feature/pay"]).succeeds();
    let made = worktree(&project, "feature-pay");
    assert_eq!(subject(&project, &made), "origin");
    project.sandbox.prism(&made, &["destroy", "--yes"]).succeeds();
}

#[test]
fn a_name_of_something_else_makes_no_branch() {
    let project = cloned(&["origin"]);
    project.sandbox.git(&project.directory, &["tag", "v1.0"]);
    for (name, hint) in [
        ("origin/feature/pay", "`prism create feature/pay` makes a branch that follows it"),
        ("v1.0", "`prism create from-v1.0 --from v1.0`"),
    ] {
        let refused = project.prism(&["create", name]).exits(2);
        assert!(refused.stderr.contains("means a commit already"), "{refused}");
        assert!(refused.stderr.contains(hint), "{refused}");
    }
    assert_eq!(branches(&project), "main\n");
}

#[test]
fn a_branch_that_is_checked_out_is_named_with_its_place() {
    let project = committed("");
    let other = project.sandbox.work().join("other");
    let shown = other.display().to_string();
    project.sandbox.git(&project.directory, &["worktree", "add", "-q", "-b", "b", &shown]);
    for (branch, place) in [("main", &project.directory), ("b", &other)] {
        let refused = project.prism(&["create", branch]).exits(1);
        let place = place.display();
        assert!(
            refused.stderr.contains(&format!("the branch `{branch}` is checked out at `{place}`")),
            "{refused}"
        );
        assert!(refused.stderr.contains(&format!("`prism -C {place} start`")), "{refused}");
    }
    fs::remove_dir_all(&other).expect("removed");
    let refused = project.prism(&["create", "b"]).exits(1);
    assert!(refused.stderr.contains(&format!("worktree remove --force --force {shown}`")), "{refused}");
}
