//! Whose a session is: another user's is neither changed nor taken for one's own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::engine::socket;
use crate::support::{Outcome, Project, Proxy, Pruning, Run, docker, eventually, without};

/// A user that the machine need not know.
const USER: u32 = 54_242;

/// Prepares a run of prism by a user who may ask the Engine.
fn by_user(project: &Project, user: u32, directory: &Path, words: &[&str]) -> Run {
    let prism: PathBuf = project.sandbox.root().join("prism");
    if !prism.exists() {
        // Nobody else can look into the directory of the build.
        fs::copy(env!("CARGO_BIN_EXE_prism"), &prism).expect("copy");
        project
            .sandbox
            .command("chmod", directory, &["-R", "a+rX"])
            .args(&[project.sandbox.root()])
            .succeeds();
    }
    let group = fs::metadata(socket()).expect("the Engine's socket").gid();
    let (to, own, groups) =
        (format!("--reuid={user}"), format!("--regid={user}"), format!("--groups={group}"));
    let setpriv = [to.as_str(), &own, &groups, prism.to_str().expect("UTF-8")];
    project.sandbox.command("setpriv", directory, &setpriv).args(words)
}

fn is_refused(outcome: &Outcome, user: u32) {
    let expected = format!("belongs to another user (id {user})");
    assert!(outcome.status == 1 && outcome.stderr.contains(&expected), "{outcome}");
}

#[test]
fn another_users_session_is_refused_and_not_found_from_below() {
    let project = Project::quick();
    project.prism(&["start"]).succeeds();
    let containers = project.containers();
    let own = nix::unistd::getuid().as_raw();
    let directory = project.directory.display().to_string();
    let work = project.sandbox.work();
    for verb in [&["destroy", "--yes"][..], &["stop"], &["ports", "clear"]] {
        is_refused(&by_user(&project, USER, &work, &[verb, &[&directory]].concat()).run(), own);
    }
    for verb in [&["start"][..], &["restart"], &["compose", "down"], &["destroy", "--yes"]] {
        is_refused(&by_user(&project, USER, &project.directory, verb).run(), own);
    }
    let below = project.directory.join("below");
    fs::create_dir(&below).expect("directory");
    chown(&below, Some(USER), Some(USER)).expect("chown, and the rights of root");
    fs::remove_file(project.directory.join("compose.yaml")).expect("the project");
    let nothing = by_user(&project, USER, &below, &["destroy", "--yes"]).succeeds();
    assert!(nothing.stderr.contains("has no session"), "{nothing}");
    assert_eq!(project.containers(), containers);

    // Root is another user, too.
    let theirs = work.join("theirs");
    project.sandbox.write("theirs/compose.yaml", crate::support::project::QUICK);
    chown(&theirs, Some(USER), Some(USER)).expect("chown");
    by_user(&project, USER, &theirs, &["start"]).succeeds();
    for verb in [&["destroy", "--yes"][..], &["stop"], &["exec", "true"], &["start"]] {
        let refused = project.sandbox.prism(&theirs, verb).run();
        assert!(refused.stderr.contains(&format!("another user (id {USER})")), "{refused}");
        assert_ne!(refused.status, 0);
    }
    by_user(&project, USER, &theirs, &["destroy", "--yes"]).succeeds();
}

#[test]
fn a_project_that_somebody_put_where_everybody_may_is_not_found_from_below() {
    let project = Project::quick();
    let shared = project.sandbox.work().join("shared");
    project.sandbox.write("shared/compose.yaml", crate::support::project::QUICK);
    let mine = shared.join("mine");
    fs::create_dir(&mine).expect("directory");
    project.sandbox.command("chmod", &mine, &["1777"]).args(&[&shared]).succeeds();
    let refused = project.sandbox.prism(&mine, &["start"]).exits(3);
    assert!(refused.stderr.contains("no Compose project"), "{refused}");
}

#[test]
fn a_session_has_one_lock_wherever_runtime_files_go() {
    let project = Project::quick();
    project.prism(&["start"]).succeeds();
    let proxy = Proxy::start(&project.sandbox);
    proxy.hold(Some("DELETE "));
    let runtime = |name: &str| {
        let path = project.sandbox.root().join(name);
        fs::DirBuilder::new().mode(0o700).create(&path).expect("directory");
        path
    };
    let destroy = project.prism(&["destroy", "--yes"]).env("DOCKER_HOST", proxy.host());
    let destroy = destroy.env("XDG_RUNTIME_DIR", runtime("cron")).spawn();
    eventually("prism to remove what it saw", || proxy.held() > 0);
    let mut stop = project.prism(&["stop"]).env("XDG_RUNTIME_DIR", runtime("ssh")).spawn();
    let mut said = BufReader::new(stop.stderr.take().expect("stderr"));
    let mut line = String::new();
    said.read_line(&mut line).expect("a line");
    assert!(line.contains("waiting for another prism"), "{line}");
    // Whoever waits there hears a signal, also one that listens for signals.
    let mut reassign = project.prism(&["ports", "--reassign", "web"]).spawn();
    line.clear();
    let mut said = BufReader::new(reassign.stderr.take().expect("stderr"));
    said.read_line(&mut line).expect("a line");
    assert!(line.contains("waiting for another prism"), "{line}");
    kill(Pid::from_raw(reassign.id().cast_signed()), Signal::SIGTERM).expect("kill");
    assert_eq!(reassign.wait().expect("an end").signal(), Some(Signal::SIGTERM as i32));
    proxy.hold(None);
    let destroyed = Outcome::of(destroy);
    assert_eq!(destroyed.status, 0, "{destroyed}");
    assert!(stop.wait().expect("an end").success());
    project.holds_nothing();
}

