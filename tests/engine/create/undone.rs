//! What a failing or killed `create` takes back: what it made, and only while it is as it was made.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use nix::sys::signal::Signal;

use super::{branches, committed, sha256, worktree};
use crate::support::project::{QUICK, containers_of};
use crate::support::{Outcome, Project, Proxy, Run, eventually};

/// Runs prism with a `git` that does something of somebody's before it makes what the word in its arguments names.
fn with_git(project: &Project, word: &str, meanwhile: &str, arguments: &[&str]) -> Run {
    let real = project.sandbox.command("sh", &project.directory, &["-c", "command -v git"]).succeeds();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *'{word}'*) (cd '{}'; {meanwhile}) ;; esac\nexec '{}' \"$@\"\n",
        project.directory.display(),
        real.line()
    );
    let git = project.sandbox.write("bin/git", &script);
    fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).expect("chmod");
    let path = std::env::var("PATH").expect("PATH");
    let path = format!("{}:{path}", git.parent().expect("parent").display());
    project.prism(arguments).env("PATH", path).env("REAL", real.line())
}

#[test]
fn who_was_quicker_keeps_what_they_made() {
    let project = committed("");
    let place = worktree(&project, "b");
    let failed =
        with_git(&project, "update-ref --create-reflog", "\"$REAL\" checkout -q -b b", &["create", "b"])
            .exits(1);
    assert!(failed.stderr.contains("refs/heads/b"), "{failed}");
    assert_eq!(branches(&project), "b\nmain\n");
    project.sandbox.git(&project.directory, &["checkout", "-q", "main"]);
    project.sandbox.git(&project.directory, &["branch", "-D", "b"]);

    let add = format!("\"$REAL\" worktree add -q --detach '{0}'; echo work >'{0}/mine'", place.display());
    with_git(&project, "worktree add --quiet", &add, &["create", "b"]).exits(1);
    assert_eq!(fs::read_to_string(place.join("mine")).expect("theirs"), "work\n");
    project.sandbox.git(&place, &["status"]);
    assert_eq!(branches(&project), "main\n", "the branch was prism's");
    let again = project.prism(&["create", "b"]).exits(1);
    assert!(again.stderr.contains("exists already") && place.join("mine").exists(), "{again}");
}

#[test]
fn a_branch_that_somebody_made_or_took_stays() {
    let project = committed("");
    let place = worktree(&project, "b");
    // As a prism leaves it that was killed before it made anything.
    let start = project.sandbox.git(&project.directory, &["rev-parse", "HEAD"]);
    for (nonce, is_new) in [(serde_json::json!("00000000000000aa"), true), (serde_json::Value::Null, false)] {
        let mut announced = serde_json::json!({
            "worktree": place, "session": place, "branch": "b", "start": start.trim(), "is_new_branch": true,
        });
        if is_new {
            announced["nonce"] = nonce;
        }
        fs::create_dir_all(project.directory.join(".git/prism")).expect("directory");
        let name = sha256(place.to_str().expect("UTF-8"));
        let announcement = project.directory.join(format!(".git/prism/{name}.json"));
        fs::write(&announcement, announced.to_string()).expect("announced");
        project.sandbox.git(&project.directory, &["checkout", "-q", "-B", "b"]);
        project.prism(&["create", "b"]).exits(1);
        assert_eq!(branches(&project), "b\nmain\n");
        assert!(!announcement.exists() && !place.exists());
        project.sandbox.git(&project.directory, &["checkout", "-q", "main"]);
        project.sandbox.git(&project.directory, &["branch", "-D", "b"]);
    }
    // Checked out elsewhere while a setup fails.
    project
        .write("prism.yaml", "setup: ['git -C ../../shop checkout -q --ignore-other-worktrees b; exit 1']\n");
    project.sandbox.git(&project.directory, &["commit", "-qam", "fails"]);
    project.prism(&["create", "b"]).exits(1);
    assert!(!place.exists() && containers_of(&place).is_empty());
    assert_eq!(branches(&project), "b\nmain\n");
}

#[test]
fn a_worktree_in_which_somebody_works_stays_whole() {
    let project = committed("setup: ['echo theirs >>tracked; touch new; exit 1']\n");
    project.write("tracked", "1\n");
    project.sandbox.git(&project.directory, &["add", "."]);
    project.sandbox.git(&project.directory, &["commit", "-qm", "tracked"]);
    let place = worktree(&project, "b");
    let failed = project.prism(&["create", "b"]).exits(1);
    assert!(
        failed.stderr.contains("uncommitted work: tracked")
            && failed.stderr.contains("everything stays; `prism create b` goes on"),
        "{failed}"
    );
    assert_eq!(fs::read_to_string(place.join("tracked")).expect("work"), "1\ntheirs\n");
    assert_eq!(containers_of(&place).len(), 1);
    fs::write(place.join("prism.yaml"), "").expect("corrected");
    let created = project.prism(&["create", "b"]).succeeds();
    assert!(created.stderr.contains("going on from there"), "{created}");
    project.sandbox.prism(&place, &["destroy", "--yes", "--force"]).succeeds();
    assert_eq!(branches(&project), "main\n");
}

