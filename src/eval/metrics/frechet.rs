//! The Fréchet distance between two sets, taken as normal distributions (Dowson and Landau 1982;
//! Heusel et al. 2017): ‖μ₁ − μ₂‖² + Tr(S₁ + S₂ − 2·(S₁^½ S₂ S₁^½)^½).
//!
//! It is biased: of fewer images it is larger. So numbers are compared at the same number of
//! images, and the floor is one of as many.

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use rayon::prelude::*;

use super::Features;
use super::interval::{self, GROUPS, Score, groups};
use crate::error::{Error, Result};

/// Mean and covariance of a set, which has two vectors at least.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    mean: DVector<f64>,
    /// With N − 1.
    covariance: DMatrix<f64>,
}

/// Sums over vectors, from which their moments follow, and those of what is left without a part of
/// them.
#[derive(Clone)]
struct Sums {
    count: f64,
    /// Σ(x − origin)
    first: DVector<f64>,
    /// Σ(x − origin)(x − origin)ᵀ
    second: DMatrix<f64>,
}

impl Moments {
    /// Those of these vectors.
    ///
    /// # Errors
    /// A data error when there is only one.
    pub fn of(features: &Features) -> Result<Moments> {
        check(features)?;
        let origin = origin(features);
        Ok(Sums::of(features, &origin, |_| true).moments(&origin))
    }

    /// The Fréchet distance.
    ///
    /// # Errors
    /// A data error when the vectors have other lengths.
    pub fn frechet(&self, other: &Moments) -> Result<f64> {
        if self.mean.len() != other.mean.len() {
            let [own, other] = [self, other].map(|moments| moments.mean.len());
            return Err(Error::data(format!("features of {own} and of {other} values cannot be compared")));
        }
        Ok(distance_between((self, &self.root()), (other, &other.root())))
    }

    /// S^½.
    fn root(&self) -> DMatrix<f64> {
        let SymmetricEigen { eigenvalues, eigenvectors } = SymmetricEigen::new(self.covariance.clone());
        // Rounding makes small negative numbers of zeros.
        let roots = eigenvalues.map(|value| value.max(0.0).sqrt());
        &eigenvectors * DMatrix::from_diagonal(&roots) * eigenvectors.transpose()
    }
}

/// The distance between two moments, each with its root. Tr (S₁^½ S₂ S₁^½)^½ is the sum of the
/// singular values of S₁^½ S₂^½: their rounding is ε of the largest, where that of roots of
/// eigenvalues is √ε, as much as a small distance of singular covariances.
fn distance_between((a, root_a): (&Moments, &DMatrix<f64>), (b, root_b): (&Moments, &DMatrix<f64>)) -> f64 {
    let overlap = (root_a * root_b).singular_values().sum();
    let apart = (&a.mean - &b.mean).norm_squared();
    (apart + a.covariance.trace() + b.covariance.trace() - 2.0 * overlap).max(0.0)
}

/// The Fréchet distance of `generated` from `real`. The interval leaves groups of generated images
/// out.
///
/// # Errors
/// A data error when there are too few images, or features have other lengths.
pub fn distance(real: &Features, generated: &Features) -> Result<Score> {
    let reference = Moments::of(real)?;
    let value = reference.frechet(&Moments::of(generated)?)?;
    interval::check(generated.len())?;
    let (origin, root) = (origin(generated), reference.root());
    let groups = groups(generated.len());
    let sums = |own: usize| Sums::of(generated, &origin, |place| groups[place] == own);
    let groups: Vec<Sums> = (0..GROUPS).into_par_iter().map(sums).collect();
    let without = |left: usize| {
        let rest = groups.iter().enumerate().filter(|(own, _)| *own != left).map(|(_, sums)| sums.clone());
        let rest = rest.reduce(Sums::plus).expect("there are several groups");
        let rest = rest.moments(&origin);
        distance_between((&reference, &root), (&rest, &rest.root()))
    };
    let without: Vec<f64> = (0..GROUPS).into_par_iter().map(without).collect();
    Ok(Score::by_groups(value, &without).not_negative())
}

fn check(features: &Features) -> Result<()> {
    match features.len() {
        0 | 1 => Err(Error::data("one image has no covariance: give more")),
        _ => Ok(()),
    }
}

/// The mean: sums of squares around it keep their digits.
fn origin(features: &Features) -> DVector<f64> {
    let mut sum = DVector::zeros(features.dim());
    features.values().chunks_exact(features.dim()).for_each(|row| sum += DVector::from_column_slice(row));
    sum / features.len() as f64
}

impl Sums {
    fn of(features: &Features, origin: &DVector<f64>, includes: impl Fn(usize) -> bool) -> Self {
        let dim = features.dim();
        let places: Vec<usize> = (0..features.len()).filter(|&place| includes(place)).collect();
        // A column for each vector's component, so that sums run along memory.
        let mut columns = DMatrix::zeros(places.len(), dim);
        for (row, &place) in places.iter().enumerate() {
            features.row(place).iter().enumerate().for_each(|(k, value)| columns[(row, k)] = value - origin[k]);
        }
        let column = |k: usize| &columns.as_slice()[k * places.len()..][..places.len()];
        let sums = (0..dim).into_par_iter().map(|k| {
            let products = (0..=k).map(|l| crate::twin::dot(column(k), column(l))).collect::<Vec<f64>>();
            (column(k).iter().sum::<f64>(), products)
        });
        let sums: Vec<_> = sums.collect();
        let first = DVector::from_iterator(dim, sums.iter().map(|(sum, _)| *sum));
        let second = DMatrix::from_fn(dim, dim, |k, l| sums[k.max(l)].1[k.min(l)]);
        Sums { count: places.len() as f64, first, second }
    }

