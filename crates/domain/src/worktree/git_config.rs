//! git's configuration files, as far as one value is looked for without running git.

/// Returns the last value of `[section] key` in a configuration file. Included files are not followed.
pub fn value(text: &str, section: &str, key: &str) -> Option<String> {
    let mut is_inside = false;
    let mut found = None;
    for line in text.lines().map(str::trim) {
        let line = match line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            Some((name, rest)) => {
                is_inside = name.trim().eq_ignore_ascii_case(section);
                rest.trim()
            }
            None => line,
        };
        let Some((name, value)) = line.split_once('=') else { continue };
        if is_inside && name.trim().eq_ignore_ascii_case(key) {
            found = Some(unquoted(value.trim()));
        }
    }
    found
}

/// Takes quotes, escapes and a comment away, as git-config(1) has them.
fn unquoted(value: &str) -> String {
    let (mut text, mut is_quoted) = (String::new(), false);
    // Up to where blanks count.
    let mut length = 0;
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => is_quoted = !is_quoted,
            '#' | ';' if !is_quoted => break,
            '\\' => text.extend(characters.next().map(|escaped| match escaped {
                'n' => '\n',
                't' => '\t',
                other => other,
            })),
            other => text.push(other),
        }
        if is_quoted || !character.is_whitespace() {
            length = text.len();
        }
    }
    text.truncate(length);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_as_git_writes_them() {
        for (text, expected) in [
            ("[core]\n\tbare = false\n\tworktree = ../../x\n", Some("../../x")),
            ("[core] worktree=/a b ; why\n", Some("/a b")),
            ("[CORE]\n  WorkTree = \"/a \\\"b\\\" ;c \" # d\n", Some("/a \"b\" ;c ")),
            ("[core]\nworktree = a\n[core]\nworktree = b\n", Some("b")),
            ("[core \"x\"]\nworktree = a\n[remote \"core\"]\nworktree = b\n", None),
            ("# [core]\nworktree = a\n", None),
            ("", None),
        ] {
            assert_eq!(value(text, "core", "worktree").as_deref(), expected, "{text:?}");
        }
    }
}
