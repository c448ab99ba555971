//! Many images on one sheet.

use super::{Images, Picture};

/// Pixels between neighbouring images; there is no frame around the sheet.
pub(super) const GAP: usize = 2;
/// The grey of gaps and empty cells: apart from black digits' ground and from white, yet quiet.
pub(super) const BACKGROUND: u8 = 64;

/// Pixels of a grid's side with so many `cells` of this `size`.
pub fn grid_side(cells: usize, size: usize) -> usize {
    (cells * (size + GAP)).saturating_sub(GAP)
}

/// Lays the first `rows`·`cols` images out in rows, left to right and top to bottom; cells without
/// an image stay grey.
pub fn grid(images: &Images, rows: usize, cols: usize) -> Picture {
    let (width, height, channels) = (grid_side(cols, images.width), grid_side(rows, images.height), images.channels);
    let mut pixels = vec![BACKGROUND; width * height * channels];

    let line = images.width * channels;
    for index in 0..images.count.min(rows * cols) {
        let (top, left) = (index / cols * (images.height + GAP), index % cols * (images.width + GAP));
        for y in 0..images.height {
            let from = (index * images.height + y) * line;
            let to = ((top + y) * width + left) * channels;
            pixels[to..][..line].copy_from_slice(&images.pixels[from..][..line]);
        }
    }
    Picture { width, height, channels, pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_laid_out_in_rows() {
        let images = Images::new(vec![10, 11, 20, 21, 30, 31], [3, 1, 2, 1]).unwrap();
        let b = BACKGROUND;
        #[rustfmt::skip]
        let expected = vec![
            10, 11, b, b, 20, 21,
             b,  b, b, b,  b,  b,
             b,  b, b, b,  b,  b,
            30, 31, b, b,  b,  b,
        ];
        assert_eq!(grid(&images, 2, 2), Picture::new(expected, [4, 6, 1]).unwrap());
    }

    #[test]
    fn colour_keeps_its_channels() {
        let images = Images::new(vec![1, 2, 3, 4, 5, 6], [2, 1, 1, 3]).unwrap();
        let b = BACKGROUND;
        let expected = vec![1, 2, 3, b, b, b, b, b, b, 4, 5, 6];
        assert_eq!(grid(&images, 1, 2), Picture::new(expected, [1, 4, 3]).unwrap());
    }

    #[test]
    fn the_grid_may_be_smaller_than_the_batch() {
        let images = Images::new(vec![1, 2, 3], [3, 1, 1, 1]).unwrap();
        assert_eq!(grid(&images, 1, 1).pixels, [1]);
        assert!(grid(&images, 0, 3).pixels.is_empty());
        assert!(grid(&images, 3, 0).pixels.is_empty());
    }
}
