//! A picture of samples, each beside the real images that are nearest to it: whether they are
//! copies.

use crate::error::Result;
use crate::output::{Images, Picture, grid};
use crate::shape::Shape;

/// Samples that are drawn first: any ones.
pub const FIRST: usize = 8;
/// Samples of which a copy is likeliest, below them.
pub const NEAREST: usize = 4;
/// Real images beside each.
pub const NEIGHBOURS: usize = 7;

/// A sample, and the real images that are nearest to it, as places in lists of images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The sample.
    pub sample: usize,
    /// The real images, the nearest first.
    pub neighbours: Vec<usize>,
}

/// Draws a sheet with a row for each sample: the sample, a gap, its neighbours. Both lists are
/// `[count][height][width][channels]`.
///
/// # Errors
/// Where the images have neither one channel nor three.
///
/// # Panics
/// When a place is beyond its list.
pub fn sheet(rows: &[Row], samples: &[u8], real: &[u8], shape: Shape) -> Result<Picture> {
    let size = shape.bytes();
    let columns = 2 + rows.iter().map(|row| row.neighbours.len()).max().unwrap_or(0);
    let image = |list: &[u8], place: usize| list[place * size..][..size].to_vec();
    let nothing = || vec![GAP; size];
    let mut pixels = Vec::with_capacity(rows.len() * columns * size);
    for row in rows {
        pixels.extend(image(samples, row.sample));
        pixels.extend(nothing());
        row.neighbours.iter().for_each(|&place| pixels.extend(image(real, place)));
        (row.neighbours.len() + 2..columns).for_each(|_| pixels.extend(nothing()));
    }
    let [height, width, channels] = [shape.height, shape.width, shape.channels].map(|n| n as usize);
    let images = Images::new(pixels, [rows.len() * columns, height, width, channels])?;
    Ok(grid(&images, rows.len(), columns))
}

/// The grey of a gap, that of grids.
const GAP: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_sample_and_its_neighbours() {
        let shape = Shape { height: 1, width: 1, channels: 1 };
        let rows = [Row { sample: 1, neighbours: vec![2, 0] }, Row { sample: 0, neighbours: vec![1] }];
        let picture = sheet(&rows, &[10, 11], &[20, 21, 22], shape).unwrap();
        let cells = |line: usize| [0, 1, 2, 3].map(|cell| picture.pixels[line * picture.width + 3 * cell]);
        assert_eq!((cells(0), cells(3)), ([11, GAP, 22, 20], [10, GAP, 21, GAP]));
    }
}
