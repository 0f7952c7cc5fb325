//! Two connections that are one: what comes from either goes to the other, until both have ended.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

/// What is read at once, and what the threads of a connection may need beside it.
const BLOCK: usize = 64 * 1024;
const STACK: usize = 64 * 1024;

/// Does something beside everything else. A connection that finds no thread is closed with it.
pub(super) fn beside(work: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
    thread::Builder::new().stack_size(STACK).spawn(work).ok()
}

/// Passes on what comes from either, to the end of both. One that is reset resets the other.
pub(super) fn join(one: TcpStream, other: TcpStream) {
    let _ = one.set_nodelay(true);
    let _ = other.set_nodelay(true);
    let pair = Arc::new(Pair { one, other, is_broken: AtomicBool::new(false) });
    let there = Arc::clone(&pair);
    let Some(back) = beside(move || there.pass(&there.other, &there.one)) else {
        return refuse(&pair.one);
    };
    pair.pass(&pair.one, &pair.other);
    let _ = back.join();
}

/// Two ends, and whether either was reset.
struct Pair {
    one: TcpStream,
    other: TcpStream,
    is_broken: AtomicBool,
}

impl Pair {
    /// Passes on one way. The end of it is only an end of this way.
    fn pass(&self, mut from: &TcpStream, mut to: &TcpStream) {
        let mut block = vec![0; BLOCK];
        loop {
            match from.read(&mut block) {
                Ok(0) if self.is_broken.load(Ordering::Relaxed) => return,
                Ok(0) => {
                    let _ = to.shutdown(Shutdown::Write);
                    return;
                }
                Ok(length) if to.write_all(&block[..length]).is_ok() => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                _ => return self.break_off(),
            }
        }
    }

    /// Lets both be reset when both ways are left, and has the other one left: to read no more tells nobody anything.
    fn break_off(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
        for stream in [&self.one, &self.other] {
            refuse(stream);
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
}

/// Lets a connection end by a reset, as one does that nobody accepts.
pub(super) fn refuse(connection: &TcpStream) {
    let _ = set_socket_linger(connection, Some(Duration::ZERO));
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let one = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
        (one, listener.accept().expect("accept").0)
    }

    #[test]
    fn an_end_is_passed_on_and_the_answer_comes_after_it() {
        let ((mut client, here), (there, mut server)) = (pair(), pair());
        let joined = thread::spawn(move || join(here, there));
        let question = vec![7; 3 * BLOCK + 1];
        let asked = question.clone();
        let mut asking = client.try_clone().expect("clone");
        let asking = thread::spawn(move || {
            asking.write_all(&asked).expect("write");
            asking.shutdown(Shutdown::Write).expect("shutdown");
        });
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).expect("read");
        assert!(heard == question);
        server.write_all(b"answer").expect("write");
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("read");
        assert_eq!(answer, "answer");
        asking.join().expect("asked");
        joined.join().expect("joined");
    }

    #[test]
    fn a_reset_is_one_at_the_other_end_too() {
        let ((mut client, here), (there, server)) = (pair(), pair());
        let joined = thread::spawn(move || join(here, there));
        refuse(&server);
        drop(server);
        let error = client.read(&mut [0; 1]).expect_err("a reset");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        joined.join().expect("joined");
    }
}
