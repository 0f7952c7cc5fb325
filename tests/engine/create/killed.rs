//! What a killed or failing `create` leaves, and what the next one makes of it.

use std::fs;
use std::path::Path;

use super::{branches, committed, sha256, worktree};
use crate::support::project::containers_of;
use crate::support::{Project, eventually};

/// Kills a `create` with all that it started, in the midst of its setup.
fn kill_in_setup(project: &Project, arguments: &[&str], began: &Path) {
    let mut child = project.prism(arguments).spawn();
    eventually("the setup to begin", || began.exists());
    let children =
        project.sandbox.command("pgrep", &project.directory, &["-P", &child.id().to_string()]).succeeds();
    for id in [child.id().to_string().as_str(), children.line()] {
        project.sandbox.command("kill", &project.directory, &["-KILL", id]).succeeds();
    }
    child.wait().expect("killed");
}

/// A setup that hangs until somebody has put a file beside the project.
const HANGS: &str =
    "setup: ['touch began; test -e ../go || test -e ../../go || exec sleep 1000; touch done']\n";

#[test]
fn a_create_goes_on_from_where_a_killed_one_was_and_loses_nothing() {
    let project = committed(HANGS);
    let worktree = worktree(&project, "b");
    kill_in_setup(&project, &["create", "b"], &worktree.join("began"));
    fs::write(worktree.join("work"), "mine").expect("somebody works there");
    project.sandbox.git(&worktree, &["commit", "-q", "--allow-empty", "-m", "mine"]);
    let containers = containers_of(&worktree);
    // As a git leaves it that was killed meanwhile.
    let lock = project.directory.join(".git/worktrees/b/index.lock");
    fs::write(&lock, "").expect("lock");
    let elsewhere = project.prism(&["create", "b", "--from", "b"]).exits(1);
    assert!(elsewhere.stderr.contains("at another commit"), "{elsewhere}");
    project.sandbox.write("go", "");
    let created = project.prism(&["create", "b"]).succeeds();
    assert!(created.stderr.contains("going on from there"), "{created}");
    assert!(worktree.join("done").exists() && worktree.join("work").exists());
    assert_eq!(containers_of(&worktree), containers);
    fs::remove_file(lock).expect("lock");
    project.prism(&["create", "b"]).exits(1);
    project.sandbox.prism(&worktree, &["destroy", "--yes", "--force"]).succeeds();
    assert_eq!(branches(&project), "b\nmain\n", "its commit is nowhere else");
}

#[test]
fn a_killed_create_in_place_can_be_repeated() {
    let project = committed(HANGS);
    kill_in_setup(&project, &["create", "--in-place"], &project.directory.join("began"));
    project.sandbox.write("go", "");
    project.prism(&["create", "--in-place"]).succeeds();
    assert!(project.directory.join("done").exists());
    project.prism(&["create", "--in-place"]).exits(1);
}

#[test]
fn a_worktree_that_git_did_not_finish_is_made_anew_unless_somebody_put_something_there() {
    let project = committed("");
    let place = worktree(&project, "b");
    // As `git worktree add` leaves it when it is killed: registered, locked, and not checked out.
    let git = |arguments: &[&str]| project.sandbox.git(&project.directory, arguments);
    git(&["update-ref", "--create-reflog", "-m", "prism 00000000000000aa", "refs/heads/b", "HEAD", ""]);
    git(&["worktree", "add", "-q", "--no-checkout", place.to_str().expect("UTF-8"), "b"]);
    let lock = project.directory.join(".git/worktrees/b/locked");
    fs::write(&lock, "prism 00000000000000aa").expect("lock");
    let start = project.sandbox.git(&project.directory, &["rev-parse", "HEAD"]);
    let announced = serde_json::json!({
        "worktree": place, "session": place, "branch": "b", "start": start.trim(), "is_new_branch": true,
        "nonce": "00000000000000aa",
    });
    let name = sha256(place.to_str().expect("UTF-8"));
    fs::create_dir_all(project.directory.join(".git/prism")).expect("directory");
    fs::write(project.directory.join(format!(".git/prism/{name}.json")), announced.to_string())
        .expect("announced");
    git(&["config", "core.ignoreCase", "true"]);
    for name in ["mine", "COMPOSE.YAML"] {
        fs::write(place.join(name), "x").expect("file");
        let refused = project.prism(&["create", "b"]).exits(1);
        assert!(
            refused.stderr.contains("what git did not put into a worktree") && place.join(name).exists(),
            "{refused}"
        );
        fs::remove_file(place.join(name)).expect("saved");
    }
    project.prism(&["create", "b"]).succeeds();
    project.sandbox.prism(&place, &["destroy", "--yes"]).succeeds();
    assert_eq!(branches(&project), "main\n");
}

