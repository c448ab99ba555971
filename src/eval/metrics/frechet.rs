//! The Fréchet distance between two sets, taken as normal distributions (Dowson and Landau 1982;
//! Heusel et al. 2017): ‖μ₁ − μ₂‖² + Tr(S₁ + S₂ − 2·(S₁^½ S₂ S₁^½)^½).
//!
//! It is biased: of fewer images it is larger. So numbers are compared at the same number of images,
//! and the floor is one of as many.

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use rayon::prelude::*;

use super::Features;
use super::interval::{self, GROUPS, Score, group};
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
        if self == other {
            return Ok(0.0);
        }
        Ok(self.distance(&self.root(), other))
    }

    /// S^½.
    fn root(&self) -> DMatrix<f64> {
        let SymmetricEigen { eigenvalues, eigenvectors } = SymmetricEigen::new(self.covariance.clone());
        // Rounding makes small negative numbers of zeros.
        let roots = DMatrix::from_diagonal(&eigenvalues.map(|value| value.max(0.0).sqrt()));
        &eigenvectors * roots * eigenvectors.transpose()
    }

    fn distance(&self, root: &DMatrix<f64>, other: &Moments) -> f64 {
        let product = root * &other.covariance * root;
        let symmetric = (&product + product.transpose()) * 0.5;
        let overlap: f64 = symmetric.symmetric_eigenvalues().iter().map(|value| value.max(0.0).sqrt()).sum();
        let between = (&self.mean - &other.mean).norm_squared();
        (between + self.covariance.trace() + other.covariance.trace() - 2.0 * overlap).max(0.0)
    }
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
    let groups: Vec<Sums> =
        (0..GROUPS).into_par_iter().map(|own| Sums::of(generated, &origin, |place| group(place) == own)).collect();
    let without = |left: usize| {
        let rest = groups.iter().enumerate().filter(|(own, _)| *own != left).map(|(_, sums)| sums.clone());
        let rest = rest.reduce(Sums::plus).expect("there are several groups");
        reference.distance(&root, &rest.moments(&origin))
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
    use super::super::tests::normal;
    use super::*;

    #[test]
    fn equal_sets_are_at_no_distance() {
        let features = normal(50, 3, 1, 0.0);
        let score = distance(&features, &features).unwrap();
        assert_eq!(score.value, 0.0);
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

    /// The interval holds about 95 % of the distances of other draws.
    #[test]
    fn intervals_hold_what_they_say() {
        let real = normal(2_000, 4, 1_000, 0.0);
        let scores: Vec<Score> = (0..100).map(|seed| distance(&real, &normal(400, 4, seed, 0.2)).unwrap()).collect();
        let mean = scores.iter().map(|score| score.value).sum::<f64>() / 100.0;
        let held = scores.iter().filter(|score| (score.low..score.high).contains(&mean)).count();
        assert!((85..=100).contains(&held), "{held} of 100 hold {mean}");
        let widths = scores.iter().map(|score| score.high - score.low).sum::<f64>() / 100.0;
        assert!(widths < mean * 2.0, "{widths} around {mean}");
    }
}
