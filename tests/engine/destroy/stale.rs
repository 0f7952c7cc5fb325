//! Marks of a removal that was cut short, and what somebody made at the same place since.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::project::containers_of;
use crate::support::{Project, engine};

/// A committed project with a worktree `b` that prism made.
fn created() -> (Project, PathBuf) {
    let project = Project::quick();
    project.write("tracked", "1\n");
    let git = |arguments: &[&str]| project.sandbox.git(&project.directory, arguments);
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "x"]);
    project.prism(&["create", "b"]).succeeds();
    let place = project.sandbox.work().join("shop-sessions/b");
    (project, place)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Marks the worktree as prism does that is about to remove it, and tells where it is set aside.
fn mark(project: &Project, place: &Path) -> PathBuf {
    let marker = fs::read_to_string(project.directory.join(".git/worktrees/b/prism.json")).expect("marker");
    let mut marker: serde_json::Value = serde_json::from_str(&marker).expect("JSON");
    marker["is_going"] = true.into();
    let name = super::super::create::sha256(text(place));
    let announcement = project.directory.join(format!(".git/prism/{name}.json"));
    fs::write(announcement, marker.to_string()).expect("announced");
    place.with_file_name(format!(".b.removed-{}", marker["nonce"].as_str().expect("a nonce")))
}

/// Expects that no mark is left, and that there are these branches.
fn settled(project: &Project, branches: &str) {
    let marks = fs::read_dir(project.directory.join(".git/prism")).expect("prism's directory");
    let marks: Vec<_> = marks.map(|entry| entry.expect("entry").path()).collect();
    assert!(marks.is_empty(), "{marks:?}");
    let found = project.sandbox.git(&project.directory, &["branch", "--format", "%(refname:short)"]);
    assert_eq!(found, branches);
}

#[test]
fn a_worktree_that_was_made_anew_is_nobodys_to_remove() {
    let (project, place) = created();
    for verb in [&["destroy", "--yes", text(&place)][..], &["create", "b"]] {
        mark(&project, &place);
        project.sandbox.git(&project.directory, &["worktree", "remove", "--force", text(&place)]);
        project.sandbox.git(&project.directory, &["worktree", "add", "-q", text(&place), "b"]);
        fs::write(place.join("mine"), "work").expect("file");
        project.prism(verb).run();
        assert_eq!(fs::read_to_string(place.join("mine")).expect("work"), "work");
        project.sandbox.git(&place, &["status"]);
        settled(&project, "b\nmain\n");
        fs::remove_file(place.join("mine")).expect("saved");
        project.prism(&["destroy", "--yes", text(&place)]).succeeds();
        assert!(place.exists() && containers_of(&place).is_empty());
        project.sandbox.git(&project.directory, &["worktree", "remove", text(&place)]);
        project.sandbox.git(&project.directory, &["branch", "-D", "b"]);
        project.prism(&["create", "b"]).succeeds();
    }
    // Its branch was checked out elsewhere meanwhile.
    mark(&project, &place);
    project.sandbox.git(&project.directory, &["worktree", "remove", "--force", text(&place)]);
    project.sandbox.git(&project.directory, &["checkout", "-q", "b"]);
    project.prism(&["destroy", "--yes", text(&place)]).succeeds();
    settled(&project, "b\nmain\n");
    // And made by hand, after it was deleted.
    project.sandbox.git(&project.directory, &["checkout", "-q", "main"]);
    project.sandbox.git(&project.directory, &["branch", "-D", "b"]);
    project.prism(&["create", "b"]).succeeds();
    project.sandbox.git(&place, &["checkout", "-q", "--detach"]);
    project.sandbox.git(&project.directory, &["branch", "-D", "b"]);
    project.sandbox.git(&project.directory, &["branch", "b"]);
    project.prism(&["destroy", "--yes", text(&place)]).succeeds();
    settled(&project, "b\nmain\n");
}

