//! The kernel's lists of sockets that wait for somebody, as netlink has them: `sock_diag(7)`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;

use domain::engine::socket::Listening;
use domain::port::{ContainerPort, Protocol};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, netlink, socket_with};

/// The length of a message's head, and those of what is asked and answered behind it.
const HEAD: usize = 16;
const QUESTION: usize = 56;
const ANSWER: usize = 72;

/// Kinds of messages.
const DONE: u16 = 3;
const BY_FAMILY: u16 = 20;

/// `AF_INET` and `AF_INET6`.
const FAMILIES: [u8; 2] = [2, 10];

/// Opens what the kernel is asked by about the network in which this process is.
pub(super) fn open() -> Result<OwnedFd, Errno> {
    socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG))
}

/// Returns what is to be asked, one after another.
pub(super) fn questions(protocol: Protocol) -> [Vec<u8>; 2] {
    const REQUEST_DUMP: u16 = 1 | 0x300;
    // The number of the protocol, and the state: one that listens, and one that is connected to nobody.
    const TCP: (u8, u32) = (6, 1 << 10);
    const UDP: (u8, u32) = (17, 1 << 7);
    let (number, state) = if protocol == Protocol::Udp { UDP } else { TCP };
    FAMILIES.map(|family| {
        let mut question = Vec::with_capacity(HEAD + QUESTION);
        question.extend(72_u32.to_ne_bytes());
        question.extend(BY_FAMILY.to_ne_bytes());
        question.extend(REQUEST_DUMP.to_ne_bytes());
        // Number and sender.
        question.extend([0; 8]);
        question.extend([family, number, 0, 0]);
        question.extend(state.to_ne_bytes());
        question.resize(HEAD + QUESTION, 0);
        question
    })
}

/// Reads a part of the answer, and says whether there is more. `None` if it is none.
pub(super) fn read(mut bytes: &[u8], protocol: Protocol, found: &mut Vec<Listening>) -> Option<bool> {
    while !bytes.is_empty() {
        let length = usize::try_from(u32::from_ne_bytes(*bytes.first_chunk()?)).ok()?;
        let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
        match kind {
            DONE => return Some(false),
            BY_FAMILY => found.push(socket(bytes.get(HEAD..length)?.first_chunk()?, protocol)),
            _ => return None,
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(true)
}

/// Reads one socket: family, three bytes, port and peer's port, address, peer's, and at the end the inode.
fn socket(bytes: &[u8; ANSWER], protocol: Protocol) -> Listening {
    let [family, _, _, _, high, low, ..] = *bytes;
    let (mut four, mut six, mut inode) = ([0; 4], [0; 16], [0; 4]);
    four.copy_from_slice(&bytes[8..12]);
    six.copy_from_slice(&bytes[8..24]);
    inode.copy_from_slice(&bytes[68..72]);
    let address = if family == FAMILIES[0] {
        IpAddr::V4(Ipv4Addr::from(four))
    } else {
        IpAddr::V6(Ipv6Addr::from(six)).to_canonical()
    };
    let port = ContainerPort { number: u16::from_be_bytes([high, low]), protocol };
    Listening { port, address, inode: u32::from_ne_bytes(inode).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_or_no_answer_is_none() {
        let mut answer = vec![0; HEAD + ANSWER];
        answer[..4].copy_from_slice(&88_u32.to_ne_bytes());
        answer[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
        answer[HEAD] = 2;
        answer[HEAD + 4..HEAD + 6].copy_from_slice(&[0x15, 0x38]);
        answer[HEAD + 8..HEAD + 12].copy_from_slice(&[127, 0, 0, 1]);
        answer[HEAD + 68..].copy_from_slice(&7_u32.to_ne_bytes());
        let mut found = Vec::new();
        assert_eq!(read(&answer, Protocol::Tcp, &mut found), Some(true));
        let expected =
            Listening { port: ContainerPort::tcp(5432), address: Ipv4Addr::LOCALHOST.into(), inode: 7 };
        assert_eq!(found, [expected]);
        assert_eq!(read(&answer[..60], Protocol::Tcp, &mut found), None);
        answer[4] = 2;
        assert_eq!(read(&answer, Protocol::Tcp, &mut found), None, "an error");
        answer[4] = 3;
        assert_eq!(read(&answer, Protocol::Tcp, &mut found), Some(false));
        assert_eq!(found.len(), 1);
    }
}
