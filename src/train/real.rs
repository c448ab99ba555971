//! The grid of real images that a run leaves beside its samples: what D sees.

use std::path::Path;

use super::feed::Feed;
use crate::engine::as_seen;
use crate::error::Result;
use crate::model::config::Config;
use crate::output::{grid, save_png_durably};
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
    let images = as_seen(config, &feed.first_images(&config.classes_in_turn(rows * cols, cols), rows * cols))?;
    save_png_durably(&grid(&images, rows, cols), &path)
}