#[test]
fn a_worktree_stays_that_somebody_locked_or_started_another_session_in() {
    let start = format!("'{}' -C api start", env!("CARGO_BIN_EXE_prism"));
    for (meanwhile, says) in
        [("git worktree lock --reason keep .", "is locked: keep"), (start.as_str(), "holds another session")]
    {
        let project = committed(&format!("setup: [\"{meanwhile}; exit 1\"]\n"));
        project.write("api/compose.yaml", QUICK);
        project.write("api/prism.yaml", "");
        project.sandbox.git(&project.directory, &["add", "."]);
        project.sandbox.git(&project.directory, &["commit", "-qm", "api"]);
        let failed = project.prism(&["create", "b"]).exits(1);
        let goes_on = "everything stays; `prism create b` goes on";
        assert!(failed.stderr.contains(says) && failed.stderr.contains(goes_on), "{failed}");
        let place = worktree(&project, "b");
        assert!(place.join("compose.yaml").exists() && containers_of(&place).len() == 1, "{failed}");
    }
}

/// Has a `create` of the branch `b` killed when its files are there, and before it is said that it is whole.
fn half_made(project: &Project) -> PathBuf {
    let kill = "cd \"$OLDPWD\"; \"$REAL\" \"$@\"; kill -9 \"$PPID\" $$";
    let killed = with_git(project, "checkout --quiet --force", kill, &["create", "b"]).run();
    assert_ne!(killed.status, 0, "{killed}");
    worktree(project, "b")
}

#[test]
fn work_in_a_worktree_that_was_never_finished_is_lost_by_nobody() {
    let project = committed("");
    let place = half_made(&project);
    let git = |arguments: &[&str]| project.sandbox.git(&place, arguments);
    git(&["checkout", "-q", "--detach"]);
    git(&["commit", "-q", "--allow-empty", "-m", "precious"]);
    git(&["checkout", "-q", "b"]);
    for arguments in [&["destroy", "--yes", "b"][..], &["create", "b"]] {
        let refused = project.prism(arguments).exits(1);
        assert!(refused.stderr.contains("precious"), "{refused}");
    }
    git(&["branch", "kept", "HEAD@{1}"]);
    fs::write(place.join("staged"), "work\n").expect("written");
    git(&["add", "staged"]);
    fs::remove_file(place.join("staged")).expect("removed");
    for arguments in [&["destroy", "--yes", "b"][..], &["create", "b"]] {
        let refused = project.prism(arguments).exits(1);
        assert!(refused.stderr.contains("staged"), "{refused}");
    }
    git(&["reset", "-q"]);
    project.prism(&["create", "b"]).succeeds();
    project.prism(&["destroy", "--yes", "b"]).succeeds();
    assert_eq!(branches(&project), "kept\nmain\n");
}

