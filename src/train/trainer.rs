//! The loop around the step: epochs, metrics, samples, checkpoints.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::engine::{Batch, Engine, Losses};
use super::run_folder::{Metrics, RunFolder};
use crate::data::{DataSet, ImageShape, shuffled};
use crate::device::Device;
use crate::error::{Error, Kind, Result};
use crate::kernels::loss::RING_ROWS;
use crate::model::checkpoint::{self, Checkpoint, Metadata};
use crate::model::config::{Config, Order};
use crate::model::network::Layout;
use crate::output::grid;
use crate::tuning;

/// Steps after which the losses are read in any case; the ring must not overtake its reader.
pub(crate) const READ_EVERY: u32 = RING_ROWS / 2;
/// Time after which the losses are read, so that progress is fresh on slow devices.
pub(crate) const READ_AFTER: Duration = Duration::from_millis(400);

/// What a progress display shows.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The newest line.
    pub metrics: Metrics,
    /// The run's length.
    pub total_steps: u32,
    /// Epochs of the run, rounded up.
    pub total_epochs: u32,
}

/// Where a run's news go.
pub trait Observer {
    /// Training moved on.
    fn progress(&mut self, progress: &Progress);
    /// A grid was written.
    fn sample(&mut self, path: &Path);
    /// A checkpoint was written.
    fn checkpoint(&mut self, path: &Path);
}

/// What a finished run left.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Outcome {
    /// The run folder.
    pub run: PathBuf,
    /// Steps that the run has now.
    pub steps: u32,
    /// The newest sample grid.
    pub sample: Option<PathBuf>,
    /// The animation.
    pub gif: PathBuf,
    /// The final checkpoint.
    pub checkpoint: PathBuf,
    /// The last losses.
    pub losses: Option<Losses>,
    /// Seconds of training since the run's start.
    pub seconds: f64,
}

/// The data set that a configuration names, in the network's size.
///
/// # Errors
/// A data error when it is missing, broken, of another size, or smaller than a batch.
pub fn open_data(config: &Config) -> Result<DataSet> {
    let image = config.image;
    let shape = ImageShape { height: image.height, width: image.width, channels: image.channels };
    let data = DataSet::open(&config.data, config.data_dir.as_deref(), shape, config.seed)?;
    if data.len() < config.training.batch_size {
        return Err(Error::data(format!(
            "{} has {} images, fewer than a batch of {}; use a smaller --batch-size",
            data.name(),
            data.len(),
            config.training.batch_size
        )));
    }
    Ok(data)
}

/// Whether kernels are tuned to the device, and whom to tell about it.
pub struct Tune<'a> {
    /// Otherwise all run their defaults.
    pub wanted: bool,
    /// Told before something is measured, or differs from what a run began with.
    pub announce: &'a mut dyn FnMut(&str),
}

impl std::fmt::Debug for Tune<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tune {{ wanted: {} }}", self.wanted)
    }
}

/// A run, ready to go on.
#[derive(Debug)]
pub struct Trainer {
    config: Config,
    data: DataSet,
    folder: RunFolder,
    engine: Engine,
    device: String,
    steps_per_epoch: u32,
    total_steps: u32,
    resident: bool,
    step: u32,
    /// Training time before this process.
    seconds_before: f64,
}

impl Trainer {
    /// Starts a run in a new folder.
    ///
    /// # Errors
    /// Device and I/O errors, each before anything is trained.
    pub fn start(
        config: Config,
        layouts: &[Layout; 2],
        data: DataSet,
        device: &Device,
        out: &Path,
        force: bool,
        tune: Tune<'_>,
    ) -> Result<Self> {
        RunFolder::check_free(out, force)?;
        let tuning = tuning::for_run(device, &config, layouts, tune.wanted, tune.announce)?;
        let resident = resident(&data, device);
        let choices = tuning.as_ref().map(|tuning| tuning.choices.clone()).unwrap_or_default();
        let engine = Engine::tuned(device, &config, layouts, resident, &choices)?;
        let folder = RunFolder::create(out, &config, force)?;
        if let Some(tuning) = &tuning {
            tuning::save(&RunFolder::tuning_path(out), tuning)?;
        }
        Ok(Trainer::new(config, data, folder, engine, device))
    }