#[test]
fn what_was_set_aside_goes_with_the_next_call_wherever_that_is_from() {
    let (project, place) = created();
    for number in 0..5 {
        let aside = mark(&project, &place);
        if number < 4 {
            fs::rename(&place, &aside).expect("set aside");
            fs::remove_file(aside.join("compose.yaml")).expect("half removed");
        }
        let root = project.sandbox.root();
        match number {
            // From the repository, by its directory and by its branch.
            0 => project.prism(&["destroy", "--yes", text(&place)]).succeeds(),
            1 => project.prism(&["destroy", "--yes", "b"]).succeeds(),
            // From inside, where a shell still stands; and from anywhere.
            2 => project.sandbox.prism(&aside, &["destroy", "--yes"]).succeeds(),
            3 => project.sandbox.prism(&root, &["destroy", "--yes", text(&place)]).succeeds(),
            // It was not even set aside.
            _ => project.sandbox.prism(&place, &["destroy", "--yes"]).succeeds(),
        };
        assert!(!place.exists() && !aside.exists() && containers_of(&place).is_empty());
        settled(&project, "main\n");
        project.prism(&["create", "b"]).succeeds();
    }
    // Somebody who stood there went on working.
    let aside = mark(&project, &place);
    fs::rename(&place, &aside).expect("set aside");
    fs::write(aside.join("mine"), "work").expect("file");
    let refused = project.prism(&["create", "b"]).exits(1);
    assert!(refused.stderr.contains("was interrupted") && aside.join("mine").exists(), "{refused}");
    let refused = project.prism(&["destroy", "--yes", text(&place)]).exits(1);
    assert!(refused.stderr.contains("git does not track: mine"), "{refused}");
    fs::remove_file(aside.join("mine")).expect("saved");
    project.prism(&["destroy", "--yes", text(&place)]).succeeds();
    settled(&project, "main\n");
}

#[test]
fn a_removal_goes_on_that_was_killed_at_its_last_steps() {
    let (project, place) = created();
    for verb in [&["destroy", "--yes", text(&place)][..], &["create", "b"]] {
        // Of what was set aside, all is gone but the directory.
        engine::remove_below(&place);
        let aside = mark(&project, &place);
        fs::remove_dir_all(&place).expect("removed");
        fs::create_dir(&aside).expect("set aside");
        project.prism(verb).succeeds();
        assert!(!aside.exists());
        project.prism(&["destroy", "--yes", text(&place)]).run();
        settled(&project, "main\n");
        project.prism(&["create", "b"]).succeeds();

        // Somebody who stood there wrote something.
        engine::remove_below(&place);
        let aside = mark(&project, &place);
        fs::remove_dir_all(&place).expect("removed");
        fs::create_dir(&aside).expect("set aside");
        fs::write(aside.join("mine"), "work").expect("file");
        let refused = project.prism(verb).exits(1);
        assert!(refused.stderr.contains("hint: ") && aside.join("mine").exists(), "{refused}");
        fs::remove_file(aside.join("mine")).expect("saved");

        // git's note of it is on its way out.
        let on_its_way = project.directory.join(".git/prism/removed-0123456789abcdef");
        fs::rename(project.directory.join(".git/worktrees/b"), &on_its_way).expect("taken away");
        fs::remove_file(on_its_way.join("gitdir")).expect("half removed");
        project.prism(verb).succeeds();
        project.prism(&["destroy", "--yes", text(&place)]).run();
        settled(&project, "main\n");
        assert!(!aside.exists());
        project.prism(&["create", "b"]).succeeds();
    }
}

#[test]
fn of_two_that_go_at_once_none_relies_on_the_others_branch() {
    let (project, place) = created();
    project.sandbox.git(&place, &["commit", "-q", "--allow-empty", "-m", "work"]);
    project.prism(&["create", "other", "--from", "b"]).succeeds();
    let commit = project.sandbox.git(&place, &["rev-parse", "HEAD"]);
    // When the one is about to delete its branch, the other one does the same; at most until it has to wait.
    let real = project.sandbox.command("sh", &project.directory, &["-c", "command -v git"]).succeeds();
    let script = format!(
        "#!/bin/sh\nif [ -z \"$SECOND\" ]; then case \"$*\" in *'update-ref --no-deref -d'*)\nSECOND=1 timeout 5 '{}' destroy --yes '{}' ;; esac; fi\nexec '{}' \"$@\"\n",
        env!("CARGO_BIN_EXE_prism"),
        text(&place.with_file_name("other")),
        real.line()
    );
    let git = project.sandbox.write("bin/git", &script);
    fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).expect("chmod");
    let path = std::env::var("PATH").expect("PATH");
    let path = format!("{}:{path}", git.parent().expect("parent").display());
    project.prism(&["destroy", "--yes", text(&place)]).env("PATH", path).succeeds();
    project.prism(&["destroy", "--yes", text(&place.with_file_name("other"))]).run();
    let kept = project.sandbox.git(&project.directory, &["branch", "--contains", commit.trim()]);
    assert_ne!(kept, "", "{commit}");
}

