//! Worktrees that prism makes, and what is left when that fails.

mod branch;
mod carried;
mod destroyed;
mod killed;
mod lacking;
mod layout;
mod named;
mod undone;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::project::{WEB, containers_of};
use crate::support::{Outcome, Project, Pruning, docker, eventually};

/// A committed project, its configuration given.
fn committed(configuration: &str) -> Project {
    let project = Project::web();
    project.write("prism.yaml", configuration);
    project.write(".gitignore", "/secret.env\n");
    project.sandbox.git(&project.directory, &["init", "-q", "-b", "main"]);
    project.sandbox.git(&project.directory, &["add", "."]);
    project.sandbox.git(&project.directory, &["commit", "-qm", "x"]);
    project
}

fn worktree(project: &Project, name: &str) -> PathBuf {
    project.sandbox.work().join("shop-sessions").join(name)
}

fn branches(project: &Project) -> String {
    project.sandbox.git(&project.directory, &["branch", "--format", "%(refname:short)"])
}

/// Everything that a failed `create` must not leave.
fn nothing_is_left(project: &Project, name: &str) {
    assert!(!worktree(project, name).exists());
    assert!(!project.sandbox.work().join("shop-sessions").exists(), "nor the directory that was made for it");
    assert_eq!(branches(project), "main\n");
    assert_eq!(project.sandbox.git(&project.directory, &["worktree", "list"]).lines().count(), 1);
    let label = format!("label=dev-prism.working_dir={}", worktree(project, name).display());
    for list in [&["ps", "-aq"][..], &["network", "ls", "-q"], &["volume", "ls", "-q"]] {
        assert_eq!(docker(&[list, &["--filter", &label]].concat()), "", "{list:?}");
    }
}

/// How an announcement in the git directory is named.
pub fn sha256(text: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", "printf %s \"$1\" | sha256sum", "sh", text])
        .output()
        .expect("sha256sum");
    String::from_utf8_lossy(&output.stdout)[..8].to_owned()
}

#[test]
fn create_makes_a_worktree_with_everything_and_destroy_removes_it() {
    let project =
        committed("env_files: [secret.env]\nsetup: ['echo $WEB_PORT > port', 'cp secret.env seen']\n");
    project.write("secret.env", "KEY=1\n");
    let created = project.prism(&["create", "Feature/ABC"]).succeeds();
    assert!(created.stderr.contains("setup: cp secret.env seen"), "{created}");
    let worktree = worktree(&project, "Feature-ABC");
    let port = project.sandbox.prism(&worktree, &["get", "WEB_PORT"]).succeeds();
    assert_eq!(fs::read_to_string(worktree.join("port")).expect("setup ran"), port.stdout);
    assert_eq!(fs::read_to_string(worktree.join("seen")).expect("copied"), "KEY=1\n");
    assert!(project.sandbox.git(&worktree, &["status", "--short", "--branch"]).starts_with("## Feature/ABC"));
    let list = project.prism(&["list"]).succeeds().stdout;
    assert!(list.contains("Feature/ABC") && list.contains("http://127.0.0.1:"), "{list}");

    let again = project.prism(&["create", "Feature/ABC"]).exits(1);
    assert!(again.stderr.contains("exists already"), "{again}");
    assert_eq!(containers_of(&worktree).len(), 1, "the one that was there is untouched");

    let work = project.sandbox.prism(&worktree, &["destroy", "--yes"]).exits(1);
    assert!(work.stderr.contains("uncommitted work") && work.stderr.contains("--force"), "{work}");
    project.sandbox.prism(&worktree, &["destroy", "--yes", "--force"]).succeeds();
    assert!(!worktree.exists() && containers_of(&worktree).is_empty());
    assert_eq!(branches(&project), "main\n");
}

#[test]
fn a_branch_that_was_there_is_used_and_stays() {
    let project = committed("");
    project.sandbox.git(&project.directory, &["branch", "mine"]);
    project.prism(&["create", "mine"]).succeeds();
    project.prism(&["create", "mine", "--from", "main"]).exits(1);
    project.sandbox.prism(&worktree(&project, "mine"), &["destroy", "--yes"]).succeeds();
    assert_eq!(branches(&project), "main\nmine\n");
    let taken = project.prism(&["create", "other", "--from", "no-such-ref"]).exits(1);
    assert!(taken.stderr.contains("no-such-ref"), "{taken}");
    for name in ["not a branch", "@{-1}", "@", "HEAD", "a..b"] {
        project.prism(&["create", name]).exits(2);
    }
}

