//! The random numbers of one image, in the order they are asked for.

use crate::random::{Draws, stream};

/// Blocks of four words that belong to one image: far more than a digit uses, so that no two images
/// share numbers.
const BLOCKS_PER_IMAGE: u32 = 64;

/// A cursor over the random words of one image.
pub struct Dice {
    draws: Draws,
    block: u32,
    words: [u32; 4],
    used: usize,
}

impl Dice {
    /// The numbers of image `index` of `epoch`, from the first.
    pub fn new(seed: u64, epoch: u32, index: u32) -> Self {
        let block = index.wrapping_mul(BLOCKS_PER_IMAGE);
        Dice { draws: Draws::new(seed, stream::STROKES, epoch), block, words: [0; 4], used: 4 }
    }

    /// The next word.
    pub fn word(&mut self) -> u32 {
        if self.used == 4 {
            self.words = self.draws.block(self.block);
            self.block = self.block.wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// An integer uniform in `0..bound`.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.word()) * u64::from(bound)) >> 32) as u32
    }

    /// One of `choices`, each as likely as the others.
    pub fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len() as u32) as usize]
    }

    /// A number uniform between `low` and `high`.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        const RESOLUTION: f32 = (1 << 24) as f32;
        low + (high - low) * ((self.word() >> 8) as f32 / RESOLUTION)
    }

    /// A number around 0 with this standard deviation, never further than 3.5 of them: the sum of
    /// the four bytes of a word is close enough to a Gaussian, and a digit must not have limbs at
    /// four deviations.
    pub fn bell(&mut self, deviation: f32) -> f32 {
        const MEAN: f32 = 4.0 * 127.5;
        const DEVIATION: f32 = 147.801; // √(4 · (256² − 1) / 12)
        let sum: u32 = self.word().to_le_bytes().into_iter().map(u32::from).sum();
        (sum as f32 - MEAN) * (deviation / DEVIATION)
    }
}