#[test]
fn what_was_set_aside_goes_also_when_its_name_in_git_is_anothers() {
    let (project, place) = created();
    let aside = mark(&project, &place);
    fs::rename(&place, &aside).expect("set aside");
    project.sandbox.git(&project.directory, &["worktree", "prune"]);
    project.sandbox.git(&project.directory, &["worktree", "add", "-q", text(&place), "b"]);
    fs::write(place.join("mine"), "work").expect("file");
    project.prism(&["destroy", "--yes", text(&place)]).succeeds();
    assert!(!aside.exists() && containers_of(&place).is_empty());
    assert_eq!(fs::read_to_string(place.join("mine")).expect("work"), "work");
    assert_eq!(project.sandbox.git(&place, &["status", "--porcelain"]), "?? mine\n");
    settled(&project, "b\nmain\n");
    project.holds_nothing();
}

#[test]
fn a_removal_goes_on_that_was_killed_within_a_submodule() {
    let (project, place) = created();
    let library = project.sandbox.work().join("library");
    fs::create_dir(&library).expect("directory");
    fs::write(library.join("file"), "x").expect("file");
    for words in [&["init", "-q"][..], &["add", "."], &["commit", "-qm", "x"]] {
        project.sandbox.git(&library, words);
    }
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", text(&library), "inner"];
    project.sandbox.git(&place, &add);
    project.sandbox.git(&place, &["commit", "-qm", "library"]);
    let aside = mark(&project, &place);
    fs::rename(&place, &aside).expect("set aside");
    fs::remove_file(aside.join("inner/.git")).expect("half removed");
    project.prism(&["destroy", "--yes", text(&place)]).succeeds();
    assert!(!aside.exists());
    settled(&project, "b\nmain\n");
}

#[test]
fn a_session_whose_directory_is_gone_leaves_no_branch_and_no_mark() {
    let (project, place) = created();
    fs::remove_dir_all(&place).expect("removed by hand");
    project.prism(&["destroy", "--yes", text(&place)]).succeeds();
    settled(&project, "main\n");
    assert!(!project.directory.join(".git/worktrees/b").exists() && containers_of(&place).is_empty());

    // What is staged is in git's own directory still.
    project.prism(&["create", "b"]).succeeds();
    fs::write(place.join("tracked"), "2\n").expect("file");
    project.sandbox.git(&place, &["add", "tracked"]);
    fs::remove_dir_all(&place).expect("removed by hand");
    let refused = project.prism(&["destroy", "--yes", text(&place)]).exits(1);
    assert!(refused.stderr.contains("uncommitted work: tracked"), "{refused}");
    project.prism(&["destroy", "--yes", "--force", text(&place)]).succeeds();
    settled(&project, "main\n");

    // A disk that is not mounted is no deletion.
    project.prism(&["create", "b"]).succeeds();
    let sessions = place.parent().expect("parent");
    let away = project.sandbox.work().join("away");
    fs::rename(sessions, &away).expect("unmount");
    project.prism(&["destroy", "--yes", text(&place)]).succeeds();
    assert!(containers_of(&place).is_empty());
    fs::rename(&away, sessions).expect("mount");
    project.sandbox.git(&place, &["status"]);
    project.prism(&["destroy", "--yes", text(&place)]).succeeds();
    settled(&project, "main\n");
}

/// A shell that stands there goes with the rename, and would go on in a stack of its own.
#[test]
fn nothing_is_started_in_a_worktree_that_is_being_removed() {
    let (project, place) = created();
    let aside = mark(&project, &place);
    fs::rename(&place, &aside).expect("set aside");
    fs::create_dir(aside.join("below")).expect("directory");
    for directory in [aside.clone(), aside.join("below")] {
        for verb in [&["exec", "true"][..], &["start"], &["exec", "--ephemeral", "true"], &["env", "--start"]]
        {
            let refused = project.sandbox.prism(&directory, verb).run();
            assert!(refused.status != 0 && refused.stderr.contains("which is being removed"), "{refused}");
            assert!(
                refused.stderr.contains(&format!("`prism destroy {}` goes on", place.display())),
                "{refused}"
            );
        }
    }
    assert!(containers_of(&aside).is_empty() && containers_of(&aside.join("below")).is_empty());
    fs::remove_dir(aside.join("below")).expect("removed");
    project.prism(&["destroy", "--yes", text(&place)]).succeeds();
    settled(&project, "main\n");
    // A directory that is only called so is like any other.
    let named = project.sandbox.work().join(".x.removed-0123456789abcdef");
    fs::create_dir(&named).expect("directory");
    fs::copy(project.directory.join("compose.yaml"), named.join("compose.yaml")).expect("copied");
    project.sandbox.prism(&named, &["exec", "true"]).succeeds();
    project.sandbox.prism(&named, &["destroy", "--yes"]).succeeds();
}
