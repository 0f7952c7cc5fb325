//! UDP from inside to this machine: a socket of its own for each client, so that answers find their way back.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// So many clients are remembered; a further one takes the place of the one that was silent longest.
const CLIENTS: usize = 64;

/// The largest datagram there is.
const DATAGRAM: usize = 65_536;

/// A client inside.
struct Client {
    address: SocketAddr,
    socket: UdpSocket,
    spoke: Instant,
}

/// Passes on what comes to a socket inside, and what is answered, until that is shut down.
pub(super) fn serve(inner: &UdpSocket, outer: SocketAddr) {
    let mut clients: Vec<Client> = Vec::new();
    let mut datagram = vec![0; DATAGRAM];
    if inner.set_nonblocking(true).is_err() {
        return;
    }
    loop {
        let sockets = clients.iter().map(|client| client.socket.as_fd()).chain([inner.as_fd()]);
        let mut descriptors: Vec<PollFd> =
            sockets.map(|socket| PollFd::new(socket, PollFlags::POLLIN)).collect();
        if poll(&mut descriptors, PollTimeout::NONE).is_err() {
            continue;
        }
        let found = descriptors.last().and_then(PollFd::revents);
        if found.is_some_and(|found| found.contains(PollFlags::POLLHUP)) {
            return;
        }
        for client in &clients {
            while let Ok(length) = client.socket.recv(&mut datagram) {
                let _ = inner.send_to(&datagram[..length], client.address);
            }
        }
        loop {
            match inner.recv_from(&mut datagram) {
                Ok((length, address)) => {
                    if let Some(client) = client(&mut clients, address, outer) {
                        let _ = client.socket.send(&datagram[..length]);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
}

/// Finds a client, or takes up a new one.
fn client(clients: &mut Vec<Client>, address: SocketAddr, outer: SocketAddr) -> Option<&Client> {
    let known = clients.iter().position(|client| client.address == address);
    let at = match known {
        Some(at) => at,
        None => {
            let client = Client { address, socket: connected(outer)?, spoke: Instant::now() };
            if clients.len() >= CLIENTS {
                let silent = (0..clients.len()).min_by_key(|at| clients[*at].spoke)?;
                clients.swap_remove(silent);
            }
            clients.push(client);
            clients.len() - 1
        }
    };
    clients[at].spoke = Instant::now();
    clients.get(at)
}

fn connected(outer: SocketAddr) -> Option<UdpSocket> {
    let any: SocketAddr =
        if outer.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(outer).ok()?;
    socket.set_nonblocking(true).ok()?;
    Some(socket)
}

#[cfg(test)]
mod tests {
    use rustix::net::{Shutdown, shutdown};

    use super::*;

    #[test]
    fn it_ends_when_its_socket_is_shut_down() {
        let inner = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let there = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let (at, outer) = (inner.local_addr().expect("address"), there.local_addr().expect("address"));
        let served = inner.try_clone().expect("clone");
        let serving = std::thread::spawn(move || serve(&served, outer));
        let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
        client.send_to(b"7", at).expect("sent");
        let mut heard = [0; 8];
        assert_eq!(there.recv(&mut heard).expect("heard"), 1);
        let _ = shutdown(&inner, Shutdown::Both);
        serving.join().expect("ended");
    }
}
