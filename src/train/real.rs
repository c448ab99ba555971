//! The grid of real images that a run leaves beside its samples: what D sees.

use std::path::Path;

use super::feed::Feed;
use crate::engine::as_seen;
use crate::error::Result;
use crate::model::config::Config;
use crate::output::{Caption, grid, save_png_durably};
use crate::run::files::{REAL, SAMPLES};

/// Draws the grid into the folder of a run, unless it is there: as large as those of samples, with
/// a row a class where they have one.
///
/// # Errors
/// An I/O error naming the file.
pub(super) fn draw(run: &Path, feed: &Feed, config: &Config) -> Result<()> {
    let path = run.join(SAMPLES.folder).join(REAL);
    if path.exists() {
        return Ok(());
    }
    let (rows, cols) = (config.output.rows as usize, config.output.cols as usize);
    let classes = config.classes_in_turn(rows * cols, cols);
    let images = as_seen(config, &feed.first_images(&classes, rows * cols))?;
    let drawn = config.caption("train, real images", 0, [rows, cols], &classes);
    let caption = Caption { weights: "no".to_string(), ..drawn };
    save_png_durably(&grid(&images, rows, cols), &caption, &path)
}