    /// Goes on with a run from a checkpoint of its folder.
    ///
    /// # Errors
    /// As [`Trainer::start`]; a data error when the data are not those of the run; a checkpoint error when a tensor does
    /// not fit.
    pub fn resume(
        config: Config,
        layouts: &[Layout; 2],
        data: DataSet,
        device: &Device,
        run: &Path,
        from: &Checkpoint,
        tune: Tune<'_>,
    ) -> Result<Self> {
        let (now, then) = (data.len() / config.training.batch_size, from.metadata.steps_per_epoch);
        if now != then {
            return Err(Error::data(format!(
                "{} has {} images, {now} steps an epoch, but the run was trained with {then} steps an epoch; a resumed \
                 run needs the data that it began with",
                data.name(),
                data.len()
            )));
        }
        let recorded = RunFolder::tuning_path(run);
        let tuning = tuning::for_resumed(&recorded, device, &config, layouts, tune.wanted, tune.announce)?;
        let choices = tuning.as_ref().map(|tuning| tuning.choices.clone()).unwrap_or_default();
        let mut engine = Engine::tuned(device, &config, layouts, resident(&data, device), &choices)?;
        engine.restore(&from.tensors)?;
        let folder = RunFolder::resume(run, &config, from.metadata.step)?;
        if let Some(tuning) = &tuning {
            tuning::save(&recorded, tuning)?;
        }
        let mut trainer = Trainer::new(config, data, folder, engine, device);
        trainer.step = from.metadata.step;
        trainer.seconds_before = from.metadata.seconds;
        Ok(trainer)
    }

    fn new(config: Config, data: DataSet, folder: RunFolder, engine: Engine, device: &Device) -> Self {
        let steps_per_epoch = data.len() / config.training.batch_size;
        Trainer {
            total_steps: config.total_steps(steps_per_epoch),
            resident: resident(&data, device).is_some(),
            device: device.name(),
            steps_per_epoch,
            config,
            data,
            folder,
            engine,
            step: 0,
            seconds_before: 0.0,
        }
    }

    /// Steps done, and the run's length.
    pub fn position(&self) -> (u32, u32) {
        (self.step, self.total_steps)
    }

    /// Trains to the run's end.
    ///
    /// # Errors
    /// [`Kind::Diverged`] when a loss is no number; device and I/O errors. The last checkpoint stays good.
    pub fn run(mut self, observer: &mut dyn Observer) -> Result<Outcome> {
        let unit = self.config.unit();
        let sample_every = self.config.output.sample_every.steps(unit, self.steps_per_epoch);
        let checkpoint_every = self.config.output.checkpoint_every.steps(unit, self.steps_per_epoch);
        let batch = self.config.training.batch_size as usize;
        let mut order = (u32::MAX, Vec::new());
        let mut bytes = vec![0; self.data.shape().bytes() * batch];
        let mut clock = Clock::start(self.step);
        let (mut sample, mut saved, mut losses) = (None, None, None);
        while self.step < self.total_steps {
            let epoch = self.step / self.steps_per_epoch;
            if order.0 != epoch {
                order = (epoch, shuffled(self.config.seed, epoch, self.data.len()));
            }
            let indices = &order.1[(self.step % self.steps_per_epoch) as usize * batch..][..batch];
            let images = if self.resident {
                Batch::Resident(indices)
            } else {
                self.data.fill(epoch, indices, &mut bytes);
                Batch::Bytes(&bytes)
            };
            self.engine.step(self.step, images)?;
            self.step += 1;

            let last = self.step == self.total_steps;
            let (samples_now, saves_now) =
                (last || self.step.is_multiple_of(sample_every), last || self.step.is_multiple_of(checkpoint_every));
            if samples_now || saves_now || clock.is_due(self.step) {
                losses = self.record(&mut clock, observer)?.or(losses);
            }
            if samples_now {
                let images = self.engine.sample()?;
                let picture = grid(&images, self.config.output.rows as usize, self.config.output.cols as usize);
                let path = self.folder.write_sample(self.step, &picture)?;
                observer.sample(&path);
                sample = Some(path);
            }
            if saves_now {
                let path = self.save(&clock)?;
                observer.checkpoint(&path);
                saved = Some(path);
            }
        }
        let seconds = self.seconds_before + clock.elapsed();
        let outcome = Outcome {
            run: self.folder.path().to_path_buf(),
            steps: self.step,
            sample,
            gif: self.folder.gif_path(),
            checkpoint: saved.unwrap_or_else(|| self.folder.checkpoint_path(self.step)),
            losses,
            seconds,
        };
        self.folder.finish()?;
        Ok(outcome)
    }

