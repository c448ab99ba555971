//! What a run leaves on disk: see [`files`](super::files) for where, and an animated GIF beside
//! them.
//!
//! A folder belongs to one process at a time, and nothing in it is replaced unless the caller says
//! so. A process that stood still may have lost it: all that changes files here looks first.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::checkpoints;
use super::claim::Claim;
use super::ending::{Ending, ending};
use super::files::{
    CHECKPOINTS, CONFIG, CURVES, EVALUATIONS, FEATURES, METRICS, ORDER, QUALITY, REPORT, SAMPLES, SKIPPED, TENSORBOARD,
    TUNING,
};
use super::journal::Journal;
use super::records::{Quality, Record, read_quality};
use super::schedule::Schedule;
use super::written;
use crate::disk;
use crate::encoding;
use crate::error::{Error, Kind, Result};
use crate::lock::SUCCESSOR_PREFIX;
use crate::model::checkpoint::{Checkpoint, Metadata};
use crate::model::config::{Config, Training};
use crate::model::edits::{edited, renewed};
use crate::output::{AnimatedGif, Caption, Overwrite, Picture, TEMPORARY_PREFIX, save_durably, save_png_durably};

/// A run's folder, held by this process.
#[derive(Debug)]
pub struct RunFolder {
    claim: Claim,
    gif_name: String,
    metrics: Journal,
    quality: Journal,
    gif: AnimatedGif,
}

/// Hundredths of a second that a frame of the GIF is shown, and the last one.
const FRAME_DELAY: u16 = AnimatedGif::DELAY;
const LAST_FRAME_DELAY: u16 = 200;

impl RunFolder {
    /// The newest run under `runs/` that has a checkpoint.
    pub fn newest() -> Option<PathBuf> {
        let runs = disk::list(Path::new("runs")).ok()?.into_iter();
        let saved = runs.filter_map(|run| {
            let newest = checkpoints::list(&run).ok()?.into_iter().next()?;
            Some((fs::metadata(newest).ok()?.modified().ok()?, run))
        });
        saved.max().map(|(_, run)| run)
    }

    /// Makes the folder of a new run, with its `first` checkpoint where it begins with one; what an
    /// older run left there goes.
    ///
    /// # Errors
    /// Busy when the folder was lost to another process; I/O errors naming the path.
    pub fn create(claim: Claim, config: &Config, first: Option<&Checkpoint>) -> Result<Self> {
        claim.check()?;
        let run = claim.path();
        let old = old_gif(run);
        // Checkpoints first: beside a new configuration they would be taken for those of the new
        // run.
        for folder in [CHECKPOINTS.folder, SAMPLES.folder, EVALUATIONS.folder, TENSORBOARD].map(|name| run.join(name)) {
            disk::remove_folder(&folder).map_err(|e| Error::io("remove", &folder, &e))?;
        }
        let files = [CONFIG, FEATURES, TUNING, ORDER, SKIPPED, METRICS, QUALITY, CURVES, REPORT, &config.output.gif];
        files.into_iter().chain(old.as_deref()).try_for_each(|name| remove(&run.join(name)))?;
        RunFolder::open(claim, config, first)
    }

    /// Opens the folder of a run that goes on from a checkpoint, or from its beginning.
    ///
    /// # Errors
    /// Busy when the folder was lost to another process; I/O errors naming the path.
    pub fn resume(claim: Claim, config: &Config, from: Option<&Metadata>) -> Result<Self> {
        let mut folder = RunFolder::open(claim, config, None)?;
        folder.rewind(from)?;
        Ok(folder)
    }

    fn open(mut claim: Claim, config: &Config, first: Option<&Checkpoint>) -> Result<Self> {
        claim.check()?;
        let run = claim.path().to_path_buf();
        claim.keep();
        for folder in [&run, &run.join(SAMPLES.folder), &run.join(CHECKPOINTS.folder)] {
            disk::create_folders(folder).map_err(|e| Error::io("create the folder", folder, &e))?;
            remove_left_overs(folder)?;
        }
        if let Some(first) = first {
            // Before the configuration: a run that had that alone could not go on.
            first.save(&CHECKPOINTS.path(&run, first.metadata.step))?;
        }
        write_config(&run, config)?;
        Ok(RunFolder {
            gif_name: config.output.gif.clone(),
            metrics: Journal::open(run.join(METRICS))?,
            quality: Journal::open(run.join(QUALITY))?,
            gif: new_gif(&run, &config.output.gif)?,
            claim,
        })
    }

