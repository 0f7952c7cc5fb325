//! Ports of this machine: can they be bound, and who listens on them?

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use domain::engine::socket::{Listening, TABLES, listening};
use domain::port::Protocol;
use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrIn6, bind, sockopt};

/// Says whether a port can be bound at an address as Docker's proxy would, which allows for connections that only
/// linger. What cannot be known, for lack of a right or of the address, counts as yes: the Engine decides.
pub fn is_bindable(protocol: Protocol, address: IpAddr, port: u16) -> bool {
    let bound = match protocol {
        // The standard library sets SO_REUSEADDR, and listens: a socket that is bound only does not conflict.
        Protocol::Tcp => TcpListener::bind((address, port)).map(drop),
        Protocol::Udp => UdpSocket::bind((address, port)).map(drop),
        Protocol::Sctp => Ok(()),
    };
    !bound.is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
}

/// Says whether nobody has a TCP port at an address of this machine, be it without listening yet: Docker holds what it has
/// published, whoever answers there. What cannot be known counts as no.
pub fn is_unheld(address: IpAddr, port: u16) -> bool {
    // Without SO_REUSEADDR, which lets two sockets have one port until one listens.
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let Ok(socket) = socket::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None) else {
        return false;
    };
    let bound = match SocketAddr::new(address, port) {
        SocketAddr::V4(address) => bind(socket.as_raw_fd(), &SockaddrIn::from(address)),
        SocketAddr::V6(address) => bind(socket.as_raw_fd(), &SockaddrIn6::from(address)),
    };
    bound.is_ok()
}

/// Says whether somebody listens at a TCP port of this machine, without a connection: a server may count those that say
/// nothing, and close its doors to the next ones. A socket that is bound only stands in nobody's way.
pub fn is_listened(address: IpAddr, port: u16) -> bool {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let Ok(socket) = socket::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None) else {
        return false;
    };
    let bound = socket::setsockopt(&socket, sockopt::ReuseAddr, &true).and_then(|()| match address {
        IpAddr::V4(address) => bind(socket.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(address, port))),
        IpAddr::V6(address) => {
            bind(socket.as_raw_fd(), &SockaddrIn6::from(SocketAddrV6::new(address, port, 0, 0)))
        }
    });
    match bound {
        Err(Errno::EADDRINUSE) => true,
        // A port of the system's, which this user may not bind.
        Err(Errno::EACCES) => Listener::find(Protocol::Tcp, port).is_some(),
        _ => false,
    }
}

/// Says whether nobody else is found at a port of this machine, by whichever name `localhost` is resolved.
pub fn is_free(port: u16) -> bool {
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    loopback.into_iter().all(|address| is_bindable(Protocol::Tcp, address, port))
}

/// Returns the lowest port that a program without rights may bind.
pub fn first_unprivileged() -> u16 {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(1024)
}

/// A process that listens, as far as the system tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The user, by number.
    pub user: u32,
    /// Its number and name; `None` if this user may not know.
    pub process: Option<(u32, String)>,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.process {
            Some((pid, name)) => write!(f, "process {pid} (`{name}`)"),
            None => write!(f, "a process of user {}", self.user),
        }
    }
}

impl Listener {
    /// Finds whoever listens on a port; always `None` where there is no `/proc`.
    pub fn find(protocol: Protocol, port: u16) -> Option<Self> {
        let tables = [protocol.to_string(), format!("{protocol}6")];
        let (user, inode) = tables.iter().find_map(|table| {
            let text = fs::read_to_string(format!("/proc/net/{table}")).ok()?;
            waiting(&text, port, protocol == Protocol::Udp)
        })?;
        Some(Self { user, process: process_of(inode) })
    }

    /// Says whether it is Docker's proxy for some container's port.
    pub fn is_proxy(&self) -> bool {
        self.process.as_ref().is_some_and(|(_, name)| name == "docker-proxy")
    }

    /// Says whether it was started with `PRISM_SESSION` set to this session, or stands in its directory.
    pub fn is_of_session(&self, session: &str, directory: &Path) -> bool {
        let Some((pid, _)) = &self.process else { return false };
        let stands_in = fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(directory));
        let entry = format!("PRISM_SESSION={session}");
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        stands_in || environment.split(|byte| *byte == 0).any(|variable| variable == entry.as_bytes())
    }
}

/// Finds the user and inode of a socket that waits at a port, in a table of the kernel's.
fn waiting(table: &str, port: u16, is_udp: bool) -> Option<(u32, u64)> {
    const LISTEN: &str = "0A";
    const UNCONNECTED: &str = "07";
    let state = if is_udp { UNCONNECTED } else { LISTEN };
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, local) = fields.get(1)?.rsplit_once(':')?;
        let is_meant = u16::from_str_radix(local, 16) == Ok(port) && *fields.get(3)? == state;
        is_meant.then_some((fields.get(7)?.parse().ok()?, fields.get(9)?.parse().ok()?))
    })
}

