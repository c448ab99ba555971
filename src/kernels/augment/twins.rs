//! The twins of the augmentation kernels.

use std::ops::Range;

use rayon::prelude::*;

use crate::random::philox;
use crate::twin::{Call, Real, chunks};

/// What happens to an image: the draw of `shaders/common/augmentation.wgsl`. Places are [row,
/// column].
struct Draw<F> {
    size: [i32; 2],
    is_mirrored: bool,
    brightness: F,
    contrast: F,
    shift: [i32; 2],
    hole: [Range<i32>; 2],
}

impl<F: Real> Draw<F> {
    /// The draws of a dispatch, one for each image.
    fn all(call: &Call<'_, F>) -> Vec<Self> {
        let words = |names: [&str; 2]| names.map(|name| call.size(name) as u32);
        let (size, most, hole) = (["HEIGHT", "WIDTH"], ["SHIFT_ROWS", "SHIFT_COLUMNS"], ["HOLE_ROWS", "HOLE_COLUMNS"]);
        let [size, most, hole] = [size, most, hole].map(words);
        let [brightness, contrast] = ["BRIGHTNESS", "CONTRAST"].map(|name| call.float(name));
        let [seed, step] = ["SEED", "STEP"].map(|name| call.size(name));
        let [stream, part] = words(["STREAM", "PART"]);
        let step_words = call.words("step");
        let block = |index| philox([step_words[seed], step_words[seed + 1]], [index, step_words[step], stream, part]);
        let of_image = |b: u32| {
            let (values, places) = (block(2 * b), block(2 * b + 1));
            let symmetric = |word: u32| F::of(f64::from(word >> 8) / f64::from(1 << 23) - 1.0);
            let shift = |axis: usize| below(places[axis], 2 * most[axis] + 1) - most[axis] as i32;
            let range = |axis: usize| {
                let centre = below(places[2 + axis], size[axis] + 1 - hole[axis] % 2);
                let first = centre - (hole[axis] / 2) as i32;
                first..first + hole[axis] as i32
            };
            Draw {
                size: size.map(|size| size as i32),
                is_mirrored: call.size("MIRROR") == 1 && values[0] >> 31 == 1,
                brightness: brightness * symmetric(values[1]),
                contrast: contrast * symmetric(values[2]),
                shift: [0, 1].map(shift),
                hole: [0, 1].map(range),
            }
        };
        (0..call.size("BATCH") as u32).map(of_image).collect()
    }

    fn place(&self, pixel: usize) -> [i32; 2] {
        let width = self.size[1];
        [pixel as i32 / width, pixel as i32 % width]
    }

    fn mirror(&self, [row, column]: [i32; 2]) -> [i32; 2] {
        [row, if self.is_mirrored { self.size[1] - 1 - column } else { column }]
    }

    fn pixel(&self, [row, column]: [i32; 2]) -> usize {
        (row * self.size[1] + column) as usize
    }

    fn is_inside(&self, [row, column]: [i32; 2]) -> bool {
        (0..self.size[0]).contains(&row) && (0..self.size[1]).contains(&column)
    }

    fn is_cut(&self, [row, column]: [i32; 2]) -> bool {
        self.hole[0].contains(&row) && self.hole[1].contains(&column)
    }

    /// The pixel of the image that comes to pixel `q` of the result.
    fn source(&self, q: usize) -> Option<usize> {
        let [row, column] = self.place(q);
        let origin = [row - self.shift[0], column - self.shift[1]];
        (self.is_inside(origin) && !self.is_cut([row, column])).then(|| self.pixel(self.mirror(origin)))
    }

    /// The pixel of the result that pixel `p` of the image goes to.
    fn destination(&self, p: usize) -> Option<usize> {
        let [row, column] = self.mirror(self.place(p));
        let place = [row + self.shift[0], column + self.shift[1]];
        (self.is_inside(place) && !self.is_cut(place)).then(|| self.pixel(place))
    }
}

/// An integer uniform in `0..bound`, as [`crate::random::Draws::below`].
fn below(word: u32, bound: u32) -> i32 {
    ((u64::from(word) * u64::from(bound)) >> 32) as i32
}

/// Sums that a mean is added up in, as on a GPU: one would round more with every value.
const SUMS: usize = 64;

pub(super) fn means<F: Real>(call: &mut Call<'_, F>) {
    let [height, width, batch, channels] = ["HEIGHT", "WIDTH", "BATCH", "CHANNELS"].map(|name| call.size(name));
    let (values, is_masked) = (height * width * channels, call.size("MASKED") == 1);
    let (draws, x) = (Draw::all(call), call.read("x"));
    call.write("means").par_iter_mut().zip(&draws).enumerate().for_each(|(b, (mean, draw))| {
        let mut sums = [F::ZERO; SUMS];
        for p in 0..height * width {
            if is_masked && draw.source(p).is_none() {
                continue;
            }
            for c in 0..channels {
                sums[(p * channels + c) % SUMS] += x[(p * batch + b) * channels + c];
            }
        }
        let mut half = SUMS / 2;
        while half > 0 {
            for i in 0..half {
                sums[i] += sums[i + half];
            }
            half /= 2;
        }
        *mean = sums[0] / F::count(values);
    });
}

pub(super) fn apply<F: Real>(call: &mut Call<'_, F>) {
    let [batch, channels] = ["BATCH", "CHANNELS"].map(|name| call.size(name));
    let [brightness, contrast] = ["BRIGHTNESS", "CONTRAST"].map(|name| call.float(name));
    let fill = ["FILL0", "FILL1", "FILL2"].map(|name| call.float(name));
    let (draws, x, means) = (&Draw::all(call)[..], call.read("x"), call.read("means"));
    chunks(
        call.write("y"),
        batch * channels,
        #[inline(always)]
        move |first, y| {
            for (q, y) in (first / (batch * channels)..).zip(y.chunks_mut(batch * channels)) {
                for (b, (y, draw)) in y.chunks_mut(channels).zip(draws).enumerate() {
                    let Some(p) = draw.source(q) else {
                        y.copy_from_slice(&fill[..channels]);
                        continue;
                    };
                    y.copy_from_slice(&x[(p * batch + b) * channels..][..channels]);
                    for y in y {
                        if contrast > F::ZERO {
                            *y += draw.contrast * (*y - means[b]);
                        }
                        if brightness > F::ZERO {
                            *y += draw.brightness;
                        }
                    }
                }
            }
        },
    );
}

pub(super) fn adjoint<F: Real>(call: &mut Call<'_, F>) {
    let [batch, channels] = ["BATCH", "CHANNELS"].map(|name| call.size(name));
    let (contrast, draws) = (call.float("CONTRAST"), &Draw::all(call)[..]);
    let (dy, means) = (call.read("dy"), call.read("means"));
    chunks(
        call.write("dx"),
        batch * channels,
        #[inline(always)]
        move |first, dx| {
            for (p, dx) in (first / (batch * channels)..).zip(dx.chunks_mut(batch * channels)) {
                for (b, (dx, draw)) in dx.chunks_mut(channels).zip(draws).enumerate() {
                    match draw.destination(p) {
                        None => dx.fill(F::ZERO),
                        Some(q) => dx.copy_from_slice(&dy[(q * batch + b) * channels..][..channels]),
                    }
                    if contrast > F::ZERO {
                        dx.iter_mut().for_each(|dx| *dx += draw.contrast * (*dx - means[b]));
                    }
                }
            }
        },
    );
}