#[test]
fn a_failing_setup_and_a_missing_file_leave_nothing() {
    let project = committed("setup: ['echo one', 'exit 7', 'touch never']\n");
    let failed = project.prism(&["create", "b"]).exits(1);
    assert!(failed.stderr.contains("`exit 7` failed") && failed.stdout.contains("one"), "{failed}");
    assert!(failed.stderr.contains("commit that where the branch begins; then `prism create b`"), "{failed}");
    nothing_is_left(&project, "b");
    project.write("prism.yaml", "env_files: [nope.env]\n");
    let missing = project.prism(&["create", "b"]).exits(1);
    assert!(missing.stderr.contains("nope.env"), "{missing}");
    nothing_is_left(&project, "b");
}

#[test]
fn no_hint_names_what_a_failed_create_removed() {
    let project = committed("");
    project.write(
        "compose.yaml",
        &WEB.replace(
            r#""busybox", "httpd", "-f", "-p", "80", "-h", "/etc""#,
            r#""busybox", "sh", "-c", "echo broken; exit 3""#,
        ),
    );
    project.sandbox.git(&project.directory, &["commit", "-qam", "breaks"]);
    let failed = project.prism(&["create", "b"]).exits(1);
    assert!(failed.stderr.contains("status 3") && failed.stderr.contains("| broken"), "{failed}");
    assert!(!failed.stderr.contains("prism logs"), "{failed}");
    nothing_is_left(&project, "b");
    let kept = project.prism(&["start"]).exits(1);
    assert!(kept.stderr.contains("hint: `prism logs web`"), "{kept}");
    // A mistake in a file is corrected where that file stays; and where the call was sent to.
    project.write("compose.yaml", "services: {web: {image: \"prism-test:1}}\n");
    project.sandbox.git(&project.directory, &["commit", "-qam", "no YAML"]);
    project.write("compose.yaml", WEB);
    let failed = project.prism(&["create", "b"]).exits(1);
    assert!(
        failed.stderr.contains("hint: correct it in `compose.yaml`, and commit that where the branch begins"),
        "{failed}"
    );
    nothing_is_left(&project, "b");
    let shop = project.directory.to_str().expect("UTF-8");
    let away = |arguments: &[&str]| project.sandbox.prism(&project.sandbox.work(), arguments);
    let told = away(&["-C", shop, "env"]).exits(1);
    assert!(told.stderr.contains(&format!("hint: `prism -C {shop} start`")), "{told}");
    let told = away(&["destroy", shop]).exits(2);
    assert!(told.stderr.contains(&format!("hint: `prism destroy --yes {shop}` does not ask")), "{told}");
}

#[test]
fn a_hint_can_be_typed_as_it_stands() {
    let project = committed("sessions_dir: \"../it's $HOME\"\n");
    project.prism(&["create", "b"]).succeeds();
    let place = project.sandbox.work().join("it's $HOME/b");
    let typed = |stderr: &str, begin: &str| {
        let hint = stderr.lines().find(|line| line.starts_with("hint: ")).expect("a hint");
        let command = hint.split('`').find(|part| part.starts_with(begin)).expect("a command").to_owned();
        project.sandbox.command("sh", std::path::Path::new("/"), &["-c", &command]).succeeds();
    };
    project.sandbox.git(&project.directory, &["worktree", "lock", place.to_str().expect("UTF-8")]);
    let locked = project.sandbox.prism(&place, &["destroy", "--yes"]).exits(1);
    typed(&locked.stderr, "git -C ");
    project.sandbox.git(&project.directory, &["worktree", "lock", place.to_str().expect("UTF-8")]);
    fs::remove_dir_all(&place).expect("deleted");
    let missing = project.prism(&["create", "b"]).exits(1);
    assert!(missing.stderr.contains("which is missing"), "{missing}");
    typed(&missing.stderr, "git -C ");
    project.prism(&["destroy", "--yes", place.to_str().expect("UTF-8")]).succeeds();
    project.prism(&["create", "b"]).succeeds();
    project.sandbox.prism(&place, &["destroy", "--yes"]).succeeds();
}

#[test]
fn an_interrupted_create_leaves_nothing() {
    let project = committed("setup: ['touch began; exec sleep 1000']\n");
    let began = worktree(&project, "b").join("began");
    let child = project.prism(&["create", "b"]).spawn();
    eventually("the setup to begin", || began.exists());
    // As Ctrl-C does: to the whole group, here to prism and its setup command.
    let children =
        project.sandbox.command("pgrep", &project.directory, &["-P", &child.id().to_string()]).succeeds();
    for id in [child.id().to_string().as_str(), children.line()] {
        project.sandbox.command("kill", &project.directory, &["-INT", id]).succeeds();
    }
    assert_eq!(Outcome::of(child).status, 130);
    nothing_is_left(&project, "b");
}

