//! Percent-encoding for the parts of a URL.

use std::fmt::Write;
use std::net::Ipv6Addr;

/// Encodes everything but RFC 3986's unreserved characters, so that any parser finds the part whole.
pub fn encode(part: &str) -> String {
    let mut encoded = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

/// Says whether a text has a parameter whose name speaks of a secret, as in `?password=x` and `Pwd=x;`.
pub fn has_secret_parameter(text: &str) -> bool {
    const WORDS: [&str; 7] = ["pass", "password", "passwd", "pwd", "secret", "token", "key"];
    let lower = text.to_ascii_lowercase();
    let mut names = lower.split('=').map(str::trim_end);
    // What follows the last `=` is no name.
    let last = names.next_back();
    last.is_some() && names.any(|before| WORDS.iter().any(|word| before.ends_with(word)))
}

/// Writes `host:port`, with an IPv6 address in brackets.
pub fn address(host: &str, port: u16) -> String {
    if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Writes an absolute path as a URL.
pub fn of_file(path: &str) -> String {
    let parts: Vec<String> = path.split('/').map(encode).collect();
    format!("file://{}", parts.join("/"))
}

/// Returns where what is bound at an address is reached: an unspecified one cannot be connected to everywhere.
pub fn reachable(host_ip: &str) -> String {
    match host_ip {
        "" | "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" => "::1".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_whatever_is_in_it() {
        assert_eq!(of_file("/w/a b/#1?x%20"), "file:///w/a%20b/%231%3Fx%2520");
    }

    #[test]
    fn encodes_what_a_password_may_hold() {
        assert_eq!(encode("p@ss w/rd"), "p%40ss%20w%2Frd");
        assert_eq!(encode("a-b.c_d~é%"), "a-b.c_d~%C3%A9%25");
    }

    #[test]
    fn a_parameter_may_hold_a_secret() {
        for (text, expected) in [
            ("redis://h:1?password=x", true),
            ("Host=h;Password = x;Port=1", true),
            ("host=h password=x dbname=y", true),
            ("https://h/1?api_key=x", true),
            ("h:1,Pwd=x", true),
            ("postgres://h/password", false),
            ("host=h dbname=pass", false),
        ] {
            assert_eq!(has_secret_parameter(text), expected, "{text}");
        }
    }

    #[test]
    fn brackets_ipv6() {
        assert_eq!(address("::1", 80), "[::1]:80");
        assert_eq!(address("127.0.0.1", 80), "127.0.0.1:80");
    }
}
