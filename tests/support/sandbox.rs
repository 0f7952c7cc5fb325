//! A directory of its own with a home, and an environment that knows nothing of the caller's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_fs::TempDir;

use super::Run;

/// A hermetic place to run prism in.
#[derive(Debug)]
pub struct Sandbox {
    root: TempDir,
}

impl Sandbox {
    /// Makes an empty one.
    pub fn new() -> Self {
        let sandbox = Self { root: TempDir::new().expect("temporary directory") };
        for directory in ["home", "run", "work"] {
            fs::create_dir(sandbox.root().join(directory)).expect("directory");
        }
        Command::new("chmod").arg("700").arg(sandbox.root().join("run")).status().expect("chmod");
        sandbox
    }

    /// The sandbox's top, canonical.
    pub fn root(&self) -> PathBuf {
        self.root.path().canonicalize().expect("canonical")
    }

    /// Where projects go.
    pub fn work(&self) -> PathBuf {
        self.root().join("work")
    }

    /// Writes a file below `work`, making directories.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.work().join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directories");
        fs::write(&path, text).expect("file");
        path
    }

    /// Prepares a run of prism in `directory`.
    pub fn prism(&self, directory: &Path, arguments: &[&str]) -> Run {
        Run::new(env!("CARGO_BIN_EXE_prism").as_ref(), self, directory).args(arguments)
    }

    /// Prepares a run of another program there.
    pub fn command(&self, program: &str, directory: &Path, arguments: &[&str]) -> Run {
        Run::new(program.as_ref(), self, directory).args(arguments)
    }

    /// Runs git and expects success.
    pub fn git(&self, directory: &Path, arguments: &[&str]) -> String {
        self.command("git", directory, arguments).succeeds().stdout
    }
}
