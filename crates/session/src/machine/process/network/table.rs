//! The sockets of a network that wait for somebody.

use std::fs;
use std::os::fd::OwnedFd;
use std::time::Duration;

use domain::engine::socket::{Listening, listening};
use domain::port::Protocol;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::diagnosis;

/// How long the kernel may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Those of one protocol.
#[derive(Debug)]
pub(super) struct Table {
    protocol: Protocol,
    /// The kernel, who has them at hand; in the files, they stand before all others, which takes it a while.
    kernel: Option<OwnedFd>,
    files: [String; 2],
}

impl Table {
    /// Those of the network in which a process is, and `kernel` was opened.
    pub(super) fn new(protocol: Protocol, process: u32, kernel: Option<OwnedFd>) -> Self {
        let in_time = |socket: &OwnedFd| set_socket_timeout(socket, Timeout::Recv, Some(PATIENCE)).is_ok();
        let files = ["", "6"].map(|version| format!("/proc/{process}/net/{protocol}{version}"));
        Self { protocol, kernel: kernel.filter(in_time), files }
    }

    pub(super) fn read(&mut self) -> Vec<Listening> {
        match self.kernel.as_ref().and_then(|kernel| asked(kernel, self.protocol)) {
            Some(found) => found,
            None => {
                self.kernel = None;
                let texts = self.files.iter().filter_map(|file| fs::read_to_string(file).ok());
                listening(&texts.collect::<String>())
            }
        }
    }
}

/// Asks the kernel. `None` if it does not understand.
fn asked(kernel: &OwnedFd, protocol: Protocol) -> Option<Vec<Listening>> {
    let mut found = Vec::new();
    let mut answer = vec![0; 32 * 1024];
    for question in diagnosis::questions(protocol) {
        send(kernel, &question, SendFlags::empty()).ok()?;
        let mut goes_on = true;
        while goes_on {
            let (length, _) = recv(kernel, &mut answer[..], RecvFlags::empty()).ok()?;
            goes_on = diagnosis::read(&answer[..length], protocol, &mut found)?;
        }
    }
    Some(found)
}