#[test]
fn a_lock_that_a_killed_git_left_is_taken_away_or_named() {
    let project = committed("");
    let place = worktree(&project, "b");
    let start = project.sandbox.git(&project.directory, &["rev-parse", "HEAD"]);
    let announced = serde_json::json!({
        "worktree": place, "session": place, "branch": "b", "start": start.trim(), "is_new_branch": true,
        "nonce": "00000000000000aa",
    });
    let lock = project.directory.join(".git/refs/heads/b.lock");
    let name = sha256(place.to_str().expect("UTF-8"));
    let mark = project.directory.join(format!(".git/prism/{name}.json"));
    fs::create_dir_all(mark.parent().expect("parent")).expect("directory");
    // Somebody else's, by what it holds, and by when it was made.
    let elsewhere = "e".repeat(40);
    for (first, then, held) in [(&mark, &lock, elsewhere.as_str()), (&lock, &mark, "")] {
        for path in [first, then] {
            let text = if *path == lock { held.to_owned() } else { announced.to_string() };
            fs::write(path, text).expect("file");
        }
        if *then == mark {
            let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
            fs::File::open(&mark).and_then(|file| file.set_modified(later)).expect("a time");
        }
        let refused = project.prism(&["create", "b"]).exits(1);
        let hint = format!("left it: `rm {}`", lock.display());
        assert!(refused.stderr.contains(&hint), "{refused}");
        assert_eq!(fs::read_to_string(&lock).expect("it stays"), held);
        assert!(!mark.exists() && !place.exists(), "{refused}");
        fs::remove_file(&lock).expect("the hint");
    }
    for held in ["", &start] {
        fs::write(&mark, announced.to_string()).expect("announced");
        fs::write(&lock, held).expect("lock");
        project.prism(&["create", "b"]).succeeds();
        assert!(!lock.exists());
        fs::write(&lock, "").expect("lock");
        let refused = project.sandbox.prism(&place, &["destroy", "--yes"]).exits(1);
        assert!(refused.stderr.contains(&format!("`rm {}`", lock.display())) && place.exists(), "{refused}");
        fs::remove_file(&lock).expect("the hint");
        project.prism(&["destroy", "--yes", place.to_str().expect("UTF-8")]).succeeds();
        assert_eq!(branches(&project), "main\n");
    }
}

#[test]
fn a_failing_create_leaves_every_other_worktree_registered() {
    let project = committed("setup: ['exit 1']\n");
    let away = project.sandbox.work().join("away");
    for (name, lock) in [("mine", false), ("locked", true)] {
        let path = worktree(&project, name);
        project
            .sandbox
            .git(&project.directory, &["worktree", "add", "-q", "--detach", path.to_str().expect("UTF-8")]);
        if lock {
            project.sandbox.git(&project.directory, &["worktree", "lock", path.to_str().expect("UTF-8")]);
        }
    }
    // The disk with the worktrees is not mounted.
    fs::rename(project.sandbox.work().join("shop-sessions"), &away).expect("unmount");
    let before = project.sandbox.git(&project.directory, &["worktree", "list"]);
    project.prism(&["create", "b"]).exits(1);
    for name in ["mine", "locked"] {
        let refused = project.prism(&["create", name]).exits(1);
        assert!(refused.stderr.contains("which is missing"), "{refused}");
    }
    let listed = |text: &str| {
        text.lines().map(|line| line.split_whitespace().next().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(listed(&project.sandbox.git(&project.directory, &["worktree", "list"])), listed(&before));
}
