//! Distances between two sets of feature vectors: how far generated images are from real ones.
//!
//! All of it is computed in f64, on all threads, and how many there are changes no bit.
//!
//! Every number has an interval, with one meaning: what chance does on the generated side, the real
//! one being as it is (see [`Score`]). Distances leave groups of generated images out; to draw
//! images again with replacement would make twins, and move all of these. Precision, density and
//! the classifier's confidence are means over generated images. Recall and coverage are shares of
//! real images, whose binomial interval stands in for that of other generated images: about as
//! wide, but too narrow for coverage near 1. Where a generator draws classes in turn, chance has
//! less to say than the intervals, which know of no classes.
//!
//! What has no spread is not called good: of images that are all the same on both sides, distances
//! are 0, as they are, but precision, recall, density and coverage are 0 too.

pub mod classes;
pub mod copies;
mod distances;
pub mod frechet;
pub mod interval;
pub mod kernel;
pub mod neighbours;
pub mod sliced;

use serde::{Deserialize, Serialize};

pub use frechet::Moments;
pub use interval::Score;

use crate::error::{Error, Result};

/// Feature vectors of a set of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// `[count][dim]`
    values: Vec<f64>,
    dim: usize,
}

/// The largest feature: its kernel's sixth power, added up, is an f64.
const LARGEST: f64 = 1e20;

impl Features {
    /// Takes `values` of the shape `[count][dim]`.
    ///
    /// # Errors
    /// A data error when there are none, no whole number of vectors, or a value is no number, or
    /// one beyond 1e20.
    pub fn new(values: impl IntoIterator<Item = f32>, dim: usize) -> Result<Self> {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        if dim == 0 || values.is_empty() || !values.len().is_multiple_of(dim) {
            let message = format!("{} values are no features of {dim} values each", values.len());
            return Err(Error::data(message));
        }
        if let Some(bad) = values.iter().position(|value| !value.is_finite() || value.abs() > LARGEST) {
            let (image, value) = (bad / dim, values[bad]);
            let are = if value.is_finite() { "too large to compare" } else { "no numbers" };
            return Err(Error::data(format!("the features of image {image} are {are}: {value}")));
        }
        Ok(Features { values, dim })
    }

    /// Vectors.
    #[expect(clippy::len_without_is_empty, reason = "there is one at least")]
    pub fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    /// Values of a vector.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// All values, `[count][dim]`.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The vector at this place.
    pub fn row(&self, place: usize) -> &[f64] {
        &self.values[place * self.dim..][..self.dim]
    }

    /// The first vectors, at most `count`.
    pub fn first(&self, count: usize) -> Features {
        let values = self.values[..count.min(self.len()) * self.dim].to_vec();
        Features { values, dim: self.dim }
    }

    /// Refuses two sets whose vectors have other lengths.
    fn check_dim(&self, other: &Features) -> Result<()> {
        if self.dim == other.dim {
            return Ok(());
        }
        Err(Error::data(format!("features of {} and of {} values cannot be compared", self.dim, other.dim)))
    }
}

/// All distances between generated images and as many real ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Fréchet distance: see [`frechet`].
    pub frechet: Score,
    /// Kernel distance: see [`kernel`].
    pub kernel: Score,
    /// Mean and deviation of the kernel distance of subsets, as others report it.
    pub kernel_of_subsets: [f64; 2],
    /// Share of generated images that lie among real ones: see [`neighbours`].
    pub precision: Score,
    /// Share of real images that lie among generated ones.
    pub recall: Score,
    /// How many real images' neighbourhoods a generated image lies in, against how many a real one
    /// would: may be above 1.
    pub density: Score,
    /// Share of real images in whose neighbourhood a generated one lies.
    pub coverage: Score,
    /// Sliced distance: see [`sliced`].
    pub sliced: Score,
}

/// Compares `generated` with as many `real` images.
///
/// # Errors
/// A data error when they are not as many, have features of other lengths, or are too few for
/// intervals.
pub fn measure(real: &Features, generated: &Features) -> Result<Scores> {
    real.check_dim(generated)?;
    if real.len() != generated.len() {
        let [real, generated] = [real.len(), generated.len()];
        return Err(Error::data(format!("{generated} images are compared with as many, not with {real}")));
    }
    interval::check(real.len())?;
    let frechet = frechet::distance(real, generated)?;
    let kernel = kernel::distance(real, generated)?;
    let neighbours = neighbours::measure(real, generated)?;
    Ok(Scores {
        frechet,
        kernel,
        kernel_of_subsets: kernel::of_subsets(real, generated)?,
        precision: neighbours.precision,
        recall: neighbours.recall,
        density: neighbours.density,
        coverage: neighbours.coverage,
        sliced: sliced::distance(real, generated)?,
    })
}