#[test]
fn a_created_worktree_that_was_deleted_is_made_again() {
    let project = committed("");
    let place = worktree(&project, "b");
    project.prism(&["create", "b"]).succeeds();
    project.prism(&["destroy", "--yes", place.to_str().expect("UTF-8"), "--keep-volumes"]).succeeds();
    project.prism(&["create", "b"]).succeeds();
    project.sandbox.prism(&project.directory, &["stop", place.to_str().expect("UTF-8")]).succeeds();
    let _pruning = Pruning::mine_alone();
    fs::remove_dir_all(&place).expect("removed by hand");
    project.prism(&["destroy", "--yes", place.to_str().expect("UTF-8")]).succeeds();
    project.prism(&["create", "b"]).succeeds();
    project.prism(&["destroy", "--yes", place.to_str().expect("UTF-8")]).succeeds();
}

#[test]
fn a_bare_repository_and_a_project_below_the_top_are_at_home_too() {
    let project = Project::web();
    let top = project.sandbox.work().join("mono");
    fs::create_dir_all(top.join("api")).expect("directories");
    fs::write(top.join("api/compose.yaml"), WEB).expect("project");
    fs::write(top.join("api/prism.yaml"), "env_files: [secret.env]\n").expect("configuration");
    project.sandbox.git(&top, &["init", "-q", "-b", "main"]);
    project.sandbox.git(&top, &["add", "."]);
    project.sandbox.git(&top, &["commit", "-qm", "x"]);
    fs::write(top.join("api/secret.env"), "KEY=1").expect("ignored");
    project.sandbox.prism(&top.join("api"), &["create", "b"]).succeeds();
    let inner = project.sandbox.work().join("mono-sessions/b/api");
    assert_eq!(fs::read_to_string(inner.join("secret.env")).expect("copied"), "KEY=1");
    fs::remove_file(inner.join("secret.env")).expect("not tracked");
    project.sandbox.prism(&inner, &["destroy", "--yes"]).succeeds();
    assert!(!project.sandbox.work().join("mono-sessions").exists(), "the empty directory goes too");

    let bare = project.sandbox.work().join("bare.git");
    project.sandbox.git(&top, &["clone", "-q", "--bare", ".", bare.to_str().expect("UTF-8")]);
    let first = project.sandbox.work().join("first");
    project.sandbox.git(&bare, &["worktree", "add", "-q", first.to_str().expect("UTF-8"), "main"]);
    fs::write(first.join("api/secret.env"), "KEY=2").expect("ignored");
    project.sandbox.prism(&first.join("api"), &["create", "c"]).succeeds();
    let inner = project.sandbox.work().join("bare-sessions/c/api");
    assert_eq!(fs::read_to_string(inner.join("secret.env")).expect("copied"), "KEY=2");
    project.sandbox.prism(&inner, &["destroy", "--yes", "--force"]).succeeds();
    assert!(!inner.exists() && containers_of(&inner).is_empty());
}

#[test]
fn two_creates_of_one_branch_do_not_undo_each_other() {
    let project = committed("setup: ['sleep 1']\n");
    let runs = [0, 1].map(|_| project.prism(&["create", "b"]).spawn());
    let mut outcomes = runs.map(Outcome::of);
    outcomes.sort_by_key(|outcome| outcome.status);
    assert_eq!((outcomes[0].status, outcomes[1].status), (0, 1), "{outcomes:?}");
    assert!(outcomes[1].stderr.contains("exists already"), "{}", outcomes[1]);
    assert_eq!(containers_of(&worktree(&project, "b")).len(), 1);
    project.sandbox.prism(&worktree(&project, "b"), &["destroy", "--yes"]).succeeds();
}

#[test]
fn in_place_starts_this_directory_and_refuses_a_second_time() {
    let project = committed("setup: ['echo $WEB_URL > url']\n");
    project.prism(&["create", "--in-place"]).succeeds();
    assert!(fs::read_to_string(project.directory.join("url")).expect("setup ran").starts_with("http://"));
    let again = project.prism(&["create", "--in-place"]).exits(1);
    assert!(again.stderr.contains("has a session already"), "{again}");
    assert_eq!(project.containers().len(), 1, "which still runs");
}

