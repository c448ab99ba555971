//! What TensorBoard is told of a run that wants it: the folder `tensorboard/` of the run.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::quality::Quality;
use super::run_folder::Metrics;
use crate::disk;
use crate::error::{Error, Result};
use crate::output::Picture;
use crate::report::tensorboard::EventFile;

/// The folder in a run's folder.
pub(super) const FOLDER: &str = "tensorboard";

/// Event files, or nothing where they are not wanted.
#[derive(Debug, Default)]
pub(super) struct Events(Option<EventFile>);

impl Events {
    /// Begins a file for what comes after `step`; what older files hold of later steps is dropped by TensorBoard.
    pub(super) fn begin(wanted: bool, run: &Path, step: u32) -> Result<Self> {
        let file = wanted.then(|| EventFile::create(&run.join(FOLDER), step, now()));
        Ok(Events(file.transpose()?))
    }

    /// Adds lines of `metrics.jsonl`.
    pub(super) fn metrics(&mut self, lines: &[Metrics]) -> Result<()> {
        let Some(file) = &mut self.0 else { return Ok(()) };
        for Metrics { step, losses, images_per_second, .. } in lines {
            let values = [
                ("loss/discriminator", losses.d_loss),
                ("loss/generator", losses.g_loss),
                ("D(x)/real", losses.d_real),
                ("D(x)/generated", losses.d_fake),
                ("images per second", *images_per_second as f32),
            ];
            file.scalars(*step, now(), &values)?;
        }
        file.flush()
    }

    /// Adds a sample grid, which is the PNG file `path`, and how good it is.
    pub(super) fn sample(&mut self, step: u32, grid: &Picture, path: &Path, quality: Quality) -> Result<()> {
        let Some(file) = &mut self.0 else { return Ok(()) };
        let png = disk::read(path).map_err(|e| Error::io("read", path, &e))?;
        let size = [grid.width, grid.height, grid.channels].map(|n| n as u32);
        file.image(step, now(), "samples", &png, size)?;
        let values =
            [("quality/diversity", quality.diversity as f32), ("quality/distance to data", quality.distance as f32)];
        file.scalars(step, now(), &values)?;
        file.flush()
    }
}

/// Seconds since 1970, for people: nothing depends on them.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
