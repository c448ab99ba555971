//! Whether generated images are copies of those that were learnt from.
//!
//! An image may be near to a real one by chance. How near, unseen real images tell: of those, one of
//! a hundred is nearer to a learnt one than the 1 % quantile of their distances. So about one of a
//! hundred generated images is, too, unless they are copies.

use serde::{Deserialize, Serialize};

use super::interval::Score;

/// The quantile of the distances of unseen real images below which an image is suspiciously near.
const SUSPICIOUS: f64 = 0.01;
/// How many times the expected share of suspicious images is more than chance, beside its interval.
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
    pub fn of(generated: &[f64], unseen: &[f64], exact: usize) -> Self {
        let sorted = |distances: &[f64]| {
            let mut sorted = distances.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted
        };
        let [of_generated, of_unseen] = [generated, unseen].map(sorted);
        let limit = quantile(&of_unseen, SUSPICIOUS);
        let near = generated.iter().filter(|&&distance| distance < limit).count();
        Copies {
            checked: generated.len(),
            suspicious: Score::of_share(near, generated.len()),
            exact,
            distances: QUANTILES.map(|q| quantile(&of_generated, q)),
            distances_of_unseen: QUANTILES.map(|q| quantile(&of_unseen, q)),
        }
    }

    /// Whether more of them are suspicious than chance has it.
    pub fn are_many(&self) -> bool {
        self.exact > 0 || self.suspicious.low > TOO_OFTEN * SUSPICIOUS
    }
}

/// The value below which a share of sorted values lies.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_nearer_than_chance_has_it() {
        let unseen: Vec<f64> = (0..1_000).map(|i| 1.0 + f64::from(i)).collect();
        let alike = Copies::of(&unseen, &unseen, 0);
        assert!(!alike.are_many() && (alike.suspicious.value - 0.01).abs() < 0.002, "{alike:?}");
        assert_eq!(alike.distances, alike.distances_of_unseen);
        let copied: Vec<f64> = (0..1_000).map(|i| if i < 100 { 0.0 } else { f64::from(i) }).collect();
        let copies = Copies::of(&copied, &unseen, 0);
        assert!(copies.are_many() && copies.suspicious.value > 0.1, "{copies:?}");
        assert!(Copies::of(&unseen, &unseen, 1).are_many(), "a copy to the pixel is one");
    }
}
