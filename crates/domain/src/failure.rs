//! What a failure is, which exit status it asks for, and how it is shown.

use std::fmt;

use crate::printable;

/// Why a verb failed, as far as exit statuses tell failures apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Anything else: 125 from `exec`, 1 from the other verbs.
    General,
    /// The command line asks for something that cannot be: 125 from `exec`, 2 from the other verbs.
    Usage,
    /// The command to run does not exist: 127.
    CommandNotFound,
    /// The command to run exists but cannot be executed: 126.
    CommandNotExecutable,
    /// This directory has no session: 125 from `exec`, 3 from the other verbs.
    NoSession,
    /// No Compose project was found: as [`Code::NoSession`], and what `exec --optional` tolerates.
    NoProject,
    /// The user ended prism with this signal while it was starting a stack: 128 + n.
    Interrupted(i32),
}

/// A failure a user can act on: what failed on what, the lines that explain it, and what to do.
#[derive(Debug)]
pub struct Failure {
    message: String,
    details: Vec<String>,
    hint: Option<String>,
    /// Stands before the other one, for as long as the session is there.
    hint_there: Option<String>,
    code: Code,
    source: Option<anyhow::Error>,
}

impl Failure {
    /// Creates a failure of [`Code::General`]; `message` is a lower-case fragment, literals in backticks.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            details: Vec::new(),
            hint: None,
            hint_there: None,
            code: Code::General,
            source: None,
        }
    }

    /// Sets the code.
    #[must_use]
    pub fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// Sets the one imperative, runnable hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets a hint that names what a failed `create` removes again; the other one, if any, then takes its place.
    #[must_use]
    pub fn hint_there(mut self, hint: impl Into<String>) -> Self {
        self.hint_there = Some(hint.into());
        self
    }

    fn shown_hint(&self) -> Option<&String> {
        self.hint_there.as_ref().or(self.hint.as_ref())
    }

    /// Adds lines that somebody else wrote (a log, Compose's message); they are shown behind `|`.
    #[must_use]
    pub fn details<S: Into<String>>(mut self, lines: impl IntoIterator<Item = S>) -> Self {
        self.details.extend(lines.into_iter().map(Into::into));
        self
    }

    /// Sets the error underneath, shown as `caused by:`.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<anyhow::Error>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(AsRef::as_ref)
    }
}

/// Returns the code of the outermost [`Failure`] in `error`, [`Code::General`] where there is none.
pub fn code(error: &anyhow::Error) -> Code {
    failures(error).next().map_or(Code::General, |failure| failure.code)
}

/// Renders `error` for a person: the message, its causes, quoted lines, and at most one hint.
///
/// Control characters other than newline and tab are replaced, as messages quote foreign text.
pub fn render(error: &anyhow::Error) -> String {
    let mut text = format!("prism: error: {error}\n");
    let mut previous = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // A library's error often repeats its source's text: the same words twice help nobody.
        if !previous.contains(&cause) {
            text.push_str(&format!("  caused by: {}\n", cause.trim_end().replace('\n', "\n    ")));
        }
        previous = cause;
    }
    for line in failures(error).flat_map(|failure| &failure.details) {
        text.push_str(&format!("  | {line}\n"));
    }
    if let Some(hint) = failures(error).find_map(Failure::shown_hint) {
        text.push_str(&format!("hint: {hint}\n"));
    }
    printable::clean_lines(&text)
}

/// Says `error` in one line, with its hint.
pub fn brief(error: &anyhow::Error) -> String {
    match failures(error).find_map(Failure::shown_hint) {
        Some(hint) => format!("{error}; {hint}"),
        None => format!("{error:#}"),
    }
}

/// Takes away the hints that name a session which has been removed.
pub fn forget_session(error: &mut anyhow::Error) {
    let mut next = Some(error);
    while let Some(failure) = next.and_then(|error| error.downcast_mut::<Failure>()) {
        failure.hint_there = None;
        next = failure.source.as_mut();
    }
}

/// Lets the commands in hints mean `directory` for whoever stands elsewhere, and typed that before the verb or after it.
pub fn tell_directory(error: &mut anyhow::Error, directory: &str) {
    let mut next = Some(error);
    while let Some(failure) = next.and_then(|error| error.downcast_mut::<Failure>()) {
        for hint in [&mut failure.hint, &mut failure.hint_there].into_iter().flatten() {
            *hint = in_directory(hint, directory);
        }
        next = failure.source.as_mut();
    }
}

fn in_directory(hint: &str, directory: &str) -> String {
    let mut parts = hint.split("`prism ");
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // These say a directory themselves, or mean none.
        let is_anywhere = ["-", "list", "prune", "stop-all"].iter().any(|word| part.starts_with(word));
        let place = if is_anywhere { String::new() } else { format!("-C {directory} ") };
        told.push_str(&format!("`prism {place}{part}"));
    }
    told
}

fn failures(error: &anyhow::Error) -> impl Iterator<Item = &Failure> {
    error.chain().filter_map(|cause| cause.downcast_ref::<Failure>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_message_causes_quoted_lines_and_the_first_hint() {
        let inner = Failure::new("permission denied").hint("never shown: the outer hint wins");
        let error = Failure::new("cannot reach the Docker Engine at unix:///run/x.sock")
            .details(["line one"])
            .hint("start it")
            .caused_by(inner);
        assert_eq!(
            render(&error.into()),
            "prism: error: cannot reach the Docker Engine at unix:///run/x.sock\n\
             \x20 caused by: permission denied\n\
             \x20 | line one\n\
             hint: start it\n"
        );
    }

    #[test]
    fn what_names_a_session_goes_with_it() {
        let inner = Failure::new("b").hint("second").hint_there("`prism logs b`");
        let mut error = anyhow::Error::new(Failure::new("a").caused_by(inner)).context("c");
        assert!(render(&error).ends_with("hint: `prism logs b`\n"));
        forget_session(&mut error);
        assert!(render(&error).ends_with("hint: second\n"));
    }

    #[test]
    fn commands_of_hints_go_where_the_call_went() {
        let hint = "`prism start` brings it up; `prism -C /x start`, `prism list`, or `git log`";
        let mut error = anyhow::Error::new(Failure::new("a").hint(hint)).context("c");
        tell_directory(&mut error, "'/a b'");
        let told = "`prism -C '/a b' start` brings it up; `prism -C /x start`, `prism list`, or `git log`";
        assert!(render(&error).ends_with(&format!("hint: {told}\n")));
    }

    #[test]
    fn a_cause_that_repeats_its_parent_is_shown_once() {
        let io = std::io::Error::other("disk full");
        let error = anyhow::Error::new(io).context("cannot write `x`: disk full");
        assert_eq!(render(&error), "prism: error: cannot write `x`: disk full\n");
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        let error = anyhow::Error::new(Failure::new("bad \x1b[31mname"));
        assert!(!render(&error).contains('\x1b'));
    }
}