#[test]
fn a_directory_for_locks_that_others_made_is_refused() {
    let user = USER + 1;
    let place = PathBuf::from(format!("/tmp/prism-{user}"));
    let project = Project::quick();
    fs::create_dir(&place).expect("directory");
    let refused = by_user(&project, user, &project.directory, &["start"]).run();
    fs::remove_dir(&place).expect("still empty");
    assert_eq!(refused.status, 1, "{refused}");
    assert!(refused.stderr.contains("is not a private directory of yours"), "{refused}");
    assert!(project.containers().is_empty());
}

#[test]
fn an_ephemeral_session_that_is_gone_stays_gone() {
    let project = Project::quick();
    project.prism(&["start"]).succeeds();
    let containers = project.containers();
    let named = project.prism(&["exec", "--ephemeral", "--", "printenv", "PRISM_SESSION"]).succeeds();
    let named = named.line();
    assert!(named.starts_with(&format!("{}+", project.directory.display())), "{named}");
    for verb in [
        &["exec", "true"][..],
        &["start"],
        &["stop"],
        &["restart"],
        &["destroy", "--yes"],
        &["env"],
        &["get", "SESSION_DIR"],
        &["info"],
        &["logs"],
        &["compose", "ps"],
        &["ports", "--reassign", "once"],
    ] {
        let refused = project.prism(verb).env("PRISM_SESSION", named).run();
        assert!(
            refused.status != 0 && refused.stderr.contains("for which this was started, is gone"),
            "{refused}"
        );
    }
    // All sessions of this user are asked of no Engine that has any.
    for verb in [&["stop-all"][..], &["destroy", "--all", "--yes"]] {
        let refused =
            project.prism(verb).env("PRISM_SESSION", named).env("DOCKER_HOST", "unix:///nowhere").run();
        assert!(refused.stderr.contains("for which this was started, is gone"), "{refused}");
    }
    project.prism(&["prune", "--dry-run"]).env("PRISM_SESSION", named).succeeds();
    assert_eq!(project.containers(), containers);
}

#[test]
fn a_copy_of_this_machine_is_told_by_its_name() {
    if without("mount") {
        return;
    }
    let _pruning = Pruning::allowed();
    let project = Project::quick();
    let bridge = docker(&["network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}"]);
    let gateway = format!("{}.1", bridge.rsplit_once(".0/").expect("a network").0);
    let address = super::endpoint::forwarded_at(&gateway);
    project.write("prism.yaml", &format!("bind: {gateway}\n"));
    // A small system has no id: both get one.
    let etc = project.sandbox.root().join("etc");
    let etc = etc.display();
    let id = format!(
        "rm -rf {etc}; cp -a /etc {etc}; echo 0123456789abcdef0123456789abcdef >{etc}/machine-id; mount --bind {etc} /etc"
    );
    let run = |name: &str, verb: &str| {
        let script = format!("{id}; {name} exec {} {verb}", env!("CARGO_BIN_EXE_prism"));
        let words = ["--uts", "--mount", "sh", "-ec", &script];
        project.sandbox.command("unshare", &project.directory, &words).env("DOCKER_HOST", &address)
    };
    let here = |verb: &str| run("", verb);
    let there = |verb: &str| run("echo copy >/proc/sys/kernel/hostname;", verb);
    here("start").succeeds();
    let containers = project.containers();
    let own = fs::read_to_string("/proc/sys/kernel/hostname").expect("a name");
    let own = own.trim();
    for verb in ["exec true", "start", "stop", "restart", "destroy --yes", "compose up -d"] {
        let refused = there(verb).run();
        let why = format!("was started on a machine called `{own}` with the same id as this one, `copy`");
        assert!(refused.status != 0 && refused.stderr.contains(&why), "{verb}: {refused}");
    }
    let pruned = there("prune --dry-run").run();
    let directory = project.directory.display();
    assert!(
        pruned.stderr.contains(&format!("`{directory}` has a session that was started on `{own}`")),
        "{pruned}"
    );
    assert_eq!(project.containers(), containers);
    // It is this machine, which has another name now.
    there("exec true").env("PRISM_RENAMED_FROM", own).succeeds();
    there("exec true").succeeds();
    assert_eq!(project.containers(), containers);
    let refused = here("destroy --yes").exits(1);
    assert!(refused.stderr.contains("hint: `export PRISM_RENAMED_FROM=copy`"), "{refused}");
    here("destroy --yes").env("PRISM_RENAMED_FROM", "copy").succeeds();
    project.holds_nothing();
}
