//! The one way to read a file whose path a repository gives: a regular one, of bounded size, and never waited for.
//!
//! In place of any file there may be a named pipe (password managers serve a `.env` by one), a device or a directory.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// No input is larger: what Compose reads is written by hand.
const LIMIT: u64 = 16 << 20;

/// Opens a regular file, and returns what its descriptor says of it.
///
/// It is looked at before it is opened, as already the opening is noticed at the other end of a pipe, and again
/// afterwards, as somebody may have put another one there.
///
/// # Errors
/// There is none, it may not be read, or it is something else than a regular file.
pub fn open(path: &Path) -> io::Result<(File, Metadata)> {
    is_regular(&fs::metadata(path)?)?;
    let flags = nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    is_regular(&metadata)?;
    Ok((file, metadata))
}

/// Reads a regular file.
///
/// # Errors
/// As for [`open`]; it is larger than any input.
pub fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let (file, metadata) = open(path)?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(LIMIT)).unwrap_or_default());
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(io::Error::other(format!("it is larger than {} MiB", LIMIT >> 20)));
    }
    Ok(bytes)
}

/// Reads the text of a regular file.
///
/// # Errors
/// As for [`bytes`]; it is not UTF-8.
pub fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(bytes(path)?).map_err(|_| io::Error::other("it is not UTF-8"))
}

/// Says whether there is no file of that name: nothing, or a directory, as Compose has it for a `.env`.
pub fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | IsADirectory)
}

fn is_regular(metadata: &Metadata) -> io::Result<()> {
    let kind = metadata.file_type();
    let what = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory")),
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Err(io::Error::other(format!("it is {what}, not a regular file")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;

    #[test]
    fn only_a_regular_file_is_read_and_nothing_is_waited_for() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        fs::write(at("file"), "A=1\n").expect("a file");
        std::os::unix::fs::symlink(at("file"), at("link")).expect("a link");
        std::os::unix::fs::symlink(at("loop"), at("loop")).expect("a link");
        fs::create_dir(at("directory")).expect("a directory");
        nix::unistd::mkfifo(&at("pipe"), Mode::S_IRWXU).expect("a pipe");
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("a socket");
        File::create(at("large")).and_then(|file| file.set_len(LIMIT + 1)).expect("a large file");
        for name in ["file", "link"] {
            assert_eq!(text(&at(name)).expect(name), "A=1\n");
        }
        for (path, absent, says) in [
            (at("none"), true, "No such file"),
            (at("file/none"), true, "Not a directory"),
            (at("directory"), true, "it is a directory"),
            (at("loop"), false, "symbolic links"),
            (at("pipe"), false, "it is a named pipe, not a regular file"),
            (at("socket"), false, "it is a socket"),
            (at("large"), false, "it is larger than 16 MiB"),
            ("/dev/zero".into(), false, "it is a device"),
        ] {
            let error = bytes(&path).expect_err("none");
            assert_eq!(is_absence(&error), absent, "{}", path.display());
            assert!(error.to_string().contains(says), "{}: {error}", path.display());
        }
    }
}
