//! What TensorBoard is told of a run that wants it: the folder `tensorboard/` of the run.
//!
//! As the animation is made of the grids, the event file is made of what the run recorded, anew
//! whenever it goes on. So it tells nothing that the run went back behind, and all that it recorded
//! while no event file was wanted.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::disk;
use crate::error::{Error, Result};
use crate::model::columns::columns;
use crate::output::Picture;
use crate::report::tensorboard::EventFile;
use crate::run::files::{METRICS, QUALITY, SAMPLES, TENSORBOARD};
use crate::run::records::{Quality, Record, read_metrics, read_quality};

/// An event file, or nothing where none is wanted.
#[derive(Debug, Default)]
pub(super) struct Events(Option<EventFile>);

impl Events {
    /// Begins a file with all that was recorded so far; it replaces older ones. Where none is
    /// wanted they stay as they are.
    pub(super) fn begin(wanted: bool, run: &Path) -> Result<Self> {
        if !wanted {
            return Ok(Events::default());
        }
        let mut file = EventFile::create(&run.join(TENSORBOARD), now())?;
        let (records, qualities) = (read_metrics(&run.join(METRICS))?, read_quality(&run.join(QUALITY))?);
        let seconds = |step| records[..records.partition_point(|r| r.step <= step)].last().map_or(0.0, |r| r.seconds);
        // Times are those of a run that never paused and goes on now.
        let begun = now() - seconds(u32::MAX);
        for record in &records {
            metrics(&mut file, record, begun + record.seconds)?;
        }
        for (step, path) in SAMPLES.list(run)? {
            let time = begun + seconds(step);
            match Picture::read(&path) {
                Ok(grid) => picture(&mut file, step, time, &grid, &path)?,
                Err(error) => log::warn!("{error}; TensorBoard is told nothing of it"),
            }
        }
        for line in &qualities {
            quality(&mut file, line, begun + seconds(line.step))?;
        }
        file.flush()?;
        file.remove_older()?;
        Ok(Events(Some(file)))
    }

    /// Adds lines of `metrics.jsonl`.
    pub(super) fn metrics(&mut self, lines: &[&Record]) -> Result<()> {
        let Some(file) = &mut self.0 else { return Ok(()) };
        lines.iter().try_for_each(|line| metrics(file, line, now()))?;
        file.flush()
    }

    /// Adds a sample grid, which is the PNG file `path`, and how good it is.
    pub(super) fn sample(&mut self, grid: &Picture, path: &Path, line: &Quality) -> Result<()> {
        let Some(file) = &mut self.0 else { return Ok(()) };
        picture(file, line.step, now(), grid, path)?;
        quality(file, line, now())?;
        file.flush()
    }
}

fn metrics(file: &mut EventFile, line: &Record, time: f64) -> Result<()> {
    let told = columns().filter(|column| line.values.has(column.name));
    let values = told.map(|column| (column.tag, line.values.get(column.name) as f32));
    let values: Vec<_> = values.chain([("images per second", line.images_per_second as f32)]).collect();
    file.scalars(line.step, time, &values)
}

fn quality(file: &mut EventFile, line: &Quality, time: f64) -> Result<()> {
    let values = [("quality/diversity", line.diversity), ("quality/distance to data", line.distance)];
    let in_features = line.fd.map(|fd| ("quality/Fréchet distance", fd));
    let values: Vec<_> = values.into_iter().chain(in_features).map(|(tag, value)| (tag, value as f32)).collect();
    file.scalars(line.step, time, &values)
}

fn picture(file: &mut EventFile, step: u32, time: f64, grid: &Picture, path: &Path) -> Result<()> {
    let png = disk::read(path).map_err(|e| Error::io("read", path, &e))?;
    file.image(step, time, "samples", &png, [grid.width, grid.height, grid.channels].map(|n| n as u32))
}

/// Seconds since 1970, for people: nothing depends on them.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
