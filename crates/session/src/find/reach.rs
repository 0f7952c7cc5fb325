//! Whether the ports that an Engine publishes are this machine's: a socket that is forwarded from another machine looks
//! like a local one, and behind the same numbers here may be somebody else's database.
//!
//! What an Engine of another name or kernel publishes is believed to be here once it was seen to come: nobody had the
//! ports before the start, somebody has them after it. That is noted down in the runtime directory for as long as the
//! socket is the same, so that the warm path asks for nothing.

use std::fs;
use std::net::{IpAddr, ToSocketAddrs};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use domain::engine::container::Container;
use domain::failure::Failure;
use domain::identity::name::SessionId;
use domain::port::reservation::Slot;
use domain::stack::header::Header;
use domain::text::hash::short_hash;

use crate::docker::{self, Endpoint, Engine, Locality};
use crate::machine::process::{identity, network};
use crate::machine::{files, listen, lock};

/// How long the Engine's list may lag behind what is.
pub const LIST_LAG: Duration = Duration::from_secs(1);

/// How often it is asked meanwhile.
pub const LIST_POLL: Duration = Duration::from_millis(20);

/// What is noted down of an Engine whose ports are here.
const HERE: &str = "here";

/// What is noted down where nobody had the ports, by the prism that is to see them come.
fn free() -> String {
    format!("free {}", identity::own())
}

/// Checks that the host at which ports are to be found is one: what has no such name would be waited for in vain.
///
/// # Errors
/// Nobody knows that name here.
pub fn check_name(endpoint: &Endpoint) -> Result<(), Failure> {
    let Some(host) = &endpoint.host else { return Ok(()) };
    if (host.as_str(), 0).to_socket_addrs().is_ok_and(|mut found| found.next().is_some()) {
        return Ok(());
    }
    let what = format!(
        "ports of the Docker Engine at {} would be found at `{host}`, and nobody knows that name here",
        endpoint.address
    );
    Err(Failure::new(what).hint(match docker::gateway() {
        Some(gateway) => format!(
            "`export PRISM_HOST={gateway}` names the machine as this container finds it; or run the container with `--add-host host.docker.internal:host-gateway`"
        ),
        None => "say where they are: `export PRISM_HOST=ADDRESS`".to_owned(),
    }))
}

/// Looks at this machine before something is started on an Engine: `taken` is a reserved port that somebody here has,
/// `runs` says that containers of the session run already.
///
/// # Errors
/// The Engine is another machine's, as far as can be known, and the port is not its.
pub fn before_start(
    endpoint: &Endpoint,
    place: Locality,
    taken: Option<(&Slot, u16)>,
    runs: bool,
) -> anyhow::Result<()> {
    if !is_local(endpoint) {
        return Ok(());
    }
    let noted = noted(endpoint);
    match place {
        Locality::Elsewhere if noted.as_deref() == Some(HERE) => Ok(()),
        Locality::Elsewhere => {
            if let Some((slot, port)) = taken {
                return Err(Failure::new(format!(
                    "the Docker Engine at {} is of another machine: {slot} would have its port {port} there, and somebody else has it here",
                    endpoint.address
                ))
                .hint(WAYS_OUT)
                .into());
            }
            if !runs {
                note(endpoint, &free())?;
            }
            Ok(())
        }
        Locality::Here | Locality::Rootless | Locality::Machine => note(endpoint, HERE),
    }
}

/// Looks again, for so long at most, as the Engine's list has ports that nobody has: it lags behind a container that has just
/// ended.
pub fn settled(
    engine: &mut Engine,
    session: &SessionId,
    mut containers: Vec<Container>,
    lag: Duration,
) -> anyhow::Result<Vec<Container>> {
    let deadline = Instant::now() + lag;
    while lags(engine, &containers) && Instant::now() < deadline {
        std::thread::park_timeout(LIST_POLL);
        containers = engine.session(session)?;
    }
    Ok(containers)
}

/// Says whether a list has ports that nobody has.
pub fn lags(engine: &Engine, containers: &[Container]) -> bool {
    is_local(engine.endpoint()) && containers.iter().any(|container| absent_port(container).is_some())
}

/// Says whether a list still has ports that nobody has, of an Engine whose ports were seen to be here: something is being
/// stopped or made anew, and its next list will say what.
pub fn is_behind(engine: &Engine, containers: &[Container]) -> bool {
    lags(engine, containers) && noted(engine.endpoint()).as_deref() == Some(HERE)
}

/// Says whether ports are to be found at this machine's loopback.
fn is_local(endpoint: &Endpoint) -> bool {
    endpoint.host.is_none() && !endpoint.shared
}

