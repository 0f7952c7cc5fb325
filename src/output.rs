//! The only writer of stdout and stderr.

use std::io::{self, IsTerminal, Write};

use domain::printable;
use session::notice::{Notice, Receiver};

/// How much is said, and whether it may be coloured.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Notes are left out.
    pub quiet: bool,
    /// Details are shown.
    pub verbose: bool,
    /// stdout may be coloured.
    pub color_stdout: bool,
    /// stderr may be coloured.
    pub color_stderr: bool,
}

/// The `--color` choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Output {
    /// Decides what is coloured from the flag, `NO_COLOR`, and where the streams lead.
    pub fn new(quiet: bool, verbose: bool, color: Color) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let may = |terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !no_color,
        };
        Self {
            quiet,
            verbose,
            color_stdout: may(io::stdout().is_terminal()),
            color_stderr: may(io::stderr().is_terminal()),
        }
    }

    /// Writes what was asked for to stdout. A reader that went away is no error.
    #[expect(clippy::unused_self, reason = "whoever may speak holds an Output")]
    pub fn print(self, text: impl AsRef<[u8]>) -> anyhow::Result<()> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_ref()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(anyhow::Error::new(error).context("cannot write to standard output"))
            }
            _ => Ok(()),
        }
    }

    /// Says where the time went, if that was asked for.
    pub fn timings(self, report: Option<String>) {
        if let Some(report) = report {
            self.pass_on(&report);
        }
    }

    /// Says something on stderr that the user should know, unless `--quiet`.
    pub fn note(self, text: impl AsRef<str>) {
        if !self.quiet {
            self.say("prism:", text.as_ref());
        }
    }

    /// Says something on stderr that only `--verbose` asks for.
    pub fn detail(self, text: impl AsRef<str>) {
        if self.verbose {
            self.say("prism:", text.as_ref());
        }
    }

    /// Passes on what Compose or a container wrote, unless `--quiet`.
    pub fn pass_on(self, text: &str) {
        if !self.quiet {
            write_stderr(printable::clean_lines(text).as_bytes());
        }
    }

    /// Writes to stdout what people read, foreign words in it. What programs read is [`print`](Self::print)ed.
    pub fn show(self, text: impl AsRef<str>) -> anyhow::Result<()> {
        self.print(printable::clean_lines(text.as_ref()))
    }

    /// Shows a rendered error, also under `--quiet`.
    pub fn error(self, rendered: &str) {
        let painted = match rendered.strip_prefix("prism: error:") {
            Some(rest) if self.color_stderr => format!("\x1b[1;31mprism: error:\x1b[0m{rest}"),
            _ => rendered.to_owned(),
        };
        write_stderr(painted.as_bytes());
    }

    fn say(self, prefix: &str, text: &str) {
        // Directory names are anybody's text.
        let text = printable::clean(text);
        let line = if self.color_stderr {
            format!("\x1b[2m{prefix}\x1b[0m {text}\n")
        } else {
            format!("{prefix} {text}\n")
        };
        write_stderr(line.as_bytes());
    }
}

impl Receiver for Output {
    fn receive(&self, notice: Notice) {
        match notice {
            Notice::Note(text) => self.note(text),
            Notice::Detail(text) => self.detail(text),
            Notice::Passed(text) => self.pass_on(&text),
            Notice::Failed(rendered) => self.error(&rendered),
        }
    }

    fn is_quiet(&self) -> bool {
        self.quiet
    }

    fn wants_details(&self) -> bool {
        self.verbose
    }
}

/// A closed stderr must not end prism: there is nobody left to tell.
fn write_stderr(bytes: &[u8]) {
    let _ = io::stderr().lock().write_all(bytes);
}
