//! A number and where it would lie if other images had been drawn.

use serde::{Deserialize, Serialize};

use super::{DEALING, SEED};
use crate::error::{Error, Result};
use crate::random::{Draws, stream};

/// Groups of images that are left out in turn.
pub const GROUPS: usize = 20;
/// The 97.5 % point of Student's t with [`GROUPS`] − 1 degrees of freedom.
const T: f64 = 2.093;
/// The same of the normal distribution.
const Z: f64 = 1.96;

/// A number with an interval for what chance does on the generated side, the real one being as it
/// is: of many sets of generated images, as many and drawn alike, the intervals of about 95 % hold
/// the mean of all their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The number.
    pub value: f64,
    /// Where the interval begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
}

impl Score {
    fn around(value: f64, half: f64) -> Self {
        Score { value, low: value - half, high: value + half }
    }

    /// The same, where no value is below 0.
    #[must_use]
    pub fn not_negative(self) -> Self {
        Score { low: self.low.max(0.0), ..self }
    }

    /// The same, where all values are between 0 and 1.
    #[must_use]
    pub fn of_unit(self) -> Self {
        Score { low: self.low.max(0.0), high: self.high.min(1.0), ..self }
    }

    /// A statistic with what it is without each of [`GROUPS`] groups of images (the jackknife,
    /// Efron and Stein 1981): right for statistics that are no means, where drawing images again
    /// with replacement would shift them.
    pub fn by_groups(value: f64, without: &[f64]) -> Self {
        let count = without.len() as f64;
        let mean = without.iter().sum::<f64>() / count;
        let squares: f64 = without.iter().map(|value| (value - mean) * (value - mean)).sum();
        Score::around(value, T * ((count - 1.0) / count * squares).sqrt())
    }

    /// A statistic that is normal with this deviation.
    pub fn by_deviation(value: f64, deviation: f64) -> Self {
        Score::around(value, Z * deviation)
    }

    /// The mean of values of single images.
    pub fn of_mean(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        Score::by_deviation(mean, (squares / (count - 1.0).max(1.0) / count).sqrt())
    }

    /// The share of `count` images that are `hits` (Wilson 1927, whose interval has a width where
    /// all or none are).
    pub fn of_share(hits: usize, count: usize) -> Self {
        let (share, n) = (hits as f64 / count as f64, count as f64);
        let (z, denominator) = (Z * Z / n, 1.0 + Z * Z / n);
        let centre = (share + z / 2.0) / denominator;
        let half = Z / denominator * (share * (1.0 - share) / n + z / (4.0 * n)).sqrt();
        Score { value: share, low: (centre - half).clamp(0.0, share), high: (centre + half).clamp(share, 1.0) }
    }
}

/// The fewest images of which groups can be left out.
pub const FEWEST: usize = 2 * GROUPS;

/// Refuses sets that are too small for an interval.
///
/// # Errors
/// A data error for those.
pub fn check(count: usize) -> Result<()> {
    if count < FEWEST {
        return Err(Error::data(format!("{count} images tell too little: at least {FEWEST} are needed")));
    }
    Ok(())
}

/// The group of each of so many images: groups of one size, give or take an image, dealt at random.
/// Images of labels in turn, or class by class, would otherwise make groups of few classes, which
/// differ by more than chance.
pub fn groups(count: usize) -> Vec<usize> {
    let draws = Draws::new(SEED, stream::EVALUATION, DEALING);
    let mut groups: Vec<usize> = (0..count).map(|place| place % GROUPS).collect();
    for last in (1..count as u32).rev() {
        groups.swap(last as usize, draws.below(last, last + 1) as usize);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_an_interval_at_the_ends_too() {
        let none = Score::of_share(0, 100);
        assert!(none.low == 0.0 && none.high > 0.03 && none.high < 0.04, "{none:?}");
        let all = Score::of_share(100, 100);
        assert!(all.high == 1.0 && all.low < 0.97, "{all:?}");
        // From the tables of the formula: 81 of 263.
        let some = Score::of_share(81, 263);
        assert!((some.low - 0.2553).abs() < 1e-4 && (some.high - 0.3662).abs() < 1e-4, "{some:?}");
    }

    #[test]
    fn groups_have_one_size_and_no_order() {
        for count in [0, 1, 40, 1_013] {
            let groups = groups(count);
            let sizes: Vec<usize> =
                (0..GROUPS).map(|own| groups.iter().filter(|&&group| group == own).count()).collect();
            let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            assert!(groups.len() == count && most - least <= 1, "{sizes:?}");
        }
        // Images of ten labels in turn: every group has many of them.
        let groups = groups(1_000);
        for own in 0..GROUPS {
            let labels: std::collections::BTreeSet<_> =
                (0..1_000).filter(|&i| groups[i] == own).map(|i| i % 10).collect();
            assert!(labels.len() > 5, "{own}: {labels:?}");
        }
    }

    /// Of a mean the jackknife is the usual interval.
    #[test]
    fn groups_left_out_of_a_mean_give_its_interval() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i * 37 % 101)).collect();
        let groups = groups(values.len());
        let without = |left: usize| {
            let rest: Vec<_> = (0..values.len()).filter(|&i| groups[i] != left).map(|i| values[i]).collect();
            rest.iter().sum::<f64>() / rest.len() as f64
        };
        let usual = Score::of_mean(&values);
        let by_groups = Score::by_groups(usual.value, &(0..GROUPS).map(without).collect::<Vec<_>>());
        let ratio = (by_groups.high - by_groups.low) / (usual.high - usual.low);
        assert!((0.6..1.6).contains(&ratio), "{ratio}");
    }
}
