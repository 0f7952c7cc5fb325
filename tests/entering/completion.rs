//! What completion offers of a repository is harmless where it is inserted.

use std::fs;

use crate::support::{Project, Sandbox};

/// The first word of the line that is completed.
const SELF: &str = "prism";

const WORDS: [&str; 5] = ["bash", "zsh", "fish", "elvish", "powershell"];

fn offered(run: crate::support::Run, shell: &str, index: usize) -> String {
    run.env("PRISM_COMPLETE", shell)
        .env("_CLAP_COMPLETE_INDEX", index.to_string())
        .env("_CLAP_IFS", "\n")
        .succeeds()
        .stdout
}

#[test]
fn a_forged_header_is_not_believed() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let path = project.directory.join("docker-compose.session.yml");
    let text = fs::read_to_string(&path).expect("override");
    let ask = || offered(project.prism(&["--", SELF, "logs", ""]), "bash", 2);
    assert!(ask().lines().any(|line| line == "web"), "{}", ask());
    // The directory is the right one, and so are version and hash.
    let evil = "db;touch pwned #";
    fs::write(&path, text.replacen("\"services\":{\"web\":", &format!("\"services\":{{\"{evil}\":"), 1))
        .expect("forge");
    assert!(!ask().contains("pwned"), "{}", ask());
    let variables = project.prism(&["env"]).succeeds().stdout;
    assert!(variables.contains("WEB_PORT="), "{variables}");
    // The key is nobody else's.
    let key = project.sandbox.root().join("home/.local/state/prism/key");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&key).expect("key").permissions());
    assert_eq!(mode & 0o777, 0o600);
    project.prism(&["exec", "true"]).succeeds();
    assert_eq!(fs::read_to_string(&path).expect("override"), text);
}

#[test]
fn a_lost_key_costs_a_start_and_nothing_else() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let before = project.containers();
    let state = project.sandbox.root().join("home/.local/state");
    fs::remove_dir_all(&state).expect("state");
    project.prism(&["exec", "true"]).succeeds();
    assert_eq!(project.containers(), before);
    // Where no state can be written to, it is beside the locks.
    fs::remove_dir_all(&state).expect("state");
    fs::write(&state, "").expect("file");
    project.prism(&["exec", "true"]).succeeds();
    assert_eq!(project.containers(), before);
    let quick = project.prism(&["--timings", "exec", "true"]).succeeds();
    assert!(!quick.stderr.contains("config"), "{quick}");
}

#[test]
fn names_of_directories_are_inserted_as_words_or_not_at_all() {
    let sandbox = Sandbox::new();
    let names = [
        "plain",
        "two words",
        "$(touch pwned)",
        "`touch pwned`",
        "a;touch pwned",
        "a\ntouch pwned",
        "e\u{1b}[2J",
        "r\u{202e}l",
    ];
    for name in names {
        fs::create_dir(sandbox.work().join(name)).expect("directory");
    }
    for shell in WORDS {
        for verb in
            [&["--", SELF, "stop", ""][..], &["--", SELF, "-C", ""], &["--", SELF, "env", "--write", ""]]
        {
            let run = sandbox.prism(&sandbox.work(), verb).env("DOCKER_HOST", "unix:///nowhere");
            let offered = offered(run, shell, verb.len() - 2);
            assert!(offered.contains("plain/"), "{shell} {verb:?}: {offered}");
            assert!(!offered.contains(['\u{1b}', '\u{202e}']), "{shell} {verb:?}: {offered:?}");
            if ["bash", "powershell"].contains(&shell) {
                // These insert what they are told.
                assert!(!offered.contains(['$', '`', ';']), "{shell} {verb:?}: {offered}");
                let words = if shell == "bash" { "two\\ words/" } else { "'two words/'" };
                assert!(offered.contains(words), "{shell} {verb:?}: {offered}");
            }
        }
    }
}
