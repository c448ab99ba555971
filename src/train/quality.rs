//! How good samples are, in two numbers that any image set has: how much they differ from each
//! other, and how far they are from real images.
//!
//! Both are computed on the host from the 8-bit samples of the fixed latents, always against the
//! same real images and in the same order, so a run's numbers can be compared with each other and
//! do not depend on the device beyond the samples.

use crate::data::DataSet;
use crate::output::Images;
use crate::random::{Draws, stream};
use crate::run::records::Quality;
use crate::shape::Shape;

/// Images of each kind that are compared; fewer only where the data set has fewer.
pub const IMAGES: usize = 64;
/// Directions on which they are compared.
const DIRECTIONS: u32 = 64;

/// What samples are compared with.
#[derive(Debug)]
pub struct Reference {
    seed: u64,
    shape: Shape,
    /// `[count][height][width][channels]`
    real: Vec<u8>,
    /// Mean pairwise distance of the real images.
    spread: f64,
    /// Whether samples come class by class.
    by_class: bool,
}

impl Reference {
    /// Takes real images from all over the data set; with `by_class`, samples from all over the
    /// grid, too.
    pub fn new(data: &DataSet, seed: u64, by_class: bool) -> Self {
        let count = data.len().min(IMAGES as u32);
        let indices: Vec<u32> =
            (0..count).map(|i| (u64::from(i) * u64::from(data.len()) / u64::from(count)) as u32).collect();
        let shape = data.shape();
        let mut real = vec![0; indices.len() * shape.bytes()];
        data.fill(0, &indices, &mut real);
        Reference { seed, shape, spread: mean_distance(&real, shape.bytes()), real, by_class }
    }

    /// Measures the samples of a step, the first [`IMAGES`] of them, or as many of all classes.
    ///
    /// # Panics
    /// When there are fewer samples than real images, or their size is another.
    pub fn measure(&self, step: u32, samples: &Images) -> Quality {
        let size = self.shape.bytes();
        assert_eq!(samples.pixels.len(), samples.count * size, "samples of the size of the data");
        let count = self.real.len() / size;
        let place = |number: usize| if self.by_class { number * samples.count / count } else { number };
        let chosen = (0..count).flat_map(|number| &samples.pixels[place(number) * size..][..size]).copied();
        let samples: &[u8] = &chosen.collect::<Vec<_>>();
        let spread = mean_distance(samples, size);
        // Of data without spread nothing can be said.
        let diversity = if self.spread > 0.0 { spread / self.spread } else { f64::NAN };
        Quality { step, diversity, distance: self.sliced_distance(samples), fd: None, samples: None }
    }

    /// The mean over random directions of the distance between both sets' sorted projections (Rabin
    /// et al. 2011, "Wasserstein barycenter and its application to texture mixing").
    fn sliced_distance(&self, samples: &[u8]) -> f64 {
        let mut direction = vec![0.0_f32; self.shape.bytes()];
        let mut sum = 0.0;
        for index in 0..DIRECTIONS {
            Draws::new(self.seed, stream::DIRECTIONS, index).fill_normal(&mut direction);
            let length = direction.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
            let [a, b] = [samples, &self.real].map(|images| projected(images, &direction));
            let gaps: f64 = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum();
            sum += gaps / (a.len() as f64 * length * 255.0);
        }
        sum / f64::from(DIRECTIONS)
    }
}

/// The scalar products of images with a direction, in rising order.
fn projected(images: &[u8], direction: &[f32]) -> Vec<f64> {
    let product = |image: &[u8]| image.iter().zip(direction).map(|(&p, &d)| f64::from(p) * f64::from(d)).sum();
    let mut products: Vec<f64> = images.chunks_exact(direction.len()).map(product).collect();
    products.sort_by(f64::total_cmp);
    products
}

/// The mean distance of all pairs of images of `size` bytes; 0 where there is no pair.
fn mean_distance(images: &[u8], size: usize) -> f64 {
    let images: Vec<&[u8]> = images.chunks_exact(size).collect();
    let mut sum = 0.0;
    for (i, a) in images.iter().enumerate() {
        for b in &images[..i] {
            let squares: u64 = a.iter().zip(*b).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum();
            sum += (squares as f64).sqrt();
        }
    }
    let pairs = images.len() * images.len().saturating_sub(1) / 2;
    sum / pairs.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { height: 8, width: 8, channels: 1 };

    fn reference() -> (Reference, DataSet) {
        let data = DataSet::open("strokes", None, SHAPE, 1).unwrap();
        (Reference::new(&data, 1, false), data)
    }

    fn perfect() -> Quality {
        Quality { step: 7, diversity: 1.0, distance: 0.0, fd: None, samples: None }
    }

    fn images(data: &DataSet, first: u32) -> Images {
        let mut pixels = vec![0; IMAGES * SHAPE.bytes()];
        data.fill(0, &(first..first + IMAGES as u32).collect::<Vec<_>>(), &mut pixels);
        Images::new(pixels, [IMAGES, 8, 8, 1]).unwrap()
    }

    #[test]
    fn real_images_are_diverse_and_near() {
        let (reference, data) = reference();
        let other = reference.measure(7, &images(&data, 10_000));
        assert!((other.diversity - 1.0).abs() < 0.15, "{other:?}");
        let itself = reference.measure(7, &Images::new(reference.real.clone(), [IMAGES, 8, 8, 1]).unwrap());
        assert_eq!(itself, perfect());
        let grey = reference.measure(7, &Images::new(vec![128; IMAGES * 64], [IMAGES, 8, 8, 1]).unwrap());
        assert_eq!(grey.diversity, 0.0);
        assert!(grey.distance > 3.0 * other.distance, "{grey:?} {other:?}");
    }

    /// A grid has a row for each class, and all of them count.
    #[test]
    fn samples_of_all_classes_are_measured() {
        let shape = Shape { height: 1, width: 1, channels: 1 };
        let samples = Images::new(vec![0, 0, 200, 200], [4, 1, 1, 1]).unwrap();
        let measured = |by_class| {
            let reference = Reference { seed: 3, shape, real: vec![0, 200], spread: 200.0, by_class };
            reference.measure(7, &samples)
        };
        assert_eq!(measured(true), perfect());
        assert_eq!(measured(false).diversity, 0.0);
    }

    /// Two points a side: projections of unit vectors onto the line through them.
    #[test]
    fn distances_are_those_of_the_formula() {
        assert_eq!(mean_distance(&[0, 0, 3, 4, 6, 8], 2), 20.0 / 3.0);
        assert_eq!(mean_distance(&[9, 9], 2), 0.0);
        // One image of one pixel: every direction is ±1, and the distance is the pixels'
        // difference.
        let one = Shape { height: 1, width: 1, channels: 1 };
        let reference = Reference { seed: 3, shape: one, real: vec![0], spread: 0.0, by_class: false };
        let quality = reference.measure(7, &Images::new(vec![51], [1, 1, 1, 1]).unwrap());
        assert!((quality.distance - 0.2).abs() < 1e-12, "{quality:?}");
        assert!(quality.diversity.is_nan(), "nothing is as diverse as what has no spread");
    }
}
