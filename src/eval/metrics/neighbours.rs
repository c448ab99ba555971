//! Precision, recall, density and coverage (Kynkäänniemi et al. 2019; Naeem et al. 2020), and the
//! nearest vectors of a set.
//!
//! A neighbourhood is a ball around an image up to its [`K`]-th neighbour other than itself,
//! without its surface: of images that are all the same it is empty, and nothing lies in it.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use super::Features;
use super::distances::Tiles;
use super::interval::Score;
use crate::error::{Error, Result};

/// Neighbours within a neighbourhood.
pub const K: usize = 5;

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
    // In how many real neighbourhoods each generated image lies.
    let around: Vec<AtomicU32> = generated.values().chunks_exact(generated.dim()).map(|_| AtomicU32::new(0)).collect();
    let found = Tiles::of(generated).map(real, |place, distances| {
        let is_recalled = distances.iter().zip(&of_generated).any(|(distance, radius)| distance < radius);
        let mut is_covered = false;
        for (distance, around) in distances.iter().zip(&around) {
            if *distance < of_real[place] {
                is_covered = true;
                // Whole numbers have the same sum in any order.
                around.fetch_add(1, Relaxed);
            }
        }
        (is_recalled, is_covered)
    });
    let recalled = found.iter().filter(|(is_recalled, _)| *is_recalled).count();
    let covered = found.iter().filter(|(_, is_covered)| *is_covered).count();
    let around: Vec<u32> = around.into_iter().map(AtomicU32::into_inner).collect();
    let within = around.iter().filter(|&&count| count > 0).count();
    let densities: Vec<f64> = around.iter().map(|&count| f64::from(count) / K as f64).collect();
    Ok(Overlap {
        precision: Score::of_share(within, generated.len()),
        recall: Score::of_share(recalled, real.len()),
        density: Score::of_mean(&densities).not_negative(),
        coverage: Score::of_share(covered, real.len()),
    })
}

/// The square of the distance of each vector to its [`K`]-th neighbour other than itself.
fn radii(features: &Features) -> Result<Vec<f64>> {
    if features.len() <= K {
        let (count, least) = (features.len(), K + 1);
        return Err(Error::data(format!("{count} images have no neighbourhoods: at least {least} are needed")));
    }
    Ok(Tiles::of(features).map(features, |place, distances| {
        distances[place] = f64::INFINITY;
        *distances.select_nth_unstable_by(K - 1, f64::total_cmp).1
    }))
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
    Ok(Tiles::of(set).map(queries, |_, distances| {
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
    }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{held_by_intervals, normal};
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

    /// The other side's own points are fixed, so what the interval of precision holds is the share
    /// of images of other draws of the generated side.
    #[test]
    fn intervals_hold_what_they_say() {
        let real = normal(300, 3, 1_000, 0.0);
        held_by_intervals(60, |seed| measure(&real, &normal(200, 3, seed, 0.7)).unwrap().precision);
        held_by_intervals(60, |seed| measure(&real, &normal(200, 3, seed, 0.7)).unwrap().density);
    }

    #[test]
    fn fewer_images_than_neighbours_are_refused() {
        for [real, generated] in [[5, 40], [40, 5], [1, 1]] {
            let message = measure(&normal(real, 3, 1, 0.0), &normal(generated, 3, 2, 0.0)).unwrap_err().to_string();
            assert!(message.contains("at least 6"), "{message}");
        }
        measure(&normal(6, 3, 1, 0.0), &normal(6, 3, 2, 0.0)).unwrap();
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
