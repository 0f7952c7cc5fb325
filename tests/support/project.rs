//! A Compose project on the real Engine that cleans up after itself, also after a panic.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::{Pruning, Run, Sandbox, engine};

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
        engine::ask("GET /_ping").expect("a Docker Engine");
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
        let label = format!("dev-prism.working_dir={}", self.directory.display());
        for kind in engine::KINDS {
            assert_eq!(engine::labelled(kind, &label), Vec::<serde_json::Value>::new(), "{kind}");
        }
        self.has_free_locks();
        let root = self.sandbox.root().display().to_string();
        let is_ours = |scratch: &PathBuf| {
            let text = std::fs::read_to_string(scratch.join("docker-compose.session.yml"));
            text.is_ok_and(|text| text.contains(&root))
        };
        let left = std::fs::read_dir(runtime()).into_iter().flatten().filter_map(Result::ok);
        let left: Vec<PathBuf> = left.map(|entry| entry.path()).filter(is_ours).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// Expects that nobody holds the lock of this session.
    pub fn has_free_locks(&self) {
        let hash = Sha256::digest(self.directory.display().to_string().as_bytes());
        let name: String = hash[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        let path = runtime().join(format!("{name}.lock"));
        if path.exists() {
            let free = Command::new("flock").arg("--nonblock").arg(&path).arg("true").status();
            assert!(free.expect("flock").success(), "{}", path.display());
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

    /// Reads a file below the session directory.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.directory.join(path)).expect(path)
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

/// Where prism keeps its locks, and what is of ephemeral sessions: one place for all of a user's tests.
pub fn runtime() -> PathBuf {
    PathBuf::from(format!("/tmp/prism-{}", nix::unistd::geteuid()))
}

/// The ids of a directory's containers, sorted.
pub fn containers_of(directory: &Path) -> Vec<String> {
    let found = engine::labelled("containers", &format!("dev-prism.working_dir={}", directory.display()));
    let mut ids: Vec<String> = found.iter().filter_map(|it| it["Id"].as_str().map(str::to_owned)).collect();
    ids.sort();
    ids
}

impl Drop for Project {
    fn drop(&mut self) {
        engine::remove_below(&self.sandbox.root());
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
