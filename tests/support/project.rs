//! A Compose project on the real Engine that cleans up after itself, also after a panic.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Pruning, Run, Sandbox};

/// A session directory with a Compose file.
#[derive(Debug)]
pub struct Project {
    /// Its sandbox.
    pub sandbox: Sandbox,
    /// The session directory.
    pub directory: PathBuf,
}

impl Project {
    /// Makes a project with this `compose.yaml`.
    ///
    /// # Panics
    /// No Engine answers: `make test` starts one.
    pub fn new(compose: &str) -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("shop/compose.yaml", compose);
        docker(&["version", "--format", "{{.Server.Version}}"]);
        Self { directory: sandbox.work().join("shop"), sandbox }
    }

    /// A project with a service `web` that serves HTTP on port 80, from the small image of the set-up.
    pub fn web() -> Self {
        Self::new(WEB)
    }

    /// A project whose one service has done its work at once, with a volume: as quick as a stack can be.
    pub fn quick() -> Self {
        Self::new(QUICK)
    }

    /// Expects that Docker holds nothing of this directory, and that nobody holds a lock of its sandbox.
    pub fn holds_nothing(&self) {
        let filter = format!("label=dev-prism.working_dir={}", self.directory.display());
        for list in [&["ps", "-aq"][..], &["network", "ls", "-q"], &["volume", "ls", "-q"]] {
            assert_eq!(docker(&[list, &["--filter", &filter]].concat()), "", "{list:?}");
        }
        self.has_free_locks();
        let left = std::fs::read_dir(self.sandbox.root().join("run/prism")).into_iter().flatten();
        let left: Vec<_> = left.map(|entry| entry.expect("entry").path()).filter(|it| it.is_dir()).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// Expects that nobody holds a lock of this sandbox.
    pub fn has_free_locks(&self) {
        for entry in std::fs::read_dir(self.sandbox.root().join("run/prism")).into_iter().flatten() {
            let path = entry.expect("entry").path();
            if path.is_file() {
                let free = Command::new("flock").arg("--nonblock").arg(&path).arg("true").status();
                assert!(free.expect("flock").success(), "{}", path.display());
            }
        }
    }

    /// Prepares a run of prism in the session directory.
    pub fn prism(&self, arguments: &[&str]) -> Run {
        self.sandbox.prism(&self.directory, arguments)
    }

    /// Prunes, unless a test has just left what is to be pruned.
    pub fn prune(&self) {
        let _pruning = Pruning::allowed();
        self.prism(&["prune", "--yes"]).succeeds();
    }

    /// Writes a file below the session directory.
    pub fn write(&self, path: &str, text: &str) {
        self.sandbox.write(&format!("shop/{path}"), text);
    }

    /// The ids of this session's containers, whatever their state.
    pub fn containers(&self) -> Vec<String> {
        containers_of(&self.directory)
    }
}

/// The ids of a directory's containers, sorted.
pub fn containers_of(directory: &Path) -> Vec<String> {
    let filter = format!("label=dev-prism.working_dir={}", directory.display());
    let mut ids: Vec<String> =
        docker(&["ps", "-aq", "--no-trunc", "--filter", &filter]).lines().map(str::to_owned).collect();
    ids.sort();
    ids
}

impl Drop for Project {
    fn drop(&mut self) {
        let root = self.sandbox.root();
        let label = "{{.Label \"dev-prism.working_dir\"}}";
        for (list, remove) in [
            (&["ps", "-a"][..], &["rm", "-f", "-v"][..]),
            (&["network", "ls"], &["network", "rm"]),
            (&["volume", "ls"], &["volume", "rm"]),
        ] {
            let name = if list == ["volume", "ls"] { "{{.Name}}" } else { "{{.ID}}" };
            let mut arguments = list.to_vec();
            let format = format!("{name}\t{label}");
            arguments.extend(["--filter", "label=dev-prism.managed=true", "--format", &format]);
            let listed = quiet_docker(&arguments);
            let ours = listed.lines().filter_map(|line| line.split_once('\t'));
            let ours: Vec<&str> = ours
                .filter(|(_, directory)| Path::new(directory).starts_with(&root))
                .map(|(id, _)| id)
                .collect();
            if !ours.is_empty() {
                quiet_docker(&[remove, &ours].concat());
            }
        }
    }
}

/// Runs the Docker CLI and returns its standard output.
///
/// # Panics
/// It fails.
pub fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("the docker CLI");
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn quiet_docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// One service on a fixed port, with a fixed container name, that is ready within a moment.
pub const WEB: &str = r#"
name: fixed
services:
  web:
    image: prism-test:1
    stop_signal: SIGKILL
    container_name: the-web
    command: ["busybox", "httpd", "-f", "-p", "80", "-h", "/etc"]
    ports: ["18080:80"]
"#;

/// One service that ends, and a volume that stays.
pub const QUICK: &str = r#"
services:
  once:
    image: prism-test:1
    command: "true"
    volumes: ["data:/data"]
volumes: {data: {}}
"#;
