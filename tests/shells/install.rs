//! What an installation puts where: the binary, completions that work, pages that man can read.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Project, Sandbox, without};

const PRISM: &str = env!("CARGO_BIN_EXE_prism");

/// Runs make in the repository, with what it installs below `to`.
fn make(arguments: &[&str]) {
    let output = Command::new("make")
        .arg("--silent")
        .arg(format!("BINARY={PRISM}"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("MAKEFLAGS")
        .output()
        .expect("make");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Every file below a directory, relative to it.
fn files(directory: &Path) -> Vec<String> {
    let output =
        Command::new("find").args([".", "-type", "f"]).current_dir(directory).output().expect("find");
    let mut files: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    files.sort();
    files
}

#[test]
fn make_install_and_uninstall() {
    let sandbox = Sandbox::new();
    let root = sandbox.work();
    let destination = format!("DESTDIR={}", root.display());
    make(&["install", &destination, "PREFIX=/opt/prism"]);
    let installed = files(&root);
    for file in [
        "bin/prism",
        "share/bash-completion/completions/prism",
        "share/zsh/site-functions/_prism",
        "share/fish/vendor_completions.d/prism.fish",
        "share/man/man1/prism.1",
        "share/man/man1/prism-exec.1",
    ] {
        assert!(installed.contains(&format!("./opt/prism/{file}")), "{file}: {installed:?}");
    }
    for page in installed.iter().filter(|file| file.contains("/man1/")) {
        let path = root.join(page);
        let path = path.to_str().expect("UTF-8");
        let text = fs::read_to_string(path).expect("a page");
        assert!(!text.contains("EXTRA"), "{page}");
        if without("man") {
            continue;
        }
        let shown = sandbox.command("man", &root, &["--warnings", "-l", path]).succeeds();
        assert!(shown.stdout.contains("NAME") && shown.stderr.is_empty(), "{page}: {shown}");
    }
    let page = fs::read_to_string(root.join("opt/prism/share/man/man1/prism-exec.1")).expect("a page");
    let (_, examples) = page.split_once("\n.SH EXAMPLES\n").expect("examples");
    assert!(examples.contains("\nprism exec \\-\\- npm test\n"), "{examples}");
    make(&["uninstall", &destination, "PREFIX=/opt/prism"]);
    assert_eq!(files(&root), Vec::<String>::new());
}

#[test]
fn a_debian_package_can_be_installed_and_removed() {
    if without("cargo-deb") {
        return;
    }
    let sandbox = Sandbox::new();
    let root = sandbox.root().join("debian");
    for directory in ["updates", "info", "triggers"] {
        fs::create_dir_all(root.join("var/lib/dpkg").join(directory)).expect("dpkg's directories");
    }
    fs::write(root.join("var/lib/dpkg/status"), "").expect("dpkg's status");
    let package = sandbox.work().join("prism.deb");
    let package = package.to_str().expect("UTF-8");
    make(&["deb", &format!("DEB={package}")]);
    // A system of its own, which lacks even libc.
    let at = format!("--root={}", root.display());
    let dpkg = |arguments: &[&str]| {
        let all =
            [&[at.as_str(), "--force-depends", "--force-not-root", "--log=/dev/null"], arguments].concat();
        sandbox.command("dpkg", &root, &all).succeeds()
    };
    dpkg(&["--install", package]);
    let installed = files(&root.join("usr"));
    for file in [
        "bin/prism",
        "share/bash-completion/completions/prism",
        "share/zsh/vendor-completions/_prism",
        "share/fish/vendor_completions.d/prism.fish",
        "share/man/man1/prism-hook.1.gz",
        "share/doc/prism/copyright",
    ] {
        assert!(installed.contains(&format!("./{file}")), "{file}: {installed:?}");
    }
    let prism = root.join("usr/bin/prism");
    sandbox.command(prism.to_str().expect("UTF-8"), &root, &["--version"]).succeeds();
    dpkg(&["--purge", "prism"]);
    assert!(!root.join("usr/bin/prism").exists() && !root.join("usr/share/man/man1/prism.1.gz").exists());
}

#[test]
fn completions_know_services_and_sessions() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let shop = project.directory.display().to_string();
    let begin = shop.split_at(shop.len() - 2).0;
    let path = format!(
        "{}:{}",
        Path::new(PRISM).parent().expect("target").display(),
        std::env::var("PATH").expect("PATH")
    );
    let fish = |line: &str| {
        let script = format!("prism completions fish | source; complete -C '{line}'");
        project
            .sandbox
            .command("fish", &project.directory, &["-Nc", &script])
            .env("PATH", &path)
            .succeeds()
            .stdout
    };
    if !without("fish") {
        assert!(fish("prism logs w").lines().any(|line| line == "web"), "{}", fish("prism logs w"));
        assert!(fish("prism exec --service ").lines().any(|line| line == "web"));
        assert!(fish(&format!("prism stop {begin}")).lines().any(|line| line == shop));
        assert!(fish("prism env --she").starts_with("--shell"));
    }
    let bash = "eval \"$(prism completions bash)\"; COMP_WORDS=(prism logs w); COMP_CWORD=2; \
                f=$(complete -p prism | sed 's/.*-F \\([^ ]*\\).*/\\1/'); $f prism w logs; echo \"${COMPREPLY[*]}\"";
    let bash =
        project.sandbox.command("bash", &project.directory, &["-c", bash]).env("PATH", &path).succeeds();
    assert_eq!(bash.line().trim(), "web", "{bash}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = project.prism(&["completions", shell]).succeeds().stdout;
        assert!(script.contains("PRISM_COMPLETE"), "{shell}: {script}");
    }
    if without("zsh") {
        return;
    }
    let zsh =
        "autoload -Uz compinit; compinit -u -D; eval \"$(prism completions zsh)\"; print $_comps[prism]";
    let zsh = project.sandbox.command("zsh", &project.directory, &["-fc", zsh]).env("PATH", &path).succeeds();
    assert!(zsh.line().contains("prism"), "{zsh}");
}
