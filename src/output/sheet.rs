//! A grid of images as a PNG that is written row by row, so that its size is one of the file alone.

use std::fmt;
use std::io::Write;
use std::path::Path;

use super::grid::{BACKGROUND, GAP, grid, grid_side};
use super::save::{Unnamed, failed, not_encoded, png_writer, side};
use super::{Caption, Images, Overwrite};
use crate::error::{Error, Result};

/// What a sheet is to look like.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Rows of images.
    pub rows: usize,
    /// Images in a row.
    pub cols: usize,
    /// Every pixel is repeated so many times in both directions.
    pub scale: usize,
    /// `[height, width, channels]` of each image.
    pub image: [usize; 3],
}

/// A picture with the pixels of [`grid`], enlarged, of which only the images of one row are in
/// memory. The file appears when it is whole. Its pixels are packed row by row, so it is another
/// one, byte by byte, than a picture that is written in one go.
pub struct SheetWriter {
    file: Unnamed,
    png: png::StreamWriter<'static, Box<dyn Write>>,
    layout: Layout,
    /// Images that do not fill a row yet.
    waiting: Images,
    /// Rows of images that are still to come.
    left: usize,
}

impl fmt::Debug for SheetWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SheetWriter").field("file", &self.file).field("layout", &self.layout).finish_non_exhaustive()
    }
}

impl SheetWriter {
    /// Begins a sheet of at least one image, with what it says of itself; cells without an image
    /// stay grey.
    ///
    /// # Errors
    /// As [`save_png`](super::save_png).
    pub fn create(path: &Path, layout: Layout, caption: &Caption, overwrite: Overwrite) -> Result<Self> {
        let Layout { rows, cols, scale, image: [height, width, channels] } = layout;
        let waiting = Images::new(Vec::new(), [0, height, width, channels])?;
        let [wide, high] = [grid_side(cols, width), grid_side(rows, height)].map(|pixels| pixels.saturating_mul(scale));
        let [wide, high] = [side(wide, path)?, side(high, path)?];
        let file = Unnamed::create(path, overwrite)?;
        let writer: Box<dyn Write> = Box::new(file.writer()?);
        let header = png_writer(writer, [wide, high], channels, Some(caption));
        let png = header.and_then(png::Writer::into_stream_writer).map_err(|e| refused(path, e))?;
        Ok(SheetWriter { file, png, layout, waiting, left: rows })
    }

    /// Lays out the next images; those beyond the last cell are left out.
    ///
    /// # Errors
    /// [`Kind::Io`](crate::error::Kind::Io) if a row cannot be written.
    pub fn push(&mut self, images: &Images) -> Result<()> {
        if self.left > 0 {
            self.waiting.pixels.extend_from_slice(&images.pixels);
            self.waiting.count += images.count;
        }
        while self.left > 0 && self.waiting.count >= self.layout.cols {
            self.row()?;
        }
        Ok(())
    }

    /// Writes the rows that are left, and gives the file its name.
    ///
    /// # Errors
    /// As [`SheetWriter::push`].
    pub fn finish(mut self) -> Result<()> {
        while self.left > 0 {
            self.row()?;
        }
        let SheetWriter { file, png, .. } = self;
        png.finish().map_err(|error| refused(file.path(), error))?;
        file.name(false).map(drop)
    }

    /// Writes a row of images and the gap below it.
    fn row(&mut self) -> Result<()> {
        let Layout { cols, scale, image: [height, width, channels], .. } = self.layout;
        let count = self.waiting.count.min(cols);
        let rest = self.waiting.pixels.split_off(count * height * width * channels);
        let pixels = std::mem::replace(&mut self.waiting.pixels, rest);
        self.waiting.count -= count;
        let row = grid(&Images::new(pixels, [count, height, width, channels])?, 1, cols);
        let lines = row.pixels.chunks_exact(row.width * channels);
        self.left -= 1;
        let gap = if self.left > 0 { vec![BACKGROUND; GAP * row.width * channels] } else { Vec::new() };
        for line in lines.chain(gap.chunks_exact(row.width * channels)) {
            let wide: Vec<u8> = line.chunks_exact(channels).flat_map(|pixel| pixel.repeat(scale)).collect();
            for _ in 0..scale {
                self.png.write_all(&wide).map_err(|cause| failed(self.file.path(), &cause))?;
            }
        }
        Ok(())
    }
}

fn refused(path: &Path, error: png::EncodingError) -> Error {
    match error {
        png::EncodingError::IoError(cause) => failed(path, &cause),
        other => not_encoded(path, &other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Picture;

    /// `count` images of 3×2 pixels.
    fn images(count: usize, channels: usize) -> Images {
        let pixels = (0..count * 6 * channels).map(|i| (i * 7) as u8).collect();
        Images::new(pixels, [count, 3, 2, channels]).unwrap()
    }

    fn written(path: &Path, images: &Images, [rows, cols, scale]: [usize; 3], at_once: usize) -> Picture {
        let layout = Layout { rows, cols, scale, image: [3, 2, images.channels] };
        let mut sheet = SheetWriter::create(path, layout, &Caption::default(), Overwrite::Always).unwrap();
        let size = 6 * images.channels;
        for pixels in images.pixels.chunks(at_once * size) {
            let part = Images::new(pixels.to_vec(), [pixels.len() / size, 3, 2, images.channels]).unwrap();
            sheet.push(&part).unwrap();
        }
        sheet.finish().unwrap();
        Picture::read(path).unwrap()
    }

    #[test]
    fn the_pixels_are_those_of_a_grid_however_the_images_come() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        for channels in [1, 3] {
            for (count, [rows, cols, scale]) in
                [(6, [2, 3, 1]), (6, [2, 3, 2]), (4, [3, 3, 1]), (1, [1, 1, 3]), (9, [2, 3, 1]), (1, [4, 2, 1])]
            {
                let images = images(count, channels);
                let expected = grid(&images, rows, cols).enlarged(scale);
                for at_once in [1, 2, 4, 100] {
                    assert_eq!(
                        written(&path, &images, [rows, cols, scale], at_once),
                        expected,
                        "{count} {rows}×{cols}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_sheet_that_is_not_finished_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        std::fs::write(&path, "old").unwrap();
        let layout = Layout { rows: 2, cols: 2, scale: 1, image: [3, 2, 1] };
        assert!(SheetWriter::create(&path, layout, &Caption::default(), Overwrite::Never).is_err());
        let mut sheet = SheetWriter::create(&path, layout, &Caption::default(), Overwrite::Always).unwrap();
        sheet.push(&images(3, 1)).unwrap();
        drop(sheet);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
