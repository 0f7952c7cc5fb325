//! A Docker Engine of a test's own, which may be stopped and started.
//!
//! It has a network namespace of its own, too: a dockerd takes `docker0` and the firewall for its own, whoever else uses
//! them. Its ports are bound in there, and prism has to run in there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Run, Sandbox, docker, eventually};

/// A dockerd with nothing in it but a shell and busybox, the image `small:1`. It takes root.
#[derive(Debug)]
pub struct Dockerd {
    root: PathBuf,
    /// Keeps the network namespace while dockerd is down.
    namespace: Child,
    process: Option<Child>,
    /// Its files are on a file system of their own.
    is_mounted: bool,
}

/// Prints the files that the small image consists of, as an archive.
const FILES: &str = "tar -ch --hard-dereference /bin/sh /usr/bin/busybox $(ldd /bin/sh /usr/bin/busybox | grep -o '/lib[^ ]*' | grep -v : | sort -u)";

impl Dockerd {
    /// Starts one whose files are in the sandbox.
    ///
    /// # Panics
    /// There is no `dockerd`, or this user may not start it.
    pub fn new(sandbox: &Sandbox) -> Self {
        Self::on(sandbox, None)
    }

    /// Starts one whose files are on a file system of their own, of 1 GiB, that this program makes.
    ///
    /// # Panics
    /// As [`Dockerd::new`]; or such a file system cannot be made and mounted.
    pub fn on(sandbox: &Sandbox, make: Option<&str>) -> Self {
        let user = Command::new("id").arg("-u").output().expect("id").stdout;
        assert_eq!(user, b"0\n", "a dockerd takes root; PRISM_TEST_WITHOUT=dockerd leaves this out");
        let root = sandbox.root().join("dockerd");
        fs::create_dir(&root).expect("directory");
        if let Some(make) = make {
            mount(make, &root);
        }
        let ready = root.join("namespace");
        let hold = format!("ip link set lo up && touch '{}' && exec sleep 100000", ready.display());
        let namespace = Command::new("unshare").args(["--net", "sh", "-c", &hold]).spawn();
        let namespace = namespace.expect("unshare, and the rights of root");
        let mut dockerd = Self { root, namespace, process: None, is_mounted: make.is_some() };
        eventually("a network namespace", || ready.exists());
        dockerd.start();
        let archive = dockerd.root.join("small.tar").display().to_string();
        let pack = Command::new("docker")
            .args(["run", "--rm", "--network", "none", "prism-test:1", "sh", "-c", FILES])
            .stdout(File::create(&archive).expect("archive"))
            .status();
        assert!(pack.expect("the docker CLI").success());
        dockerd.docker(&["import", &archive, "small:1"]);
        dockerd
    }

    /// Prepares a run of a program in the namespace, with this Engine.
    pub fn command(&self, sandbox: &Sandbox, directory: &Path, words: &[&str]) -> Run {
        let enter = self.enter();
        let words = [&[enter.as_str(), "--"], words].concat();
        sandbox.command("nsenter", directory, &words).env("DOCKER_HOST", self.address())
    }

    fn enter(&self) -> String {
        format!("--net=/proc/{}/ns/net", self.namespace.id())
    }

    /// Its address, for `DOCKER_HOST`.
    pub fn address(&self) -> String {
        format!("unix://{}/socket", self.root.display())
    }

    /// Starts it.
    pub fn start(&mut self) {
        let path = |name: &str| self.root.join(name).display().to_string();
        let log = File::options().create(true).append(true).open(path("log")).expect("log");
        let started = Command::new("nsenter")
            .args([&self.enter(), "--", "dockerd", "--host", &self.address()])
            .args(["--data-root", &path("data"), "--exec-root", &path("exec"), "--pidfile", &path("pid")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.process = Some(started.expect("dockerd in PATH, and the rights of root"));
        let address = self.address();
        eventually("dockerd to answer", || {
            let mut version = Command::new("docker");
            version.args(["-H", &address, "version"]).stdout(Stdio::null()).stderr(Stdio::null());
            version.status().expect("the docker CLI").success()
        });
    }

    /// Stops it, as a shutdown of the machine would.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = Command::new("kill").arg(process.id().to_string()).status();
            let _ = process.wait();
        }
    }

    /// Runs the Docker CLI on it.
    pub fn docker(&self, arguments: &[&str]) -> String {
        docker(&[&["-H", &self.address()], arguments].concat())
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        self.stop();
        let _ = self.namespace.kill();
        let _ = self.namespace.wait();
        if self.is_mounted {
            let _ = Command::new("umount").arg("--recursive").arg(self.root.join("data")).status();
        }
    }
}

/// Makes a file system in a file, and mounts it where the Engine's files go.
fn mount(program: &str, root: &Path) {
    let (image, data) = (root.join("image"), root.join("data"));
    File::create(&image).and_then(|image| image.set_len(1 << 30)).expect("a file");
    fs::create_dir(&data).expect("directory");
    let made = Command::new(program).arg(&image).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(made.is_ok_and(|made| made.success()), "{program}: `make setup` installs it");
    let mounted = Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&data).status();
    assert!(mounted.expect("mount").success(), "a file system of its own takes root");
}
