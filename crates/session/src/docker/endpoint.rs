//! Which Engine is meant, and from where its published ports are reached.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use domain::engine::address;
use domain::engine::confinement::Confinement;
use domain::environment::Environment;
use domain::failure::Failure;
use domain::text::hash::hex;
use domain::text::loopback::is_here;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use sha2::{Digest, Sha256};

/// How to come back from a context.
const OTHER_CONTEXT: &str = "`docker context ls` shows the contexts, `docker context use default` goes back";

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
        let said = setting("DOCKER_HOST").filter(|host| !host.trim().is_empty());
        let context = match said {
            Some(_) => None,
            None => context(setting("DOCKER_CONFIG"), setting("DOCKER_CONTEXT"))?,
        };
        // As in the CLI, these say nothing of the Engine of a context; and a socket needs no TLS.
        let tls = ["DOCKER_TLS_VERIFY", "DOCKER_TLS"].into_iter().find(|name| setting(name).is_some());
        let address = match &context {
            Some(context) => context.address.clone(),
            None => address::read(said.as_deref().unwrap_or_default())?,
        };
        let remote = match address.split_once("://") {
            Some(("unix", path)) => {
                is_outside_this_container(Path::new(path)).then(|| "host.docker.internal".to_owned())
            }
            Some(("tcp" | "http", rest)) => {
                match (&context, tls) {
                    (Some(context), _) => context.check_tls()?,
                    (None, Some(tls)) => {
                        return Err(address::no_tls(
                            &address,
                            tls,
                            &format!("`unset DOCKER_HOST {tls}` uses the Engine of this machine"),
                        ));
                    }
                    (None, None) => {}
                }
                let host = rest.split('/').next().unwrap_or(rest);
                let host = host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']']);
                (!is_here(host, "")).then(|| host.to_owned())
            }
            _ => return Err(address::foreign(&address).hint(OTHER_CONTEXT)),
        };
        let shared = remote.is_some();
        Ok(Self { host: setting("PRISM_HOST").or(remote), address, shared })
    }
}

impl Endpoint {
    /// Names this machine to others that may use the same Engine, a copy of this one with the same id among them; `None`
    /// where no other machine does, or that is a container's name, new at each run.
    pub fn machine_name(&self) -> Option<String> {
        Some(hostname()).filter(|name| self.shared && !name.is_empty() && !is_in_container())
    }

    /// Says whether the process behind its socket is known to pass on what is elsewhere, or to be elsewhere itself.
    pub fn is_suspect(&self) -> bool {
        self.peer().is_some_and(|peer| peer.is_tunnel() || peer.has_other_network())
    }

    /// Finds the process behind its socket.
    pub(super) fn peer(&self) -> Option<Peer> {
        Peer::of(Path::new(self.address.strip_prefix("unix://")?))
    }
}

/// The process at the other end of a socket.
pub(super) struct Peer(i32);

impl Peer {
    fn of(socket: &Path) -> Option<Self> {
        let stream = UnixStream::connect(socket).ok()?;
        getsockopt(&stream, PeerCredentials).ok().map(|peer| Self(peer.pid()))
    }

    /// Says whether it passes on what somebody far away answers.
    pub(super) fn is_tunnel(&self) -> bool {
        let name = fs::read_to_string(format!("/proc/{}/comm", self.0)).unwrap_or_default();
        ["ssh", "sshd", "sshd-session", "socat"].contains(&name.trim())
    }

    /// Says whether it is known to have another network than prism, and so other ports.
    pub(super) fn has_other_network(&self) -> bool {
        let network = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
        network(&self.0.to_string()).is_some_and(|its| network("self").is_some_and(|ours| ours != its))
    }
}

/// What the Docker CLI keeps of an Engine under a name.
struct DockerContext {
    name: String,
    address: String,
    wants_tls: bool,
}

impl DockerContext {
    fn check_tls(&self) -> Result<(), Failure> {
        if !self.wants_tls {
            return Ok(());
        }
        let said_by = format!("the Docker context `{}`", self.name);
        Err(address::no_tls(&self.address, &said_by, OTHER_CONTEXT))
    }
}

