//! What happens meanwhile, as values: whoever called decides how, and whether, it is shown.

use std::fmt;

/// Something that a person may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// What the user should know: a line.
    Note(String),
    /// What only somebody asks for who looks for a cause: a line.
    Detail(String),
    /// What Compose or a container wrote: lines with their ends.
    Passed(String),
    /// A failure that does not end the call, rendered.
    Failed(String),
}

/// Who is told.
pub trait Receiver: Sync {
    /// Takes a notice.
    fn receive(&self, notice: Notice);

    /// Says whether nobody wants to see notes.
    fn is_quiet(&self) -> bool;

    /// Says whether details are wanted.
    fn wants_details(&self) -> bool;
}

/// Where notices go: one receiver serves a program to its end.
#[derive(Clone, Copy)]
pub struct Notices(&'static dyn Receiver);

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notices")
    }
}

impl Notices {
    /// Leads them to a receiver.
    pub fn to(receiver: &'static dyn Receiver) -> Self {
        Self(receiver)
    }

    /// Says whether nobody wants to see notes.
    pub fn is_quiet(self) -> bool {
        self.0.is_quiet()
    }

    /// Says whether details are wanted.
    pub fn wants_details(self) -> bool {
        self.0.wants_details()
    }

    /// Tells what the user should know.
    pub fn note(self, text: impl Into<String>) {
        self.0.receive(Notice::Note(text.into()));
    }

    /// Tells what only somebody asks for who looks for a cause.
    pub fn detail(self, text: impl Into<String>) {
        self.0.receive(Notice::Detail(text.into()));
    }

    /// Passes on what Compose or a container wrote.
    pub fn pass_on(self, text: impl Into<String>) {
        self.0.receive(Notice::Passed(text.into()));
    }

    /// Tells of a failure that does not end the call.
    pub fn failed(self, rendered: impl Into<String>) {
        self.0.receive(Notice::Failed(rendered.into()));
    }
}
