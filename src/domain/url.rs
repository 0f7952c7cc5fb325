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

/// Writes `host:port`, with an IPv6 address in brackets.
pub fn address(host: &str, port: u16) -> String {
    if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_what_a_password_may_hold() {
        assert_eq!(encode("p@ss w/rd"), "p%40ss%20w%2Frd");
        assert_eq!(encode("a-b.c_d~é%"), "a-b.c_d~%C3%A9%25");
    }

    #[test]
    fn brackets_ipv6() {
        assert_eq!(address("::1", 80), "[::1]:80");
        assert_eq!(address("127.0.0.1", 80), "127.0.0.1:80");
    }
}