/// Finds the context that is meant; `None` if that is the default one.
fn context(directory: Option<String>, named: Option<String>) -> Result<Option<DockerContext>, Failure> {
    let directory = directory.map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".docker")));
    let Some(directory) = directory else { return Ok(None) };
    let current = || {
        let configuration = fs::read(directory.join("config.json")).ok()?;
        let configuration: serde_json::Value = serde_json::from_slice(&configuration).ok()?;
        Some(configuration.get("currentContext")?.as_str()?.to_owned())
    };
    match named.or_else(current) {
        None => Ok(None),
        Some(name) if name.is_empty() || name == "default" => Ok(None),
        Some(name) => read_context(&directory, &name).map(Some).ok_or_else(|| {
            Failure::new(format!("the Docker context `{name}` has no address")).hint(OTHER_CONTEXT)
        }),
    }
}

/// Reads a context's metadata, which the CLI keeps under the hash of the context's name; certificates beside it ask for
/// TLS, and so does leaving out to verify them.
fn read_context(directory: &Path, name: &str) -> Option<DockerContext> {
    let key = hex(&Sha256::digest(name.as_bytes()));
    let metadata = fs::read(directory.join("contexts/meta").join(&key).join("meta.json")).ok()?;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).ok()?;
    let endpoint = metadata.get("Endpoints")?.get("docker")?;
    let has_certificates = || {
        let mut files = fs::read_dir(directory.join("contexts/tls").join(&key).join("docker")).ok()?;
        files.next()
    };
    let skips = endpoint.get("SkipTLSVerify").and_then(serde_json::Value::as_bool);
    Some(DockerContext {
        name: name.to_owned(),
        address: endpoint.get("Host")?.as_str()?.to_owned(),
        wants_tls: skips == Some(true) || has_certificates().is_some(),
    })
}

/// Says whether prism runs in a container while the Engine behind this socket runs outside of it.
///
/// A process outside our process namespace has no pid that the kernel could tell us; nothing is outside of the first
/// namespace.
fn is_outside_this_container(socket: &Path) -> bool {
    is_in_container() && Peer::of(socket).is_some_and(|peer| peer.0 == 0)
}

fn is_in_container() -> bool {
    let is_marked = Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists();
    let in_first_namespace =
        || fs::metadata("/proc/self/ns/pid").is_ok_and(|found| found.ino() == FIRST_PID_NAMESPACE);
    is_marked && !in_first_namespace()
}

/// Reads what this container is made of; `None` outside of one.
fn confinement() -> Option<Confinement> {
    is_in_container()
        .then(|| Confinement::read(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default()))
}

/// Says whether a directory goes with the container that prism runs in.
pub fn is_of_container(directory: &Path) -> bool {
    confinement().is_some_and(|confinement| confinement.is_own(directory))
}

/// Says whether a path is known to mean the same at an Engine outside of this container.
pub fn is_same_outside(path: &Path) -> bool {
    confinement().is_some_and(|confinement| confinement.is_same_outside(path))
}

/// Returns the address at which this container finds the machine that it runs on: its default gateway, which the kernel
/// writes backwards.
pub fn gateway() -> Option<Ipv4Addr> {
    let routes = is_in_container().then(|| fs::read_to_string("/proc/net/route").ok())??;
    let mut routes = routes.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let default = routes.find(|fields| fields.get(1) == Some(&"00000000"))?;
    let gateway = u32::from_str_radix(default.get(2)?, 16).ok().filter(|gateway| *gateway != 0)?;
    Some(Ipv4Addr::from(gateway.swap_bytes()))
}

/// Names the user on this machine, as the label `dev-prism.owner` of a session of `directory` does.
pub fn owner_at(directory: &Path) -> String {
    format!("{}@{}", nix::unistd::geteuid(), machine_at(directory))
}

/// Returns what tells this machine from others, seen from a directory: its id, else its host name. A container's id may
/// be its image's, and its name is new at each run.
pub fn machine_at(directory: &Path) -> String {
    if let Some(confinement) = confinement() {
        return confinement.machine_at(directory, &hostname());
    }
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
