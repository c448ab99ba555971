//! The sliced distance of features (MIND, arXiv 2605.06797): 3d/(n·M) · Σ over M directions of the
//! squares of the differences of sorted projections.

use rayon::prelude::*;

use super::interval::{self, GROUPS, Score, group};
use super::{Features, SEED};
use crate::error::{Error, Result};
use crate::random::{Draws, stream};

/// Directions.
const DIRECTIONS: u32 = 1_000;

/// The distance between two sets of as many vectors. The interval leaves groups of both out.
///
/// # Errors
/// A data error when they are too few or not as many, or features have other lengths.
pub fn distance(real: &Features, generated: &Features) -> Result<Score> {
    interval::check(real.len())?;
    let directions: Vec<_> = (0..DIRECTIONS).map(|number| direction(number, real.dim())).collect();
    let (value, without) = along(&directions, real, generated)?;
    Ok(Score::by_groups(value, &without).not_negative())
}

/// The distance along these unit vectors, and without each group of images.
///
/// # Errors
/// A data error when the sets are not as many, or features have other lengths.
pub fn along(directions: &[Vec<f64>], real: &Features, generated: &Features) -> Result<(f64, Vec<f64>)> {
    real.check_dim(generated)?;
    let count = real.len();
    if count != generated.len() {
        let other = generated.len();
        return Err(Error::data(format!(
            "a sliced distance takes as many images on both sides, not {count} and {other}"
        )));
    }
    let sums: Vec<[f64; GROUPS + 1]> =
        directions.par_iter().map(|direction| squares([real, generated].map(|side| sorted(side, direction)))).collect();
    let scale = 3.0 * real.dim() as f64 / directions.len() as f64;
    let total = |which: usize, n: usize| scale / n as f64 * sums.iter().map(|sums| sums[which]).sum::<f64>();
    let left = |own: usize| count - (0..count).filter(|&place| group(place) == own).count();
    Ok((total(GROUPS, count), (0..GROUPS).map(|own| total(own, left(own))).collect()))
}

/// A unit vector, uniform over all.
fn direction(number: u32, dim: usize) -> Vec<f64> {
    let mut normal = vec![0.0_f32; dim];
    Draws::new(SEED, stream::EVALUATION, u32::MAX - number).fill_normal(&mut normal);
    let length = normal.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt();
    normal.iter().map(|&value| f64::from(value) / length).collect()
}

/// The products with a direction in rising order, each with its vector's group.
fn sorted(features: &Features, direction: &[f64]) -> Vec<(f64, usize)> {
    let rows = features.values().chunks_exact(features.dim());
    let product = |row: &[f64]| row.iter().zip(direction).map(|(value, d)| value * d).sum::<f64>();
    let mut products: Vec<_> = rows.enumerate().map(|(place, row)| (product(row), group(place))).collect();
    products.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    products
}

/// The sums of squared differences without each group, and of all.
fn squares([a, b]: [Vec<(f64, usize)>; 2]) -> [f64; GROUPS + 1] {
    let mut sums = [0.0; GROUPS + 1];
    for (left, sum) in sums.iter_mut().enumerate() {
        let rest = |side: &'_ [(f64, usize)]| -> Vec<f64> {
            side.iter().filter(|(_, own)| *own != left).map(|(product, _)| *product).collect()
        };
        *sum = rest(&a).iter().zip(&rest(&b)).map(|(a, b)| (a - b) * (a - b)).sum();
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::tests::normal;
    use super::*;

    #[test]
    fn directions_are_unit_vectors() {
        for number in 0..DIRECTIONS {
            let length: f64 = direction(number, 7).iter().map(|value| value * value).sum();
            assert!((length - 1.0).abs() < 1e-12);
        }
        assert_ne!(direction(0, 7), direction(1, 7));
    }

    /// Along one axis: sorted pairs of 0, 1 and 2, 5 differ by 2 and 4.
    #[test]
    fn sorted_pairs_are_those_of_the_formula() {
        let [a, b] = [[1.0, 9.0, 0.0, 9.0], [5.0, 0.0, 2.0, 0.0]].map(|values| Features::new(values, 2).unwrap());
        let (value, _) = along(&[vec![1.0, 0.0]], &a, &b).unwrap();
        assert_eq!(value, 3.0 * 2.0 / 2.0 * (4.0 + 16.0));
        assert!(along(&[vec![1.0, 0.0]], &a, &Features::new([1.0, 2.0], 2).unwrap()).is_err());
    }

    #[test]
    fn equal_sets_are_at_no_distance_in_any_order() {
        let features = normal(100, 3, 1, 0.0);
        let reversed: Vec<f32> = (0..100).rev().flat_map(|place| features.row(place)).map(|&v| v as f32).collect();
        assert_eq!(distance(&features, &Features::new(reversed, 3).unwrap()).unwrap().value, 0.0);
    }
}
