//! `DOCKER_HOST`, read as the Docker CLI reads it (`opts/hosts.go`), as far as prism can speak to what it names.

use crate::failure::Failure;
use crate::text::word::word;

/// Where an Engine is if nothing says so.
pub const DEFAULT: &str = "unix:///var/run/docker.sock";

/// The host and the port that a `tcp://` address may leave out.
const HOST: &str = "localhost";
const PORT: &str = "2375";

/// Returns the address that a `DOCKER_HOST` means: `unix:///path` or `tcp://host:port`.
///
/// # Errors
/// The CLI refuses it, or prism cannot speak to such.
pub fn read(given: &str) -> Result<String, Failure> {
    let given = given.trim();
    if given.is_empty() {
        return Ok(DEFAULT.to_owned());
    }
    if given.starts_with('/') {
        return Err(Failure::new(format!("DOCKER_HOST is a path without a scheme: `{given}`"))
            .hint(format!("`export DOCKER_HOST={}`", word(format_args!("unix://{given}")))));
    }
    match given.split_once("://").unwrap_or(("tcp", given)) {
        ("unix", "") => Ok(DEFAULT.to_owned()),
        ("unix", path) => {
            Ok(format!("unix://{}", path.strip_prefix("unix://").unwrap_or(path)))
        }
        ("tcp", rest) => tcp(given, rest),
        ("ssh", rest) => Err(foreign(given).hint(format!(
            "`unset DOCKER_HOST` uses the Engine of this machine; on the other one, `ssh {}`, prism runs as here",
            rest.split('/').next().unwrap_or(rest)
        ))),
        _ => Err(foreign(given).hint("`unset DOCKER_HOST` uses the Engine of this machine")),
    }
}

/// Fails for an Engine that wants TLS: plain HTTP to such a port is no answer, and no question either.
pub fn no_tls(address: &str, said_by: &str, way_out: &str) -> Failure {
    Failure::new(format!(
        "{said_by} asks for TLS with the Docker Engine at {address}, which prism does not speak"
    ))
    .hint(way_out.to_owned())
}

/// Says that an address is of another kind.
pub fn foreign(address: &str) -> Failure {
    Failure::new(format!(
        "cannot speak to a Docker Engine at {address}: prism knows unix:// and tcp:// without TLS"
    ))
}

fn tcp(given: &str, rest: &str) -> Result<String, Failure> {
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !path.is_empty() {
        return Err(
            foreign(given).hint("leave the path away, as in `export DOCKER_HOST=tcp://127.0.0.1:2375`")
        );
    }
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let (host, port) = match place.rsplit_once(':') {
        // Of an IPv6 address without brackets, all of it is the host.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port),
        _ => (place, ""),
    };
    let host = host.trim_matches(['[', ']']);
    let host = if host.is_empty() { HOST } else { host };
    let port = if port.is_empty() { PORT } else { port };
    if port.parse::<u16>().is_err() {
        return Err(Failure::new(format!("DOCKER_HOST is `{given}`, and `{port}` is no port"))
            .hint("say it as in `export DOCKER_HOST=tcp://127.0.0.1:2375`"));
    }
    Ok(if host.contains(':') { format!("tcp://[{host}]:{port}") } else { format!("tcp://{host}:{port}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_docker_cli_reads_them() {
        // Each was given to docker 28.2.2, whose message says what it made of it.
        for (given, expected) in [
            ("localhost:1", "tcp://localhost:1"),
            ("tcp://localhost", "tcp://localhost:2375"),
            ("tcp://localhost:", "tcp://localhost:2375"),
            ("tcp://localhost/", "tcp://localhost:2375"),
            ("tcp://", "tcp://localhost:2375"),
            ("localhost", "tcp://localhost:2375"),
            ("tcp://:1", "tcp://localhost:1"),
            ("[::1]:1", "tcp://[::1]:1"),
            ("[::1]", "tcp://[::1]:2375"),
            ("::1", "tcp://[::1]:2375"),
            ("tcp://u@localhost:1", "tcp://localhost:1"),
            ("tcp://localhost?x", "tcp://localhost:2375"),
            ("unix://", DEFAULT),
            ("", DEFAULT),
            (" ", DEFAULT),
            (" unix:///run/x.sock ", "unix:///run/x.sock"),
            ("unix://unix:///x", "unix:///x"),
        ] {
            assert_eq!(read(given).expect(given), expected, "{given}");
        }
        for given in [
            "http://localhost:1",
            "https://localhost:1",
            "TCP://localhost:1",
            "fd://",
            "npipe:////./pipe/docker_engine",
            "ssh://me@there",
            "tcp://localhost:1/x",
            "/var/run/docker.sock",
            "tcp://localhost:99999",
            "tcp://localhost:x",
        ] {
            assert!(read(given).is_err(), "{given}");
        }
    }
}
