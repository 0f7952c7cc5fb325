//! Short names for contents: digits of a SHA-256.

use sha2::{Digest, Sha256};

/// Returns the first 8 hexadecimal digits of the SHA-256 of `bytes`.
pub fn short_hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..4])
}

/// Returns the first 16 hexadecimal digits of the SHA-256 of `bytes`: enough to notice a change.
pub fn content_hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..8])
}

/// Returns a number that these texts, in this order, always give: the first 8 bytes of their SHA-256, big-endian.
pub fn number_of(texts: &[&str]) -> u64 {
    let digest = Sha256::digest(texts.join("\0").as_bytes());
    digest[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Returns `bytes` as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_sha256() {
        assert_eq!(short_hash(b""), "e3b0c442");
        assert_eq!(content_hash(b"abc"), "ba7816bf8f01cfea");
    }
}
