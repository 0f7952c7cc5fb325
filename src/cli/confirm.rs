//! The question before something is removed.

use std::io::{IsTerminal, stdin};

use domain::failure::{Code, Failure};
use domain::printable;

use crate::output::Output;

/// Says what will happen and asks.
///
/// # Errors
/// There is nobody to ask, or the answer is no.
pub(super) fn confirm(output: Output, what: &str, things: &[String], unasked: &str) -> Result<(), Failure> {
    // A question is asked aloud, whatever `--quiet` says.
    let output = Output { quiet: false, ..output };
    output.note(what);
    for thing in things {
        output.pass_on(&format!("  {}\n", printable::clean(thing)));
    }
    if !stdin().is_terminal() {
        return Err(Failure::new("there is no terminal to ask at")
            .code(Code::Usage)
            .hint(format!("`{unasked}` does not ask")));
    }
    output.pass_on("Go on? [y/N] ");
    let mut answer = String::new();
    let read = stdin().read_line(&mut answer);
    match (read, answer.trim().to_ascii_lowercase().as_str()) {
        (Ok(_), "y" | "yes") => Ok(()),
        _ => Err(Failure::new("nothing was removed")),
    }
}