#[test]
fn a_file_that_git_does_not_carry_is_missed_before_anything_starts() {
    let project = Project::new(&format!("{WEB}    volumes: [\"./secret.env:/secret.env\"]\n"));
    project.write("secret.env", "x\n");
    project.write(".gitignore", "secret.env\n");
    project.sandbox.git(&project.directory, &["init", "-q"]);
    project.sandbox.git(&project.directory, &["add", "."]);
    project.sandbox.git(&project.directory, &["commit", "-qm", "x"]);
    let failed = project.prism(&["create", "b"]).exits(1);
    assert!(
        failed.stderr.contains("`secret.env` is missing")
            && failed.stderr.contains("env_files: [secret.env]")
            && !failed.stderr.contains("copy it now"),
        "{failed}"
    );
    assert!(!worktree(&project, "b").exists());
    project.prism(&["exec", "true"]).succeeds();
}

#[test]
fn prune_removes_sessions_of_directories_that_are_gone_and_no_others() {
    let _pruning = Pruning::mine_alone();
    let project = Project::web();
    let moved = project.sandbox.work().join("moved");
    project.prism(&["start"]).succeeds();
    fs::create_dir(&moved).expect("directory");
    fs::copy(project.directory.join("compose.yaml"), moved.join("compose.yaml")).expect("copy");
    project.sandbox.prism(&moved, &["start"]).succeeds();
    fs::remove_dir_all(&project.directory).expect("remove");
    let gone = project.directory.to_str().expect("UTF-8");
    let root = project.sandbox.root();
    let dry = project.sandbox.prism(&root, &["prune", "--dry-run"]).succeeds();
    assert!(dry.stdout.contains(gone) && !dry.stdout.contains(moved.to_str().expect("UTF-8")), "{dry}");
    assert_eq!(project.containers().len(), 1);
    project.sandbox.prism(&root, &["prune"]).exits(2);
    // Its parent gone as well: an unmounted disk looks like that, so nothing is removed.
    let away = project.sandbox.root().join("away");
    fs::rename(project.sandbox.work(), &away).expect("unmount");
    assert!(!project.sandbox.prism(&root, &["prune", "--dry-run"]).succeeds().stdout.contains(gone));
    fs::rename(&away, project.sandbox.work()).expect("mount");
    // Only this one: other tests run at the same time.
    project.sandbox.prism(&root, &["destroy", "--yes", gone]).succeeds();
    assert!(project.containers().is_empty());
    assert_eq!(containers_of(&moved).len(), 1);
}

#[test]
fn doctor_and_init_know_the_project() {
    let project = Project::new(
        "services:\n  db:\n    image: postgres:17-alpine\n    volumes: [\"/srv/data:/var/lib/postgresql/data\"]\n  host: {image: x, network_mode: host}\n",
    );
    let doctor = project.prism(&["doctor"]).succeeds().stdout;
    for part in [
        "ok    Docker Engine ",
        "ok    Docker Compose 2.",
        "`host` uses the host's network",
        "`db` keeps its data in `/srv/data`, which every session shares",
    ] {
        assert!(doctor.contains(part), "{part}: {doctor}");
    }
    let down = project.prism(&["doctor"]).env("DOCKER_HOST", "unix:///nonexistent").exits(1);
    assert!(down.stdout.contains("FAIL  cannot reach the Docker Engine"), "{down}");

    project.write(
        "session.config.mjs",
        "export default { projectName: 'mono', envFiles: ['a.env'], setup: ['npm ci'], odd: 1 }\n",
    );
    let init = project.prism(&["init", "--from", "session.config.mjs"]).succeeds();
    assert!(init.stderr.contains("`odd` has no counterpart"), "{init}");
    let written = fs::read_to_string(project.directory.join("prism.yaml")).expect("prism.yaml");
    assert!(written.contains("project: \"mono\"") && written.contains("  db: {data: own}"), "{written}");
    project.prism(&["init"]).exits(1);
    assert!(project.prism(&["compose", "config"]).succeeds().stdout.contains("name: mono-"));
}

#[test]
fn restart_and_logs() {
    let project = Project::web();
    assert!(project.prism(&["logs"]).exits(3).stderr.contains("no session"));
    project.prism(&["start"]).succeeds();
    let started = || docker(&["inspect", "--format", "{{.State.StartedAt}}", &project.containers()[0]]);
    let before = started();
    project.prism(&["restart"]).succeeds();
    assert_ne!(started(), before);
    project.prism(&["compose", "exec", "-T", "web", "sh", "-c", "echo hello > /proc/1/fd/1"]).succeeds();
    fs::remove_file(project.directory.join("compose.yaml")).expect("not needed");
    assert!(project.prism(&["info"]).succeeds().stdout.contains("web  "));
    assert!(project.prism(&["logs", "--tail", "5", "web"]).succeeds().stdout.contains("hello"));
}