/// The seed of what metrics draw: subsets, directions, and who is in which group. Where they lie in
/// the stream is in the steps below; a subset of each side has one, from 0.
const SEED: u64 = 0;
/// The step of the groups.
const DEALING: u32 = 1 << 16;
/// The step of the first direction.
const DIRECTION: u32 = 1 << 17;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::random::{Draws, stream};

    /// Vectors of N(shift, 1).
    pub(crate) fn normal(count: usize, dim: usize, seed: u64, shift: f32) -> Features {
        let mut values = vec![0.0; count * dim];
        Draws::new(seed, stream::SAMPLES, 0).fill_normal(&mut values);
        Features::new(values.into_iter().map(|value| value + shift), dim).unwrap()
    }

    /// What is left of a set without a group of the jackknife.
    pub(crate) fn without_group(features: &Features, left: usize) -> Features {
        let groups = interval::groups(features.len());
        let rows = (0..features.len()).filter(|&place| groups[place] != left).flat_map(|place| features.row(place));
        Features { values: rows.copied().collect(), dim: features.dim }
    }

    /// Holds intervals against the mean of what they are around: about 95 % have it, and they are
    /// not much wider than that takes.
    pub(crate) fn held_by_intervals(draws: u64, score: impl Fn(u64) -> Score) {
        let scores: Vec<Score> = (0..draws).map(score).collect();
        let count = draws as f64;
        let mean = scores.iter().map(|score| score.value).sum::<f64>() / count;
        let held = scores.iter().filter(|score| (score.low..=score.high).contains(&mean)).count();
        assert!(held as f64 >= 0.85 * count, "{held} of {draws} hold {mean}");
        let deviation = (scores.iter().map(|score| (score.value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
        let width = scores.iter().map(|score| score.high - score.low).sum::<f64>() / count;
        assert!(width < 8.0 * deviation, "{width} around {mean} ± {deviation}");
    }

    fn refused<T: std::fmt::Debug>(result: Result<T>, because: &str) {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), Kind::Data);
        assert!(error.to_string().contains(because), "{error} does not say {because:?}");
    }

    #[test]
    fn what_are_no_features_is_refused() {
        refused(Features::new([], 3), "0 values");
        refused(Features::new([1.0; 4], 3), "4 values");
        refused(Features::new([1.0; 4], 0), "of 0 values");
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.1e20, -1.1e20] {
            refused(Features::new([1.0, 2.0, 3.0, bad], 2), "image 1");
        }
    }

    #[test]
    fn sets_that_cannot_be_compared_are_refused() {
        refused(measure(&normal(30, 3, 1, 0.0), &normal(30, 4, 1, 0.0)), "of 3 and of 4");
        refused(measure(&normal(30, 3, 1, 0.0), &normal(31, 3, 1, 0.0)), "not with 30");
        for count in [1, 2, 5, 39] {
            refused(measure(&normal(count, 3, 1, 0.0), &normal(count, 3, 2, 0.0)), "at least");
        }
        measure(&normal(40, 3, 1, 0.0), &normal(40, 3, 2, 0.0)).unwrap();
    }

    /// A generator of one picture is not good, whatever the picture is.
    #[test]
    fn one_picture_again_and_again_is_never_good() {
        let real = normal(200, 4, 1, 0.0);
        let picture = real.row(7).iter().map(|&value| value as f32).collect::<Vec<_>>();
        let same = Features::new(picture.repeat(200), 4).unwrap();
        let scores = measure(&real, &same).unwrap();
        assert!(scores.recall.value == 0.0 && scores.coverage.value < 0.2, "{scores:?}");
        let floor = measure(&real, &normal(200, 4, 2, 0.0)).unwrap();
        assert!(scores.frechet.value > 10.0 * floor.frechet.value, "{scores:?} {floor:?}");
        assert!(scores.kernel.value > 10.0 * floor.kernel.value.abs(), "{scores:?} {floor:?}");
        assert!(scores.sliced.value > 10.0 * floor.sliced.value, "{scores:?} {floor:?}");
        // Where the real ones are all the same too, no neighbourhood has a size.
        let scores = measure(&same, &same).unwrap();
        for score in [scores.precision, scores.recall, scores.density, scores.coverage] {
            assert_eq!(score.value, 0.0);
        }
        assert_eq!((scores.frechet.value, scores.sliced.value), (0.0, 0.0));
    }

    /// Whatever a network makes of its numbers, what is computed of them ends and is a number.
    #[test]
    fn the_largest_and_the_smallest_features_have_distances() {
        for scale in [1e19, f32::MIN_POSITIVE, 0.0] {
            let [real, generated] = [1, 2].map(|seed| {
                let values = normal(60, 70, seed, 0.0);
                Features::new(values.values().iter().map(|&value| value as f32 * scale), 70).unwrap()
            });
            let scores = serde_json::to_string(&measure(&real, &generated).unwrap()).unwrap();
            assert!(!scores.contains("null"), "{scale}: {scores}");
        }
    }

    #[test]
    fn as_many_threads_as_one_likes_give_the_same_bits() {
        let (real, generated) = (normal(700, 5, 1, 0.0), normal(700, 5, 2, 0.3));
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| measure(&real, &generated).unwrap())
        };
        assert_eq!(with(1), with(3));
    }
}
