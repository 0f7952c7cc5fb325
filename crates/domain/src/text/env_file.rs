//! `--env-file`: lines that dotenvy reads, and the variables that they name, expanded from what the child gets.
//!
//! dotenvy itself would expand them from the environment of this process, where another session's values may be left.

use std::ffi::OsString;

use crate::failure::{Code, Failure};
use crate::text::template::split_braces;

/// One `NAME=value` of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// Where it stands, for messages: `` `FILE`, line 3``.
    pub place: String,
    value: Vec<Part>,
}

/// A part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// `$NAME`, `${NAME}`: nothing where it is not set.
    Variable(String),
    /// `${NAME:-default}`: the default where it is not set, or empty.
    Default(String, Vec<Part>),
    /// `${NAME:?message}`: an error there.
    Required(String),
}

/// Reads the text of a file called `file` in messages. `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:?message}` name
/// variables, except in single quotes; `$$` and `\$` are a dollar, and so is one that begins none of these.
///
/// # Errors
/// A line is no `NAME=value`. The message names the line, never its text: it may hold a secret.
pub fn parse(text: &str, file: &str) -> Result<Vec<Entry>, Failure> {
    entries(text, file, |_, _| None).into_iter().collect()
}

/// Reads what can be read of a text, and passes over the rest: other programs may know more forms. A value with blanks in it
/// is what stands there, also without quotes: who reads it at all takes it so.
pub fn readable(text: &str, file: &str) -> Vec<Entry> {
    entries(text, file, bare).into_iter().flatten().collect()
}

type Pair = (String, Vec<Part>);

/// `bare` reads a line that dotenvy does not know.
fn entries(text: &str, file: &str, bare: fn(&str, char) -> Option<Pair>) -> Vec<Result<Entry, Failure>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Stands for a dollar that may expand: dotenvy takes it for a letter like any other.
    let mark = ('\u{e000}'..='\u{f8ff}').find(|mark| !text.contains(*mark)).unwrap_or('\u{e000}');
    let mut entries = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while !rest.is_empty() {
        let (marked, length) = first_line(rest, mark);
        let place = format!("`{file}`, line {line}");
        let pairs = dotenvy::from_read_iter(marked.as_bytes());
        entries.extend(pairs.map(|pair| {
            let read = entry(pair.ok(), &marked, mark, &rest[..length]);
            read.or_else(|wrong| bare(&marked, mark).ok_or(wrong))
                .map(|(name, value)| Entry { name, place: place.clone(), value })
                .map_err(|(what, hint)| Failure::new(format!("{place}, {what}")).code(Code::Usage).hint(hint))
        }));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    entries
}

/// Takes a pair that dotenvy read of a `line`, or says what is wrong with that and what to do.
fn entry(
    pair: Option<(String, String)>,
    marked: &str,
    mark: char,
    line: &str,
) -> Result<Pair, (&'static str, &'static str)> {
    const NO_LINE: &str = "is not a `NAME=value` line";
    let Some((name, value)) = pair else {
        return Err(if is_misnamed(line) {
            let hint = "names consist of letters, digits, `_` and `.`, and begin with a letter or `_`";
            ("has a name that no variable can have", hint)
        } else if line.contains('=') {
            (NO_LINE, "quote the value and close the quote, or remove the line")
        } else {
            (NO_LINE, "write `NAME=value`, or remove the line")
        });
    };
    let Some(value) = parts(&value, mark) else {
        let hint =
            "the forms are `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:?message}`; `$$` is a dollar";
        return Err(("has a `${…}` that prism does not know", hint));
    };
    if marked.contains('\0') {
        return Err(("holds a NUL byte", "remove it"));
    }
    Ok((name, value))
}

/// Reads `NAME=some words`, as far as nothing in it is written in a way of its own.
fn bare(line: &str, mark: char) -> Option<Pair> {
    let line = line.trim();
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let (name, value) = (name.trim(), value.split(" #").next().unwrap_or(value).trim());
    let is_plain = is_taken(name) && !value.contains(['"', '\'', '\\', '`', '\0', '\n']);
    is_plain.then(|| Some((name.to_owned(), parts(value, mark)?)))?
}

/// dotenvy takes a dot within a name, as programs on the JVM and Node use it.
fn is_taken(name: &str) -> bool {
    is_name(&name.replace('.', "_")) && !name.starts_with('.')
}

/// Says of a line that is no assignment whether it is its name that makes it none.
fn is_misnamed(line: &str) -> bool {
    let line = line.trim_start();
    let name = line.strip_prefix("export ").unwrap_or(line).split_once('=').map(|(name, _)| name.trim());
    name.is_some_and(|name| !is_taken(name))
}

