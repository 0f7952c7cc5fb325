//! Every reader of foreign text, with seeds that were changed at random.

#[path = "../fuzz/src/target.rs"]
mod target;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use self::target::ALL;

/// Numbers that only look random (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap_or_default()
    }
}

/// What breaks readers.
const PIECES: [&str; 24] = [
    "[",
    "{",
    "\"",
    "'",
    "\\",
    "\n",
    "\0",
    ":",
    "=",
    "$",
    "${",
    "%",
    "#",
    "- ",
    "&a ",
    "*a",
    "!x ",
    "\u{feff}",
    "\u{202e}",
    "\u{1b}[",
    "9223372036854775808",
    "-1",
    "null",
    "é",
];

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
    let entries = fs::read_dir(&folder).expect("seeds").map(|entry| entry.expect("entry").path());
    let mut paths: Vec<_> = entries.collect();
    paths.sort();
    assert!(!paths.is_empty(), "no seeds in {}", folder.display());
    paths.iter().map(|path| fs::read(path).expect("seed")).collect()
}

fn changed(seed: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let (from, to) = (random.below(bytes.len() + 1), random.below(bytes.len() + 1));
        let (from, to) = (from.min(to), from.max(to));
        match random.below(6) {
            0 => drop(bytes.drain(from..to)),
            1 => drop(bytes.splice(from..from, bytes[from..to].to_vec())),
            2 => drop(bytes.splice(from..from, PIECES[random.below(PIECES.len())].bytes())),
            3 => drop(bytes.splice(from..from, PIECES[random.below(PIECES.len())].repeat(300).into_bytes())),
            4 if from < bytes.len() => bytes[from] = u8::try_from(random.below(256)).unwrap_or_default(),
            _ => drop(bytes.splice(from.., other[random.below(other.len() + 1)..].iter().copied())),
        }
        bytes.truncate(1 << 16);
    }
    bytes
}

/// `PRISM_TEST_FUZZ` is how many seconds each takes, `PRISM_TEST_SEED` repeats a run.
#[test]
#[expect(clippy::print_stderr, reason = "the seed and the input are needed to repeat a failure")]
fn whatever_readers_are_given_they_hold() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let asked = number("PRISM_TEST_FUZZ");
    let clock = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_secs();
    let seed = number("PRISM_TEST_SEED").unwrap_or(clock);
    eprintln!("PRISM_TEST_SEED={seed}");
    for (name, target) in ALL {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let seeds = seeds(name);
        for seed in &seeds {
            target(seed);
        }
        // The two that decide of a whole project are slow: they get their seeds, and more only when asked.
        let is_slow = ["labels", "model"].contains(&name);
        let seconds = asked.unwrap_or(u64::from(!is_slow));
        let until = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < until {
            let (seed, other) = (&seeds[random.below(seeds.len())], &seeds[random.below(seeds.len())]);
            let input = changed(seed, other, &mut random);
            let held = std::panic::catch_unwind(|| target(&input));
            assert!(held.is_ok(), "{name}: {:?}", String::from_utf8_lossy(&input));
        }
    }
}
