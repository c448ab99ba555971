//! `train`: a new run, or the rest of an old one.

use std::path::{Path, PathBuf};

use dcgan_gpu::data::DataSet;
use dcgan_gpu::device::Device;
use dcgan_gpu::error::{Error, Result};
use dcgan_gpu::model::checkpoint::Checkpoint;
use dcgan_gpu::model::config::{Cadence, Config};
use dcgan_gpu::model::sources::{DEFAULT_PRESET, Merge};
use dcgan_gpu::train::run_folder::RunFolder;
use dcgan_gpu::train::trainer::{self, Outcome, Trainer, Tune};
use toml::Value;

use super::progress::Display;
use super::{DeviceChoice, announce, checkpoint, dry_run, print, print_json, table, tell};

/// Train a GAN: writes checkpoints, sample grids, metrics and an animated GIF to a run folder
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dcgan-gpu train --preset quick                        built-in digits, about two minutes on two cores
  dcgan-gpu train --epochs 50                           MNIST, the PyTorch recipe
  dcgan-gpu train --data path/to/images --preset keras  a folder of PNG and JPEG files, or of IDX files, or a .npy array
  dcgan-gpu train --config mine.toml --lr 1e-4          a configuration of your own, one value changed
  dcgan-gpu train --resume runs/mine --epochs 100       go on, to a new end
  dcgan-gpu train --dry-run --preset tf-tutorial        layers, sizes, FLOPs and memory; nothing is touched

A cadence is a number with a unit: 200steps or 2epochs; without one it counts in the unit of the run's length.")]
pub struct Arguments {
    /// pytorch (the default), tf-tutorial, stabilized, keras or quick; see `presets`
    #[arg(long, value_name = "P", env = "DCGAN_GPU_PRESET", conflicts_with = "config")]
    preset: Option<String>,
    /// A TOML file with the keys of a preset; `preset = "…"` names the one that it changes
    #[arg(long, value_name = "FILE", env = "DCGAN_GPU_CONFIG")]
    config: Option<PathBuf>,
    /// Go on with a run from its newest checkpoint
    #[arg(long, value_name = "RUN", conflicts_with_all = ["out", "force", "dry_run"])]
    resume: Option<PathBuf>,
    /// mnist, strokes (built in), or a folder of PNG and JPEG files, of IDX files, or an .npy array
    #[arg(long, value_name = "SET", env = "DCGAN_GPU_DATA")]
    data: Option<String>,
    /// Where mnist is looked for first
    #[arg(long, value_name = "DIR", env = "DCGAN_GPU_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Length in epochs
    #[arg(long, value_name = "N", env = "DCGAN_GPU_EPOCHS", conflicts_with = "steps")]
    epochs: Option<u32>,
    /// Length in steps
    #[arg(long, value_name = "N", env = "DCGAN_GPU_STEPS")]
    steps: Option<u32>,
    /// Real images, and generated ones, of a step
    #[arg(long, value_name = "N", env = "DCGAN_GPU_BATCH_SIZE")]
    batch_size: Option<u32>,
    /// Values of a latent vector
    #[arg(long, value_name = "N", env = "DCGAN_GPU_LATENT_DIM")]
    latent_dim: Option<u32>,
    /// Adam's learning rate
    #[arg(long, value_name = "X", env = "DCGAN_GPU_LR")]
    lr: Option<f64>,
    /// Adam's decay of the first moment
    #[arg(long, value_name = "X", env = "DCGAN_GPU_BETA1")]
    beta1: Option<f64>,
    /// Adam's decay of the second moment
    #[arg(long, value_name = "X", env = "DCGAN_GPU_BETA2")]
    beta2: Option<f64>,
    /// Order of updates: alternating or simultaneous
    #[arg(long, value_name = "ORDER", env = "DCGAN_GPU_ORDER")]
    order: Option<String>,
    /// Label of real images in D's loss; below 1 it is smoothed
    #[arg(long, value_name = "X", env = "DCGAN_GPU_LABEL_REAL")]
    label_real: Option<f64>,
    /// Label of generated images in D's loss
    #[arg(long, value_name = "X", env = "DCGAN_GPU_LABEL_FAKE")]
    label_fake: Option<f64>,
    /// Standard deviation of the noise on real images
    #[arg(long, value_name = "X", env = "DCGAN_GPU_INSTANCE_NOISE")]
    instance_noise: Option<f64>,
    /// Seed of everything random
    #[arg(long, value_name = "S", env = "DCGAN_GPU_SEED", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// Any key of the configuration, such as adam.epsilon=1e-7; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    assignments: Vec<String>,
    #[command(flatten)]
    device: DeviceChoice,
    /// The run folder; by default runs/DATE-PRESET-N
    #[arg(long, value_name = "DIR", env = "DCGAN_GPU_OUT")]
    out: Option<PathBuf>,
    /// Replace a run that is there
    #[arg(long)]
    force: bool,
    /// When a sample grid, and a frame of the GIF, is made
    #[arg(long, value_name = "CADENCE", env = "DCGAN_GPU_SAMPLE_EVERY")]
    sample_every: Option<Cadence>,
    /// When a checkpoint is saved
    #[arg(long, value_name = "CADENCE", env = "DCGAN_GPU_CHECKPOINT_EVERY")]
    checkpoint_every: Option<Cadence>,
    /// Newest checkpoints that are kept
    #[arg(long, value_name = "N", env = "DCGAN_GPU_KEEP")]
    keep: Option<u32>,
    /// Steps between lines of metrics.jsonl
    #[arg(long, value_name = "N", env = "DCGAN_GPU_LOG_EVERY")]
    log_every: Option<u32>,
    /// Rows of the sample grid
    #[arg(long, value_name = "R", env = "DCGAN_GPU_ROWS")]
    rows: Option<u32>,
    /// Columns of the sample grid
    #[arg(long, value_name = "C", env = "DCGAN_GPU_COLS")]
    cols: Option<u32>,
    /// File name of the animation
    #[arg(long, value_name = "NAME", env = "DCGAN_GPU_GIF")]
    gif: Option<String>,
    /// Run the default kernels instead of the fastest on this device: the same bits whatever was measured. A resumed
    /// run keeps to what it recorded
    #[arg(long, conflicts_with = "dry_run")]
    no_tune: bool,
    /// Print layers, shapes, parameters, FLOPs and memory, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

/// A configuration key that a flag sets.
struct Override {
    flag: &'static str,
    path: &'static [&'static str],
    value: Value,
    /// Whether a resumed run may change it.
    resumable: bool,
}

