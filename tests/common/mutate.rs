//! Mutations: what bad disks, bad links and bad intentions do to files.
#![allow(dead_code, reason = "each user takes a part")]

use flate2::Crc;

/// Dice that depend on nothing but a name and a number (Steele, Lea and Flood 2014: SplitMix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(name: &str, number: u64) -> Dice {
        let name = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Dice(name ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `n`, which is at least 1.
    fn below(&mut self, n: usize) -> usize {
        (self.word() % n as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// A range within `length`, seldom long.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let most = if self.below(4) == 0 { length } else { 8 };
        start..length.min(start + self.below(most + 1))
    }
}

/// Numbers around which sizes go wrong.
const NUMBERS: [u64; 16] = [
    0,
    1,
    2,
    3,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// Words that mean something to one parser or another.
const WORDS: [&str; 20] = [
    "-1",
    "0",
    "99999999999999999999",
    "1e400",
    "nan",
    "true",
    "\"",
    "'''",
    "[",
    "]",
    "{",
    "}",
    "= ",
    ".",
    ",",
    "\n",
    "\\u0000",
    "(4294967295, 4294967295)",
    "|O",
    "\u{fffd}",
];

/// One of the `seeds` with up to six changes.
pub fn mutated(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut file = dice.pick(seeds).clone();
    for _ in 0..1 + dice.below(6) {
        change(&mut file, seeds, dice);
    }
    file
}

fn change(file: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(file.len().max(1));
    match dice.below(10) {
        // A bit flips.
        0 | 1 if !file.is_empty() => file[at] ^= 1 << dice.below(8),
        // A byte changes.
        2 if !file.is_empty() => file[at] = dice.word() as u8,
        // A number of one to eight bytes changes, in either order: a length, a size, an offset.
        3 | 4 => {
            let width = 1 << dice.below(4);
            let number = match dice.below(3) {
                0 => (file.len() as u64).wrapping_add(dice.below(5) as u64).wrapping_sub(2),
                _ => *dice.pick(&NUMBERS),
            };
            let bytes = if dice.below(2) == 0 {
                number.to_le_bytes()[..width].to_vec()
            } else {
                number.to_be_bytes()[8 - width..].to_vec()
            };
            let end = file.len().min(at + width);
            file.splice(at.min(end)..end, bytes);
        }
        // The file ends early.
        5 => file.truncate(dice.below(file.len() + 1)),
        // A part is missing.
        6 => drop(file.drain(dice.range(file.len()))),
        // A part comes twice.
        7 => {
            let part = file[dice.range(file.len())].to_vec();
            file.splice(at.min(file.len())..at.min(file.len()), part);
        }
        // A part comes from another file.
        8 => {
            let other = dice.pick(seeds).clone();
            let (there, here) = (dice.range(other.len()), dice.range(file.len()));
            file.splice(here, other[there].iter().copied());
        }
        // A word is put in.
        _ => {
            let word = dice.pick(&WORDS);
            let here = dice.range(file.len());
            file.splice(here, word.bytes());
        }
    }
}

/// A PNG with every chunk's checksum made right, as far as chunks can be made out.
pub fn with_checksums(file: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let mut at = 8;
    while let Some(head) = file.get(at..at + 4) {
        let length = u32::from_be_bytes(head.try_into().unwrap()) as usize;
        let end = at + 8 + length;
        if end + 4 > file.len() {
            break;
        }
        let mut crc = Crc::new();
        crc.update(&file[at + 4..end]);
        file[end..end + 4].copy_from_slice(&crc.sum().to_be_bytes());
        at = end + 4;
    }
    file
}