    /// Goes back to a checkpoint, or to the run's beginning: what was recorded later is dropped, so
    /// that it is recorded once, and so is what was recorded there only because the run ended. The
    /// animation is made again from the grids.
    ///
    /// # Errors
    /// Busy when the folder was lost to another process; I/O errors naming the path.
    pub fn rewind(&mut self, to: Option<&Metadata>) -> Result<()> {
        self.check()?;
        let due = |asked: fn(&Schedule, u32) -> bool| {
            let last = to.map(|saved| (saved.step, asked(&Schedule::without_end(saved), saved.step)));
            move |step: u32| last.is_some_and(|(last, is_due)| step < last || step == last && is_due)
        };
        let (is_logged, is_drawn) = (due(Schedule::logs), due(Schedule::samples));
        self.metrics.cut(is_logged)?;
        self.quality.cut(is_drawn)?;
        self.gif = new_gif(self.path(), &self.gif_name)?;
        let (kept, dropped): (Vec<_>, Vec<_>) =
            SAMPLES.list(self.path())?.into_iter().partition(|(step, _)| is_drawn(*step));
        dropped.iter().try_for_each(|(_, path)| remove(path))?;
        if kept.is_empty() {
            // No frame replaces the old animation yet.
            remove(&self.gif_path())?;
        }
        for (_, path) in &kept {
            match Picture::read(path) {
                Ok(frame) => self.gif.push(&frame)?,
                Err(error) => log::warn!("{error}; the animation goes on without this frame"),
            }
        }
        Ok(())
    }

    /// Why the run has come to its end at `step`, before its time, where it has: see [`ending`].
    ///
    /// # Errors
    /// An I/O error where `quality.jsonl` cannot be read.
    pub fn ending(run: &Path, training: &Training, step: u32) -> Result<Option<Ending>> {
        if training.stop_when.is_none() && training.patience == 0 {
            return Ok(None);
        }
        let mut lines = read_quality(&run.join(QUALITY))?;
        lines.retain(|line| line.step <= step);
        Ok(ending(&lines, training).filter(|_| lines.last().is_some_and(|line| line.step == step)))
    }

    /// The best diversity of the samples so far, 0 where there are none.
    pub fn best_diversity(&self) -> f64 {
        let lines = read_quality(&self.path().join(QUALITY)).unwrap_or_default();
        lines.iter().map(|line| line.diversity).filter(|diversity| diversity.is_finite()).fold(0.0, f64::max)
    }

    /// Refuses to go on where the folder was lost to another process.
    ///
    /// # Errors
    /// Busy; an I/O error naming the lock.
    pub fn check(&self) -> Result<()> {
        self.claim.check()
    }

    /// Replaces the configuration.
    ///
    /// # Errors
    /// Busy when the folder was lost to another process; an I/O error naming the file.
    pub fn write_config(&self, config: &Config) -> Result<()> {
        self.check()?;
        write_config(self.path(), config)
    }

    /// Saves a checkpoint under the name of its step; returns its path.
    ///
    /// # Errors
    /// Busy when the folder was lost to another process; an I/O error naming the file.
    pub fn save_checkpoint(&self, checkpoint: &Checkpoint) -> Result<PathBuf> {
        self.check()?;
        let path = CHECKPOINTS.path(self.path(), checkpoint.metadata.step);
        checkpoint.save(&path)?;
        Ok(path)
    }

    /// Removes old checkpoints: see [`checkpoints::prune`].
    ///
    /// # Errors
    /// Busy when the folder was lost to another process; an I/O error naming the file.
    pub fn prune(&self, keep: u32) -> Result<()> {
        self.check()?;
        checkpoints::prune(self.path(), keep)
    }

    /// The configuration that a run's folder holds.
    ///
    /// # Errors
    /// A checkpoint error when there is none, or none that can be used.
    pub fn read_config(run: &Path) -> Result<Config> {
        let remedy = "the run has no checkpoint either; start it anew with `dcgan-gpu train`";
        let path = run.join(CONFIG);
        let broken = |cause: &dyn std::fmt::Display| {
            Error::checkpoint(format!("cannot use {}: {cause}; {remedy}", path.display()).replace('\n', " "))
        };
        let text =
            encoding::text(disk::read(&path).map_err(|e| broken(&e))?).ok_or_else(|| broken(&"it is not text"))?;
        toml::from_str(&text).map_err(|e| {
            let line = e.span().map(|span| text[..span.start].matches('\n').count() + 1);
            broken(&format!("line {}: {}", line.unwrap_or(1), e.message()))
        })
    }

    /// Whether somebody else than this program changed `config.toml` since it was written, as far
    /// as that can be told.
    pub fn is_edited(run: &Path) -> bool {
        let text = disk::read(&run.join(CONFIG)).ok().and_then(encoding::text);
        text.is_some_and(|text| written::is_unchanged(&text) == Some(false))
    }

