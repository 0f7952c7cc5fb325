//! A table of references, of a repository that has them in such (`extensions.refStorage=reftable`), as far as those beside
//! `HEAD` go: they are the first ones (`Documentation/technical/reftable`, of git).

/// What a reference is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// It was deleted: an older table's is none any more.
    Deleted,
    /// Hexadecimal digits of a commit.
    Commit(String),
    /// Another reference's name.
    Symbolic(String),
}

/// The size of the numbers of commits by the hash of a version 2 table: `sha1` or `s256`.
const SHA256: &[u8] = b"s256";

/// Lists the references of a table that are beside `HEAD`, and `HEAD`; what is no table has none.
pub fn roots(table: &[u8]) -> Vec<(String, Root)> {
    let mut found = Vec::new();
    let _ = read(table, &mut found);
    found
}

fn read(table: &[u8], found: &mut Vec<(String, Root)>) -> Option<()> {
    let (header, id_size) = match (table.get(..4)?, table.get(4)?) {
        (b"REFT", 1) => (24, 20),
        (b"REFT", 2) => (28, if table.get(24..28)? == SHA256 { 32 } else { 20 }),
        _ => return None,
    };
    let block_size = number(table.get(5..8)?);
    let mut start = 0;
    let mut at = header;
    loop {
        let [b'r', length @ ..] = table.get(at..at + 4)? else { return None };
        let end = start + number(length);
        let block = table.get(..end)?;
        // Behind the records are the places where some of them begin, and how many of these there are.
        let restarts = number(block.get(end.checked_sub(2)?..)?);
        let last = end.checked_sub(2 + 3 * restarts)?;
        let mut records = Records { bytes: block.get(..last)?, at: at + 4, id_size, name: Vec::new() };
        while records.at < last {
            let (name, root) = records.next()?;
            // From here on, there are none.
            if name.contains('/') {
                return Some(());
            }
            found.push((name, root));
        }
        start = if block_size == 0 { end } else { end.div_ceil(block_size) * block_size };
        at = start;
    }
}

struct Records<'t> {
    bytes: &'t [u8],
    at: usize,
    id_size: usize,
    /// The name before, of which the next one has a beginning.
    name: Vec<u8>,
}

impl<'t> Records<'t> {
    fn next(&mut self) -> Option<(String, Root)> {
        let shared = self.varint()?;
        let rest = self.varint()?;
        let suffix = self.take(rest >> 3)?;
        self.name.truncate(shared);
        self.name.extend_from_slice(suffix);
        let _ = self.varint()?;
        let root = match rest & 7 {
            0 => Root::Deleted,
            // The second number is that of what a tag means.
            kind @ (1 | 2) => {
                let id = self.take(self.id_size * kind)?.get(..self.id_size)?;
                Root::Commit(crate::text::hash::hex(id))
            }
            3 => {
                let length = self.varint()?;
                Root::Symbolic(String::from_utf8_lossy(self.take(length)?).into_owned())
            }
            _ => return None,
        };
        Some((String::from_utf8_lossy(&self.name).into_owned(), root))
    }

    fn take(&mut self, length: usize) -> Option<&'t [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    /// Reads a number of seven bits a byte, as packs have them: each further byte counts from one on.
    fn varint(&mut self) -> Option<usize> {
        let mut byte = *self.take(1)?.first()?;
        let mut value = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = *self.take(1)?.first()?;
            value = value.checked_add(1)?.checked_mul(128)? | usize::from(byte & 0x7f);
        }
        Some(value)
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As git 2.47 writes them for a worktree.
    const TABLES: [&[u8]; 2] = [
        b"REFT\x01\0\x10\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x03r\0\0\x5b\0\x23HEAD\0\x0frefs/heads/feat\0\x49ORIG_HEAD\x01\
          \x6a\x62\x8b\x20\xb8\x2f\xd4\x19\x57\x9b\x44\x7c\xd2\x82\xb5\xc1\xb5\x54\x20\xbf\0\0\x1c\0\0\x33\0\x02g",
        b"REFT\x01\0\x10\0\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x05r\0\0\x5d\0\x39MY_HEAD\x01\
          \x6a\x62\x8b\x20\xb8\x2f\xd4\x19\x57\x9b\x44\x7c\xd2\x82\xb5\xc1\xb5\x54\x20\xbf\0\x21SAVE\0\
          \x6a\x62\x8b\x20\xb8\x2f\xd4\x19\x57\x9b\x44\x7c\xd2\x82\xb5\xc1\xb5\x54\x20\xbf\0\0\x1c\0\0\x3a\0\x02REFT",
    ];

    #[test]
    fn the_first_ones_are_read() {
        let commit = || Root::Commit("6a628b20b82fd419579b447cd282b5c1b55420bf".to_owned());
        let named = |name: &str, root: Root| (name.to_owned(), root);
        assert_eq!(
            roots(TABLES[0]),
            [named("HEAD", Root::Symbolic("refs/heads/feat".to_owned())), named("ORIG_HEAD", commit())]
        );
        assert_eq!(roots(TABLES[1]), [named("MY_HEAD", commit()), named("SAVE", commit())]);
    }

    #[test]
    fn what_is_cut_off_or_no_table_is_read_as_far_as_it_goes() {
        for table in TABLES {
            for length in 0..table.len() {
                assert!(roots(&table[..length]).len() <= 2);
            }
        }
        assert_eq!(roots(b"REFTABLE"), []);
    }
}