/// Takes off one line, or several that quotes hold together, with `mark` for each dollar that may expand.
fn first_line(text: &str, mark: char) -> (String, usize) {
    let mut marked = String::new();
    let mut is_comment = text.trim_start_matches([' ', '\t']).starts_with('#');
    let (mut quote, mut before, mut is_escaped) = (None, 'x', false);
    for (at, c) in text.char_indices() {
        let was_escaped = std::mem::replace(&mut is_escaped, false);
        if c == '\n' && quote.is_none() {
            marked.push(c);
            return (marked, at + 1);
        }
        match (c, quote) {
            _ if is_comment || was_escaped => {}
            ('#', None) => is_comment = before.is_whitespace(),
            ('\'' | '"', None) => quote = Some(c),
            ('\'' | '"', Some(open)) if open == c => quote = None,
            ('\\', None | Some('"')) => is_escaped = true,
            _ => {}
        }
        let may_expand = c == '$' && !is_comment && !was_escaped && quote != Some('\'');
        marked.push(if may_expand { mark } else { c });
        before = c;
    }
    (marked, text.len())
}

/// Divides a value; `None` if an expression is none that prism knows.
fn parts(value: &str, mark: char) -> Option<Vec<Part>> {
    let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let word = |text: &str| text.find(|c: char| !is_word(c)).unwrap_or(text.len());
    let is_name = |name: &str| name.starts_with(|c: char| is_word(c) && !c.is_ascii_digit());
    let mut parts = Vec::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once(mark) {
        parts.push(Part::Text(before.to_owned()));
        if let Some(after) = after.strip_prefix('{') {
            let (expression, after) = split_braces(after)?;
            let (name, operator) = expression.split_at(word(expression));
            let name = Some(name.to_owned()).filter(|name| is_name(name))?;
            parts.push(match (operator, operator.get(..2)) {
                ("", _) => Part::Variable(name),
                (_, Some(":-")) => Part::Default(name, self::parts(&operator[2..], mark)?),
                (_, Some(":?")) => Part::Required(name),
                _ => return None,
            });
            rest = after;
        } else {
            let (name, after_name) = after.split_at(word(after));
            if is_name(name) {
                parts.push(Part::Variable(name.to_owned()));
                rest = after_name;
            } else {
                parts.push(Part::Text("$".to_owned()));
                rest = after.strip_prefix(mark).unwrap_or(after);
            }
        }
    }
    parts.push(Part::Text(rest.to_owned()));
    Some(parts)
}

impl Entry {
    /// Expands the value, and lists the names that were taken as empty because they are not set.
    ///
    /// # Errors
    /// A variable is not set that has to be.
    pub fn expand(
        &self,
        lookup: impl Fn(&str) -> Option<OsString>,
    ) -> Result<(OsString, Vec<String>), Failure> {
        let (mut value, mut unset) = (OsString::new(), Vec::new());
        let mut open: Vec<&Part> = self.value.iter().rev().collect();
        while let Some(part) = open.pop() {
            match part {
                Part::Text(text) => value.push(text),
                Part::Variable(name) => match lookup(name) {
                    Some(found) => value.push(found),
                    None => unset.push(name.clone()),
                },
                Part::Default(name, default) => match lookup(name).filter(|found| !found.is_empty()) {
                    Some(found) => value.push(found),
                    None => open.extend(default.iter().rev()),
                },
                Part::Required(name) => match lookup(name).filter(|found| !found.is_empty()) {
                    Some(found) => value.push(found),
                    None => {
                        return Err(Failure::new(format!(
                            "{}, needs `{name}`, which is not set",
                            self.place
                        ))
                        .code(Code::Usage)
                        .hint(format!("`-e {name}=…` sets it; `prism env` lists what the session has")));
                    }
                },
            }
        }
        Ok((value, unset))
    }

    /// Lists the variables that the value names, those of defaults left out.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.value.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Variable(name) | Part::Default(name, _) | Part::Required(name) => Some(name.as_str()),
        })
    }
}

