//! What a network says of itself to the kernel, by netlink: its loopback is up, and what is another address of this machine
//! is nobody at the ports of the Compose file.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

const RTM_NEWLINK: u16 = 16;
const RTM_NEWRULE: u16 = 32;
const NLM_F_REQUEST_ACK: u16 = 1 | 4;
const NLM_F_CREATE: u16 = 0x400;

/// Attributes of a rule.
const FRA_DST: u16 = 1;
const FRA_DPORT_RANGE: u16 = 24;

/// What a rule does.
const FR_ACT_UNREACHABLE: u8 = 7;

/// Lists the addresses of the network in which this process is, other than loopback.
pub(super) fn own_addresses() -> BTreeSet<IpAddr> {
    let found = getifaddrs().into_iter().flatten().filter_map(|it| it.address);
    let addresses = found.filter_map(|it| {
        let four = it.as_sockaddr_in().map(|it| IpAddr::V4(it.ip()));
        four.or_else(|| it.as_sockaddr_in6().map(|it| IpAddr::V6(it.ip())))
    });
    addresses.filter(|it| !it.is_loopback()).collect()
}

/// Sets the device `lo` up, which is the one of index 1.
pub(super) fn raise_loopback() -> Result<(), Errno> {
    const IFF_UP: u32 = 1;
    // Family and type of the device.
    let mut body = vec![0; 4];
    body.extend(1_i32.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    ask(&open()?, RTM_NEWLINK, 0, &body)
}

/// Lets nothing go out to a port of these addresses.
pub(super) fn close(addresses: &BTreeSet<IpAddr>, ports: &BTreeSet<u16>) -> Result<(), Errno> {
    if addresses.is_empty() || ports.is_empty() {
        return Ok(());
    }
    let netlink = open()?;
    for address in addresses {
        for port in ports {
            ask(&netlink, RTM_NEWRULE, NLM_F_CREATE, &unreachable(*address, *port))?;
        }
    }
    Ok(())
}

fn unreachable(address: IpAddr, port: u16) -> Vec<u8> {
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;
    let (family, bytes) = match address {
        IpAddr::V4(address) => (AF_INET, address.octets().to_vec()),
        IpAddr::V6(address) => (AF_INET6, address.octets().to_vec()),
    };
    let bits = if family == AF_INET { 32 } else { 128 };
    // Lengths of destination and source, type of service, table, two that are nobody's, action; flags.
    let mut body = vec![family, bits, 0, 0, 0, 0, 0, FR_ACT_UNREACHABLE, 0, 0, 0, 0];
    let mut attribute = |kind: u16, value: &[u8]| {
        let length = u16::try_from(4 + value.len()).unwrap_or_default();
        body.extend(length.to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(value);
    };
    attribute(FRA_DST, &bytes);
    attribute(FRA_DPORT_RANGE, &[port.to_ne_bytes(), port.to_ne_bytes()].concat());
    body
}

fn open() -> Result<OwnedFd, Errno> {
    socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)
}

/// Has something done, and waits for the answer.
fn ask(netlink: &OwnedFd, kind: u16, flags: u16, body: &[u8]) -> Result<(), Errno> {
    let length = u32::try_from(16 + body.len()).map_err(|_| Errno::EMSGSIZE)?;
    let mut message = Vec::new();
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((NLM_F_REQUEST_ACK | flags).to_ne_bytes());
    // Sequence and port.
    message.extend([0; 8]);
    message.extend(body);
    send(netlink.as_raw_fd(), &message, MsgFlags::empty())?;
    let mut answer = [0; 256];
    let length = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    let code = answer[..length].get(16..20).and_then(|code| code.try_into().ok()).map(i32::from_ne_bytes);
    match code {
        Some(0) => Ok(()),
        code => Err(Errno::from_raw(-code.unwrap_or_default())),
    }
}
