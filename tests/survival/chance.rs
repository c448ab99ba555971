//! Random moments that are the same in every run of the tests.

use dcgan_gpu::random::Draws;

/// Draws one number after the other.
pub struct Chance {
    draws: Draws,
    drawn: u32,
}

impl Chance {
    /// `trial` has numbers of its own.
    pub fn new(trial: u32) -> Self {
        Chance { draws: Draws::new(2026, 0x7e57, trial), drawn: 0 }
    }

    /// Evenly between 0 and 1.
    pub fn fraction(&mut self) -> f64 {
        self.drawn += 1;
        self.draws.uniform(self.drawn)
    }

    /// One of `0..bound`.
    pub fn below(&mut self, bound: u32) -> u32 {
        self.drawn += 1;
        self.draws.below(self.drawn, bound)
    }
}
