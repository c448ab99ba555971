//! The kernel distance (Bińkowski et al. 2018): the squared maximum mean discrepancy of the kernel
//! (x·y/d + 1)³, without bias, so that it may be below 0.

use rayon::prelude::*;

use super::interval::{self, GROUPS, Score, groups};
use super::{Features, SEED};
use crate::error::{Error, Result};
use crate::random::{Draws, stream};
use crate::twin::{Matrix, gemm, vectorised};

/// Subsets, and the images of each, whose mean and deviation others report.
const SUBSETS: u32 = 100;
const OF_A_SUBSET: usize = 1_000;
/// Vectors whose kernels are computed together.
const BLOCK: usize = 256;

/// Sums of kernels of all pairs, by the groups of both.
type ByGroups = [[f64; GROUPS]; GROUPS];

/// The distance over all pairs of images. The interval leaves groups of generated images out.
///
/// # Errors
/// A data error when there are too few images, or features have other lengths.
pub fn distance(real: &Features, generated: &Features) -> Result<Score> {
    interval::check(real.len().min(generated.len()))?;
    let (value, without) = of_all_pairs(real, generated)?;
    Ok(Score::by_groups(value, &without))
}

/// The distance, and without each group of generated images.
fn of_all_pairs(real: &Features, generated: &Features) -> Result<(f64, Vec<f64>)> {
    check(real, generated)?;
    let (rr, gg, rg) = (within(real), within(generated), sums(real, generated, false));
    let mut counts = [0.0; GROUPS];
    groups(generated.len()).into_iter().for_each(|own| counts[own] += 1.0);
    let m = real.len() as f64;
    let rr = total(&rr) / (m * (m - 1.0));
    let without = |left: Option<usize>| {
        let rest = || (0..GROUPS).filter(|own| Some(*own) != left);
        let of_row = |row: &[f64; GROUPS]| rest().map(|own| row[own]).sum::<f64>();
        let n = of_row(&counts);
        let gg: f64 = rest().map(|own| of_row(&gg[own])).sum();
        let rg: f64 = rg.iter().map(of_row).sum();
        rr + gg / (n * (n - 1.0)) - 2.0 * rg / (m * n)
    };
    Ok((without(None), (0..GROUPS).map(|left| without(Some(left))).collect()))
}

/// Mean and deviation of the distance over 100 subsets of both sides. Of few images a
/// subset is a half: with all of them there would be but one, and no deviation.
///
/// # Errors
/// A data error when a side has only one image, or features have other lengths.
pub fn of_subsets(real: &Features, generated: &Features) -> Result<[f64; 2]> {
    check(real, generated)?;
    let size = OF_A_SUBSET.min(real.len().min(generated.len()) / 2).max(2);
    let distances = (0..SUBSETS).into_par_iter().map(|number| {
        let [real, generated] = [(real, 0), (generated, 1)].map(|(of, side)| subset(of, size, 2 * number + side));
        let n = size as f64;
        let own = total(&within(&real)) + total(&within(&generated));
        own / (n * (n - 1.0)) - 2.0 * total(&sums(&real, &generated, false)) / (n * n)
    });
    let distances: Vec<f64> = distances.collect();
    let mean = distances.iter().sum::<f64>() / f64::from(SUBSETS);
    let squares: f64 = distances.iter().map(|distance| (distance - mean) * (distance - mean)).sum();
    Ok([mean, (squares / f64::from(SUBSETS)).sqrt()])
}

fn check(real: &Features, generated: &Features) -> Result<()> {
    if real.len() < 2 || generated.len() < 2 {
        return Err(Error::data("a kernel distance takes two images at least on each side"));
    }
    real.check_dim(generated)
}

/// `size` of the vectors, each at most once.
fn subset(features: &Features, size: usize, number: u32) -> Features {
    let draws = Draws::new(SEED, stream::EVALUATION, number);
    let mut places: Vec<usize> = (0..features.len()).collect();
    for place in 0..size {
        let other = draws.below(place as u32, (features.len() - place) as u32) as usize;
        places.swap(place, place + other);
    }
    let values = places[..size].iter().flat_map(|&place| features.row(place)).copied().collect();
    Features { values, dim: features.dim }
}

/// The sum over all groups.
fn total(sums: &ByGroups) -> f64 {
    sums.as_flattened().iter().sum()
}

/// Kernels of all pairs of two different vectors of a set.
fn within(features: &Features) -> ByGroups {
    sums(features, features, true)
}

/// Kernels of all pairs, but of a vector with itself where both sets are `same`.
fn sums(a: &Features, b: &Features, same: bool) -> ByGroups {
    let dim = a.dim();
    let [of_a, of_b] = [a, b].map(|features| groups(features.len()));
    let blocks: Vec<ByGroups> = (0..a.len().div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let first = block * BLOCK;
            let rows = BLOCK.min(a.len() - first);
            let mut products = vec![0.0; rows * BLOCK];
            let mut sums = [[0.0; GROUPS]; GROUPS];
            // Of one set every pair of blocks is computed once, and counts twice.
            for from in (if same { first } else { 0 }..b.len()).step_by(BLOCK) {
                let columns = BLOCK.min(b.len() - from);
                let products = &mut products[..rows * columns];
                let left = Matrix::rows(&a.values[first * dim..], dim);
                let right = Matrix::rows(&b.values[from * dim..], dim).transposed();
                gemm([rows, columns, dim], products, false, left, right);
                if same && from == first {
                    // The kernel of this product is 0.
                    (0..rows).for_each(|i| products[i * columns + i] = -(dim as f64));
                }
                let by_column = cubes(products, columns, dim, &of_a[first..first + rows]);
                let weight = if same && from > first { 2.0 } else { 1.0 };
                for (sums, by_column) in sums.iter_mut().zip(by_column.chunks_exact(columns)) {
                    by_column.iter().zip(&of_b[from..]).for_each(|(sum, &own)| sums[own] += weight * sum);
                }
            }
            sums
        })
        .collect();
    let mut total = [[0.0; GROUPS]; GROUPS];
    for block in blocks {
        total.as_flattened_mut().iter_mut().zip(block.as_flattened()).for_each(|(total, sum)| *total += sum);
    }
    total
}

