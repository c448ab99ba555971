//! What lies behind the objects in images.

use super::DataSet;
use crate::shape::Shape;

/// Images whose borders tell the background.
const LOOKED_AT: u32 = 1000;

impl DataSet {
    /// The background: the median of the pixels at the borders of images, for each channel.
    pub fn background(&self) -> Vec<u8> {
        let Shape { height, width, channels } = self.shape();
        let count = LOOKED_AT.min(self.len());
        let indices: Vec<_> =
            (0..count).map(|image| (u64::from(image) * u64::from(self.len()) / u64::from(count)) as u32).collect();
        let mut pixels = vec![0; indices.len() * self.shape().bytes()];
        self.fill(0, &indices, &mut pixels);
        let mut histograms = vec![[0_u64; 256]; channels as usize];
        for image in pixels.chunks_exact(self.shape().bytes()) {
            for (pixel, values) in (0..).zip(image.chunks_exact(channels as usize)) {
                let (row, column) = (pixel / width, pixel % width);
                if row == 0 || column == 0 || row + 1 == height || column + 1 == width {
                    let counted = values.iter().zip(&mut histograms);
                    counted.for_each(|(&value, histogram)| histogram[usize::from(value)] += 1);
                }
            }
        }
        let median = |histogram: &[u64; 256]| {
            let half = histogram.iter().sum::<u64>().div_ceil(2);
            let mut below = 0;
            let reaches = |count: &u64| {
                below += count;
                below >= half
            };
            histogram.iter().position(reaches).unwrap_or(0) as u8
        };
        histograms.iter().map(median).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::makers::array;
    use super::*;

    #[test]
    fn it_is_the_median_of_borders() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images.npy");
        let image = |[border, middle]: [u8; 2]| {
            let mut image = vec![border; 9];
            image[4] = middle;
            image
        };
        let pixels = [[7, 200], [9, 255], [7, 0]].map(image).concat();
        std::fs::write(&path, array("|u1", "(3, 3, 3)", &pixels)).unwrap();
        let shape = Shape { height: 3, width: 3, channels: 1 };
        let data = DataSet::open(path.to_str().unwrap(), None, shape, 0).unwrap();
        assert_eq!(data.background(), [7]);
    }
}