    /// Reads the losses of all steps since the last reading, and writes the lines that are due.
    fn record(&mut self, clock: &mut Clock, observer: &mut dyn Observer) -> Result<Option<Losses>> {
        let from = clock.step;
        let losses = self.engine.losses(from, self.step)?;
        let rate = clock.read(self.step, self.config.training.batch_size);
        let seconds = self.seconds_before + clock.elapsed();
        let lines: Vec<_> = (from + 1..)
            .zip(losses)
            .map(|(step, losses)| Metrics {
                step,
                epoch: (step - 1) / self.steps_per_epoch + 1,
                losses,
                images_per_second: rounded(rate),
                seconds: rounded(seconds),
            })
            .collect();
        let good = lines.iter().take_while(|line| line.losses.are_finite()).count();
        let log_every = self.config.output.log_every;
        let due: Vec<_> = lines[..good]
            .iter()
            .filter(|line| line.step.is_multiple_of(log_every) || line.step == self.total_steps)
            .copied()
            .collect();
        self.folder.write_metrics(&due)?;
        if let Some(bad) = lines.get(good) {
            return Err(self.diverged(&format!("the losses of step {} are not numbers", bad.step)));
        }
        let Some(&metrics) = lines.last() else { return Ok(None) };
        let total_epochs = self.total_steps.div_ceil(self.steps_per_epoch);
        observer.progress(&Progress { metrics, total_steps: self.total_steps, total_epochs });
        Ok(Some(metrics.losses))
    }

    fn save(&mut self, clock: &Clock) -> Result<PathBuf> {
        let tensors = self.engine.state()?;
        if let Some(name) = tensors.not_finite().first() {
            return Err(self.diverged(&format!("tensor {name} holds NaN or infinity at step {}", self.step)));
        }
        let seconds = self.seconds_before + clock.elapsed();
        let (config, device) = (self.config.clone(), self.device.clone());
        let metadata = Metadata::new(config, self.step, self.steps_per_epoch, seconds, device);
        let path = self.folder.checkpoint_path(self.step);
        Checkpoint { metadata, tensors }.save(&path)?;
        self.folder.prune_checkpoints(self.config.output.keep)?;
        Ok(path)
    }

    fn diverged(&self, what: &str) -> Error {
        let remedy = match self.config.training.order {
            Order::Alternating => "lower --lr, or use --preset stabilized",
            Order::Simultaneous => "lower --lr",
        };
        let kept = match checkpoint::of_run(self.folder.path()).first() {
            Some(path) => format!("{} is the last good checkpoint", path.display()),
            None => "no checkpoint had been saved".to_string(),
        };
        Error::new(Kind::Diverged, format!("training diverged: {what}; {remedy}; {kept}"))
    }
}

/// The images that stay on the device: all, where they are in memory and fit a binding.
fn resident<'a>(data: &'a DataSet, device: &Device) -> Option<&'a [u8]> {
    data.resident().filter(|bytes| bytes.len() as u64 <= device.profile().max_binding_bytes)
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Time since the start, and since the last reading of losses.
#[derive(Debug)]
struct Clock {
    start: Instant,
    last: Instant,
    /// The step of the last reading.
    step: u32,
}

impl Clock {
    fn start(step: u32) -> Self {
        let now = Instant::now();
        Clock { start: now, last: now, step }
    }

    fn is_due(&self, step: u32) -> bool {
        step - self.step >= READ_EVERY || self.last.elapsed() >= READ_AFTER
    }

    /// Notes a reading; images per second since the one before.
    fn read(&mut self, step: u32, batch: u32) -> f64 {
        let images = f64::from(step - self.step) * f64::from(batch);
        let rate = images / self.last.elapsed().as_secs_f64().max(1e-9);
        (self.step, self.last) = (step, Instant::now());
        rate
    }

    fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}
