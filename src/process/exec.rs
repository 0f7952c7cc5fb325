//! Finding a command as `execvp` would, and becoming it.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use super::sigpipe;
use crate::domain::environment::Environment;
use crate::error::{Failure, Kind};

/// Where POSIX looks without a `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Finds the file that `command` means under this `PATH`.
///
/// # Errors
/// [`Kind::CommandNotFound`], or [`Kind::CommandNotExecutable`] if all that was found cannot be executed.
pub fn find(command: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, Failure> {
    let shown = command.to_string_lossy();
    let candidates: Vec<PathBuf> = if command.as_bytes().contains(&b'/') {
        vec![PathBuf::from(command)]
    } else if command.is_empty() {
        Vec::new()
    } else {
        let path = path.unwrap_or(OsStr::new(DEFAULT_PATH));
        // An empty entry means the working directory.
        path.as_bytes()
            .split(|b| *b == b':')
            .map(|dir| Path::new(OsStr::from_bytes(dir)).join(command))
            .collect()
    };
    let mut denied = None;
    for candidate in candidates {
        match candidate.metadata() {
            Ok(found) if found.is_file() && access(&candidate, AccessFlags::X_OK).is_ok() => {
                return Ok(candidate);
            }
            Ok(found) => denied = denied.or(Some((candidate, found.is_dir()))),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                denied = denied.or(Some((candidate, false)));
            }
            Err(_) => {}
        }
    }
    match denied {
        Some((found, true)) => {
            Err(Failure::new(format!("cannot execute `{}`: it is a directory", found.display()))
                .kind(Kind::CommandNotExecutable))
        }
        Some((found, false)) => {
            Err(Failure::new(format!("cannot execute `{}`: permission denied", found.display()))
                .kind(Kind::CommandNotExecutable)
                .hint(format!("make it executable: `chmod +x {}`", found.display())))
        }
        None => Err(Failure::new(format!("command `{shown}` not found")).kind(Kind::CommandNotFound)),
    }
}

/// Replaces this process. Returns only if that fails.
///
/// The command is looked up in the `PATH` of `environment`. A file without a `#!` line is run by `sh`, as
/// POSIX says of `execvp`.
pub fn replace(arguments: &[OsString], environment: &Environment) -> Failure {
    let Some(command) = arguments.first() else {
        return Failure::new("there is no command to run").kind(Kind::Usage);
    };
    let path = environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_os_str());
    let file = match find(command, path) {
        Ok(file) => file,
        Err(failure) => return failure,
    };
    let (Ok(words), Ok(variables), Ok(program)) = (
        c_strings(arguments.iter().cloned()),
        c_strings(environment.iter().map(|(name, value)| joined(name, value))),
        CString::new(file.as_os_str().as_bytes()),
    ) else {
        return Failure::new("the command or its environment holds a NUL byte");
    };
    sigpipe::restore();
    let Err(mut errno) = nix::unistd::execve(&program, &words, &variables);
    if errno == Errno::ENOEXEC {
        let mut script = vec![c"sh".to_owned(), program.clone()];
        script.extend(words.into_iter().skip(1));
        let Err(of_shell) = nix::unistd::execve(c"/bin/sh", &script, &variables);
        errno = of_shell;
    }
    let failure =
        Failure::new(format!("cannot execute `{}`", file.display())).caused_by(std::io::Error::from(errno));
    match errno {
        Errno::ENOENT => {
            failure.kind(Kind::CommandNotFound).hint("its `#!` line names an interpreter that does not exist")
        }
        Errno::E2BIG => failure
            .kind(Kind::CommandNotExecutable)
            .hint("its arguments and environment are too large together"),
        _ => failure.kind(Kind::CommandNotExecutable),
    }
}

fn joined(name: &OsStr, value: &OsStr) -> OsString {
    let mut entry = name.to_owned();
    entry.push("=");
    entry.push(value);
    entry
}

fn c_strings(words: impl Iterator<Item = OsString>) -> Result<Vec<CString>, std::ffi::NulError> {
    words.map(|word| CString::new(word.into_vec())).collect()
}
