//! What a health check that fails says, in one line.

/// How much of it is shown.
const LENGTH: usize = 200;

/// Picks the last line in which there is something; `None` if there is none.
pub fn last_word(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    let end = line.char_indices().nth(LENGTH).map(|(end, _)| end);
    Some(end.map_or_else(|| line.to_owned(), |end| format!("{}…", &line[..end])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_tells() {
        for (text, word) in [
            ("", None),
            (" \n\r\n", None),
            ("trying\r\n/var/run:5432 - no response\r\n\n", Some("/var/run:5432 - no response")),
        ] {
            assert_eq!(last_word(text).as_deref(), word, "{text:?}");
        }
        let long = last_word(&"ü".repeat(300)).expect("a line");
        assert_eq!(long.chars().count(), 201);
    }
}