impl Arguments {
    fn overrides(&self) -> Result<Vec<Override>> {
        let integer = |n: &Option<u32>| n.map(|n| Value::Integer(n.into()));
        let float = |x: &Option<f64>| x.map(Value::Float);
        let text = |s: &Option<String>| s.clone().map(Value::String);
        let cadence = |c: &Option<Cadence>| c.map(Value::try_from).transpose();
        let cadences = [cadence(&self.sample_every), cadence(&self.checkpoint_every)];
        let [sample_every, checkpoint_every] = cadences.map(|c| c.map_err(|e| Error::usage(e.to_string())));
        let data_dir = self.data_dir.as_ref().map(|dir| Value::String(dir.display().to_string()));
        let seed = self.seed.map(|seed| Value::Integer(seed as i64));
        type Row = (&'static str, &'static [&'static str], Option<Value>, bool);
        let rows: [Row; 21] = [
            ("--data", &["data"], text(&self.data), false),
            ("--data-dir", &["data_dir"], data_dir, true),
            ("--epochs", &["training", "epochs"], integer(&self.epochs), true),
            ("--steps", &["training", "steps"], integer(&self.steps), true),
            ("--batch-size", &["training", "batch_size"], integer(&self.batch_size), false),
            ("--latent-dim", &["latent", "dim"], integer(&self.latent_dim), false),
            ("--lr", &["adam", "lr"], float(&self.lr), false),
            ("--beta1", &["adam", "beta1"], float(&self.beta1), false),
            ("--beta2", &["adam", "beta2"], float(&self.beta2), false),
            ("--order", &["training", "order"], text(&self.order), false),
            ("--label-real", &["training", "label_real"], float(&self.label_real), false),
            ("--label-fake", &["training", "label_fake"], float(&self.label_fake), false),
            ("--instance-noise", &["training", "instance_noise"], float(&self.instance_noise), false),
            ("--seed", &["seed"], seed, false),
            ("--sample-every", &["output", "sample_every"], sample_every?, true),
            ("--checkpoint-every", &["output", "checkpoint_every"], checkpoint_every?, true),
            ("--keep", &["output", "keep"], integer(&self.keep), true),
            ("--log-every", &["output", "log_every"], integer(&self.log_every), true),
            ("--rows", &["output", "rows"], integer(&self.rows), false),
            ("--cols", &["output", "cols"], integer(&self.cols), false),
            ("--gif", &["output", "gif"], text(&self.gif), false),
        ];
        let given = rows
            .into_iter()
            .filter_map(|(flag, path, value, resumable)| value.map(|value| Override { flag, path, value, resumable }));
        Ok(given.collect())
    }

    fn apply(&self, mut merge: Merge) -> Result<Config> {
        for Override { flag, path, value, .. } in self.overrides()? {
            merge.set(path, value).map_err(|e| Error::usage(format!("{flag}: {e}")))?;
        }
        for assignment in &self.assignments {
            merge.set_text(assignment)?;
        }
        merge.finish()
    }
}

/// Whether the environment's value for argument `id` does not count, given the flags on the command line: a length in one
/// unit overrules one in the other, and a resumed run keeps what it has.
pub fn overruled(id: &str, given: impl Fn(&str) -> bool) -> bool {
    match id {
        "epochs" => given("steps"),
        "steps" => given("epochs"),
        "data_dir" | "device" | "sample_every" | "checkpoint_every" | "keep" | "log_every" => false,
        "preset" => given("config") || given("resume"),
        "config" => given("preset") || given("resume"),
        _ => given("resume"),
    }
}

pub fn run(arguments: &Arguments, quiet: bool) -> Result<()> {
    if let Some(run) = &arguments.resume {
        return resume(arguments, run, quiet);
    }
    let merge = match &arguments.config {
        Some(file) => Merge::from_file(file)?,
        None => Merge::new(arguments.preset.as_deref().unwrap_or(DEFAULT_PRESET))?,
    };
    let mut config = arguments.apply(merge)?;
    let layouts = config.layouts()?;
    if arguments.dry_run {
        return dry_run::print_plan(&config, arguments.json);
    }
    let out = arguments.out.clone().unwrap_or_else(|| RunFolder::fresh_path(&config.name));
    RunFolder::check_free(&out, arguments.force)?;
    let data = trainer::open_data(&config)?;
    announce_data(&data, quiet);
    make_absolute(&mut config)?;
    let device = arguments.device.open(quiet)?;
    let mut announce = announce(quiet);
    let tune = Tune { wanted: !arguments.no_tune, announce: &mut announce };
    let trainer = Trainer::start(config.clone(), &layouts, data, &device, &out, arguments.force, tune)?;
    train(trainer, &config, &device, &out, arguments.json, quiet)
}

/// Paths are stored so that the run can go on from another folder.
fn make_absolute(config: &mut Config) -> Result<()> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(|e| Error::io("find", path, &e));
    if !matches!(config.data.as_str(), "mnist" | "strokes" | "") {
        config.data = absolute(Path::new(&config.data))?.display().to_string();
    }
    config.data_dir = config.data_dir.as_deref().map(absolute).transpose()?;
    Ok(())
}

/// Says how the images were read, where that is not plain.
fn announce_data(data: &DataSet, quiet: bool) {
    data.remark().into_iter().for_each(announce(quiet));
}

fn resume(arguments: &Arguments, run: &Path, quiet: bool) -> Result<()> {
    if let Some(fixed) = arguments.overrides()?.iter().find(|o| !o.resumable) {
        let message = format!("{} cannot change on a resumed run; start a new one for that", fixed.flag);
        return Err(Error::usage(message));
    }
    let given = [("--preset", arguments.preset.is_some()), ("--config", arguments.config.is_some())];
    let given = given.into_iter().chain([("--set", !arguments.assignments.is_empty())]).find(|(_, given)| *given);
    if let Some((flag, _)) = given {
        return Err(Error::usage(format!("{flag} cannot change on a resumed run; start a new one for that")));
    }
    if !run.is_dir() {
        return Err(Error::checkpoint(format!("{} is no run folder; check --resume", run.display())));
    }
    let newest = checkpoint::file(run)?;
    let from = Checkpoint::load(&newest)?;
    let stored = Value::try_from(&from.metadata.config).map_err(|e| Error::checkpoint(e.to_string()))?;
    let config = arguments.apply(Merge::from_value(stored)?)?;
    let layouts = config.layouts()?;
    let total = config.total_steps(from.metadata.steps_per_epoch);
    if from.metadata.step >= total {
        let done = from.metadata.step;
        if !quiet {
            tell(&format!("{} has all its {done} steps; give a longer --epochs or --steps to go on", run.display()));
        }
        let (run, gif) = (run.to_path_buf(), run.join(&config.output.gif));
        let (sample, losses, seconds) = (None, None, from.metadata.seconds);
        let outcome = Outcome { run, steps: done, sample, gif, checkpoint: newest, losses, seconds };
        return if arguments.json { print_json(&outcome) } else { Ok(()) };
    }
    let data = trainer::open_data(&config)?;
    announce_data(&data, quiet);
    let device = arguments.device.open(quiet)?;
    let mut announce = announce(quiet);
    let tune = Tune { wanted: !arguments.no_tune, announce: &mut announce };
    let trainer = Trainer::resume(config.clone(), &layouts, data, &device, run, &from, tune)?;
    train(trainer, &config, &device, run, arguments.json, quiet)
}

fn train(trainer: Trainer, config: &Config, device: &Device, out: &Path, json: bool, quiet: bool) -> Result<()> {
    let (done, total) = trainer.position();
    if !quiet {
        let (name, data, device) = (&config.name, &config.data, device.name());
        tell(&format!("training {name} on {data}, device {device}, steps {done} to {total}, in {}", out.display()));
    }
    let mut display = Display::new(done, total, quiet);
    let outcome = trainer.run(&mut display);
    display.finish();
    let outcome = outcome?;
    if json {
        return print_json(&outcome);
    }
    if !quiet {
        let minutes = outcome.seconds / 60.0;
        tell(&format!("done: {} steps, {minutes:.1} minutes of training", outcome.steps));
    }
    let mut rows = vec![vec!["run".to_string(), outcome.run.display().to_string()]];
    rows.extend(outcome.sample.map(|path| vec!["samples".to_string(), path.display().to_string()]));
    rows.push(vec!["animation".to_string(), outcome.gif.display().to_string()]);
    rows.push(vec!["checkpoint".to_string(), outcome.checkpoint.display().to_string()]);
    table::lines(&rows).iter().for_each(|line| print(line));
    Ok(())
}
