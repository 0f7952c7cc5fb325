//! Asking a port whether its service is ready, in the service's own protocol where prism knows it.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use domain::catalog::Probe;

const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// A server that speaks second stays silent; Docker's proxy in front of nobody hangs up sooner than this.
const SILENCE: Duration = Duration::from_millis(200);

/// How long a server that is asked may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// PostgreSQL's error code for a server that starts, recovers or shuts down.
const CANNOT_CONNECT_NOW: &[u8] = b"57P03";

/// Says whether the service behind this port answers. `user` is whom PostgreSQL is asked for: it complains of one that it
/// does not have in its log.
pub fn answers(probe: Probe, user: &str, host: &str, port: u16) -> bool {
    ask(probe, user, host, port).unwrap_or(false)
}

fn ask(probe: Probe, user: &str, host: &str, port: u16) -> std::io::Result<bool> {
    let address = (host, port).to_socket_addrs()?.next().ok_or(ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&address, CONNECT_LIMIT)?;
    stream.set_write_timeout(Some(ANSWER_LIMIT))?;
    stream.set_read_timeout(Some(if probe == Probe::Tcp { SILENCE } else { ANSWER_LIMIT }))?;
    match probe {
        Probe::Postgres => stream.write_all(&startup_message(user))?,
        // These wait for the server to speak, or to stay silent.
        Probe::Mysql | Probe::Tcp => {}
        Probe::Redis => stream.write_all(b"PING\r\n")?,
    }
    let mut answer = [0; 512];
    let length = match stream.read(&mut answer) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            return Ok(probe == Probe::Tcp);
        }
        other => other?,
    };
    let answer = &answer[..length];
    Ok(match probe {
        Probe::Tcp => !answer.is_empty(),
        // What it wants for a password, or an error that only a server that is up has.
        Probe::Postgres => {
            answer.starts_with(b"R") || error_code(answer).is_some_and(|code| code != CANNOT_CONNECT_NOW)
        }
        // The fifth byte is the protocol's version; an error packet has 255 there.
        Probe::Mysql => matches!(answer, [_, _, _, _, 9 | 10, ..]),
        Probe::Redis => !answer.is_empty() && !answer.starts_with(b"-LOADING"),
    })
}

/// PostgreSQL's `StartupMessage`: its length, the protocol's version 3.0, pairs of names and values.
fn startup_message(user: &str) -> Vec<u8> {
    let pairs = format!("user\0{user}\0database\0postgres\0application_name\0prism\0\0");
    let length = u32::try_from(8 + pairs.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), &0x0003_0000_u32.to_be_bytes(), pairs.as_bytes()].concat()
}

/// Reads the code of PostgreSQL's `ErrorResponse`: `E`, its length in four bytes, fields that a letter begins.
fn error_code(answer: &[u8]) -> Option<&[u8]> {
    let fields = answer.strip_prefix(b"E")?.get(4..)?;
    fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"C"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Serves one connection: what the server says at once, and what it says when it has been spoken to.
    fn server(greeting: &'static [u8], reply: &'static [u8]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("address").port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            stream.write_all(greeting).expect("greeting");
            if !reply.is_empty() {
                let _ = stream.read(&mut [0; 64]);
                stream.write_all(reply).expect("reply");
                let _ = stream.read(&mut [0; 64]);
            }
        });
        port
    }

    #[test]
    fn each_protocol() {
        for (probe, greeting, reply, ready) in [
            (Probe::Postgres, &b""[..], &b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"[..], true),
            (
                Probe::Postgres,
                b"",
                b"E\0\0\0\x43SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0",
                false,
            ),
            (Probe::Postgres, b"", b"E\0\0\0\x43SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry\0\0", true),
            (Probe::Postgres, b"", b"E", false),
            (Probe::Postgres, b"", b"HTTP/1.1 400 Bad Request", false),
            (Probe::Mysql, b"\x4a\0\0\0\x0a8.0", b"", true),
            (Probe::Mysql, b"\x17\0\0\x01\xff\x69\x04Host is blocked", b"", false),
            (Probe::Redis, b"", b"+PONG\r\n", true),
            (Probe::Redis, b"", b"-NOAUTH Authentication required.\r\n", true),
            (Probe::Redis, b"", b"-LOADING Redis is loading\r\n", false),
            (Probe::Tcp, b"220 hello", b"", true),
            // What Docker's proxy does when nobody listens behind it.
            (Probe::Tcp, b"", b"", false),
        ] {
            assert_eq!(
                answers(probe, "app", "127.0.0.1", server(greeting, reply)),
                ready,
                "{probe:?} {greeting:?} {reply:?}"
            );
        }
    }

    #[test]
    fn silence_means_ready_and_refusal_does_not() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("address").port();
        assert!(answers(Probe::Tcp, "", "127.0.0.1", port), "the kernel accepts, nobody speaks");
        drop(listener);
        assert!(!answers(Probe::Tcp, "", "127.0.0.1", port));
    }
}
