//! Finding a command as `execvp` would, and becoming it.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use domain::environment::Environment;
use domain::failure::{Code, Failure};
use domain::text::word::word;
use nix::errno::Errno;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::SigSet;
use nix::unistd::{AccessFlags, Pid, access};

use super::inherited;

/// Where POSIX looks without a `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Finds the file that `command` means under this `PATH`.
///
/// # Errors
/// [`Code::CommandNotFound`], or [`Code::CommandNotExecutable`] if all that was found cannot be executed.
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
                .code(Code::CommandNotExecutable))
        }
        Some((found, false)) => {
            Err(Failure::new(format!("cannot execute `{}`: permission denied", found.display()))
                .code(Code::CommandNotExecutable)
                .hint(format!("make it executable: `chmod +x {}`", word(found.display()))))
        }
        None => Err(Failure::new(format!("command `{shown}` not found")).code(Code::CommandNotFound)),
    }
}

/// A command that was found, and all that the kernel wants to know of it.
#[derive(Debug, Clone)]
pub struct Program {
    file: CString,
    words: Vec<CString>,
    variables: Vec<CString>,
}

impl Program {
    /// Looks a command up in the `PATH` of `environment`.
    ///
    /// # Errors
    /// It is not found or cannot be executed, or a word holds a NUL byte.
    pub fn find(arguments: &[OsString], environment: &Environment) -> Result<Self, Failure> {
        let Some(command) = arguments.first() else {
            return Err(Failure::new("there is no command to run").code(Code::Usage));
        };
        let path = environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_os_str());
        let file = find(command, path)?;
        let nul = |_| Failure::new("the command or its environment holds a NUL byte");
        Ok(Self {
            words: c_strings(arguments.iter().cloned()).map_err(nul)?,
            variables: c_strings(environment.iter().map(|(name, value)| joined(name, value))).map_err(nul)?,
            file: CString::new(file.as_os_str().as_bytes()).map_err(nul)?,
        })
    }

    /// Returns what starts this program by way of prism under another `name`, which is told `word`.
    #[must_use]
    pub fn through(&self, name: &str, word: &str) -> Self {
        // Neither is from elsewhere: there is no NUL byte in them.
        let own = [name, word].map(|word| CString::new(word).unwrap_or_default());
        let words = self.words.iter().cloned();
        Self {
            file: c"/proc/self/exe".to_owned(),
            words: own.into_iter().chain([self.file.clone()]).chain(words).collect(),
            variables: self.variables.clone(),
        }
    }

    /// Takes up a program that was to be started by way of prism: what stands behind `name` and `word`, and this process's
    /// environment. `None` if there is nothing.
    pub fn passed(arguments: &mut dyn Iterator<Item = OsString>) -> Option<Self> {
        let file = CString::new(arguments.next()?.into_vec()).ok()?;
        let words = c_strings(arguments).ok().filter(|words| !words.is_empty())?;
        let variables = c_strings(std::env::vars_os().map(|(name, value)| joined(&name, &value))).ok()?;
        Some(Self { file, words, variables })
    }

    /// Starts it beside this process, in the same process group, with the signals as the caller had them.
    pub fn spawn(&self, mask: &SigSet) -> anyhow::Result<Pid> {
        let mut actions = PosixSpawnFileActions::init()?;
        for stream in inherited::closed_streams() {
            actions.add_close(stream)?;
        }
        let mut attributes = PosixSpawnAttr::init()?;
        attributes.set_sigmask(mask)?;
        attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK)?;
        let spawn =
            |file: &CStr, words: &[CString]| posix_spawn(file, &actions, &attributes, words, &self.variables);
        inherited::restore_pipe();
        let spawned = match spawn(&self.file, &self.words) {
            Err(Errno::ENOEXEC) => spawn(c"/bin/sh", &self.as_script()),
            other => other,
        };
        inherited::ignore_pipe();
        spawned.map_err(|errno| self.failure(errno).into())
    }

    /// Becomes it. Returns only if that fails.
    pub fn replace(&self) -> Failure {
        inherited::restore();
        let Err(mut errno) = nix::unistd::execve(&self.file, &self.words, &self.variables);
        if errno == Errno::ENOEXEC {
            let Err(of_shell) = nix::unistd::execve(c"/bin/sh", &self.as_script(), &self.variables);
            errno = of_shell;
        }
        self.failure(errno)
    }

    /// A file without a `#!` line is run by `sh`, as POSIX says of `execvp`.
    fn as_script(&self) -> Vec<CString> {
        let words = self.words.iter().skip(1).cloned();
        [c"sh".to_owned(), self.file.clone()].into_iter().chain(words).collect()
    }

    fn failure(&self, errno: Errno) -> Failure {
        let failure = Failure::new(format!("cannot execute `{}`", self.file.to_string_lossy()))
            .caused_by(std::io::Error::from(errno));
        match errno {
            Errno::ENOENT => failure
                .code(Code::CommandNotFound)
                .hint("its `#!` line names an interpreter that does not exist"),
            Errno::E2BIG => failure
                .code(Code::CommandNotExecutable)
                .hint("its arguments and environment are too large together"),
            Errno::EAGAIN | Errno::ENOMEM => failure.hint("end some processes, or allow more: `ulimit -u`"),
            _ => failure.code(Code::CommandNotExecutable),
        }
    }
}

/// Replaces this process by a command. Returns only if that fails.
pub fn replace(arguments: &[OsString], environment: &Environment) -> Failure {
    match Program::find(arguments, environment) {
        Ok(program) => program.replace(),
        Err(failure) => failure,
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
