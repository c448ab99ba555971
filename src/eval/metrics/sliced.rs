//! The sliced distance of features (MIND, arXiv 2605.06797): 3d/(n·M) · Σ over M directions of the
//! squares of the differences of sorted projections. Along a direction, 1/n of that sum is the
//! optimal transport's cost, which sets of other sizes have too: it is what the jackknife takes.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::interval::{self, GROUPS, Score, groups};
use super::{DIRECTION, Features, SEED};
use crate::error::{Error, Result};
use crate::random::{Draws, stream};
use crate::twin::{dot, vectorised};

/// Directions.
const DIRECTIONS: u32 = 1_000;

/// The distance between two sets of as many vectors. The interval leaves groups of generated images
/// out.
///
/// # Errors
/// A data error when they are too few or not as many, or features have other lengths.
pub fn distance(real: &Features, generated: &Features) -> Result<Score> {
    interval::check(real.len())?;
    let directions: Vec<_> = (0..DIRECTIONS).map(|number| direction(number, real.dim())).collect();
    let (value, without) = along(&directions, real, generated)?;
    Ok(Score::by_groups(value, &without).not_negative())
}

/// The distance along these unit vectors, and without each group of generated images.
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
    let rests: [usize; GROUPS] = std::array::from_fn(|left| groups.iter().filter(|&&own| own != left).count());
    // Groups have two sizes at most.
    let mut transports = BTreeMap::new();
    for rest in rests {
        transports.entry(rest).or_insert_with(|| transport(count, rest));
    }
    let costs = directions.par_iter().map_init(Vec::new, |rest, direction| {
        let real = sorted(real, direction, |_| ());
        let generated = sorted(generated, direction, |place| groups[place]);
        let whole = real.iter().zip(&generated).map(|(a, b)| square(a.0 - b.0)).sum::<f64>() / count as f64;
        let without: [f64; GROUPS] = std::array::from_fn(|left| {
            rest.clear();
            rest.extend(generated.iter().filter(|(_, own)| *own != left).map(|(product, _)| *product));
            let cost = |moved: &Moved| moved.share * square(real[moved.from as usize].0 - rest[moved.to as usize]);
            transports[&rests[left]].iter().map(cost).sum()
        });
        (whole, without)
    });
    let costs: Vec<(f64, [f64; GROUPS])> = costs.collect();
    let scale = 3.0 * real.dim() as f64 / directions.len() as f64;
    let without = |left: usize| scale * costs.iter().map(|(_, without)| without[left]).sum::<f64>();
    let value = scale * costs.iter().map(|(whole, _)| whole).sum::<f64>();
    Ok((value, (0..GROUPS).map(without).collect()))
}

fn square(x: f64) -> f64 {
    x * x
}

/// What goes from one sorted value to another.
struct Moved {
    from: u32,
    to: u32,
    /// Of all.
    share: f64,
}

/// The optimal transport between `m` and `n` sorted values, each side's of one weight: in order.
fn transport(m: usize, n: usize) -> Vec<Moved> {
    let (mut moved, mut gone) = (Vec::with_capacity(m + n), 0);
    let [mut from, mut to] = [0, 0];
    // In 1/(m·n), so that it is exact.
    while from < m && to < n {
        let [ends_from, ends_to] = [(from + 1) * n, (to + 1) * m];
        let until = ends_from.min(ends_to);
        moved.push(Moved { from: from as u32, to: to as u32, share: (until - gone) as f64 / (m * n) as f64 });
        gone = until;
        from += usize::from(ends_from == until);
        to += usize::from(ends_to == until);
    }
    moved
}

/// A unit vector, uniform over all.
fn direction(number: u32, dim: usize) -> Vec<f64> {
    let mut normal = vec![0.0_f32; dim];
    Draws::new(SEED, stream::EVALUATION, DIRECTION + number).fill_normal(&mut normal);
    let length = normal.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt();
    normal.iter().map(|&value| f64::from(value) / length).collect()
}

/// The products with a direction in rising order, each with what there is to know of its place.
fn sorted<T>(features: &Features, direction: &[f64], known: impl Fn(usize) -> T) -> Vec<(f64, T)> {
    let (values, dim) = (features.values(), features.dim());
    let mut products = vec![0.0; features.len()];
    let out = &mut products;
    vectorised(
        #[inline(always)]
        move || out.iter_mut().zip(values.chunks_exact(dim)).for_each(|(product, row)| *product = dot(row, direction)),
    );
    let mut products: Vec<_> =
        products.into_iter().enumerate().map(|(place, product)| (product, known(place))).collect();
    // Of equal products any order will do.
    products.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    products
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
        // Each as often as the others are many: so there are as many of both.
        let repeated = |features: &Features, times: usize| {
            let values = features.values().repeat(times);
            Features::new(values.into_iter().map(|value| value as f32), 3).unwrap()
        };
        for left in [0, 7, GROUPS - 1] {
            let rest = without_group(&generated, left);
            let (expected, _) = along(&directions, &repeated(&real, rest.len()), &repeated(&rest, 90)).unwrap();
            assert!((without[left] - expected).abs() < 1e-12, "{} is not {expected}", without[left]);
        }
    }

    #[test]
    fn intervals_hold_what_they_say() {
        let real = normal(120, 3, 1_000, 0.0);
        held_by_intervals(40, |seed| distance(&real, &normal(120, 3, seed, 0.4)).unwrap());
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
