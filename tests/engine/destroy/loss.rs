//! Work that git does not show, or not at once.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::Project;

/// A worktree `b` with everything that may be lost in it, one thing at a time.
struct Worktree {
    project: Project,
    place: PathBuf,
}

impl Worktree {
    fn new(configuration: &str) -> Self {
        let project = Project::quick();
        project.write("prism.yaml", configuration);
        project.write(".gitignore", "ignored*\nnode_modules/\n.venv/\nout\n");
        project.write("tracked", "1\n");
        let git = |arguments: &[&str]| project.sandbox.git(&project.directory, arguments);
        git(&["init", "-q", "-b", "main"]);
        git(&["add", "."]);
        git(&["commit", "-qm", "x"]);
        project.prism(&["create", "b"]).succeeds();
        let place = project.sandbox.work().join("shop-sessions/b");
        Self { project, place }
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.project.sandbox.git(&self.place, arguments)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.place.join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directories");
        fs::write(path, text).expect("file");
    }

    /// Expects that it stays, and why.
    fn stays(&self, why: &str) {
        let refused = self.project.prism(&["destroy", "--yes", self.place.to_str().expect("UTF-8")]).exits(1);
        assert!(refused.stderr.contains(why) && refused.stderr.contains("--force"), "{why}: {refused}");
        assert_eq!(refused.stderr.matches("  | ").count(), 1, "nothing else: {refused}");
        assert!(self.place.join("compose.yaml").exists());
    }

    fn goes(&self) {
        self.project.prism(&["destroy", "--yes", self.place.to_str().expect("UTF-8")]).succeeds();
        assert!(!self.place.exists());
        self.project.holds_nothing();
    }
}

fn repository(worktree: &Worktree, path: &Path) {
    fs::create_dir_all(path).expect("directory");
    worktree.project.sandbox.git(path, &["init", "-q", "-b", "main"]);
    worktree.project.sandbox.git(path, &["commit", "-q", "--allow-empty", "-m", "x"]);
}

#[test]
fn work_that_git_is_told_not_to_show() {
    let worktree =
        Worktree::new("setup: ['echo made > ignored-by-setup; mkdir ignored.d; echo x > ignored.d/x']\n");
    for (flag, back) in
        [("--skip-worktree", "--no-skip-worktree"), ("--assume-unchanged", "--no-assume-unchanged")]
    {
        worktree.git(&["update-index", flag, "tracked"]);
        worktree.write("tracked", "mine\n");
        worktree.stays("told not to look at (skip-worktree, assume-unchanged): tracked");
        worktree.write("tracked", "1\n");
        worktree.git(&["update-index", back, "tracked"]);
    }
    for (key, value) in [("status.showUntrackedFiles", "no"), ("core.fsmonitor", "true")] {
        worktree.git(&["config", key, value]);
        worktree.write("new name.rs", "work");
        worktree.stays("uncommitted work, which git does not track: new name.rs");
        fs::remove_file(worktree.place.join("new name.rs")).expect("saved");
        worktree.git(&["config", "--unset", key]);
    }
    worktree.git(&["config", "core.ignoreCase", "true"]);
    worktree.write("TRACKED", "work");
    worktree.stays("uncommitted work, which git does not track: TRACKED");
    fs::remove_file(worktree.place.join("TRACKED")).expect("saved");
    worktree.git(&["config", "core.ignoreCase", "false"]);
    worktree.git(&["config", "core.fileMode", "false"]);
    let make = |mode| fs::set_permissions(worktree.place.join("tracked"), Permissions::from_mode(mode));
    make(0o755).expect("chmod");
    worktree.stays("uncommitted work: tracked");
    make(0o644).expect("chmod");
    worktree.git(&["config", "core.fileMode", "true"]);
    worktree.git(&["config", "extensions.worktreeConfig", "true"]);
    worktree.git(&["config", "--worktree", "core.worktree", "/nowhere"]);
    worktree.write("new", "work");
    worktree.stays("uncommitted work, which git does not track: new");
    fs::remove_file(worktree.place.join("new")).expect("saved");
    worktree.project.sandbox.git(
        &worktree.project.directory,
        &["config", "-f", ".git/worktrees/b/config.worktree", "--unset", "core.worktree"],
    );
    worktree.write("node_modules/x/index.js", "made again");
    worktree.write("ignored.d/mine", "12345");
    worktree.stays("1 file that git ignores (5 bytes): ignored.d/");
    fs::remove_file(worktree.place.join("ignored.d/mine")).expect("saved");
    worktree.write("ignored-by-setup", "changed\n");
    worktree.stays("1 file that git ignores (8 bytes): ignored-by-setup");
    fs::remove_file(worktree.place.join("ignored-by-setup")).expect("saved");
    worktree.write("out", "results");
    worktree.stays("1 file that git ignores (7 bytes): out");
    fs::remove_file(worktree.place.join("out")).expect("saved");
    worktree.write("out/x", "made again");
    // A file of the main worktree that has a second name in this one stays under its first.
    worktree.project.write("ignored-link", "kept");
    let first = worktree.project.directory.join("ignored-link");
    fs::hard_link(&first, worktree.place.join("ignored-link")).expect("link");
    worktree.goes();
    assert!(first.exists());
}