/// Says whether every shell can name a variable so: letters, digits and `_`, no digit first (POSIX).
pub fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let entries = parse(text, "f.env").map_err(|failure| failure.to_string())?;
        let lookup = |name: &str| match name {
            "PORT" => Some("7000".into()),
            "EMPTY" => Some("".into()),
            _ => None,
        };
        let shown = |entry: &Entry| -> Result<String, String> {
            let (value, unset) = entry.expand(lookup).map_err(|failure| failure.to_string())?;
            let unset = unset.iter().map(|name| format!(" without {name}")).collect::<String>();
            Ok(format!("{}={}{unset}", entry.name, value.to_string_lossy()))
        };
        entries.iter().map(shown).collect()
    }

    #[test]
    fn values() {
        for (line, expected) in [
            ("A=${PORT}", "A=7000"),
            ("A=$PORT/x", "A=7000/x"),
            ("A=\"x ${PORT} y\"", "A=x 7000 y"),
            ("A='${PORT}'", "A=${PORT}"),
            ("A='it'\\''s $PORT'", "A=it's $PORT"),
            ("A=\\$PORT", "A=$PORT"),
            ("A=$$PORT", "A=$PORT"),
            ("A=\"$$$PORT\"", "A=$7000"),
            ("A=${NO:-x}", "A=x"),
            ("A=\"${EMPTY:-a ${PORT}}\"", "A=a 7000"),
            ("A=${EMPTY}", "A="),
            ("A=${PORT:?message}", "A=7000"),
            ("A=a$5", "A=a$5"),
            ("A=a$", "A=a$"),
            ("A=$(date)", "A=$(date)"),
            ("A=x$NO", "A=x without NO"),
            ("export A=1 # it's $PORT", "A=1"),
            ("\u{feff}A=1", "A=1"),
            ("A=\u{e000}$PORT", "A=\u{e000}7000"),
            ("A=\"two\nlines $PORT\"", "A=two\nlines 7000"),
        ] {
            assert_eq!(read(line).expect(line), [expected], "{line}");
        }
        assert_eq!(read("# it's\n\n  # $X\nA=1\r\nB=2").expect("lines"), ["A=1", "B=2"]);
    }

    #[test]
    fn mistakes_are_named_by_their_line_alone() {
        for (text, expected) in [
            ("A=1\nhunter2 is it\n", "`f.env`, line 2, is not a `NAME=value` line"),
            ("A=\"a\nb\"\nB=hunter2 x\n", "`f.env`, line 3, is not a `NAME=value` line"),
            ("A=\"hunter2\nB=1\n", "`f.env`, line 1, is not a `NAME=value` line"),
            ("A=hunter2${\n", "`f.env`, line 1, has a `${…}` that prism does not know"),
            ("A=${hunter2!}\n", "`f.env`, line 1, has a `${…}` that prism does not know"),
            ("\nA=${}\n", "`f.env`, line 2, has a `${…}` that prism does not know"),
            ("A=hunter2\0\n", "`f.env`, line 1, holds a NUL byte"),
            ("A=1\nB=${NO:?hunter2}\n", "`f.env`, line 2, needs `NO`, which is not set"),
        ] {
            assert_eq!(read(text).expect_err(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_name_that_is_none_is_said_to_be_the_name() {
        for (line, is_name_wrong) in
            [("a-b=1", true), ("export 1st=x", true), (".a=1", true), ("a.b=c d", false), ("word", false)]
        {
            let Err(failure) = parse(line, ".env") else { panic!("{line} is taken") };
            assert_eq!(
                failure.to_string().contains("has a name that no variable"),
                is_name_wrong,
                "{line}: {failure}"
            );
        }
    }

    #[test]
    fn what_other_readers_take_without_quotes_is_readable() {
        let lines = "A=x y # z\nexport B=host=h port=1\nC=a 'b' c\nD=x $PORT\nE=1\nno line\n";
        let entries = readable(lines, ".env");
        let read = |entry: &Entry| {
            let (value, _) = entry.expand(|_| Some("7000".into())).expect("value");
            format!("{}={}", entry.name, value.display())
        };
        let shown: Vec<String> = entries.iter().map(read).collect();
        assert_eq!(shown, ["A=x y", "B=host=h port=1", "D=x 7000", "E=1"]);
        assert!(parse("A=x y", ".env").is_err());
    }

    #[test]
    fn a_dot_may_stand_within_a_name() {
        let entries = parse("server.port=80\nexport a.b.c=$X", ".env").expect("entries");
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["server.port", "a.b.c"]);
    }

    #[test]
    fn a_wrong_line_is_told_what_is_wrong_with_it() {
        for (line, hint) in [
            ("word", "write `NAME=value`"),
            ("B: c", "write `NAME=value`"),
            ("export", "write `NAME=value`"),
            ("TWO WORDS=1", "names consist of letters"),
            ("1A=2", "names consist of letters"),
            ("=x", "names consist of letters"),
            ("A=x y", "quote the value"),
            ("A=\"x", "close the quote"),
        ] {
            let error = parse(line, "e").expect_err(line);
            let shown = crate::failure::render(&error.into());
            assert!(shown.contains("`e`, line 1, ") && shown.contains(hint), "{line}: {shown}");
        }
    }
}
