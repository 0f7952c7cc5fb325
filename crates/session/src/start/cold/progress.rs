//! What Compose says while it works.

use std::fs::File;
use std::os::unix::fs::FileExt;

use domain::stack::complaint::is_idle;

use crate::notice::Notices;

/// Compose's notices, passed on as it comes. Lines that are no progress are held back: they are either warnings,
/// shown when progress goes on, or the reason of a failure, shown as part of the error.
pub(super) struct Progress<'a> {
    file: &'a File,
    offset: u64,
    partial: Vec<u8>,
    held: Vec<String>,
    downloaded: bool,
}

impl<'a> Progress<'a> {
    /// Begins to follow a file.
    pub(super) fn new(file: &'a File) -> Self {
        Self { file, offset: 0, partial: Vec::new(), held: Vec::new(), downloaded: false }
    }

    /// Passes on what is new. Says whether Compose is pulling or building, for which no time limit is fair.
    pub(super) fn relay(&mut self, notices: Notices) -> bool {
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = self.file.read_at(&mut buffer, self.offset) {
            self.offset += length as u64;
            self.partial.extend_from_slice(&buffer[..length]);
        }
        self.downloaded = false;
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            self.line(String::from_utf8_lossy(&line).trim_end().to_owned(), notices);
        }
        self.downloaded
    }

    fn line(&mut self, line: String, notices: Notices) {
        match line.split_whitespace().next() {
            None => {}
            Some(_) if is_idle(&line) => {}
            Some("Container" | "Network" | "Volume") => {
                self.flush(notices);
                notices.pass_on(format!("{line}\n"));
            }
            Some(first) if first.starts_with('#') || line.starts_with(' ') => {
                self.downloaded = true;
                self.flush(notices);
                notices.pass_on(format!("{line}\n"));
            }
            Some(_) => self.held.push(line),
        }
    }

    fn flush(&mut self, notices: Notices) {
        for line in self.held.drain(..) {
            notices.pass_on(format!("{line}\n"));
        }
    }

    /// Takes the rest. After a success nothing is held back.
    pub(super) fn finish(mut self, notices: Notices, success: bool) -> Vec<String> {
        self.partial.push(b'\n');
        self.relay(notices);
        if success {
            self.flush(notices);
        }
        self.held
    }
}