#[test]
fn what_somebody_makes_while_the_stack_starts_stays() {
    let project = committed("");
    project.write(".gitignore", "ignored/\nmounted/\n");
    project.write(
        "compose.yaml",
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: sh -c 'echo x >/data/x; exec sleep 1000'\n    healthcheck: {test: [CMD, \"false\"], interval: 1s, retries: 3}\n    volumes: [\"./mounted:/data\"]\n",
    );
    project.sandbox.git(&project.directory, &["commit", "-qam", "a stack that never is ready"]);
    // What its containers write is nobody's.
    let failed = project.prism(&["create", "a"]).exits(1);
    assert!(failed.stderr.contains("removing what was made"), "{failed}");
    assert!(!worktree(&project, "a").exists());

    let place = worktree(&project, "b");
    let mut running = project.prism(&["create", "b"]).live();
    eventually("the stack starts", || place.join("mounted/x").exists());
    fs::create_dir(place.join("ignored")).expect("directory");
    fs::write(place.join("ignored/mine"), "precious").expect("written");
    running.exits(1);
    assert_eq!(fs::read_to_string(place.join("ignored/mine")).expect("it stays"), "precious");
}

#[test]
fn a_git_that_waits_for_something_ends_with_prism() {
    let project = committed("");
    let pipe = project.sandbox.root().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    project.sandbox.git(&project.directory, &["config", "core.excludesFile", pipe.to_str().expect("text")]);
    let mut running = project.prism(&["create", "b"]).live();
    eventually("git has begun", || worktree(&project, "b").join(".git").exists());
    eventually("it ends by one signal, or by a second one", || {
        running.kill(Signal::SIGTERM);
        !running.is_running()
    });
    project.sandbox.git(&project.directory, &["config", "--unset", "core.excludesFile"]);
    project.prism(&["create", "b"]).succeeds();
}

#[test]
fn secrets_are_copied_through_no_link() {
    let project = committed("env_files: [link/made/secret.env]\n");
    let outside = project.sandbox.work().join("outside");
    fs::create_dir(&outside).expect("directory");
    std::os::unix::fs::symlink("../../outside", project.directory.join("link")).expect("link");
    project.sandbox.git(&project.directory, &["add", "."]);
    project.sandbox.git(&project.directory, &["commit", "-qm", "link"]);
    fs::remove_file(project.directory.join("link")).expect("link");
    project.write("link/made/secret.env", "KEY=1\n");
    let refused = project.prism(&["create", "b"]).exits(1);
    assert!(refused.stderr.contains("leads out of the worktree"), "{refused}");
    assert!(!outside.join("made").exists(), "nothing was made outside");
    assert!(!worktree(&project, "b").exists());
}

/// Fails a `create` at an Engine that does not understand `part` from the setup on; says what it was told.
fn fail_at_setup(project: &Project, part: (&'static str, &'static str)) -> Outcome {
    let proxy = Proxy::start(&project.sandbox);
    let create = project.prism(&["create", "b"]).env("DOCKER_HOST", proxy.host()).spawn();
    eventually("the setup to begin", || project.sandbox.work().join("began").exists());
    proxy.misdirect(Some(part));
    project.sandbox.write("go", "");
    let failed = Outcome::of(create);
    proxy.misdirect(None);
    assert_eq!(failed.status, 1, "{failed}");
    failed
}

/// What is left of the stack is found by its directory.
#[test]
fn a_worktree_stays_whose_stack_could_not_be_removed() {
    let project = committed(
        "setup: ['touch ../../began; until test -e ../../go; do sleep 0.1; done; test -e ../../good']\n",
    );
    let failed = fail_at_setup(&project, ("/networks", "/netwxrks"));
    assert!(failed.stderr.contains("everything stays; `prism create b` goes on"), "{failed}");
    let place = worktree(&project, "b");
    assert!(place.exists() && containers_of(&place).len() == 1);
    project.sandbox.write("good", "");
    project.prism(&["create", "b"]).succeeds();
    project.prism(&["destroy", "--yes", place.to_str().expect("UTF-8")]).succeeds();
    assert!(!place.exists() && containers_of(&place).is_empty());
}

#[test]
fn an_engine_that_fails_at_the_end_is_told_of_and_nothing_is_lost() {
    let project = committed("setup: ['touch ../../began; until test -e ../../go; do sleep 0.1; done']\n");
    let failed = fail_at_setup(&project, ("/volumes", "/vxlumes"));
    assert!(failed.stderr.contains("everything is up, and stays; `prism create b` ends"), "{failed}");
    let place = worktree(&project, "b");
    assert_eq!(containers_of(&place).len(), 1);
    project.prism(&["create", "b"]).succeeds();
    let there = project.prism(&["create", "b"]).exits(1);
    assert!(there.stderr.contains("exists already"), "{there}");

    // The same Engine at another address is the same; another one is not asked to remove what it does not have.
    let shown = place.to_str().expect("UTF-8");
    let note = project.directory.join(".git/worktrees/b/prism.json");
    let mut marker: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&note).expect("marker")).expect("JSON");
    let id = marker["engine"]["id"].take();
    marker["engine"] = serde_json::json!({"id": "another", "address": "tcp://elsewhere:2375"});
    fs::write(&note, marker.to_string()).expect("marker");
    let refused = project.prism(&["destroy", "--yes", shown]).exits(1);
    assert!(
        refused.stderr.contains("is on another Engine, at `tcp://elsewhere:2375`")
            && refused.stderr.contains(&format!("`DOCKER_HOST=tcp://elsewhere:2375 prism destroy {shown}`")),
        "{refused}"
    );
    assert!(place.exists());
    marker["engine"]["id"] = id;
    fs::write(&note, marker.to_string()).expect("marker");
    project.prism(&["destroy", "--yes", shown]).succeeds();
    assert!(!place.exists() && containers_of(&place).is_empty());
}

#[test]
fn two_prisms_with_locks_in_different_places_do_not_undo_each_other() {
    let project = committed("setup: ['touch ../../began; until test -e ../../go; do sleep 0.1; done']\n");
    let first = project.prism(&["create", "b"]).spawn();
    eventually("the setup to begin", || project.sandbox.work().join("began").exists());
    let elsewhere = project.sandbox.root().join("home/run");
    fs::create_dir(&elsewhere).expect("directory");
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o700)).expect("chmod");
    let mut second = project.prism(&["create", "b"]).env("XDG_RUNTIME_DIR", &elsewhere).spawn();
    // It gives up, or waits.
    for _ in 0..100 {
        if second.try_wait().expect("status").is_some() {
            break;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    project.sandbox.write("go", "");
    let (first, second) = (Outcome::of(first), Outcome::of(second));
    assert!(first.status == 0 && second.status == 1, "{first}\n{second}");
    assert_eq!(containers_of(&worktree(&project, "b")).len(), 1);
    project.prism(&["destroy", "--yes", worktree(&project, "b").to_str().expect("UTF-8")]).succeeds();
    assert_eq!(branches(&project), "main\n");
}
