//! Whether generated images are copies of those that were learnt from.
//!
//! An image may be near to a real one by chance. How near, unseen real images tell: of those, one
//! of a hundred is nearer to a learnt one than the 1 % quantile of their distances. So about one of
//! a hundred generated images is, too, unless they are copies.

use serde::{Deserialize, Serialize};

use super::interval::Score;

/// The quantile of the distances of unseen real images below which an image is suspiciously near.
const SUSPICIOUS: f64 = 0.01;
/// How many times the expected share of suspicious images matters: a generator that draws what is
/// usual more often than the data do is nearer to them, too, and copies nothing.
const TOO_OFTEN: f64 = 3.0;
/// Quantiles that are told.
const QUANTILES: [f64; 3] = [0.01, 0.5, 0.99];

/// How near generated images are to those that were learnt from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Copies {
    /// Generated images that were looked at.
    pub checked: usize,
    /// The share that is nearer to a learnt image than 99 of 100 unseen real ones are.
    pub suspicious: Score,
    /// The share of suspicious images that chance alone may have: the quantile is one of as many
    /// unseen images as there are.
    pub chance: f64,
    /// Those that are a learnt image to the pixel.
    pub exact: usize,
    /// The 1, 50 and 99 % quantiles of the distances to the nearest learnt image.
    pub distances: [f64; 3],
    /// The same of unseen real images.
    pub distances_of_unseen: [f64; 3],
}

impl Copies {
    /// From the distances to the nearest learnt image of generated and of unseen real images, and
    /// how many generated ones are a learnt image to the pixel.
    ///
    /// # Panics
    /// When a side has no images.
    pub fn of(generated: &[f64], unseen: &[f64], exact: usize) -> Self {
        let sorted = |distances: &[f64]| {
            let mut sorted = distances.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted
        };
        let [of_generated, of_unseen] = [generated, unseen].map(sorted);
        let limit = quantile(&of_unseen, SUSPICIOUS);
        let nearer = place(unseen.len(), SUSPICIOUS);
        let near = generated.iter().filter(|&&distance| distance < limit).count();
        Copies {
            checked: generated.len(),
            suspicious: Score::of_share(near, generated.len()),
            chance: Score::of_share(nearer, unseen.len()).high.max(TOO_OFTEN * SUSPICIOUS),
            exact,
            distances: QUANTILES.map(|q| quantile(&of_generated, q)),
            distances_of_unseen: QUANTILES.map(|q| quantile(&of_unseen, q)),
        }
    }

    /// Whether they are copies, or may be: one is a learnt image to the pixel, which chance never
    /// has, or the interval of the suspicious ones lies above what chance has.
    pub fn are_many(&self) -> bool {
        self.exact > 0 || self.suspicious.low > self.chance
    }
}

/// The value below which a share of sorted values lies.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[place(sorted.len(), share)]
}

/// How many of `count` sorted values come before the quantile.
fn place(count: usize, share: f64) -> usize {
    ((count - 1) as f64 * share).round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Draws, stream};

    #[test]
    fn copies_are_nearer_than_chance_has_it() {
        let unseen: Vec<f64> = (0..1_000).map(|i| 1.0 + f64::from(i)).collect();
        let alike = Copies::of(&unseen, &unseen, 0);
        assert!(!alike.are_many() && (alike.suspicious.value - 0.01).abs() < 0.002, "{alike:?}");
        assert_eq!(alike.distances, alike.distances_of_unseen);
        let copied: Vec<f64> = (0..1_000).map(|i| if i < 100 { 0.0 } else { f64::from(i) }).collect();
        let copies = Copies::of(&copied, &unseen, 0);
        assert!(copies.are_many() && copies.suspicious.value == 0.1, "{copies:?}");
        assert!(Copies::of(&unseen, &unseen, 1).are_many(), "a copy to the pixel is one");
    }

    /// Generated images that are as near as unseen ones are called copies by chance only, of few
    /// images too, whose quantile is far off; those of which a third is nearer are found.
    #[test]
    fn chance_makes_no_copies() {
        let mut values = vec![0.0_f32; 4_000];
        for (count, seeds) in [(40, 400), (100, 200), (1_000, 50)] {
            let [mut wrong, mut missed] = [0, 0];
            for seed in 0..seeds {
                Draws::new(seed, stream::SAMPLES, count).fill_normal(&mut values);
                let draws: Vec<f64> = values.iter().map(|&value| 10.0 + f64::from(value)).collect();
                let (unseen, generated) = draws[..2 * count as usize].split_at(count as usize);
                wrong += usize::from(Copies::of(generated, unseen, 0).are_many());
                let near: Vec<f64> =
                    generated.iter().enumerate().map(|(i, d)| if i % 3 == 0 { 0.1 } else { *d }).collect();
                missed += usize::from(!Copies::of(&near, unseen, 0).are_many());
            }
            assert!(wrong as f64 <= 0.03 * seeds as f64 && missed == 0, "{count}: {wrong}, {missed} of {seeds}");
        }
    }
}
