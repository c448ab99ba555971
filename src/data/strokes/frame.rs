//! Brings a digit to the frame that MNIST puts every digit in.

use super::pen::Sample;
use crate::shape::Shape;

/// The sides, in pixels, of MNIST's images and of the box that a digit fills in them.
const MNIST_IMAGE: f32 = 28.0;
const MNIST_BOX: f32 = 20.0;

/// What the soft edge of the ink adds to the digit on each side, in pixels of MNIST.
const FRINGE: f32 = 0.2;

/// Pixels of an image of `shape` to one pixel of MNIST.
pub fn magnification(shape: Shape) -> f32 {
    shape.height.min(shape.width) as f32 / MNIST_IMAGE
}

/// Scales and moves `ink` so that its longer side is 20 pixels of MNIST and its centre of mass
/// lies, to the pixel, on the middle pixel of the image. Positions may come in any unit, radii come
/// in pixels of MNIST.
pub fn fit(ink: &mut [Vec<Sample>], shape: Shape) {
    let unit = magnification(shape);
    let (mut low, mut high, mut widest) = ([f32::MAX; 2], [f32::MIN; 2], 0.0_f32);
    for sample in ink.iter_mut().flatten() {
        sample.radius *= unit;
        low = [low[0].min(sample.x), low[1].min(sample.y)];
        high = [high[0].max(sample.x), high[1].max(sample.y)];
        widest = widest.max(sample.radius);
    }
    let margin = widest + FRINGE * unit;
    let extent = (high[0] - low[0]).max(high[1] - low[1]);
    let scale = (MNIST_BOX * unit - 2.0 * margin) / extent;
    place(ink, |x, y| [(x - low[0]) * scale + margin, (y - low[1]) * scale + margin]);

    let [mass_x, mass_y] = centre_of_mass(ink);
    // Whole pixels, as in MNIST, so that the top and left edges of the digits keep falling on the
    // edges of pixels.
    let shift_x = (middle(shape.width) - mass_x).round();
    let shift_y = (middle(shape.height) - mass_y).round();
    place(ink, |x, y| [x + shift_x, y + shift_y]);
}

/// The centre of the middle pixel; of the later one where two are in the middle, as in MNIST.
fn middle(size: u32) -> f32 {
    (size / 2) as f32 + 0.5
}

fn place(ink: &mut [Vec<Sample>], to: impl Fn(f32, f32) -> [f32; 2]) {
    for sample in ink.iter_mut().flatten() {
        [sample.x, sample.y] = to(sample.x, sample.y);
    }
}

/// The mean position of the ink: each straight piece weighs its length times its width.
fn centre_of_mass(ink: &[Vec<Sample>]) -> [f32; 2] {
    let (mut sum, mut total) = ([0.0; 2], f32::MIN_POSITIVE);
    for piece in ink.iter().flat_map(|stroke| stroke.windows(2)) {
        let (a, b) = (piece[0], piece[1]);
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let weight = (dx * dx + dy * dy).sqrt() * (a.radius + b.radius);
        sum[0] += weight * (a.x + b.x) / 2.0;
        sum[1] += weight * (a.y + b.y) / 2.0;
        total += weight;
    }
    sum.map(|s| s / total)
}
