//! Which Engine is meant, and from where its published ports are reached.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use sha2::{Digest, Sha256};

use crate::domain::environment::Environment;
use crate::domain::loopback::is_here;
use crate::domain::name::hex;
use crate::error::Failure;

const DEFAULT: &str = "unix:///var/run/docker.sock";

/// What Linux calls the process namespace that it begins with: `PROC_PID_INIT_INO` of its `proc_ns.h`.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// An Engine's address, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `unix:///path` or `tcp://host:port`.
    pub address: String,
    /// The host at which published ports are found; `None` if that is this machine's loopback.
    pub host: Option<String>,
    /// Other machines or containers, with paths of their own, may use the same Engine.
    pub shared: bool,
}

impl Endpoint {
    /// Finds the Engine as the Docker CLI does: `DOCKER_HOST`, `DOCKER_CONTEXT`, the CLI's current context,
    /// the default socket. `PRISM_HOST` says where its ports are, if that is not what the address tells.
    ///
    /// # Errors
    /// The context does not exist, or its address is of a kind that prism cannot speak to.
    pub fn discover(environment: &Environment) -> Result<Self, Failure> {
        let setting = |name: &str| {
            let entry = environment.iter().find(|(n, _)| n == name)?;
            entry.1.to_str().filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let address = match setting("DOCKER_HOST") {
            Some(host) => host,
            None => context_address(setting("DOCKER_CONFIG"), setting("DOCKER_CONTEXT"))?,
        };
        let remote = match address.split_once("://") {
            Some(("unix", path)) => {
                is_outside_this_container(Path::new(path)).then(|| "host.docker.internal".to_owned())
            }
            Some(("tcp" | "http", rest)) if setting("DOCKER_TLS_VERIFY").is_none() => {
                let host = rest.split('/').next().unwrap_or(rest);
                let host = host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']']);
                (!is_here(host, "")).then(|| host.to_owned())
            }
            _ => {
                return Err(Failure::new(format!("cannot speak to a Docker Engine at {address}"))
                    .hint("use a unix:// or a plain tcp:// address: for ssh and TLS, forward the Engine's socket (`ssh -L /tmp/docker.sock:/var/run/docker.sock HOST`) and set DOCKER_HOST=unix:///tmp/docker.sock"));
            }
        };
        let shared = remote.is_some();
        Ok(Self { host: setting("PRISM_HOST").or(remote), address, shared })
    }
}

fn context_address(directory: Option<String>, context: Option<String>) -> Result<String, Failure> {
    let directory = directory.map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".docker")));
    let Some(directory) = directory else { return Ok(DEFAULT.to_owned()) };
    let current = || {
        let configuration = fs::read(directory.join("config.json")).ok()?;
        let configuration: serde_json::Value = serde_json::from_slice(&configuration).ok()?;
        Some(configuration.get("currentContext")?.as_str()?.to_owned())
    };
    match context.or_else(current) {
        None => Ok(DEFAULT.to_owned()),
        Some(name) if name.is_empty() || name == "default" => Ok(DEFAULT.to_owned()),
        Some(name) => address_of(&directory, &name).ok_or_else(|| {
            Failure::new(format!("the Docker context `{name}` has no address"))
                .hint("`docker context ls` shows the contexts, `docker context use default` goes back")
        }),
    }
}

/// Reads a context's metadata, which the CLI keeps under the hash of the context's name.
fn address_of(directory: &Path, name: &str) -> Option<String> {
    let key = hex(&Sha256::digest(name.as_bytes()));
    let metadata = fs::read(directory.join("contexts/meta").join(key).join("meta.json")).ok()?;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).ok()?;
    Some(metadata.get("Endpoints")?.get("docker")?.get("Host")?.as_str()?.to_owned())
}

/// Says whether prism runs in a container while the Engine behind this socket runs outside of it.
///
/// A process outside our process namespace has no pid that the kernel could tell us; nothing is outside of the first
/// namespace.
fn is_outside_this_container(socket: &Path) -> bool {
    let in_container = Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists();
    let in_first_namespace =
        || fs::metadata("/proc/self/ns/pid").is_ok_and(|found| found.ino() == FIRST_PID_NAMESPACE);
    in_container
        && !in_first_namespace()
        && UnixStream::connect(socket)
            .is_ok_and(|stream| getsockopt(&stream, PeerCredentials).is_ok_and(|peer| peer.pid() == 0))
}

/// Names the user on this machine, as the label `dev-prism.owner` does.
pub fn owner() -> String {
    format!("{}@{}", nix::unistd::geteuid(), machine())
}

/// Returns what tells this machine from others: its id, else its host name.
pub fn machine() -> String {
    let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    match id.trim() {
        "" => Some(hostname()).filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned()),
        id => id.to_owned(),
    }
}

/// Returns this machine's name; nothing if it has none.
pub fn hostname() -> String {
    nix::unistd::gethostname().map_or_else(|_| String::new(), |name| name.to_string_lossy().into_owned())
}
