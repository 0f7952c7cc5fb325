//! Something at the Engine's socket that is no Engine.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

use super::within;
use crate::support::Sandbox;

/// What is answered to each request.
type Answer = fn(&mut UnixStream) -> std::io::Result<()>;

const CHUNKED: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

fn body(stream: &mut UnixStream, status: &str, body: &[u8]) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len())?;
    stream.write_all(body)
}

fn endless(stream: &mut UnixStream, piece: &[u8]) -> std::io::Result<()> {
    loop {
        stream.write_all(piece)?;
    }
}

const ANSWERS: &[(&str, Answer)] = &[
    ("nothing", |_| Ok(())),
    ("noise", |stream| endless(stream, &[0xff; 65536])),
    ("text", |stream| stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n")),
    ("endless headers", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
        endless(stream, &[b'a'; 65536])
    }),
    ("headers without end", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        endless(stream, b"X: a\r\n")
    }),
    ("endless", |stream| {
        stream.write_all(CHUNKED)?;
        let piece = b"10000\r\n".iter().copied().chain([b'['; 0x10000]).chain(*b"\r\n").collect::<Vec<u8>>();
        endless(stream, &piece)
    }),
    ("too long", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n")?;
        endless(stream, &[b' '; 65536])
    }),
    ("cut off", |stream| stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{\"Id\":")),
    ("deep", |stream| body(stream, "200 OK", &vec![b'['; 1 << 20])),
    ("null", |stream| body(stream, "200 OK", b"null")),
    ("other", |stream| body(stream, "200 OK", b"[1, {\"Id\": 7}]")),
    ("escapes", |stream| body(stream, "500 No", b"{\"message\": \"\\u001b]0;pwned\\u0007\\u202e\"}")),
    ("page", |stream| body(stream, "403 Forbidden", &vec![b'<'; 1 << 20])),
    ("redirect", |stream| {
        stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    }),
];

/// Answers whatever is asked.
fn serve(path: &PathBuf, answer: Answer) {
    let listener = UnixListener::bind(path).expect("a socket");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let mut request = [0; 8192];
                let _ = stream.read(&mut request).and_then(|_| answer(&mut stream));
            });
        }
    });
}

#[test]
fn what_is_no_engine_ends_a_verb_soon() {
    let sandbox = Sandbox::new();
    let directory = sandbox.work().join("shop");
    sandbox.write("shop/compose.yaml", "services: {web: {image: prism-test:1}}\n");
    for (at, (name, answer)) in ANSWERS.iter().enumerate() {
        let path = sandbox.root().join(format!("s{at}"));
        serve(&path, *answer);
        let host = format!("unix://{}", path.display());
        let run = |arguments: &[&str]| {
            let run = sandbox.prism(&directory, arguments).env("DOCKER_HOST", &host);
            within(Duration::from_secs(20), run)
        };
        for (arguments, status) in [
            (&["exec", "true"][..], 125),
            (&["info"], 1),
            (&["doctor"], 1),
            (&["hook", "bash", "--at-prompt"], 0),
            (&["prompt"], 0),
        ] {
            let outcome = run(arguments);
            assert_eq!(outcome.status, status, "{name} {arguments:?}: {outcome}");
            let shown = outcome.stderr.clone() + &outcome.stdout;
            assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{name}: {outcome}");
            assert!(shown.len() < 20_000, "{name} {arguments:?}: {} bytes", shown.len());
        }
    }
}
