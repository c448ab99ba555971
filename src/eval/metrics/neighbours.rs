//! Precision, recall, density and coverage (Kynkäänniemi et al. 2019; Naeem et al. 2020), and the
//! nearest vectors of a set.
//!
//! A neighbourhood is a ball around an image up to its [`K`]-th neighbour other than itself, without
//! its surface: of images that are all the same it is empty, and nothing lies in it.

use rayon::prelude::*;

use super::Features;
use super::interval::Score;
use crate::error::{Error, Result};
use crate::twin::vectorised;

/// Neighbours within a neighbourhood.
pub const K: usize = 5;
/// Vectors whose distances one thread computes together.
const BLOCK: usize = 64;

/// How two sets lie among each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overlap {
    /// Share of generated images within a neighbourhood of real ones.
    pub precision: Score,
    /// Share of real images within a neighbourhood of generated ones.
    pub recall: Score,
    /// Real neighbourhoods that a generated image lies in, in the mean, over [`K`].
    pub density: Score,
    /// Share of real images in whose neighbourhood a generated one lies.
    pub coverage: Score,
}

/// Measures it.
///
/// # Errors
/// A data error when a side has not more than [`K`] images, or features have other lengths.
pub fn measure(real: &Features, generated: &Features) -> Result<Overlap> {
    real.check_dim(generated)?;
    let [of_real, of_generated] = [radii(real)?, radii(generated)?];
    let counted: Vec<Counted> = (0..real.len().div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let mut counted = Counted { around: vec![0; generated.len()], recalled: 0, covered: 0 };
            let mut distances = vec![0.0; generated.len()];
            for place in block * BLOCK..real.len().min((block + 1) * BLOCK) {
                squares(real.row(place), generated, &mut distances);
                let radius = of_real[place];
                let (mut is_recalled, mut is_covered) = (false, false);
                for ((&distance, &other), around) in distances.iter().zip(&of_generated).zip(&mut counted.around) {
                    is_recalled |= distance < other;
                    is_covered |= distance < radius;
                    *around += u32::from(distance < radius);
                }
                counted.recalled += usize::from(is_recalled);
                counted.covered += usize::from(is_covered);
            }
            counted
        })
        .collect();
    let (recalled, covered) = counted.iter().fold((0, 0), |(r, c), block| (r + block.recalled, c + block.covered));
    let around = |image: usize| counted.iter().map(|block| block.around[image]).sum::<u32>();
    let around: Vec<u32> = (0..generated.len()).map(around).collect();
    let within = around.iter().filter(|&&count| count > 0).count();
    let densities: Vec<f64> = around.iter().map(|&count| f64::from(count) / K as f64).collect();
    Ok(Overlap {
        precision: Score::of_share(within, generated.len()),
        recall: Score::of_share(recalled, real.len()),
        density: Score::of_mean(&densities).not_negative(),
        coverage: Score::of_share(covered, real.len()),
    })
}

/// What a block of real images adds.
struct Counted {
    /// In how many of their neighbourhoods each generated image lies.
    around: Vec<u32>,
    recalled: usize,
    covered: usize,
}

/// The square of the distance of each vector to its [`K`]-th neighbour other than itself.
fn radii(features: &Features) -> Result<Vec<f64>> {
    if features.len() <= K {
        let (count, least) = (features.len(), K + 1);
        return Err(Error::data(format!("{count} images have no neighbourhoods: at least {least} are needed")));
    }
    let radius = |place: usize, distances: &mut Vec<f64>| {
        squares(features.row(place), features, distances);
        distances[place] = f64::INFINITY;
        *distances.select_nth_unstable_by(K - 1, f64::total_cmp).1
    };
    let room = || vec![0.0; features.len()];
    Ok((0..features.len()).into_par_iter().map_init(room, |room, place| radius(place, room)).collect())
}

/// A vector of a set, and how far it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Its place in the set.
    pub place: usize,
    /// Its Euclidean distance.
    pub distance: f64,
}

/// The `count` nearest vectors of `set` to each of `queries`, the nearest first; of equally near
/// ones the first.
///
/// # Errors
/// A data error when features have other lengths.
pub fn nearest(set: &Features, queries: &Features, count: usize) -> Result<Vec<Vec<Neighbour>>> {
    set.check_dim(queries)?;
    let find = |query: usize, distances: &mut Vec<f64>| {
        squares(queries.row(query), set, distances);
        let mut nearest: Vec<Neighbour> = Vec::with_capacity(count + 1);
        for (place, &distance) in distances.iter().enumerate() {
            if nearest.len() < count || nearest.last().is_some_and(|last| distance < last.distance) {
                let at = nearest.partition_point(|other| other.distance <= distance);
                nearest.insert(at, Neighbour { place, distance });
                nearest.truncate(count);
            }
        }
        nearest.iter_mut().for_each(|neighbour| neighbour.distance = neighbour.distance.sqrt());
        nearest
    };
    let room = || vec![0.0; set.len()];
    Ok((0..queries.len()).into_par_iter().map_init(room, |room, query| find(query, room)).collect())
}

/// The squares of the distances of `x` to all vectors of a set: of differences, so that what is
/// equal is at no distance.
fn squares(x: &[f64], set: &Features, distances: &mut [f64]) {
    const LANES: usize = 8;
    let (values, dim) = (set.values(), set.dim());
    vectorised(
        #[inline(always)]
        move || {
            for (distance, y) in distances.iter_mut().zip(values.chunks_exact(dim)) {
                let mut sums = [0.0; LANES];
                let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
                let rest = xs.remainder().iter().zip(ys.remainder());
                let rest: f64 = rest.map(|(a, b)| (a - b) * (a - b)).sum();
                for (x, y) in xs.zip(ys) {
                    for lane in 0..LANES {
                        let difference = x[lane] - y[lane];
                        sums[lane] += difference * difference;
                    }
                }
                *distance = sums.iter().sum::<f64>() + rest;
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::super::tests::normal;
    use super::*;

    #[test]
    fn the_nearest_come_in_order() {
        let set = Features::new([0.0, 5.0, 2.0, 5.0, 1.0], 1).unwrap();
        let queries = Features::new([5.0, 1.4], 1).unwrap();
        let found = nearest(&set, &queries, 3).unwrap();
        let places: Vec<Vec<usize>> = found.iter().map(|row| row.iter().map(|n| n.place).collect()).collect();
        assert_eq!(places, [[1, 3, 2], [4, 2, 0]]);
        assert_eq!(found[0][0].distance, 0.0);
        assert!((found[1][1].distance - 0.6).abs() < 1e-6);
        assert_eq!(nearest(&set, &queries, 9).unwrap()[0].len(), 5);
    }

    /// One distribution: a half of everything or more lies among the others, and every
    /// neighbourhood of five has one of the others with a probability of 1 − 2⁻⁵ about.
    #[test]
    fn sets_of_one_distribution_lie_among_each_other() {
        let overlap = measure(&normal(1_000, 3, 1, 0.0), &normal(1_000, 3, 2, 0.0)).unwrap();
        assert!(overlap.precision.value > 0.8 && overlap.recall.value > 0.8, "{overlap:?}");
        assert!((overlap.density.value - 1.0).abs() < 0.1, "{overlap:?}");
        assert!((overlap.coverage.value - 0.97).abs() < 0.03, "{overlap:?}");
        let apart = measure(&normal(100, 3, 1, 0.0), &normal(100, 3, 2, 50.0)).unwrap();
        assert_eq!([apart.precision.value, apart.recall.value, apart.density.value, apart.coverage.value], [0.0; 4]);
    }
}
