//! What a look into two volumes tells before anything is copied.

use std::fmt;

/// How a volume is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// The file system shares the blocks.
    Reflink,
    /// Byte by byte, by the service's own image.
    Copy,
    /// By the Engine's archives: the image has nothing to copy with.
    Stream,
}

/// What is known of one copy before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// How large the source is, in KiB.
    pub size: u64,
    /// What is used already where it goes, in KiB: it is replaced.
    pub replaced: u64,
    /// How large the target's file system is, in KiB.
    pub total: u64,
    /// How much of it is free, in KiB.
    pub free: u64,
    /// How it is copied.
    pub way: Way,
}

/// Looks at both volumes; what it prints, [`Probe::read`] reads. Nothing in the source is touched.
pub const SCRIPT: &str = "du -sk /prism-from 2>/dev/null || true
du -sk /prism-to 2>/dev/null || true
df -Pk /prism-to
cd /prism-to && echo x >.prism-probe 2>/dev/null
cp --reflink=always .prism-probe .prism-probed 2>/dev/null && echo reflink || echo copy
rm -f .prism-probe .prism-probed";

/// Removes what is in the target.
pub const CLEAR: &str = "cd /prism-to && rm -rf ./..?* ./.[!.]* ./*";

/// So many parts in a hundred of a file system stay free.
const RESERVE: u64 = 5;

impl Probe {
    /// Reads what [`SCRIPT`] printed; `None` where that is something else.
    pub fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut used = |path: &str| {
            let (size, named) = lines.next()?.split_once(char::is_whitespace)?;
            size.parse::<u64>().ok().filter(|_| named.trim() == path)
        };
        let (size, replaced) = (used("/prism-from")?, used("/prism-to")?);
        let rest: Vec<&str> = lines.collect();
        let words = rest.iter().rev().find_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let numbers = words.iter().rev().skip(2).take(3).rev().map(|word| word.parse::<u64>());
            let numbers: Vec<u64> = numbers.collect::<Result<_, _>>().ok()?;
            (numbers.len() == 3).then_some(numbers)
        })?;
        let way = match rest.last()?.trim() {
            "reflink" => Way::Reflink,
            "copy" => Way::Copy,
            _ => return None,
        };
        Some(Self { size, replaced, total: words[0], free: words[2], way })
    }
}

/// Says how much more room these copies need than there is, in KiB, if they share one file system; 5 in a hundred stay free.
pub fn lacking(probes: &[Probe]) -> Option<u64> {
    let copied = || probes.iter().filter(|probe| probe.way != Way::Reflink);
    let needed: u64 = copied().map(|probe| probe.size.saturating_sub(probe.replaced)).sum();
    let there = copied().map(|probe| probe.free.saturating_sub(probe.total * RESERVE / 100)).min()?;
    (needed > there).then(|| needed - there)
}

/// Writes a size as people do.
pub fn human(kib: u64) -> String {
    let (unit, name) = match kib {
        0..1024 => (1, "KiB"),
        1024..1_048_576 => (1024, "MiB"),
        _ => (1_048_576, "GiB"),
    };
    let tenths = kib * 10 / unit;
    if unit == 1 || tenths >= 100 {
        format!("{} {name}", tenths / 10)
    } else {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    }
}

/// `reflink`, `copy`, `stream`
impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reflink => "reflink",
            Self::Copy => "copy",
            Self::Stream => "stream",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_coreutils_and_busybox_print_is_read() {
        let text = |df: &str, way: &str| format!("39244\t/prism-from\n4\t/prism-to\n{df}\n{way}\n");
        let gnu = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n/dev/vda        264212084 43278720  52007168      46% /prism-to";
        let long = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/mapper/a-very-long-name\n 100 40 60 40% /prism-to";
        let probe = Probe::read(&text(gnu, "copy")).expect("read");
        assert_eq!(
            probe,
            Probe { size: 39244, replaced: 4, total: 264_212_084, free: 52_007_168, way: Way::Copy }
        );
        let probe = Probe::read(&text(long, "reflink")).expect("read");
        assert_eq!((probe.total, probe.free, probe.way), (100, 60, Way::Reflink));
        for broken in ["", "x", "1\t/elsewhere\n", &text("nothing", "copy"), &text(gnu, "else")] {
            assert_eq!(Probe::read(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_twentieth_of_the_file_system_stays_free() {
        let probe = |size, replaced, way| Probe { size, replaced, total: 1000, free: 100, way };
        assert_eq!(lacking(&[probe(50, 0, Way::Copy)]), None);
        assert_eq!(lacking(&[probe(51, 0, Way::Copy)]), Some(1));
        assert_eq!(lacking(&[probe(30, 0, Way::Copy), probe(30, 0, Way::Copy)]), Some(10));
        assert_eq!(lacking(&[probe(80, 30, Way::Copy)]), None, "what is replaced makes room");
        assert_eq!(lacking(&[probe(9999, 0, Way::Reflink)]), None);
        assert_eq!(lacking(&[]), None);
    }

    #[test]
    fn sizes_are_short() {
        for (kib, text) in
            [(0, "0 KiB"), (1023, "1023 KiB"), (1536, "1.5 MiB"), (39244, "38 MiB"), (1_200_000, "1.1 GiB")]
        {
            assert_eq!(human(kib), text);
        }
    }
}
