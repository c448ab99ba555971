//! The sliced distance of features (MIND, arXiv 2605.06797): 3d/(n·M) · Σ over M directions of the
//! squares of the differences of sorted projections.

use rayon::prelude::*;

use super::interval::{self, GROUPS, Score, groups};
use super::{DIRECTION, Features, SEED};
use crate::error::{Error, Result};
use crate::random::{Draws, stream};
use crate::twin::dot;

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
    let groups = groups(count);
    let sums = directions.par_iter().map(|direction| {
        let [real, generated] = [real, generated].map(|side| sorted(side, direction, &groups));
        squares(&real, &generated)
    });
    let sums: Vec<[f64; GROUPS + 1]> = sums.collect();
    let scale = 3.0 * real.dim() as f64 / directions.len() as f64;
    let total = |which: usize, n: usize| scale / n as f64 * sums.iter().map(|sums| sums[which]).sum::<f64>();
    let left = |own: usize| count - groups.iter().filter(|&&group| group == own).count();
    Ok((total(GROUPS, count), (0..GROUPS).map(|own| total(own, left(own))).collect()))
}

/// A unit vector, uniform over all.
fn direction(number: u32, dim: usize) -> Vec<f64> {
    let mut normal = vec![0.0_f32; dim];
    Draws::new(SEED, stream::EVALUATION, DIRECTION + number).fill_normal(&mut normal);
    let length = normal.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt();
    normal.iter().map(|&value| f64::from(value) / length).collect()
}

/// The products with a direction in rising order, each with its vector's group.
fn sorted(features: &Features, direction: &[f64], groups: &[usize]) -> Vec<(f64, usize)> {
    let rows = features.values().chunks_exact(features.dim());
    let mut products: Vec<_> = rows.zip(groups).map(|(row, &own)| (dot(row, direction), own)).collect();
    products.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    products
}

/// The sums of squared differences without each group, and of all.
fn squares(a: &[(f64, usize)], b: &[(f64, usize)]) -> [f64; GROUPS + 1] {
    std::array::from_fn(|left| {
        let [a, b] = [a, b].map(|side| side.iter().filter(|(_, own)| *own != left).map(|(product, _)| product));
        a.zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{held_by_intervals, normal, without_group};
    use super::*;

    #[test]
    fn directions_are_unit_vectors() {
        for number in 0..DIRECTIONS {
            let length: f64 = direction(number, 7).iter().map(|value| value * value).sum();
            assert!((length - 1.0).abs() < 1e-12);
        }
        assert_ne!(direction(0, 7), direction(1, 7));
    }

    /// The jackknife's distances are those of what is left.
    #[test]
    fn without_a_group_it_is_that_of_the_rest() {
        let (real, generated) = (normal(90, 3, 1, 0.0), normal(90, 3, 2, 0.5));
        let directions: Vec<_> = (0..9).map(|number| direction(number, 3)).collect();
        let (_, without) = along(&directions, &real, &generated).unwrap();
        for left in [0, 7, GROUPS - 1] {
            let (expected, _) =
                along(&directions, &without_group(&real, left), &without_group(&generated, left)).unwrap();
            assert!((without[left] - expected).abs() < 1e-12, "{} is not {expected}", without[left]);
        }
    }

    /// The interval holds about 95 % of the distances of other draws of both sides.
    #[test]
    fn intervals_hold_what_they_say() {
        held_by_intervals(40, |seed| distance(&normal(120, 3, seed, 0.0), &normal(120, 3, seed + 500, 0.4)).unwrap());
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
