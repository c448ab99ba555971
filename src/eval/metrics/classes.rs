//! What a classifier says of a set of images.

use serde::{Deserialize, Serialize};

use super::interval::Score;
use crate::error::{Error, Result};

/// How far the sum of an image's probabilities may be from 1.
const ROUNDING: f64 = 1e-3;

/// How often each class is found, and how sure the classifier is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classified {
    /// Images.
    pub count: usize,
    /// The share of each class.
    pub shares: Vec<f64>,
    /// The interval of each share, as that of a [`Score`].
    pub intervals: Vec<[f64; 2]>,
    /// The mean probability of the likeliest class.
    pub confidence: Score,
}

impl Classified {
    /// Of the probabilities of each class, `[count][classes]`.
    ///
    /// # Errors
    /// A data error when these are no probabilities, or there are none.
    pub fn of(likely: &[f64], classes: usize) -> Result<Self> {
        if classes == 0 || likely.is_empty() || !likely.len().is_multiple_of(classes) {
            let count = likely.len();
            return Err(Error::data(format!("{count} values are no probabilities of {classes} classes")));
        }
        let mut counts = vec![0; classes];
        let mut surest = Vec::with_capacity(likely.len() / classes);
        for (number, image) in likely.chunks_exact(classes).enumerate() {
            let is_one = (image.iter().sum::<f64>() - 1.0).abs() <= ROUNDING;
            if !is_one || image.iter().any(|value| !(0.0..=1.0).contains(value)) {
                return Err(Error::data(format!("the classes of image {number} are no probabilities: {image:?}")));
            }
            let best = (1..classes).fold(0, |best, class| if image[class] > image[best] { class } else { best });
            counts[best] += 1;
            surest.push(image[best]);
        }
        let count = surest.len();
        let shares: Vec<Score> = counts.into_iter().map(|hits| Score::of_share(hits, count)).collect();
        Ok(Classified {
            count,
            shares: shares.iter().map(|share| share.value).collect(),
            intervals: shares.iter().map(|share| [share.low, share.high]).collect(),
            confidence: Score::of_mean(&surest).of_unit(),
        })
    }

    /// Half the sum of the differences of shares (total variation): 0 for the same histogram, 1 for
    /// classes that are never the same. It is biased: of fewer images chance alone makes it larger.
    ///
    /// The interval is the delta method's: each image of this side adds the sign of its class's
    /// difference. Where signs are chance, near the floor, it is too narrow.
    pub fn variation(&self, other: &Classified) -> Score {
        let differences = || self.shares.iter().zip(&other.shares).map(|(a, b)| a - b);
        let signs = || self.shares.iter().zip(differences().map(|d| if d == 0.0 { 0.0 } else { d.signum() }));
        let mean: f64 = signs().map(|(share, sign)| share * sign).sum();
        let variance =
            (signs().map(|(share, sign)| share * sign * sign).sum::<f64>() - mean * mean) / self.count as f64;
        let deviation = variance.max(0.0).sqrt() / 2.0;
        Score::by_deviation(differences().map(f64::abs).sum::<f64>() / 2.0, deviation).of_unit()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::held_by_intervals;
    use super::*;
    use crate::random::{Draws, stream};

    #[test]
    fn the_likeliest_class_counts() {
        let likely = [0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.6, 0.3, 0.1, 0.5, 0.4, 0.1];
        let classified = Classified::of(&likely, 3).unwrap();
        assert_eq!(classified.shares, [0.75, 0.25, 0.0]);
        assert!((classified.confidence.value - 0.65).abs() < 1e-12);
        assert_eq!(classified.count, 4);
        for (share, [low, high]) in classified.shares.iter().zip(&classified.intervals) {
            assert!((*low..=*high).contains(share) && high - low > 0.3);
        }
        let other = Classified { shares: vec![0.25, 0.25, 0.5], ..classified.clone() };
        assert_eq!(classified.variation(&other).value, 0.5);
        assert_eq!(classified.variation(&classified).value, 0.0);
    }

    #[test]
    fn what_are_no_probabilities_is_refused() {
        for (likely, classes) in [
            (&[][..], 3),
            (&[1.0], 0),
            (&[0.5, 0.5, 1.0], 2),
            (&[0.5, f64::NAN], 2),
            (&[1.5, -0.5], 2),
            (&[0.5, 0.4], 2),
        ] {
            let message = Classified::of(likely, classes).unwrap_err().to_string();
            assert!(message.contains("no probabilities"), "{message}");
        }
    }

    #[test]
    fn intervals_hold_what_they_say() {
        let drawn = |seed: u64, side: u32, ends: [f64; 2]| {
            let draws = Draws::new(seed, stream::SAMPLES, side);
            let one = |index| match draws.uniform(index) {
                u if u < ends[0] => [1.0, 0.0, 0.0],
                u if u < ends[1] => [0.0, 1.0, 0.0],
                _ => [0.0, 0.0, 1.0],
            };
            Classified::of((0..300).map(one).collect::<Vec<_>>().as_flattened(), 3).unwrap()
        };
        let real = drawn(1_000, 1, [0.4, 0.8]);
        held_by_intervals(100, |seed| drawn(seed, 0, [0.2, 0.5]).variation(&real));
    }
}