    /// The configuration of a checkpoint, `stored`, with what `config.toml` says of what may change
    /// when a run is resumed: it was written when that was done last, and the checkpoint may be
    /// older. Where somebody else than this program changed the file since, there is a line for
    /// each value. A key that is missing there stays as it is, and so do all where the file is
    /// missing.
    ///
    /// # Errors
    /// An I/O error where the file cannot be read; a usage error naming file and line where it is
    /// broken, and where something was changed that has to stay.
    pub fn newer_config(run: &Path, stored: &Config) -> Result<(Config, Vec<String>)> {
        let path = run.join(CONFIG);
        let bytes = match disk::read(&path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == ErrorKind::NotFound => {
                let shown = path.display();
                log::warn!("{shown} is missing; length and cadences are those of the newest checkpoint");
                return Ok((stored.clone(), Vec::new()));
            }
            Err(cause) => return Err(Error::io("read", &path, &cause)),
        };
        let remedy = "; mend it, or remove it: the run then goes on with the settings of its newest checkpoint";
        let text =
            encoding::text(bytes).ok_or_else(|| Error::usage(format!("{} is not text{remedy}", path.display())))?;
        if written::is_unchanged(&text) == Some(true) {
            return Ok((renewed(stored, &text, &path)?, Vec::new()));
        }
        let is_broken = text.parse::<toml::Table>().is_err();
        edited(stored, &text, &path).map_err(|e| if is_broken { e.clone().reworded(format!("{e}{remedy}")) } else { e })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.claim.path()
    }

    /// The animation.
    pub fn gif_path(&self) -> PathBuf {
        self.path().join(&self.gif_name)
    }

    /// Appends lines to `metrics.jsonl`.
    ///
    /// # Errors
    /// Busy when the folder was lost to another process; an I/O error naming the file.
    pub fn write_metrics(&mut self, lines: &[&Record]) -> Result<()> {
        self.check()?;
        self.metrics.append(lines)
    }

    /// Saves a sample grid as PNG and as the next frame of the GIF, and how good it is; returns the
    /// PNG's path.
    ///
    /// # Errors
    /// Busy when the folder was lost to another process; an I/O error naming the file.
    pub fn write_sample(&mut self, grid: &Picture, caption: &Caption, quality: &Quality) -> Result<PathBuf> {
        self.check()?;
        let path = SAMPLES.path(self.path(), quality.step);
        save_png_durably(grid, caption, &path)?;
        self.gif.push(grid)?;
        self.quality.append(&[quality])?;
        Ok(path)
    }

    /// Waits until what was recorded so far is on the disk: before a checkpoint says that it is
    /// there.
    ///
    /// # Errors
    /// Busy when the folder was lost to another process; an I/O error naming the file.
    pub fn sync(&self) -> Result<()> {
        self.check()?;
        self.metrics.sync()?;
        self.quality.sync()
    }

    /// Closes the GIF with a longer last frame.
    ///
    /// # Errors
    /// Busy when the folder was lost to another process; an I/O error naming the file.
    pub fn finish(&mut self) -> Result<()> {
        self.check()?;
        self.gif.finish(LAST_FRAME_DELAY)
    }
}

/// Writes the configuration into a run's folder.
fn write_config(run: &Path, config: &Config) -> Result<()> {
    let text = toml::to_string(config).map_err(|e| Error::new(Kind::Other, format!("configuration: {e}")))?;
    save_durably(written::marked(&text).as_bytes(), &run.join(CONFIG))
}

fn new_gif(run: &Path, name: &str) -> Result<AnimatedGif> {
    AnimatedGif::create(&run.join(name), FRAME_DELAY, Overwrite::Always)
}

fn remove(path: &Path) -> Result<()> {
    disk::remove_file(path).map_err(|e| Error::io("remove", path, &e))
}

/// Removes temporary files of a process that was killed, but not those with which others may be
/// about to take the folder.
///
/// # Errors
/// An I/O error naming the file or folder.
pub fn remove_left_overs(folder: &Path) -> Result<()> {
    let entries = disk::list(folder).map_err(|e| Error::io("read", folder, &e))?;
    let is_left_over = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(TEMPORARY_PREFIX) && !name.starts_with(SUCCESSOR_PREFIX) && path.is_file()
    };
    entries.iter().filter(is_left_over).try_for_each(|path| remove(path))
}

/// The file name of the animation of the run that is there.
fn old_gif(run: &Path) -> Option<String> {
    let gif = RunFolder::read_config(run).ok()?.output.gif;
    (gif.ends_with(".gif") && Path::new(&gif).file_name() == Some(gif.as_ref())).then_some(gif)
}