/// Kernels from `[rows][columns]` products, added up over the rows of each group:
/// `[GROUPS][columns]`.
fn cubes(products: &[f64], columns: usize, dim: usize, groups: &[usize]) -> Vec<f64> {
    let mut sums = vec![0.0; GROUPS * columns];
    let (out, scale) = (&mut sums, dim as f64);
    vectorised(
        #[inline(always)]
        move || {
            for (line, own) in products.chunks_exact(columns).zip(groups) {
                for (sum, product) in out[own * columns..][..columns].iter_mut().zip(line) {
                    let base = product / scale + 1.0;
                    *sum += base * base * base;
                }
            }
        },
    );
    sums
}

#[cfg(test)]
mod tests {
    use super::super::tests::{held_by_intervals, normal, without_group};
    use super::*;

    #[test]
    fn pairs_are_those_of_the_formula() {
        let real = Features::new([1.0, 3.0], 1).unwrap();
        let generated = Features::new([0.0, 2.0], 1).unwrap();
        // k(1, 3) = 64, k(0, 2) = 1; k(1, 0), k(1, 2), k(3, 0), k(3, 2) = 1, 27, 1, 343.
        let expected = 64.0 + 1.0 - 2.0 * (1.0 + 27.0 + 1.0 + 343.0) / 4.0;
        assert_eq!(of_all_pairs(&real, &generated).unwrap().0, expected);
        assert_eq!(of_subsets(&real, &generated).unwrap(), [expected, 0.0]);
        assert!(distance(&real, &Features::new([1.0], 1).unwrap()).is_err());
    }

    /// Several blocks, of which the last is not full, against plain loops.
    #[test]
    fn blocks_of_pairs_are_all_pairs() {
        let (real, generated) = (normal(2 * BLOCK + 77, 2, 1, 0.0), normal(BLOCK + 5, 2, 2, 0.3));
        let mean = |a: &Features, b: &Features, same: bool| {
            let (mut sum, mut pairs) = (0.0, 0.0);
            for i in 0..a.len() {
                for j in (0..b.len()).filter(|&j| !same || i != j) {
                    sum += (a.row(i).iter().zip(b.row(j)).map(|(x, y)| x * y).sum::<f64>() / 2.0 + 1.0).powi(3);
                    pairs += 1.0;
                }
            }
            sum / pairs
        };
        let within = mean(&real, &real, true) + mean(&generated, &generated, true);
        let expected = within - 2.0 * mean(&real, &generated, false);
        let (value, _) = of_all_pairs(&real, &generated).unwrap();
        assert!((value - expected).abs() < 1e-11 * within, "{value} is not {expected}");
    }

    /// The jackknife's distances are those of what is left.
    #[test]
    fn without_a_group_it_is_that_of_the_rest() {
        let (real, generated) = (normal(90, 3, 1, 0.0), normal(70, 3, 2, 0.5));
        let (_, without) = of_all_pairs(&real, &generated).unwrap();
        for left in [0, 7, GROUPS - 1] {
            let (expected, _) = of_all_pairs(&real, &without_group(&generated, left)).unwrap();
            assert!((without[left] - expected).abs() < 1e-12, "{} is not {expected}", without[left]);
        }
    }

    /// Small sets have a deviation too.
    #[test]
    fn subsets_differ() {
        let [mean, deviation] = of_subsets(&normal(100, 3, 1, 0.0), &normal(100, 3, 2, 1.0)).unwrap();
        assert!(mean > 0.0 && deviation > 0.01 * mean, "{mean} ± {deviation}");
    }

    #[test]
    fn intervals_hold_what_they_say() {
        let real = normal(120, 3, 1_000, 0.0);
        held_by_intervals(60, |seed| distance(&real, &normal(120, 3, seed, 0.4)).unwrap());
    }

    /// Without bias: of two sets of one distribution it is 0 in the mean.
    #[test]
    fn it_has_no_bias() {
        let distances: Vec<f64> = (0..60)
            .map(|seed| distance(&normal(100, 3, seed, 0.0), &normal(100, 3, seed + 500, 0.0)).unwrap().value)
            .collect();
        let mean = distances.iter().sum::<f64>() / 60.0;
        let deviation = (distances.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 59.0).sqrt();
        assert!(mean.abs() < 3.0 * deviation / 60f64.sqrt(), "{mean} ± {deviation}");
        assert!(distances.iter().any(|&d| d < 0.0) && distances.iter().any(|&d| d > 0.0));
    }
}
