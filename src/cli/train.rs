//! `train`: a new run, or the rest of an old one.

use std::path::{Path, PathBuf};

use clap::ValueHint;
use dcgan_gpu::device::Device;
use dcgan_gpu::error::{Error, Result};
use dcgan_gpu::model::checkpoint::Checkpoint;
use dcgan_gpu::model::config::Config;
use dcgan_gpu::model::sources::Merge;
use dcgan_gpu::train::run_folder::RunFolder;
use dcgan_gpu::train::trainer::{self, Outcome, Trainer, Tune};
use toml::Value;

use super::progress::Display;
use super::settings::Settings;
use super::{DeviceChoice, announce, checkpoint, dry_run, print, print_json, table, tell};

/// Train a GAN: writes checkpoints, sample grids, metrics and an animated GIF to a run folder
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dcgan-gpu train --preset quick                        built-in digits; two minutes on two cores
  dcgan-gpu train --epochs 50                           MNIST, the PyTorch recipe
  dcgan-gpu train --data path/to/idx --preset keras     any folder of IDX files, gzipped or not
  dcgan-gpu train --config mine.toml --lr 1e-4          a file of your own, one value changed
  dcgan-gpu train --resume runs/mine --epochs 100       go on, to a new end
  dcgan-gpu train --dry-run --preset tf-tutorial        layers, FLOPs and memory; runs nothing

A cadence is a number with a unit: 200steps or 2epochs; without one it counts in the unit of the
run's length. `config show` takes the same flags and shows what they resolve to.")]
pub struct Arguments {
    #[command(flatten)]
    pub settings: Settings,
    /// Go on with a run from its newest checkpoint
    #[arg(long, value_name = "RUN", value_hint = ValueHint::DirPath, conflicts_with_all = ["out", "force", "dry_run"])]
    resume: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceChoice,
    /// The run folder; by default runs/DATE-PRESET-N
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "DCGAN_GPU_OUT")]
    out: Option<PathBuf>,
    /// Replace a run that is there
    #[arg(long)]
    force: bool,
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

pub fn run(arguments: &Arguments, quiet: bool) -> Result<()> {
    if let Some(run) = &arguments.resume {
        return resume(arguments, run, quiet);
    }
    let mut config = arguments.settings.apply(arguments.settings.base()?)?;
    let layouts = config.layouts()?;
    if arguments.dry_run {
        return dry_run::print_plan(&config, arguments.json);
    }
    let out = arguments.out.clone().unwrap_or_else(|| RunFolder::fresh_path(&config.name));
    RunFolder::check_free(&out, arguments.force)?;
    let data = trainer::open_data(&config)?;
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

fn resume(arguments: &Arguments, run: &Path, quiet: bool) -> Result<()> {
    if let Some(fixed) = arguments.settings.overrides()?.iter().find(|o| !o.resumable) {
        let message = format!("{} cannot change on a resumed run; start a new one for that", fixed.flag);
        return Err(Error::usage(message));
    }
    let given = [("--preset", arguments.settings.preset.is_some()), ("--config", arguments.settings.config.is_some())];
    let given =
        given.into_iter().chain([("--set", !arguments.settings.assignments.is_empty())]).find(|(_, given)| *given);
    if let Some((flag, _)) = given {
        return Err(Error::usage(format!("{flag} cannot change on a resumed run; start a new one for that")));
    }
    if !run.is_dir() {
        return Err(Error::checkpoint(format!("{} is no run folder; check --resume", run.display())));
    }
    let newest = checkpoint::file(run)?;
    let from = Checkpoint::load(&newest)?;
    let stored = Value::try_from(&from.metadata.config).map_err(|e| Error::checkpoint(e.to_string()))?;
    let config = arguments.settings.apply(Merge::from_value(stored)?)?;
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
    let mut display = Display::new(done, total, config.training.batch_size, quiet);
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
