//! Distances of all pairs of two sets, of differences: so what is equal is at a distance of 0, and
//! what is not is not, but for underflow. (The usual products, ‖x‖² + ‖y‖² − 2 x·y, leave
//! rounding.)

use rayon::prelude::*;

use super::Features;
use crate::twin::vectorised;

/// Vectors of the set beside each other, in vector registers.
const LANES: usize = 8;
/// Queries that read the set together.
const QUERIES: usize = 4;

/// A set of vectors, laid out so that a loop runs over vectors.
pub(super) struct Tiles<'a> {
    set: &'a Features,
    /// `[count / LANES][dim][LANES]`, the last ones filled up with zeros.
    values: Vec<f64>,
}

impl<'a> Tiles<'a> {
    pub(super) fn of(set: &'a Features) -> Self {
        let mut values = vec![0.0; set.len().div_ceil(LANES) * set.dim() * LANES];
        for (tile, rows) in values.chunks_exact_mut(set.dim() * LANES).zip(set.values().chunks(set.dim() * LANES)) {
            for (lane, row) in rows.chunks_exact(set.dim()).enumerate() {
                row.iter().enumerate().for_each(|(k, value)| tile[k * LANES + lane] = *value);
            }
        }
        Tiles { set, values }
    }

    /// What `f` makes of the place of each query and the squares of its distances to the set, in
    /// the order of the queries, which are as long as the set's vectors.
    pub(super) fn map<T: Send>(&self, queries: &Features, f: impl Fn(usize, &mut [f64]) -> T + Sync) -> Vec<T> {
        let padded = self.set.len().next_multiple_of(LANES);
        let block = |room: &mut Vec<f64>, block: usize| {
            let first = block * QUERIES;
            let places = first..queries.len().min(first + QUERIES);
            // The last query stands in for those that are missing.
            let rows = std::array::from_fn(|query| queries.row((first + query).min(queries.len() - 1)));
            squares(rows, &self.values, room);
            let distances = room.chunks_exact_mut(padded);
            places
                .zip(distances)
                .map(|(place, distances)| f(place, &mut distances[..self.set.len()]))
                .collect::<Vec<T>>()
        };
        let blocks = (0..queries.len().div_ceil(QUERIES)).into_par_iter();
        blocks.map_init(|| vec![0.0; QUERIES * padded], block).flatten_iter().collect()
    }
}

/// The squares of the distances of queries to all vectors of `tiles`, `[QUERIES][padded]`. Their
/// terms are added in the order of the features, whatever the processor.
fn squares(queries: [&[f64]; QUERIES], tiles: &[f64], distances: &mut [f64]) {
    let (dim, padded) = (queries[0].len(), distances.len() / QUERIES);
    vectorised(
        #[inline(always)]
        move || {
            for (number, tile) in tiles.chunks_exact(dim * LANES).enumerate() {
                let mut sums = [[0.0; LANES]; QUERIES];
                for (k, values) in tile.as_chunks::<LANES>().0.iter().enumerate() {
                    for (sums, query) in sums.iter_mut().zip(queries) {
                        let x = query[k];
                        for lane in 0..LANES {
                            let difference = x - values[lane];
                            sums[lane] += difference * difference;
                        }
                    }
                }
                for (query, sums) in sums.iter().enumerate() {
                    distances[query * padded + number * LANES..][..LANES].copy_from_slice(sums);
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::super::tests::normal;
    use super::*;

    #[test]
    fn distances_are_those_of_the_formula_at_awkward_sizes() {
        for (count, queries, dim) in [(1, 1, 1), (7, 3, 2), (8, 4, 3), (9, 5, 1), (17, 10, 5)] {
            let (set, queries) = (normal(count, dim, 1, 0.0), normal(queries, dim, 2, 0.0));
            let found = Tiles::of(&set).map(&queries, |place, distances| (place, distances.to_vec()));
            assert!(found.iter().map(|(place, _)| *place).eq(0..queries.len()));
            for (query, distances) in &found {
                let of = |y: &[f64]| queries.row(*query).iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum::<f64>();
                assert_eq!(distances, &(0..count).map(|place| of(set.row(place))).collect::<Vec<_>>());
            }
        }
    }

    /// Features far from 0, of which products would leave rounding.
    #[test]
    fn equal_vectors_are_at_no_distance_and_others_are() {
        let set = normal(50, 33, 3, 1e6);
        let twice = Features::new(set.values().repeat(2).into_iter().map(|value| value as f32), 33).unwrap();
        for (place, distances) in Tiles::of(&twice).map(&set, |place, distances| (place, distances.to_vec())) {
            let zeros: Vec<_> = (0..100).filter(|&other| distances[other] == 0.0).collect();
            assert_eq!(zeros, [place, place + 50]);
        }
    }
}
