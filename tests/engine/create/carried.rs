//! What a new worktree gets that git does not bring: a `prism.yaml` that is not committed, and its own ports in copied files.

use std::fs;

use super::{committed, worktree};
use crate::support::Project;

fn git(project: &Project, arguments: &[&str]) -> String {
    project.sandbox.git(&project.directory, arguments)
}

#[test]
fn a_prism_yaml_that_is_not_committed_comes_along() {
    let project = committed("env: {A: committed}\n");
    project.prism(&["create", "same"]).succeeds();
    // Changed, and then not known to git at all.
    project.write("prism.yaml", "env: {A: changed}\n");
    let created = project.prism(&["create", "b"]).succeeds();
    assert!(created.stderr.contains("took `prism.yaml` along, which is not committed"), "{created}");
    let there = worktree(&project, "b");
    let show = ["exec", "--", "sh", "-c", "echo $A"];
    assert_eq!(project.sandbox.prism(&there, &show).succeeds().line(), "changed");
    let plain = project.prism(&["create", "c", "--no-settings"]).succeeds();
    assert!(!plain.stderr.contains("took"), "{plain}");
    assert_eq!(project.sandbox.prism(&worktree(&project, "c"), &show).succeeds().line(), "committed");
    git(&project, &["rm", "-q", "--cached", "prism.yaml"]);
    git(&project, &["commit", "-qm", "without"]);
    project.prism(&["create", "d"]).succeeds();
    assert_eq!(project.sandbox.prism(&worktree(&project, "d"), &show).succeeds().line(), "changed");
    // It is no work of the worktree's, as long as it is the same here.
    for branch in ["same", "c", "d"] {
        project.prism(&["destroy", "--yes", branch]).succeeds();
    }
    fs::write(there.join("prism.yaml"), "env: {A: mine}\n").expect("file");
    let refused = project.prism(&["destroy", "--yes", "b"]).exits(1);
    assert!(refused.stderr.contains("prism.yaml"), "{refused}");
    fs::write(there.join("prism.yaml"), "env: {A: changed}\n").expect("file");
    project.prism(&["destroy", "--yes", "b"]).succeeds();
}

#[test]
fn a_branch_with_another_prism_yaml_keeps_it() {
    let project = committed("env: {A: committed}\n");
    git(&project, &["checkout", "-qb", "other"]);
    project.write("prism.yaml", "env: {A: other}\n");
    git(&project, &["commit", "-qam", "other"]);
    git(&project, &["checkout", "-q", "main"]);
    project.write("prism.yaml", "env: {A: changed}\n");
    let created = project.prism(&["create", "other"]).succeeds();
    assert!(created.stderr.contains("the new worktree has that of its branch"), "{created}");
    let text = fs::read_to_string(worktree(&project, "other").join("prism.yaml")).expect("file");
    assert_eq!(text, "env: {A: other}\n");
    // A link of the branch's is not followed.
    let outside = project.sandbox.write("outside.yaml", "env: {A: outside}\n");
    git(&project, &["checkout", "-qfb", "linked"]);
    fs::remove_file(project.directory.join("prism.yaml")).expect("removed");
    std::os::unix::fs::symlink(&outside, project.directory.join("prism.yaml")).expect("link");
    git(&project, &["add", "."]);
    git(&project, &["commit", "-qm", "linked"]);
    git(&project, &["checkout", "-q", "main"]);
    project.write("prism.yaml", "env: {A: changed}\n");
    project.prism(&["create", "linked"]).succeeds();
    assert_eq!(fs::read_to_string(outside).expect("file"), "env: {A: outside}\n");
}

#[test]
fn a_copied_file_has_this_sessions_ports_and_names_what_leads_to_another() {
    let project = committed("env_files: [secret.env]\n");
    project.write("secret.env", "KEY=1\n");
    project.prism(&["start"]).succeeds();
    project.prism(&["env", "--write", "secret.env"]).succeeds();
    let url = project.prism(&["get", "WEB_URL"]).succeeds().line().to_owned();
    let own = project.read("secret.env");
    project.write("secret.env", &format!("{own}LEFT={url}/x\n"));
    let created = project.prism(&["create", "b"]).succeeds();
    let there = worktree(&project, "b");
    let text = fs::read_to_string(there.join("secret.env")).expect("file");
    let other = project.sandbox.prism(&there, &["get", "WEB_URL"]).succeeds().line().to_owned();
    assert!(text.starts_with("KEY=1\n") && text.contains(&format!("WEB_URL={other}\n")), "{text}");
    assert!(!text.contains(&format!("WEB_URL={url}\n")), "{text}");
    let (_, port) = url.rsplit_once(':').expect("a port");
    let said = format!(
        "LEFT leads to port {port}, which is service `web` of the session of `{}`",
        project.directory.display()
    );
    assert!(created.stderr.contains(&said), "{created}");
    project.prism(&["destroy", "--yes", "--force", "b"]).succeeds();
}
