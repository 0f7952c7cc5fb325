//! Where something is mounted, of what the kernel says in `/proc/self/mountinfo`.

use std::path::{Path, PathBuf};

/// Lists the places below `top`, itself included, at which something is mounted.
pub fn below(mountinfo: &str, top: &Path) -> Vec<PathBuf> {
    let places = mountinfo.lines().filter_map(|line| line.split(' ').nth(4)).map(path);
    places.filter(|place| place.starts_with(top)).collect()
}

/// Undoes the kernel's way to write a path: space, tab, newline and backslash as octal numbers.
fn path(written: &str) -> PathBuf {
    let mut text = String::with_capacity(written.len());
    let mut rest = written;
    while let Some(at) = rest.find('\\') {
        let (before, after) = rest.split_at(at);
        text.push_str(before);
        let number = after.get(1..4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        text.push(number.map_or('\\', char::from));
        rest = &after[if number.is_some() { 4 } else { 1 }..];
    }
    PathBuf::from(text + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below() {
        let info = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            30 22 8:1 /x /work/it\\040is/data rw shared:1 - ext4 /dev/sda1 rw\n\
            31 22 0:5 / /work/it\\040isnt rw - tmpfs none rw\n\
            32 22 0:6 / /work/it\\040is rw - tmpfs none rw\n";
        let found = below(info, Path::new("/work/it is"));
        assert_eq!(found, [PathBuf::from("/work/it is/data"), PathBuf::from("/work/it is")]);
        assert!(below("", Path::new("/")).is_empty());
        assert_eq!(path("a\\134b\\"), PathBuf::from("a\\b\\"));
    }
}
