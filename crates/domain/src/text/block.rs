//! A marked block in a file that is otherwise the user's.

use crate::failure::Failure;

const BEGIN: &str = "# >>> prism: written by `prism env --write`, which replaces it";
const END: &str = "# <<< prism";

/// Replaces the block of `present`, or appends one; every other byte stays as it is.
///
/// # Errors
/// The block has no end, or there is a second one: what is the user's cannot be told. Or a value has the end's line in it.
pub fn replace(present: &[u8], lines: &str) -> Result<Vec<u8>, Failure> {
    if lines.lines().any(|line| line == BEGIN || line == END) {
        return Err(Failure::new(format!("a value holds the line `{END}`, which ends prism's block")));
    }
    let block = format!("{BEGIN}\n{lines}{END}\n").into_bytes();
    let marks = marks(present);
    match marks.as_slice() {
        [] => {
            let separator: &[u8] = if present.is_empty() || present.ends_with(b"\n") { b"" } else { b"\n" };
            Ok([present, separator, &block].concat())
        }
        [Mark { start, is_begin: true, .. }, Mark { end, is_begin: false, .. }] => {
            Ok([&present[..*start], &block, &present[*end..]].concat())
        }
        [first, ..] => {
            let line = present[..first.start].split(|byte| *byte == b'\n').count();
            Err(Failure::new(format!("the block of prism that begins in line {line} is damaged"))
                .hint(format!("remove it, from `{BEGIN}` to `{END}`")))
        }
    }
}

/// Returns what is the user's of a text: all but the block.
pub fn without(present: &str) -> String {
    with(present, |_| String::new())
}

/// Returns the same with empty lines in place of the block, so that all others keep their numbers.
pub fn blanked(present: &str) -> String {
    with(present, |block| "\n".repeat(block.matches('\n').count()))
}

fn with(present: &str, instead: impl Fn(&str) -> String) -> String {
    match marks(present.as_bytes()).as_slice() {
        [Mark { start, is_begin: true, .. }, Mark { end, is_begin: false, .. }] => {
            [&present[..*start], &instead(&present[*start..*end]), &present[*end..]].concat()
        }
        _ => present.to_owned(),
    }
}

/// A line that begins or ends a block.
struct Mark {
    start: usize,
    end: usize,
    is_begin: bool,
}

fn marks(text: &[u8]) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let end = start + line.len();
        let trimmed = line.trim_ascii_end();
        if trimmed == BEGIN.as_bytes() || trimmed == END.as_bytes() {
            marks.push(Mark { start, end, is_begin: trimmed == BEGIN.as_bytes() });
        }
        start = end;
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_the_file_stays_byte_for_byte() {
        for (present, separator) in
            [(&b""[..], &b""[..]), (b"A=1\n", b""), (b"A=1", b"\n"), (b"A=1\r\n\xff\n\n", b"")]
        {
            let once = replace(present, "B=1\n").expect("appended");
            assert!(once.starts_with(&[present, separator].concat()), "{present:?}");
            assert_eq!(replace(&once, "B=1\n").expect("same"), once);
            let followed = [&once, &b"C='\r\n"[..]].concat();
            let twice = replace(&followed, "B=2\n").expect("replaced");
            let expected = String::from_utf8_lossy(&followed).replace("B=1", "B=2");
            assert_eq!(String::from_utf8_lossy(&twice), expected);
        }
    }

    #[test]
    fn what_is_around_the_block_is_the_users_and_keeps_its_lines() {
        let text = String::from_utf8(replace(b"A=1\n", "B=1\nC=1\n").expect("appended")).expect("UTF-8");
        let text = text + "D=1\n";
        assert_eq!((without(&text).as_str(), blanked(&text).as_str()), ("A=1\nD=1\n", "A=1\n\n\n\n\nD=1\n"));
    }

    #[test]
    fn a_damaged_block_is_left_alone() {
        let whole = String::from_utf8(replace(b"A=1\n", "B=1\n").expect("appended")).expect("UTF-8");
        for damaged in [whole.replace(END, ""), whole.replace(BEGIN, ""), whole.repeat(2)] {
            let error = replace(damaged.as_bytes(), "B=2\n").expect_err("damaged").to_string();
            assert!(error.contains("line 2") || error.contains("line 4"), "{error}");
        }
        assert!(replace(b"", &format!("A='\n{END}\n'\n")).is_err());
    }
}
