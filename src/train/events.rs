//! What TensorBoard is told of a run that wants it: the folder `tensorboard/` of the run.
//!
//! As the animation is made of the grids, the event file is made of what the run recorded, anew whenever it goes on. So it tells
//! nothing that the run went back behind, and all that it recorded while no event file was wanted.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::quality::Quality;
use crate::disk;
use crate::error::{Error, Result};
use crate::output::Picture;
use crate::report::tensorboard::EventFile;
use crate::run::folder::{METRICS, Metrics, QUALITY, samples};
use crate::run::records::{read_metrics, read_quality};

/// The folder in a run's folder.
pub(crate) const FOLDER: &str = "tensorboard";
/// The numbers of a line of `metrics.jsonl`.
const METRICS_TAGS: [&str; 5] =
    ["loss/discriminator", "loss/generator", "D(x)/real", "D(x)/generated", "images per second"];
/// The numbers of a line of `quality.jsonl`.
const QUALITY_TAGS: [&str; 2] = ["quality/diversity", "quality/distance to data"];

/// An event file, or nothing where none is wanted.
#[derive(Debug, Default)]
pub(crate) struct Events(Option<EventFile>);

impl Events {
    /// Begins a file with all that was recorded so far; it replaces older ones. Where none is wanted they stay as they are.
    pub(crate) fn begin(wanted: bool, run: &Path) -> Result<Self> {
        if !wanted {
            return Ok(Events::default());
        }
        let mut file = EventFile::create(&run.join(FOLDER), now())?;
        let (records, judged) = (read_metrics(&run.join(METRICS))?, read_quality(&run.join(QUALITY))?);
        let seconds = |step| records[..records.partition_point(|r| r.step <= step)].last().map_or(0.0, |r| r.seconds);
        // Times are those of a run that never paused and goes on now.
        let begun = now() - seconds(u32::MAX);
        for record in &records {
            let values = [record.d_loss, record.g_loss, record.d_real, record.d_fake, record.images_per_second];
            scalars(&mut file, record.step, begun + record.seconds, METRICS_TAGS, values)?;
        }
        for (step, path) in samples(run)? {
            let time = begun + seconds(step);
            match Picture::read(&path) {
                Ok(grid) => picture(&mut file, step, time, &grid, &path)?,
                Err(error) => log::warn!("{error}; TensorBoard is told nothing of it"),
            }
        }
        for quality in judged {
            let values = [quality.diversity, quality.distance];
            scalars(&mut file, quality.step, begun + seconds(quality.step), QUALITY_TAGS, values)?;
        }
        file.flush()?;
        file.remove_older()?;
        Ok(Events(Some(file)))
    }

    /// Adds lines of `metrics.jsonl`.
    pub(crate) fn metrics(&mut self, lines: &[Metrics]) -> Result<()> {
        let Some(file) = &mut self.0 else { return Ok(()) };
        for Metrics { step, losses, images_per_second, .. } in lines {
            let [d_loss, g_loss, d_real, d_fake] =
                [losses.d_loss, losses.g_loss, losses.d_real, losses.d_fake].map(f64::from);
            scalars(file, *step, now(), METRICS_TAGS, [d_loss, g_loss, d_real, d_fake, *images_per_second])?;
        }
        file.flush()
    }

    /// Adds a sample grid, which is the PNG file `path`, and how good it is.
    pub(crate) fn sample(&mut self, step: u32, grid: &Picture, path: &Path, quality: Quality) -> Result<()> {
        let Some(file) = &mut self.0 else { return Ok(()) };
        picture(file, step, now(), grid, path)?;
        scalars(file, step, now(), QUALITY_TAGS, [quality.diversity, quality.distance])?;
        file.flush()
    }
}

fn scalars<const N: usize>(
    file: &mut EventFile,
    step: u32,
    time: f64,
    tags: [&str; N],
    values: [f64; N],
) -> Result<()> {
    let values: [_; N] = std::array::from_fn(|i| (tags[i], values[i] as f32));
    file.scalars(step, time, &values)
}

fn picture(file: &mut EventFile, step: u32, time: f64, grid: &Picture, path: &Path) -> Result<()> {
    let png = disk::read(path).map_err(|e| Error::io("read", path, &e))?;
    file.image(step, time, "samples", &png, [grid.width, grid.height, grid.channels].map(|n| n as u32))
}

/// Seconds since 1970, for people: nothing depends on them.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
