//! The floor of the performance table: the least that a program can do which asks the Engine what a warm `prism exec`
//! asks, and becomes a command. Built by `benches/run` with plain `rustc`; nothing is parsed that need not be.
//!
//! Usage: `floor SOCKET SESSION_DIR CMD ARGS…`. Inspects every container of the session, all at once.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;

/// Sends a request without waiting for the answer.
fn ask(socket: &str, path: &str) -> UnixStream {
    let mut stream = UnixStream::connect(socket).expect("the Engine's socket");
    let request = format!("GET {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("request");
    stream
}

fn answer(mut stream: UnixStream) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32 * 1024);
    stream.read_to_end(&mut bytes).expect("answer");
    bytes
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (socket, directory) = (arguments.next().expect("SOCKET"), arguments.next().expect("SESSION_DIR"));
    let filters = format!("%7B%22label%22%3A%5B%22dev-prism.session_id%3D{directory}%22%5D%7D");
    let list = answer(ask(&socket, &format!("/v1.44/containers/json?all=true&filters={filters}")));
    let list = String::from_utf8_lossy(&list);
    let ids = list.split("\"Id\":\"").skip(1).map(|rest| &rest[..64]);
    let asked: Vec<UnixStream> =
        ids.map(|id| ask(&socket, &format!("/v1.44/containers/{id}/json"))).collect();
    let length: usize = asked.into_iter().map(|stream| answer(stream).len()).sum();
    assert!(length > 0, "no container of {directory}");
    let error = std::process::Command::new(arguments.next().expect("CMD")).args(arguments).exec();
    panic!("{error}");
}