/// Finds a port that a container is said to have on this machine, and nobody has.
fn absent_port(container: &Container) -> Option<u16> {
    let bindings = container.live_bindings().iter().filter(|binding| binding.container.is_tcp());
    let mut absent = bindings.filter(|binding| is_absent(&binding.host_ip, binding.host_port));
    absent.next().map(|binding| binding.host_port)
}

/// Checks that what containers publish on the loopback is found on this machine, and is theirs.
///
/// # Errors
/// It is not, or that cannot be known.
pub fn check(engine: &Engine, header: Option<&Header>, containers: &[Container]) -> anyhow::Result<()> {
    let endpoint = engine.endpoint();
    if !is_local(endpoint) {
        return Ok(());
    }
    if let Some((container, port)) = containers.iter().find_map(|it| Some((it, absent_port(it)?))) {
        forget(endpoint);
        return Err(absent(endpoint, container, port).into());
    }
    let is_published = |it: &Container| it.live_bindings().iter().any(|binding| binding.container.is_tcp());
    if !containers.iter().any(is_published) {
        return Ok(());
    }
    match noted(endpoint).as_deref() {
        Some(HERE) => Ok(()),
        Some(noted) if noted == free() => note(endpoint, HERE),
        // Another socket of the Engine that was looked at when these were started.
        _ if is_as_started(header, containers) && !endpoint.is_suspect() => note(endpoint, HERE),
        _ if engine.place()? == Locality::Elsewhere => Err(Failure::new(format!(
            "the Docker Engine at {} is of another machine, as its name and kernel say, and the ports of what runs there may be somebody else's here",
            endpoint.address
        ))
        .hint(WAYS_OUT)
            .hint_there(format!("{WAYS_OUT}; if they are forwarded, `prism stop`, and the next start sees them come"))
        .into()),
        _ => note(endpoint, HERE),
    }
}

/// Says whether containers are those of the last start here, by ids that no two Engines share.
fn is_as_started(header: Option<&Header>, containers: &[Container]) -> bool {
    header.is_some_and(|header| containers.iter().any(|container| header.inspected.contains(&container.id)))
}

/// Says whether nobody has a port of this machine's loopback. Of other addresses nothing is known.
pub fn is_absent(host: &str, port: u16) -> bool {
    let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() else { return false };
    let loopback: IpAddr = match address {
        IpAddr::V4(address) if address.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    loopback.is_loopback() && listen::is_unheld(loopback, port)
}

/// Says that a published port is not on this machine.
pub fn absent(endpoint: &Endpoint, container: &Container, port: u16) -> Failure {
    Failure::new(format!(
        "the Docker Engine at {} publishes ports elsewhere: nobody has port {port} of service `{}` on this machine",
        endpoint.address, container.service
    ))
    .hint_there(format!("`prism compose down` removes what runs there, with `--volumes` also its data; {WAYS_OUT}"))
    .hint(WAYS_OUT)
}

/// Says that ports which are shown are not this machine's.
pub fn doubt(engine: &Engine, containers: &[Container]) -> Option<String> {
    let error = check(engine, None, containers).err()?;
    Some(format!("these ports may not be this machine's: {error}"))
}

/// What can be done where the Engine is not this machine's.
const WAYS_OUT: &str = "use this machine's Engine (`unset DOCKER_HOST`, `docker context use default`), or say where the ports are: `export PRISM_HOST=HOST`";

/// What is noted down is of this very socket, as a forwarded one is made anew each time, and of this network.
fn path(endpoint: &Endpoint) -> Option<PathBuf> {
    let found = fs::metadata(endpoint.address.strip_prefix("unix://")?).ok()?;
    let network = network::home();
    let socket = format!(
        "{} {} {} {} {} {}",
        endpoint.address,
        network.to_string_lossy(),
        found.dev(),
        found.ino(),
        found.ctime(),
        found.ctime_nsec()
    );
    Some(lock::directory().ok()?.join(format!("engine-{}", short_hash(socket.as_bytes()))))
}

fn noted(endpoint: &Endpoint) -> Option<String> {
    String::from_utf8(files::read(&path(endpoint)?).ok()??).ok()
}

fn note(endpoint: &Endpoint, text: &str) -> anyhow::Result<()> {
    if let Some(path) = path(endpoint).filter(|_| noted(endpoint).as_deref() != Some(text)) {
        fs::write(path, text)?;
    }
    Ok(())
}

fn forget(endpoint: &Endpoint) {
    if let Some(path) = path(endpoint) {
        let _ = fs::remove_file(path);
    }
}
