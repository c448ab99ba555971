//! `--data strokes`: endless digits that look written by hand, so that training and tests need no
//! download.
//!
//! A digit is drawn as a person draws it. A skeleton says where the pen goes; a hand with its own
//! slant, proportions and tremor follows it in curves, with a line of some width. The digit is then
//! brought to the frame of MNIST (LeCun, Bottou, Bengio and Haffner, "Gradient-based learning
//! applied to document recognition", 1998) and becomes ink. Each of these steps is a file in
//! `strokes/`.
//!
//! Image `index` of an epoch is a pure function of (seed, epoch, index, shape), and the same bits
//! on every platform: all arithmetic is IEEE operations and `libm`.

mod curve;
mod dice;
mod frame;
mod hand;
mod pen;
// A row of knots reads as a line drawn on paper; rustfmt would put each knot on a line of its own.
#[rustfmt::skip]
mod skeletons;

use self::dice::Dice;
use self::hand::Hand;
use crate::shape::Shape;

/// The images that count as one epoch: as many as MNIST has.
pub const EPOCH: u32 = 60_000;

/// What the classes are called: the digits.
pub const CLASSES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// Draws image `index` of `epoch` into `out`, `shape.height` × `shape.width` bytes from 0 (paper)
/// to 255 (ink), and returns the digit that it shows, 0 to 9.
///
/// # Panics
///
/// When `shape` has more than one channel or `out` is not one image long.
pub fn draw(seed: u64, epoch: u32, index: u32, shape: Shape, out: &mut [u8]) -> u8 {
    assert_eq!(shape.channels, 1, "strokes are drawn in one channel");
    assert_eq!(out.len(), shape.bytes(), "the output holds one image of {shape}");
    let (mut dice, digit) = begin(seed, epoch, index);
    let skeleton = dice.pick(skeletons::DIGITS[digit as usize]);
    let pieces = (5.0 * frame::magnification(shape)).clamp(3.0, 64.0) as usize;
    let mut ink = Hand::new(&mut dice).write(skeleton, pieces, &mut dice);
    frame::fit(&mut ink, shape);
    pen::render(&ink, shape, dice.word(), out);
    digit
}

/// The digit that [`draw`] draws.
pub fn label(seed: u64, epoch: u32, index: u32) -> u8 {
    begin(seed, epoch, index).1
}

/// The dice of an image, of which the first says the digit.
fn begin(seed: u64, epoch: u32, index: u32) -> (Dice, u8) {
    let mut dice = Dice::new(seed, epoch, index);
    let digit = dice.below(10) as u8;
    (dice, digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fnv1a;

    fn square(size: u32) -> Shape {
        Shape { height: size, width: size, channels: 1 }
    }

    fn drawn(epoch: u32, index: u32, shape: Shape) -> (Vec<u8>, u8) {
        let mut image = vec![0; shape.bytes()];
        let digit = draw(1, epoch, index, shape, &mut image);
        assert_eq!(digit, label(1, epoch, index));
        (image, digit)
    }

    #[test]
    fn is_the_same_in_every_version_and_on_every_platform() {
        let all: Vec<u8> = (0..1000).flat_map(|index| drawn(3, index, square(28)).0).collect();
        assert_eq!(fnv1a(&all), 0x4178_a863_24bf_c8b7);
    }

    /// The statistics of MNIST's training images: mean 33.3, 19.1 % of the pixels inked, centres of
    /// mass at (14, 14).
    #[test]
    fn resembles_mnist() {
        const IMAGES: u32 = 4000;
        let (mut ink, mut inked, mut digits) = (0.0, 0, [0; 10]);
        for index in 0..IMAGES {
            let (image, digit) = drawn(0, index, square(28));
            digits[digit as usize] += 1;
            let mass: f64 = image.iter().copied().map(f64::from).sum();
            let share = mass / (255.0 * 784.0);
            assert!((0.02..0.40).contains(&share), "image {index} of digit {digit} is {share} ink");
            assert_eq!(image.iter().max(), Some(&255), "image {index} of digit {digit} is pale");
            let moment = |position: fn(usize) -> usize| {
                image.iter().enumerate().map(|(i, &v)| position(i) as f64 * f64::from(v)).sum::<f64>() / mass
            };
            for centre in [moment(|i| i % 28), moment(|i| i / 28)] {
                assert!((centre - 14.0).abs() < 2.0, "image {index} of digit {digit} is centred at {centre}");
            }
            ink += mass;
            inked += image.iter().filter(|&&v| v > 0).count();
        }
        let pixels = f64::from(IMAGES) * 784.0;
        assert!((ink / pixels - 33.3).abs() < 1.5, "mean {}", ink / pixels);
        assert!((inked as f64 / pixels - 0.191).abs() < 0.01, "inked {}", inked as f64 / pixels);
        assert!(digits.into_iter().all(|n| (IMAGES / 13..IMAGES / 8).contains(&n)), "digits {digits:?}");
    }

    #[test]
    fn draws_at_every_size() {
        for (height, width) in [(1, 1), (3, 50), (64, 64), (100, 40)] {
            let shape = Shape { height, width, channels: 1 };
            for index in 0..50 {
                let (image, digit) = drawn(0, index, shape);
                assert_eq!(digit, drawn(0, index, square(28)).1, "the digit does not depend on the shape");
                assert!(image.iter().any(|&v| v > 127), "image {index} of {shape} is blank");
            }
        }
    }
}