#[test]
fn work_that_only_the_worktrees_git_directory_has() {
    let worktree = Worktree::new("");
    // A rebase that stopped, with nothing to commit.
    worktree.git(&["checkout", "-q", "--detach"]);
    let rebase = ["-c", "sequence.editor=sed -i 1ibreak", "rebase", "-q", "-i", "--root"];
    worktree.project.sandbox.command("git", &worktree.place, &rebase).run();
    let stopped =
        worktree.project.prism(&["destroy", "--yes", worktree.place.to_str().expect("UTF-8")]).exits(1);
    assert!(stopped.stderr.contains("a rebase that is not over"), "{stopped}");
    worktree.git(&["rebase", "--abort"]);
    worktree.git(&["bisect", "start"]);
    worktree.stays("a bisection that is not over");
    worktree.git(&["bisect", "reset"]);
    for own in ["refs/worktree/mine", "MYSAVE"] {
        worktree.git(&["commit", "-q", "--allow-empty", "-m", "saved"]);
        worktree.git(&["update-ref", own, "HEAD"]);
        worktree.git(&["reset", "-q", "--hard", "HEAD~1"]);
        worktree.stays("commits that are on no branch: ");
        worktree.git(&["update-ref", "-d", own]);
    }
    worktree.git(&["commit", "-q", "--allow-empty", "-m", "only here"]);
    let commit = worktree.git(&["rev-parse", "HEAD"]);
    worktree.stays(" only here");
    // A tag stays, with its commit.
    worktree.git(&["tag", "saved"]);
    worktree.git(&["checkout", "-q", "b"]);
    worktree.git(&["tag", "-d", "saved"]);
    // Nothing but the reflog of HEAD has it now.
    worktree.stays(" only here");
    worktree.git(&["checkout", "-q", "--detach", commit.trim()]);
    // A branch that means this very HEAD keeps nothing.
    worktree.git(&["symbolic-ref", "refs/heads/alias", "HEAD"]);
    worktree.stays(" only here");
    worktree.git(&["symbolic-ref", "--delete", "refs/heads/alias"]);
    // Nor does one whose commits are said, but not known, to be made on it.
    let main = worktree.git(&["rev-parse", "main"]);
    worktree.git(&["replace", "--graft", main.trim(), commit.trim()]);
    worktree.stays(" only here");
    worktree.git(&["replace", "-d", main.trim()]);
    let grafts = worktree.project.directory.join(".git/info/grafts");
    fs::write(&grafts, format!("{} {}\n", main.trim(), commit.trim())).expect("grafts");
    worktree.stays(" only here");
    fs::remove_file(&grafts).expect("grafts");
    worktree.git(&["checkout", "-q", "b"]);
    worktree.git(&["tag", "saved", commit.trim()]);
    worktree.write("tracked", "2\n");
    worktree.git(&["stash", "-q"]);
    worktree.stays("stashed work, which stays in `git stash list`: WIP on b: ");
    worktree.git(&["stash", "drop", "-q"]);
    // A commit that was cleaned up long ago is no loss, and no obstacle.
    let (log, gone) = (worktree.project.directory.join(".git/worktrees/b/logs/HEAD"), "e".repeat(40));
    let head = worktree.git(&["rev-parse", "HEAD"]);
    let entry =
        format!("{gone} {} x <x@x> 1700000000 +0000\tcheckout: moving from {gone} to b\n", head.trim());
    let before = fs::read_to_string(&log).expect("a reflog");
    fs::write(&log, before + &entry).expect("a reflog");
    worktree.goes();
}

