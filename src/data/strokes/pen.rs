//! Ink on paper: the coverage of each pixel, from its distance to the path of the pen.

use std::ops::Range;

use crate::shape::Shape;

/// A point of the pen's path and the pen's radius there, in pixels; the centre of the first pixel
/// is (½, ½).
#[derive(Clone, Copy)]
pub struct Sample {
    pub x: f32,
    pub y: f32,
    pub radius: f32,
}

/// The width, in pixels, over which the edge of a stroke fades.
const EDGE: f32 = 1.3;

/// How far, in pixels, the edge strays at each pixel: MNIST was reduced from coarse black-and-white
/// scans.
const GRAIN: f32 = 0.16;

/// Draws `ink` into `out`, `shape.height` × `shape.width` bytes from 0 (paper) to 255 (ink);
/// `grain` chooses the roughness of the edges.
pub fn render(ink: &[Vec<Sample>], shape: Shape, grain: u32, out: &mut [u8]) {
    let mut distances = vec![f32::MAX; out.len()];
    for piece in ink.iter().flat_map(|stroke| stroke.windows(2)) {
        lower(&mut distances, shape, piece[0], piece[1]);
    }
    for (pixel, (value, distance)) in (0..).zip(out.iter_mut().zip(distances)) {
        *value = coverage(distance + GRAIN * scatter(grain, pixel));
    }
    stretch(out);
}

/// Lowers each pixel's distance to the ink to that from the piece between `a` and `b`, where the
/// piece can reach it. Distances are negative inside the ink.
fn lower(distances: &mut [f32], shape: Shape, a: Sample, b: Sample) {
    let reach = a.radius.max(b.radius) + EDGE / 2.0 + GRAIN;
    let columns = pixels_within(a.x.min(b.x) - reach, a.x.max(b.x) + reach, shape.width);
    let (dx, dy, widening) = (b.x - a.x, b.y - a.y, b.radius - a.radius);
    let inverse_square = 1.0 / (dx * dx + dy * dy).max(f32::MIN_POSITIVE);
    for row in pixels_within(a.y.min(b.y) - reach, a.y.max(b.y) + reach, shape.height) {
        let y = row as f32 + 0.5 - a.y;
        let line = &mut distances[row * shape.width as usize..][columns.clone()];
        for (distance, column) in line.iter_mut().zip(columns.clone()) {
            let x = column as f32 + 0.5 - a.x;
            let t = ((x * dx + y * dy) * inverse_square).clamp(0.0, 1.0);
            let (off_x, off_y) = (x - t * dx, y - t * dy);
            *distance = distance.min((off_x * off_x + off_y * off_y).sqrt() - a.radius - t * widening);
        }
    }
}

/// The pixels of `0..size` whose centres lie between `low` and `high`.
fn pixels_within(low: f32, high: f32, size: u32) -> Range<usize> {
    let end = (high + 0.5).clamp(0.0, size as f32) as usize;
    let start = (low - 0.5).ceil().clamp(0.0, end as f32) as usize;
    start..end
}

/// The ink of a pixel whose centre lies at `distance` from the edge of a stroke.
fn coverage(distance: f32) -> u8 {
    let inside = (0.5 - distance / EDGE).clamp(0.0, 1.0);
    (255.0 * inside * inside * (3.0 - 2.0 * inside)).round() as u8
}

/// A number between -1 and 1 that belongs to `pixel` of the image with this `grain`: two rounds of
/// multiply and exclusive-or shift, which for a roughness serve as well as Philox and cost a tenth.
fn scatter(grain: u32, pixel: u32) -> f32 {
    let mut word = grain ^ pixel.wrapping_mul(0x9E37_79B9);
    word = (word ^ (word >> 16)).wrapping_mul(0x7FEB_352D);
    word = (word ^ (word >> 15)).wrapping_mul(0x846C_A68B);
    (word ^ (word >> 16)) as i32 as f32 / 2_147_483_648.0
}

/// Stretches the contrast so that the darkest ink is 255, as it is even in MNIST's thinnest lines.
fn stretch(out: &mut [u8]) {
    let peak = u16::from(out.iter().copied().max().unwrap_or(0));
    if (1..255).contains(&peak) {
        for value in out {
            *value = (u16::from(*value) * 255 / peak) as u8;
        }
    }
}
