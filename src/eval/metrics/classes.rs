//! What a classifier says of a set of images.

use serde::{Deserialize, Serialize};

use super::interval::Score;

/// How often each class is found, and how sure the classifier is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classified {
    /// The share of each class.
    pub shares: Vec<f64>,
    /// The mean probability of the likeliest class.
    pub confidence: Score,
}

impl Classified {
    /// Of the probabilities of each class, `[count][classes]`.
    pub fn of(likely: &[f64], classes: usize) -> Self {
        let mut counts = vec![0_u32; classes];
        let mut surest = Vec::with_capacity(likely.len() / classes);
        for image in likely.chunks_exact(classes) {
            let best = (1..classes).fold(0, |best, class| if image[class] > image[best] { class } else { best });
            counts[best] += 1;
            surest.push(image[best]);
        }
        let shares = counts.iter().map(|&count| f64::from(count) / surest.len() as f64).collect();
        let confidence = Score::of_mean(&surest);
        Classified { shares, confidence: Score { high: confidence.high.min(1.0), ..confidence.not_negative() } }
    }

    /// Half the sum of the differences of shares (total variation): 0 for the same histogram, 1 for
    /// classes that are never the same.
    pub fn variation(&self, other: &Classified) -> f64 {
        self.shares.iter().zip(&other.shares).map(|(a, b)| (a - b).abs()).sum::<f64>() / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_class_counts() {
        let classified = Classified::of(&[0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.6, 0.3, 0.1, 0.5, 0.4, 0.1], 3);
        assert_eq!(classified.shares, [0.75, 0.25, 0.0]);
        assert!((classified.confidence.value - 0.65).abs() < 1e-12);
        let other = Classified { shares: vec![0.25, 0.25, 0.5], ..classified.clone() };
        assert_eq!(classified.variation(&other), 0.5);
        assert_eq!(classified.variation(&classified), 0.0);
    }
}