#[test]
fn work_that_a_filter_takes_away_before_git_looks() {
    let worktree = Worktree::new("");
    worktree.git(&["config", "filter.strip.clean", "grep -v output"]);
    worktree.git(&["config", "filter.upper.clean", "tr A-Z a-z"]);
    worktree.git(&["config", "filter.upper.smudge", "tr a-z A-Z"]);
    worktree.write(".gitattributes", "*.ipynb filter=strip\n*.upper filter=upper\n");
    worktree.write("a b.ipynb", "cell\n");
    worktree.write("same.upper", "SAME\n");
    worktree.git(&["add", "."]);
    worktree.git(&["commit", "-qm", "notebook"]);
    worktree.write("a b.ipynb", "cell\noutput: precious\n");
    // git compares sizes first. Once it is told to look closely, it sees no change.
    worktree.git(&["add", "."]);
    assert_eq!(worktree.git(&["status", "--porcelain"]), "");
    worktree.stays("uncommitted work, which a filter of git's takes away: a b.ipynb");
    worktree.write("a b.ipynb", "cell\n");
    worktree.git(&["add", "."]);
    worktree.git(&["config", "filter.strip.smudge", "false"]);
    worktree.git(&["config", "filter.strip.required", "true"]);
    let place = worktree.place.to_str().expect("UTF-8");
    let refused = worktree.project.prism(&["destroy", "--yes", place]).exits(1);
    assert!(refused.stderr.contains("`git cat-file --filters` failed"), "{refused}");
    worktree.git(&["config", "filter.strip.smudge", "cat"]);
    worktree.goes();
}

#[test]
fn a_branch_that_a_symbolic_reference_means_stays_and_one_that_is_described() {
    let described = Worktree::new("");
    described.git(&["config", "branch.b.description", "why this is done"]);
    described.goes();
    let kept = ["config", "branch.b.description"];
    let kept = described.project.sandbox.git(&described.project.directory, &kept);
    assert_eq!(kept, "why this is done\n");
    described.project.sandbox.git(&described.project.directory, &["rev-parse", "--verify", "refs/heads/b"]);
    let worktree = Worktree::new("");
    worktree.git(&["commit", "-q", "--allow-empty", "-m", "precious"]);
    worktree.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/b"]);
    worktree.goes();
    let kept =
        worktree.project.sandbox.git(&worktree.project.directory, &["log", "-1", "--format=%s", "alias"]);
    assert_eq!(kept, "precious\n");
}

#[test]
fn repositories_and_worktrees_that_lie_in_it() {
    let worktree = Worktree::new("");
    for (path, why) in
        [("nested", "another repository: nested"), ("ignored/inner", "another repository: ignored/inner")]
    {
        repository(&worktree, &worktree.place.join(path));
        worktree.stays(why);
        fs::remove_dir_all(worktree.place.join(path)).expect("saved");
    }
    fs::remove_dir(worktree.place.join("ignored")).expect("empty");
    let inner = worktree.place.join("ignored-inner");
    worktree.git(&["worktree", "add", "-q", "--detach", inner.to_str().expect("UTF-8")]);
    worktree.stays("another worktree: ignored-inner");
    worktree.git(&["worktree", "remove", inner.to_str().expect("UTF-8")]);
    worktree.goes();
}

