//! Which shell is meant: the one that is named, else the one that started prism, else the user's own.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use domain::failure::{Code, Failure};
use domain::shell::{SHELLS, Shell};
use session::machine::process::parent;

/// Stands for a shell that is to be found out.
pub(super) const GUESS: &str = "auto";

/// Parses the name of a shell, or [`GUESS`].
pub(super) fn parser_or_guess() -> impl TypedValueParser<Value = String> {
    let names = SHELLS.iter().map(|shell| PossibleValue::new(shell.name));
    PossibleValuesParser::new(names.chain([PossibleValue::new(GUESS).hide(true)]))
}

/// Parses the name of a shell.
pub(super) fn parser() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(SHELLS.iter().map(|shell| shell.name))
}

/// Returns the shell that started prism.
pub(super) fn of_parent() -> Option<&'static Shell> {
    Shell::named(&parent::name()?)
}

/// Finds the shell that is meant.
///
/// # Errors
/// None is named, and neither prism's parent nor `$SHELL` is one that it knows.
pub(super) fn find(name: Option<&str>) -> Result<&'static Shell, Failure> {
    let of_user = || Shell::named(&std::env::var("SHELL").ok()?);
    let found = match name.filter(|name| *name != GUESS) {
        Some(name) => Shell::named(name),
        None => of_parent().or_else(of_user),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = SHELLS.iter().map(|shell| shell.name).collect();
        Failure::new("cannot tell which shell this is")
            .code(Code::Usage)
            .hint(format!("name it, one of: {}", names.join(", ")))
    })
}
