//! What a run leaves on disk, and where.
//!
//! `config.toml` (resolved), `tuning.json` (on GPUs), `metrics.jsonl`, `samples/`, `checkpoints/` and an animated GIF. A folder belongs to one
//! process at a time, and nothing in it is replaced unless the caller says so.

use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::engine::Losses;
use crate::error::{Error, Kind, Result};
use crate::model::checkpoint;
use crate::model::config::Config;
use crate::output::{AnimatedGif, Overwrite, Picture, save_durably};

/// One line of `metrics.jsonl`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Metrics {
    /// Steps done, this one included.
    pub step: u32,
    /// The epoch that the step belongs to, counted from 1.
    pub epoch: u32,
    /// Losses and mean D(x) of this step.
    #[serde(flatten)]
    pub losses: Losses,
    /// Real images per second since the losses were last read.
    pub images_per_second: f64,
    /// Seconds of training since the run's start.
    pub seconds: f64,
}

/// A run's folder, held by this process.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    gif_name: String,
    metrics: File,
    gif: AnimatedGif,
    _lock: File,
}

const LOCK: &str = ".lock";
const CONFIG: &str = "config.toml";
const TUNING: &str = "tuning.json";
const METRICS: &str = "metrics.jsonl";
const SAMPLES: &str = "samples";
const CHECKPOINTS: &str = "checkpoints";

/// Hundredths of a second that a frame of the GIF is shown, and the last one.
const FRAME_DELAY: u16 = AnimatedGif::DELAY;
const LAST_FRAME_DELAY: u16 = 200;

impl RunFolder {
    /// A path under `runs/` that does not exist yet: date, preset, number.
    pub fn fresh_path(preset: &str) -> PathBuf {
        let date = jiff::Zoned::now().strftime("%Y-%m-%d").to_string();
        let candidates = (1_u32..).map(|n| Path::new("runs").join(format!("{date}-{preset}-{n}")));
        candidates.into_iter().find(|path| !path.exists()).unwrap_or_else(|| PathBuf::from("runs/run"))
    }

    /// The newest run under `runs/` that has a checkpoint.
    pub fn newest() -> Option<PathBuf> {
        let runs = fs::read_dir("runs").ok()?.flatten().map(|entry| entry.path());
        let saved = runs.filter_map(|run| {
            let newest = checkpoint::of_run(&run).into_iter().next()?;
            Some((fs::metadata(newest).ok()?.modified().ok()?, run))
        });
        saved.max().map(|(_, run)| run)
    }

    /// Refuses a folder that already holds something; with `force` only one that holds something else than a run.
    ///
    /// # Errors
    /// A usage error naming the folder and what to do.
    pub fn check_free(path: &Path, force: bool) -> Result<()> {
        if path.is_file() {
            return Err(Error::usage(format!("{} is a file; give --out a folder", path.display())));
        }
        let occupied = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        let path_shown = path.display();
        if occupied && ![LOCK, METRICS].iter().any(|name| path.join(name).exists()) {
            return Err(Error::usage(format!("{path_shown} is not empty and holds no run; choose another --out")));
        }
        if occupied && !force {
            let remedy = "choose another --out, add --force to replace it, or --resume it";
            return Err(Error::usage(format!("{path_shown} already holds a run; {remedy}")));
        }
        Ok(())
    }

    /// Makes the folder of a new run.
    ///
    /// # Errors
    /// As [`RunFolder::check_free`]; busy when another process holds it; I/O errors naming the path.
    pub fn create(path: &Path, config: &Config, force: bool) -> Result<Self> {
        RunFolder::check_free(path, force)?;
        make(path)?;
        let lock = lock(path)?;
        let old = old_gif(path);
        for name in [CONFIG, TUNING, METRICS, &config.output.gif].into_iter().chain(old.as_deref()) {
            remove(&path.join(name), |p| fs::remove_file(p))?;
        }
        for name in [SAMPLES, CHECKPOINTS] {
            remove(&path.join(name), |p| fs::remove_dir_all(p))?;
            make(&path.join(name))?;
        }
        write_config(path, config)?;
        RunFolder::open(path, config, lock)
    }

    /// Where a run records the kernels that it was tuned to.
    pub fn tuning_path(run: &Path) -> PathBuf {
        run.join(TUNING)
    }

    /// Opens the folder of a run that goes on after `step`: what it recorded later is dropped, so that it is recorded
    /// once.
    ///
    /// # Errors
    /// Busy when another process holds it; I/O errors naming the path.
    pub fn resume(path: &Path, config: &Config, step: u32) -> Result<Self> {
        let lock = lock(path)?;
        make(&path.join(SAMPLES))?;
        let (kept, later): (Vec<_>, Vec<_>) = samples(path).into_iter().partition(|(at, _)| *at <= step);
        let frames = kept.iter().map(|(_, sample)| read_picture(sample)).collect::<Result<Vec<_>>>()?;
        cut_metrics(&path.join(METRICS), step)?;
        for (_, sample) in later {
            remove(&sample, |p| fs::remove_file(p))?;
        }
        write_config(path, config)?;
        let mut folder = RunFolder::open(path, config, lock)?;
        for frame in &frames {
            folder.gif.push(frame)?;
        }
        Ok(folder)
    }