fn process_of(inode: u64) -> Option<(u32, String)> {
    let link = format!("socket:[{inode}]");
    let holds = |pid: u32| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        descriptors
            .into_iter()
            .any(|entry| fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == &*link))
    };
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let pid =
        processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(|pid| holds(*pid))?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some((pid, name.trim_end().to_owned()))
}

/// Lists what waits for somebody on this machine, but for what processes of this name have there.
pub fn around(but_of: &str) -> Vec<Listening> {
    // Before and after: meanwhile, one may come or go.
    let mut held = sockets_of(but_of);
    let tables = TABLES.into_iter().filter_map(|table| fs::read_to_string(table).ok());
    let mut around = listening(&tables.collect::<String>());
    held.extend(sockets_of(but_of));
    around.retain(|it| !held.contains(&it.inode));
    around
}

/// Lists the sockets of processes of this name in this network, as far as this user may know. One that is in another
/// network may have some here, too: those lead out of this one.
pub fn sockets_of(name: &str) -> BTreeSet<u64> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let network = |process: &Path| fs::read_link(process.join("ns/net")).ok();
    let here = network(Path::new("/proc/self"));
    let is_meant = |process: &PathBuf| {
        fs::read_to_string(process.join("comm")).is_ok_and(|comm| comm.trim_end() == name)
            && network(process) == here
    };
    let descriptors = processes.filter(is_meant).filter_map(|it| fs::read_dir(it.join("fd")).ok());
    let targets = descriptors.flatten().flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    let inode = |target: PathBuf| target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok();
    targets.filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn what_others_have_bound_anywhere_cannot_be_bound() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
            let listener = TcpListener::bind(address).expect(address);
            let port = listener.local_addr().expect("address").port();
            assert!(!is_bindable(Protocol::Tcp, LOOPBACK, port), "{address}");
            drop(listener);
            assert!(is_bindable(Protocol::Tcp, LOOPBACK, port), "{address}");
        }
        let six = TcpListener::bind("[::1]:0").expect("::1");
        assert!(!is_free(six.local_addr().expect("address").port()), "`localhost` would lead there");
        let udp = UdpSocket::bind("0.0.0.0:0").expect("udp");
        assert!(!is_bindable(Protocol::Udp, LOOPBACK, udp.local_addr().expect("address").port()));
    }

    #[test]
    fn what_somebody_has_bound_is_held() {
        for address in [LOOPBACK, Ipv6Addr::LOCALHOST.into()] {
            let listener = TcpListener::bind((address, 0)).expect("a port");
            let port = listener.local_addr().expect("address").port();
            assert!(!is_unheld(address, port));
            drop(listener);
            assert!(is_unheld(address, port));
        }
        let any = TcpListener::bind("0.0.0.0:0").expect("a port");
        assert!(!is_unheld(LOOPBACK, any.local_addr().expect("address").port()));
    }

    #[test]
    fn who_listens_is_found_without_a_connection() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
            let listener = TcpListener::bind(address).expect(address);
            listener.set_nonblocking(true).expect("not to wait");
            let port = listener.local_addr().expect("address").port();
            assert!(is_listened(LOOPBACK, port), "{address}");
            assert_eq!(listener.accept().expect_err("nobody").kind(), ErrorKind::WouldBlock, "{address}");
            drop(listener);
            assert!(!is_listened(LOOPBACK, port), "{address}");
        }
    }

    #[test]
    fn connections_that_linger_do_not_count() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("address");
        let client = std::net::TcpStream::connect(address).expect("connect");
        // The side that closes first keeps the port in TIME_WAIT.
        drop(listener.accept().expect("accept"));
        drop((client, listener));
        assert!(is_bindable(Protocol::Tcp, LOOPBACK, address.port()));
    }

    #[test]
    fn the_process_that_listens_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("address").port();
        if !Path::new("/proc/net/tcp").exists() {
            assert_eq!(Listener::find(Protocol::Tcp, port), None);
            return;
        }
        // A stranger at the same port of the other protocol is not meant.
        let stranger = UdpSocket::bind(("127.0.0.1", port));
        assert_eq!(Listener::find(Protocol::Udp, port).is_some(), stranger.is_ok());
        drop(stranger);
        assert_eq!(Listener::find(Protocol::Udp, port), None);
        let found = Listener::find(Protocol::Tcp, port).expect("a listener");
        assert_eq!(found.process.as_ref().map(|(pid, _)| *pid), Some(std::process::id()));
        assert!(found.to_string().starts_with(&format!("process {} (`", std::process::id())));
        assert!(found.is_of_session("/nowhere", &std::env::current_dir().expect("cwd")));
        assert!(!found.is_of_session("/nowhere", Path::new("/nowhere")));
        assert_eq!(Listener { user: 7, process: None }.to_string(), "a process of user 7");
    }
}
