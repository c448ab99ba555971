//! Bringing an image to the network's size and channels.
//!
//! The filter is the cubic of Catmull and Rom (1974), as wide as a pixel of the smaller image, so
//! that nothing aliases. It is a polynomial, and sums have a fixed order: the bits are the same on
//! every platform and number of threads.

use crate::shape::Shape;

/// Scales images so that they cover another size, and crops the centre. One for each thread: it
/// keeps the weights of the last sizes.
#[derive(Debug, Default)]
pub struct Cover {
    sizes: Option<([u32; 4], [Axis; 2])>,
}

impl Cover {
    /// Brings `pixels`, an image of the shape `from`, to the shape `to` and into `out`. Grey is the
    /// luma of colours (Rec. 709); colours of grey are equal.
    ///
    /// # Panics
    ///
    /// When a shape has no pixels or neither 1 nor 3 channels, or a slice is not one image.
    pub fn fill(&mut self, pixels: &[u8], from: Shape, out: &mut [u8], to: Shape) {
        assert_eq!((pixels.len(), out.len()), (from.bytes(), to.bytes()), "one image of {from}, one of {to}");
        match (from.channels, to.channels) {
            (1, 1) => self.scale::<1>(pixels, from, out, to),
            (3, 3) => self.scale::<3>(pixels, from, out, to),
            (3, 1) => self.scale::<1>(&luma(pixels), from, out, to),
            (1, 3) => {
                let mut grey = vec![0; to.pixels() as usize];
                self.scale::<1>(pixels, from, &mut grey, to);
                out.chunks_exact_mut(3).zip(grey).for_each(|(pixel, grey)| pixel.fill(grey));
            }
            _ => panic!("{from} or {to} has neither 1 nor 3 channels"),
        }
    }

    fn scale<const CHANNELS: usize>(&mut self, pixels: &[u8], from: Shape, out: &mut [u8], to: Shape) {
        if (from.height, from.width) == (to.height, to.width) {
            out.copy_from_slice(pixels);
            return;
        }
        let [rows, columns] = self.axes(from, to);
        let length = to.width as usize * CHANNELS;
        // Only the rows that are asked for: of a long strip few are.
        let start = rows.first().map_or(0, |(first, _)| *first);
        let end = rows.last().map_or(start, |(first, weights)| first + weights.len());
        let mut narrow = vec![0.0_f32; (end - start) * length];
        let wide = pixels.chunks_exact(from.width as usize * CHANNELS).skip(start);
        for (row, wide) in narrow.chunks_exact_mut(length).zip(wide) {
            for (pixel, (first, weights)) in row.chunks_exact_mut(CHANNELS).zip(columns) {
                let mut sum = [0.0; CHANNELS];
                for (old, weight) in wide[first * CHANNELS..].chunks_exact(CHANNELS).zip(weights) {
                    sum.iter_mut().zip(old).for_each(|(sum, &value)| *sum += weight * f32::from(value));
                }
                pixel.copy_from_slice(&sum);
            }
        }
        let mut sums = vec![0.0; length];
        for (row, (first, weights)) in out.chunks_exact_mut(length).zip(rows) {
            sums.fill(0.0);
            for (old, weight) in narrow[(first - start) * length..].chunks_exact(length).zip(weights) {
                sums.iter_mut().zip(old).for_each(|(sum, value)| *sum += weight * value);
            }
            // The conversion saturates.
            row.iter_mut().zip(&sums).for_each(|(value, sum)| *value = (sum + 0.5) as u8);
        }
    }

    /// The weights of rows and columns.
    fn axes(&mut self, from: Shape, to: Shape) -> &[Axis; 2] {
        let sizes = [from.height, from.width, to.height, to.width];
        let known = self.sizes.take().filter(|(known, _)| *known == sizes).unwrap_or_else(|| {
            let [old_height, old_width, height, width] = sizes.map(f64::from);
            // Old pixels for each new one: the smaller of the two ratios covers.
            let ratio = (old_height / height).min(old_width / width);
            (sizes, [axis(from.height, to.height, ratio), axis(from.width, to.width, ratio)])
        });
        &self.sizes.insert(known).1
    }
}

/// The weights of the old pixels in each new one, along one side: the first old pixel, and the
/// weights from there, which add up to 1.
type Axis = Vec<(usize, Vec<f32>)>;

