//! Worktrees that go with their session, and those that had better stay.

use std::fs;
use std::path::Path;

use super::{branches, committed, sha256, worktree};
use crate::support::project::{WEB, containers_of};

#[test]
fn destroy_looks_before_a_worktree_goes() {
    let project = committed("");
    project.write("api/compose.yaml", WEB);
    project.write("api/prism.yaml", "");
    project.sandbox.git(&project.directory, &["add", "."]);
    project.sandbox.git(&project.directory, &["commit", "-qm", "api"]);
    project.prism(&["create", "b"]).succeeds();
    let place = worktree(&project, "b");
    let shown = place.to_str().expect("UTF-8");
    let is_whole = || place.exists() && containers_of(&place).len() == 1;

    project.sandbox.git(&place, &["worktree", "lock", "--reason", "keep", shown]);
    let locked = project.prism(&["destroy", "--yes", "--force", shown]).exits(1);
    assert!(locked.stderr.contains("is locked: keep") && is_whole(), "{locked}");
    project.sandbox.git(&place, &["worktree", "unlock", shown]);

    project.sandbox.git(&place, &["checkout", "-q", "--detach"]);
    project.sandbox.git(&place, &["commit", "-q", "--allow-empty", "-m", "work"]);
    let detached = project.prism(&["destroy", "--yes", shown]).exits(1);
    assert!(detached.stderr.contains("commits that are on no branch") && is_whole(), "{detached}");
    project.sandbox.git(&place, &["tag", "saved"]);
    project.sandbox.git(&place, &["checkout", "-q", "b"]);

    // Another session in the same worktree has no say in it, and is not forgotten.
    let inner = place.join("api");
    project.sandbox.prism(&inner, &["start"]).succeeds();
    let neighbour = project.prism(&["destroy", "--yes", shown]).exits(1);
    assert!(neighbour.stderr.contains("holds another session") && is_whole(), "{neighbour}");
    project.sandbox.prism(&inner, &["destroy", "--yes"]).succeeds();
    assert!(is_whole() && containers_of(&inner).is_empty());

    project.write("secret.env", "");
    fs::write(place.join("secret.env"), "KEY=1").expect("ignored file");
    let ignored = project.prism(&["destroy", "--yes", shown]).exits(1);
    assert!(ignored.stderr.contains("1 file that git ignores (5 bytes): secret.env"), "{ignored}");
    let asked = project.prism(&["destroy", "--force", shown]).exits(2);
    assert!(asked.stderr.contains("with 1 file that git ignores (5 bytes): secret.env"), "{asked}");
    project.write("secret.env", "KEY=1");
    let asked = project.prism(&["destroy", shown]).exits(2);
    assert!(!asked.stderr.contains("secret.env"), "the main worktree has the same: {asked}");
    assert!(
        asked.stderr.contains(", unless it has commits that are nowhere else, or a description"),
        "{asked}"
    );
    let moved = project.sandbox.work().join("moved");
    project.sandbox.git(&project.directory, &["worktree", "move", shown, moved.to_str().expect("UTF-8")]);
    project.sandbox.prism(&moved, &["start"]).succeeds();
    project.sandbox.prism(&moved, &["destroy", "--yes"]).succeeds();
    assert!(!moved.exists(), "known at its new place");
    project.prism(&["destroy", "--yes", shown]).succeeds();
}

#[test]
fn an_interrupted_removal_is_gone_on_with_and_never_reaches_the_main_session() {
    let project = committed("sessions_dir: .sessions\n");
    project.prism(&["start"]).succeeds();
    let place = project.directory.join(".sessions/b");
    let shown = place.to_str().expect("UTF-8");
    for again in ["destroy", "create"] {
        project.prism(&["create", "b"]).succeeds();
        // As a prism leaves it that was killed while it removed the worktree.
        let marker =
            fs::read_to_string(project.directory.join(".git/worktrees/b/prism.json")).expect("marker");
        let mut marker: serde_json::Value = serde_json::from_str(&marker).expect("JSON");
        marker["is_going"] = true.into();
        let name = &sha256(shown)[..8];
        fs::write(project.directory.join(format!(".git/prism/{name}.json")), marker.to_string())
            .expect("announced");
        for entry in ["compose.yaml", "prism.yaml", "docker-compose.session.yml", ".env.session"] {
            fs::remove_file(place.join(entry)).expect("removed");
        }
        match again {
            "destroy" => {
                project.sandbox.prism(&place, &["destroy", "--yes"]).succeeds();
                assert!(!place.exists());
                assert_eq!(branches(&project), "main\n");
            }
            _ => {
                project.prism(&["destroy", "--yes", "--force", shown]).succeeds();
                project.prism(&["create", "b"]).succeeds();
                project.prism(&["destroy", "--yes", shown]).succeeds();
            }
        }
        assert_eq!(project.containers().len(), 1, "the main session is untouched");
    }
}

