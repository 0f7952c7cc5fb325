//! Text of others, shown to people: names, labels, and what Compose, git and containers write.

/// What is shown in place of a character that a terminal would obey.
const REPLACEMENT: char = '\u{fffd}';

/// Makes a text safe to show in one line: nothing in it moves the cursor, colours, or turns the direction of what follows.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if is_obeyed(c) { REPLACEMENT } else { c }).collect()
}

/// Makes a text safe to show, whose lines and tabs stay.
pub fn clean_lines(text: &str) -> String {
    text.chars().map(|c| if is_obeyed(c) && c != '\n' && c != '\t' { REPLACEMENT } else { c }).collect()
}

/// Controls, and Unicode's marks that reorder what is read.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_it_is_obeyed() {
        for (text, expected) in [
            ("plain ünï \u{1f600}", "plain ünï \u{1f600}"),
            ("\u{1b}]0;title\u{7}", "\u{fffd}]0;title\u{fffd}"),
            ("a\r\u{8}b\u{9b}2J\u{7f}", "a\u{fffd}\u{fffd}b\u{fffd}2J\u{fffd}"),
            ("txt.\u{202e}gpj", "txt.\u{fffd}gpj"),
        ] {
            assert_eq!(
                (clean(text), clean_lines(text)),
                (expected.to_owned(), expected.to_owned()),
                "{text:?}"
            );
        }
        assert_eq!(
            (clean("a\n\tb").as_str(), clean_lines("a\n\tb").as_str()),
            ("a\u{fffd}\u{fffd}b", "a\n\tb")
        );
    }
}