    fn open(path: &Path, config: &Config, lock: File) -> Result<Self> {
        let metrics = path.join(METRICS);
        let file = File::options().create(true).append(true).open(&metrics);
        Ok(RunFolder {
            path: path.to_path_buf(),
            gif_name: config.output.gif.clone(),
            metrics: file.map_err(|e| Error::io("write", &metrics, &e))?,
            gif: AnimatedGif::create(&path.join(&config.output.gif), FRAME_DELAY, Overwrite::Always)?,
            _lock: lock,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The animation.
    pub fn gif_path(&self) -> PathBuf {
        self.path.join(&self.gif_name)
    }

    /// Appends lines to `metrics.jsonl`.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub fn write_metrics(&mut self, lines: &[Metrics]) -> Result<()> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line).map_err(|e| Error::new(Kind::Other, format!("metrics: {e}")))?;
            text.push(b'\n');
        }
        self.metrics.write_all(&text).map_err(|e| Error::io("write", &self.path.join(METRICS), &e))
    }

    /// Saves a sample grid as PNG and as the next frame of the GIF; returns the PNG's path.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub fn write_sample(&mut self, step: u32, grid: &Picture) -> Result<PathBuf> {
        let path = self.path.join(SAMPLES).join(format!("step-{step:08}.png"));
        crate::output::save_png(grid, &path, Overwrite::Always)?;
        self.gif.push(grid)?;
        Ok(path)
    }

    /// Where the checkpoint of a step goes.
    pub fn checkpoint_path(&self, step: u32) -> PathBuf {
        self.path.join(CHECKPOINTS).join(format!("step-{step:08}.safetensors"))
    }

    /// Removes all but the newest `keep` checkpoints.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub fn prune_checkpoints(&self, keep: u32) -> Result<()> {
        for path in checkpoint::of_run(&self.path).into_iter().skip(keep as usize) {
            remove(&path, |p| fs::remove_file(p))?;
        }
        Ok(())
    }

    /// Closes the GIF with a longer last frame.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub fn finish(self) -> Result<()> {
        self.gif.finish(LAST_FRAME_DELAY)
    }
}

fn make(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|e| Error::io("create", path, &e))
}

fn remove(path: &Path, how: impl Fn(&Path) -> std::io::Result<()>) -> Result<()> {
    match how(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, &e)),
        _ => Ok(()),
    }
}

fn lock(run: &Path) -> Result<File> {
    let path = run.join(LOCK);
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|e| Error::io("write", &path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::new(
            Kind::Busy,
            format!("another process trains in {}; wait for it, or choose another --out", run.display()),
        )),
        Err(TryLockError::Error(e)) => Err(Error::io("lock", &path, &e)),
    }
}

/// The file name of the animation of the run that is there.
fn old_gif(run: &Path) -> Option<String> {
    let text = fs::read_to_string(run.join(CONFIG)).ok()?;
    let gif = toml::from_str::<Config>(&text).ok()?.output.gif;
    (gif.ends_with(".gif") && !gif.contains(['/', '\\'])).then_some(gif)
}

fn write_config(run: &Path, config: &Config) -> Result<()> {
    let path = run.join(CONFIG);
    let text = toml::to_string(config).map_err(|e| Error::new(Kind::Other, format!("configuration: {e}")))?;
    save_durably(text.as_bytes(), &path)
}

/// The sample grids of a run with their steps, in order.
fn samples(run: &Path) -> Vec<(u32, PathBuf)> {
    let Ok(entries) = fs::read_dir(run.join(SAMPLES)) else { return Vec::new() };
    let step = |path: &Path| path.file_stem()?.to_str()?.strip_prefix("step-")?.parse().ok();
    let mut samples: Vec<_> = entries.flatten().filter_map(|e| Some((step(&e.path())?, e.path()))).collect();
    samples.sort();
    samples
}

fn read_picture(path: &Path) -> Result<Picture> {
    let image = image::open(path).map_err(|e| Error::new(Kind::Io, format!("cannot read {}: {e}", path.display())))?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (channels, pixels) =
        if image.color().has_color() { (3, image.into_rgb8().into_raw()) } else { (1, image.into_luma8().into_raw()) };
    Picture::new(pixels, [height, width, channels])
}

/// Keeps the lines up to `step`; a line that a kill cut short goes too.
fn cut_metrics(path: &Path, step: u32) -> Result<()> {
    #[derive(Deserialize)]
    struct Line {
        step: u32,
    }
    let Ok(file) = File::open(path) else { return Ok(()) };
    let mut kept = String::new();
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|e| Error::io("read", path, &e))?;
        if serde_json::from_str::<Line>(&line).is_ok_and(|l| l.step <= step) {
            kept.push_str(&line);
            kept.push('\n');
        }
    }
    save_durably(kept.as_bytes(), path)
}