#[test]
fn a_clone_in_a_cache_is_no_loss_as_long_as_it_is_one() {
    let worktree = Worktree::new("");
    let tool = worktree.project.sandbox.work().join("tool");
    repository(&worktree, &tool);
    fs::write(tool.join("file"), "1\n").expect("file");
    worktree.project.sandbox.git(&tool, &["add", "."]);
    worktree.project.sandbox.git(&tool, &["commit", "-qm", "file"]);
    let within = worktree.place.join(".venv/src");
    fs::create_dir_all(&within).expect("directories");
    let clone = |arguments: &[&str]| worktree.project.sandbox.git(&within, arguments);
    clone(&["clone", "-q", "../../../../tool", "tool"]);
    let cached = within.join("tool");
    let git = |arguments: &[&str]| worktree.project.sandbox.git(&cached, arguments);
    let stays = || worktree.stays("another repository: .venv/src/tool");
    // What its configuration names is not run.
    let touch = format!("touch {}; false", worktree.project.sandbox.work().join("pwned").display());
    git(&["config", "core.fsmonitor", &touch]);
    git(&["config", "status.showUntrackedFiles", "no"]);
    fs::write(cached.join("new"), "work").expect("file");
    stays();
    fs::remove_file(cached.join("new")).expect("saved");
    git(&["-c", "core.fsmonitor=false", "update-index", "--assume-unchanged", "file"]);
    fs::write(cached.join("file"), "work").expect("file");
    stays();
    fs::write(cached.join("file"), "1\n").expect("saved");
    let hook = cached.join(".git/hooks/post-index-change");
    fs::write(&hook, format!("#!/bin/sh\n{touch}\n")).expect("a hook");
    fs::set_permissions(&hook, Permissions::from_mode(0o755)).expect("chmod");
    fs::remove_file(worktree.project.sandbox.work().join("pwned")).ok();
    for driver in ["filter.x.clean", "include.path"] {
        git(&["config", driver, &touch]);
        stays();
        git(&["config", "--unset", driver]);
    }
    git(&["config", "--unset", "core.fsmonitor"]);
    fs::remove_file(&hook).expect("a hook");
    git(&["checkout", "-q", "--detach"]);
    git(&["commit", "-q", "--allow-empty", "-m", "mine"]);
    git(&["checkout", "-q", "main"]);
    stays();
    git(&["push", "-q", "origin", "HEAD@{1}:refs/heads/mine"]);
    clone(&["clone", "-q", "--mirror", "../../../../tool", "bare.git"]);
    worktree.stays("another repository: .venv/src/bare.git");
    fs::remove_dir_all(within.join("bare.git")).expect("saved");
    git(&["config", "core.fsmonitor", &touch]);
    fs::write(&hook, format!("#!/bin/sh\n{touch}\n")).expect("a hook");
    fs::remove_file(worktree.project.sandbox.work().join("pwned")).ok();
    worktree.goes();
    assert!(!worktree.project.sandbox.work().join("pwned").exists());
}

#[test]
fn submodules_also_those_that_are_not_checked_out_any_more() {
    let worktree = Worktree::new("");
    let library = worktree.project.sandbox.work().join("library");
    repository(&worktree, &library);
    let file = ["-c", "protocol.file.allow=always", "submodule", "--quiet"];
    worktree.git(&[&file[..], &["add", library.to_str().expect("UTF-8"), "libs/inner"]].concat());
    worktree.git(&["commit", "-qm", "library"]);
    let inner = worktree.place.join("libs/inner");
    fs::write(inner.join("new"), "work").expect("file");
    worktree.stays("uncommitted work, which git does not track: libs/inner/new");
    fs::remove_file(inner.join("new")).expect("saved");
    // A tag of it goes, too.
    let git = |arguments: &[&str]| worktree.project.sandbox.git(&inner, arguments);
    git(&["checkout", "-q", "--detach"]);
    git(&["commit", "-q", "--allow-empty", "-m", "mine"]);
    git(&["tag", "mine"]);
    git(&["checkout", "-q", "main"]);
    worktree.stays("work in a submodule that no remote has: libs/inner");
    git(&["tag", "-d", "mine"]);
    // Only the reflog of its HEAD has it, as after `git submodule update`.
    worktree.stays("work in a submodule that no remote has: libs/inner");
    git(&["tag", "mine", "HEAD@{1}"]);
    worktree.git(&["submodule", "--quiet", "deinit", "libs/inner"]);
    worktree.stays("work in a submodule that no remote has: libs/inner");
    worktree.write("libs/inner/new", "work");
    let path = worktree.place.to_str().expect("UTF-8").to_owned();
    let refused = worktree.project.prism(&["destroy", "--yes", &path]).exits(1);
    assert!(refused.stderr.contains("which git does not track: libs/inner/"), "{refused}");
    fs::remove_file(inner.join("new")).expect("saved");
    let kept = worktree.project.directory.join(".git/worktrees/b/modules/libs/inner");
    let git = |arguments: &[&str]| {
        let [repository, files] = ["git-dir", "work-tree"].map(|name| format!("--{name}={}", kept.display()));
        worktree.project.sandbox.git(&kept, &[&[repository.as_str(), &files], arguments].concat())
    };
    git(&["tag", "-d", "mine"]);
    fs::remove_file(kept.join("logs/HEAD")).expect("a reflog");
    let elsewhere = worktree.project.sandbox.work().join("elsewhere");
    let elsewhere = elsewhere.to_str().expect("UTF-8");
    git(&["worktree", "add", "-q", "--detach", elsewhere]);
    worktree.stays(&format!("another worktree: {elsewhere}"));
    git(&["worktree", "remove", elsewhere]);
    worktree.goes();
}