#[test]
fn odd_surroundings_of_a_worktree() {
    let project = committed("sessions_dir: ../link\n");
    let elsewhere = project.sandbox.work().join("elsewhere");
    fs::create_dir(&elsewhere).expect("directory");
    std::os::unix::fs::symlink(&elsewhere, project.sandbox.work().join("link")).expect("link");
    project.prism(&["create", "a"]).succeeds();
    let first = elsewhere.join("a");
    project.sandbox.git(&first, &["commit", "-q", "--allow-empty", "-m", "only on a"]);
    project.sandbox.prism(&first, &["create", "b"]).succeeds();
    let second = elsewhere.join("b");
    let head = |place: &Path| project.sandbox.git(place, &["rev-parse", "HEAD"]);
    assert_eq!(head(&second), head(&first), "HEAD is that of where `create` was called");

    // What git is told not to show is work all the same; what prism wrote is not.
    project.sandbox.git(&second, &["config", "status.showUntrackedFiles", "no"]);
    fs::write(second.join("new.rs"), "work").expect("file");
    let hidden = project.prism(&["destroy", "--yes", second.to_str().expect("UTF-8")]).exits(1);
    assert!(hidden.stderr.contains("uncommitted work"), "{hidden}");
    fs::remove_file(second.join("new.rs")).expect("saved");
    fs::write(project.directory.join(".git/info/exclude"), "").expect("exclude");
    project.prism(&["destroy", "--yes", second.to_str().expect("UTF-8")]).succeeds();

    // The main repository is somewhere else: nothing is known of the worktree, but the stack can go.
    let moved = project.sandbox.work().join("moved");
    fs::rename(&project.directory, &moved).expect("moved");
    project.sandbox.prism(&moved, &["destroy", "--yes", first.to_str().expect("UTF-8")]).succeeds();
    assert!(containers_of(&first).is_empty() && first.exists());
}

#[test]
fn a_worktree_with_submodules_goes_only_when_they_are_pushed() {
    let project = committed("");
    let library = project.sandbox.work().join("library");
    fs::create_dir(&library).expect("directory");
    project.sandbox.git(&library, &["init", "-q", "-b", "main"]);
    project.sandbox.git(&library, &["commit", "-q", "--allow-empty", "-m", "x"]);
    let file = ["-c", "protocol.file.allow=always", "submodule"];
    project.sandbox.git(&project.directory, &[&file[..], &["--quiet", "add", "../library", "lib"]].concat());
    project.sandbox.git(&project.directory, &["commit", "-qam", "lib"]);
    project.prism(&["create", "b"]).succeeds();
    let place = worktree(&project, "b");
    let shown = place.to_str().expect("UTF-8");
    project.sandbox.git(&place, &[&file[..], &["--quiet", "update", "--init"]].concat());
    project.sandbox.git(&place.join("lib"), &["commit", "-q", "--allow-empty", "-m", "only here"]);
    project.sandbox.git(&place, &["commit", "-qam", "uses it"]);
    let unpushed = project.prism(&["destroy", "--yes", shown]).exits(1);
    assert!(unpushed.stderr.contains("work in a submodule that no remote has"), "{unpushed}");
    assert_eq!(containers_of(&place).len(), 1);
    project.sandbox.git(&place.join("lib"), &["push", "-q", "origin", "HEAD:refs/heads/work"]);
    project.prism(&["destroy", "--yes", shown]).succeeds();
    assert!(!place.exists());

    let inside = project.sandbox.prism(&project.directory.join("lib"), &["create", "--help"]).succeeds();
    assert!(inside.stdout.contains("worktree"));
    fs::write(project.directory.join("lib/compose.yaml"), WEB).expect("project");
    let nested = project.sandbox.prism(&project.directory.join("lib"), &["create", "c"]).exits(1);
    assert!(
        nested.stderr.contains("is a submodule of") && nested.stderr.contains("sessions_dir"),
        "{nested}"
    );
}