/// `new` pixels from the centre of `old` ones, each `ratio` of them apart.
fn axis(old: u32, new: u32, ratio: f64) -> Axis {
    let first = (f64::from(old) - f64::from(new) * ratio) / 2.0;
    let width = ratio.max(1.0);
    let weights_of = |pixel| {
        let centre = first + (f64::from(pixel) + 0.5) * ratio;
        // The edges of the image cut the filter off.
        let start = (centre - 2.0 * width).floor().max(0.0) as usize;
        let end = ((centre + 2.0 * width).ceil() as usize).min(old as usize);
        let weights = (start..end).map(|old| catmull_rom((old as f64 + 0.5 - centre) / width));
        let sum: f64 = weights.clone().sum();
        (start, weights.map(|weight| (weight / sum) as f32).collect())
    };
    (0..new).map(weights_of).collect()
}

/// The cubic through its neighbours: 1 at 0, and 0 at all other whole numbers.
fn catmull_rom(x: f64) -> f64 {
    match x.abs() {
        x if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        x if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        _ => 0.0,
    }
}

/// The luma of pixels of three channels: 0.2126, 0.7152 and 0.0722 of them.
fn luma(pixels: &[u8]) -> Vec<u8> {
    let luma = |[r, g, b]: [u32; 3]| (2126 * r + 7152 * g + 722 * b + 5000) / 10_000;
    let (pixels, _) = pixels.as_chunks::<3>();
    pixels.iter().map(|pixel| luma(pixel.map(u32::from)) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fnv1a;

    fn shape(height: u32, width: u32, channels: u32) -> Shape {
        Shape { height, width, channels }
    }

    fn covered(pixels: &[u8], from: Shape, to: Shape) -> Vec<u8> {
        let mut out = vec![7; to.bytes()];
        Cover::default().fill(pixels, from, &mut out, to);
        out
    }

    #[test]
    fn keeps_what_fits() {
        let pixels: Vec<u8> = (0..18).collect();
        assert_eq!(covered(&pixels, shape(2, 3, 3), shape(2, 3, 3)), pixels);
        assert_eq!(covered(&pixels, shape(6, 3, 1), shape(6, 3, 1)), pixels);
    }

    #[test]
    fn crops_the_centre_of_the_longer_side() {
        // Columns 0 and 3 fall away, or rows.
        let wide = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(covered(&wide, shape(2, 4, 1), shape(2, 2, 1)), [2, 3, 6, 7]);
        assert_eq!(covered(&wide, shape(4, 2, 1), shape(2, 2, 1)), [3, 4, 5, 6]);
        // What is symmetric stays so when half a pixel falls away on either side.
        let odd = covered(&[10, 200, 10, 10, 200, 10], shape(2, 3, 1), shape(4, 4, 1));
        for row in odd.chunks_exact(4) {
            assert_eq!((row[0], row[1]), (row[3], row[2]), "{odd:?}");
        }
    }

    #[test]
    fn shrinking_averages_instead_of_skipping() {
        let checkers: Vec<u8> = (0..64 * 64).map(|i| if (i % 64 + i / 64) % 2 == 0 { 255 } else { 0 }).collect();
        let small = covered(&checkers, shape(64, 64, 1), shape(8, 8, 1));
        assert!(small.iter().all(|v| (126..=129).contains(v)), "{small:?}");
    }

    #[test]
    fn a_flat_image_stays_flat_at_every_size() {
        for from in [1, 2, 7, 300] {
            for to in [1, 5, 28, 131] {
                let flat = vec![201; from * 2 * from];
                let from = shape(from as u32 * 2, from as u32, 1);
                assert!(covered(&flat, from, shape(to, to + 1, 1)).iter().all(|&v| v == 201), "{from} to {to}");
            }
        }
        let long = vec![93; 60_000];
        assert_eq!(covered(&long, shape(1, 60_000, 1), shape(2, 2, 1)), [93; 4]);
        assert_eq!(covered(&long, shape(60_000, 1, 1), shape(2, 2, 3)), [93; 12]);
    }

    #[test]
    fn channels_become_those_of_the_network() {
        let colours = [255, 0, 0, 0, 255, 0, 0, 0, 255, 40, 40, 40];
        // Rec. 709: 0.2126, 0.7152, 0.0722.
        assert_eq!(covered(&colours, shape(2, 2, 3), shape(2, 2, 1)), [54, 182, 18, 40]);
        assert_eq!(covered(&[1, 2], shape(1, 2, 1), shape(1, 2, 3)), [1, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn gives_the_same_bits_on_every_platform() {
        let pixels: Vec<u8> = (0..90 * 70 * 3_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let small = covered(&pixels, shape(90, 70, 3), shape(28, 28, 3));
        let large = covered(&small, shape(28, 28, 3), shape(64, 50, 3));
        assert_eq!((fnv1a(&small), fnv1a(&large)), (0xb7e2_6bdc_1664_3382, 0x4e68_ba92_b8a7_fa75));
    }
}