    fn plus(self, other: Sums) -> Sums {
        Sums { count: self.count + other.count, first: self.first + other.first, second: self.second + other.second }
    }

    fn moments(&self, origin: &DVector<f64>) -> Moments {
        let shift = &self.first / self.count;
        let covariance = (&self.second - &shift * shift.transpose() * self.count) / (self.count - 1.0);
        Moments { mean: origin + shift, covariance }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{held_by_intervals, normal, without_group};
    use super::*;

    /// Rounding is all that is left of equal sets, in any order.
    #[test]
    fn equal_sets_are_at_no_distance() {
        for (count, dim) in [(50, 3), (40, 64), (500, 64)] {
            let features = normal(count, dim, 1, 0.0);
            let reversed = (0..count).rev().flat_map(|place| features.row(place)).map(|&value| value as f32);
            for other in [features.clone(), Features::new(reversed.collect::<Vec<_>>(), dim).unwrap()] {
                let score = distance(&features, &other).unwrap();
                assert!((0.0..1e-12 * dim as f64).contains(&score.value), "{count} of {dim}: {score:?}");
            }
        }
    }

    /// A singular covariance does not hide a small shift; 40 vectors have at most 39 directions.
    #[test]
    fn small_distances_of_singular_covariances_are_exact() {
        let [dim, steps] = [64, 1024];
        let moved = |by: i32| {
            let values =
                normal(40, dim, 1, 0.0).values().iter().map(|v| (v * steps as f64).round() as i32).collect::<Vec<_>>();
            Features::new(values.into_iter().map(move |v| (v + by) as f32 / steps as f32), dim).unwrap()
        };
        let value = distance(&moved(0), &moved(1)).unwrap().value;
        let expected = dim as f64 / (steps * steps) as f64;
        assert!((value / expected - 1.0).abs() < 1e-6, "{value} is not {expected}");
    }

    /// The jackknife's moments are those of what is left.
    #[test]
    fn moments_without_a_group_are_those_of_the_rest() {
        let features = normal(90, 4, 1, 3.0);
        let (origin, groups) = (origin(&features), groups(90));
        for left in [0, GROUPS - 1] {
            let rest = Sums::of(&features, &origin, |place| groups[place] != left).moments(&origin);
            let expected = Moments::of(&without_group(&features, left)).unwrap();
            assert!((rest.mean - expected.mean).amax() < 1e-13);
            assert!((rest.covariance - expected.covariance).amax() < 1e-13);
        }
    }

    /// N(0, 1) and N(s, 1) in d dimensions are s²·d apart.
    #[test]
    fn a_shift_is_its_square() {
        let distance = distance(&normal(20_000, 4, 1, 0.0), &normal(20_000, 4, 1, 2.0)).unwrap();
        assert!((distance.value - 16.0).abs() < 1e-5, "{distance:?}");
    }

    /// Fewer vectors than dimensions have a singular covariance.
    #[test]
    fn few_vectors_have_a_distance() {
        let [a, b] = [1, 2].map(|seed| Moments::of(&normal(5, 8, seed, 0.0)).unwrap());
        let distance = a.frechet(&b).unwrap();
        assert!(distance > 0.0 && distance.is_finite(), "{distance}");
        assert!(Moments::of(&normal(1, 8, 1, 0.0)).is_err());
    }

    /// The interval holds about 95 % of the distances of other draws of the generated side.
    #[test]
    fn intervals_hold_what_they_say() {
        let real = normal(2_000, 4, 1_000, 0.0);
        held_by_intervals(100, |seed| distance(&real, &normal(400, 4, seed, 0.2)).unwrap());
    }

    /// Images of classes in turn, as a generator with labels draws them, have the interval of the
    /// same images in any order.
    #[test]
    fn intervals_do_not_depend_on_the_order_of_classes() {
        let real = normal(400, 2, 1, 0.0);
        let noise = normal(400, 2, 2, 0.0);
        let generated = |class: fn(usize) -> usize| {
            let value = |i: usize, k: usize| noise.row(i)[k] as f32 * 0.3 + (class(i) * (k + 1)) as f32;
            let values: Vec<f32> = (0..400).flat_map(|i| [value(i, 0), value(i, 1)]).collect();
            distance(&real, &Features::new(values, 2).unwrap()).unwrap()
        };
        let width = |score: Score| score.high - score.low;
        let at_random = width(generated(|i| (i * 7_919 % 401) * 10 / 401));
        for (order, score) in [("in turn", generated(|i| i % 10)), ("one by one", generated(|i| i / 40))] {
            let ratio = width(score) / at_random;
            assert!((0.5..2.0).contains(&ratio), "{order}: {ratio}");
        }
    }
}
