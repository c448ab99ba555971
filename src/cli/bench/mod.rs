//! `bench`: what a training step costs on a device, what it costs at least, and how it grows.

mod tables;

use std::path::PathBuf;

use crate::bench::floor;
use crate::bench::runner::Counts;
use crate::bench::step::{self, StepOptions};
use crate::bench::sweep::{self, Grid, Point};
use crate::error::{Error, Result};
use crate::model::config::Config;
use crate::model::sources::{Merge, PRESETS};
use crate::output::{Overwrite, plot, save_text};
use crate::tuning::Tune;
use clap::ValueHint;

use super::settings::Settings;
use super::{DeviceChoice, announce, answer};

/// Measure training steps on a device: by step, by kernel, against what the device can do at most
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Runs the plan that `train` runs, on a batch of noise, in blocks of as many steps as `train` runs
between two looks at the losses. Kernels are timed by the device's own clock where it has one.
`ceiling` is what this device reached when it multiplied large matrices and moved memory, whichever
is the tighter bound for the kernel; `floor` is the time of a step in which every dispatch ran at
its ceiling.

Examples:
  dcgan-gpu bench --preset tf-tutorial --batch-size 128
  dcgan-gpu bench --device 0 --detail
  dcgan-gpu bench --device cpu --steps-only --json
  dcgan-gpu bench --floor                           work of all presets; needs no device
  dcgan-gpu bench --sweep --out sweep               how time and memory grow, with a plot"
)]
pub struct Arguments {
    #[command(flatten)]
    settings: Settings<false>,
    #[command(flatten)]
    device: DeviceChoice,
    /// Steps to measure; by default 20 blocks, or as many as fit 20 seconds, 5 at least
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    steps: Option<u32>,
    /// Steps to run first, besides the very first one; by default half a second of them, 3 at least
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    warmup: Option<u32>,
    /// Measure steps alone: no kernels, no ceilings
    #[arg(long, conflicts_with_all = ["detail", "floor", "sweep"])]
    steps_only: bool,
    /// Show every dispatch with its place in the networks
    #[arg(long, conflicts_with_all = ["floor", "sweep"])]
    detail: bool,
    /// Print operations, bytes and dispatches of a step, for all presets unless one is named; runs
    /// nothing
    #[arg(long, conflicts_with_all = ["sweep", "steps", "warmup"])]
    floor: bool,
    /// Vary batch, image size and width, each by itself
    #[arg(long, conflicts_with_all = ["steps", "warmup"])]
    sweep: bool,
    /// Folder for sweep.json and sweep.svg
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = "sweep", requires = "sweep")]
    out: PathBuf,
    /// Replace files that exist
    #[arg(long, requires = "sweep")]
    force: bool,
    /// Seconds that a sweep may take; larger points are reported as not run
    #[arg(long, value_name = "S", default_value_t = 180.0, requires = "sweep")]
    sweep_seconds: f64,
    /// Batch sizes of a sweep
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', default_values_t = [16, 32, 64, 128, 256, 512, 1024], requires = "sweep")]
    batches: Vec<u32>,
    /// Image sizes of a sweep, in pixels a side; the networks get stages of stride 2 for them
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', default_values_t = [28, 64, 128], requires = "sweep")]
    sizes: Vec<u32>,
    /// Widths of a sweep: factors of the hidden layers' channels
    #[arg(long, value_name = "X,X,…", value_delimiter = ',', default_values_t = [0.5, 1.0, 2.0], requires = "sweep")]
    widths: Vec<f64>,
    /// Run the default kernels instead of those that were fastest here; sweeps always do
    #[arg(long, conflicts_with_all = ["floor", "sweep"])]
    no_tune: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn configuration(&self) -> Result<Config> {
        let config = self.settings.apply(self.settings.base(&mut |_| {})?.0)?;
        config.layouts()?;
        Ok(config)
    }
}

pub fn run(arguments: &Arguments, quiet: bool) -> Result<()> {
    match arguments {
        Arguments { floor: true, .. } => print_floor(arguments),
        Arguments { sweep: true, .. } => run_sweep(arguments, quiet),
        _ => measure(arguments, quiet),
    }
}

fn measure(arguments: &Arguments, quiet: bool) -> Result<()> {
    let config = arguments.configuration()?;
    let counts = Counts { warmup: arguments.warmup, steps: arguments.steps };
    let patience = arguments.device.patience();
    let options = StepOptions { counts, steps_only: arguments.steps_only, patience };
    let mut announce = announce(quiet);
    let tune = Tune { wanted: !arguments.no_tune, announce: &mut announce };
    let measured = step::measure(&arguments.device.device, &config, options, tune);
    let mut report = measured.map_err(|error| arguments.device.blame(error))?;
    arguments.device.remark(report.family.is_none(), quiet);
    if let Some(profile) = report.profile.as_mut().filter(|_| !arguments.detail) {
        profile.dispatches.clear();
    }
    answer(arguments.json, &report, tables::report)
}

fn print_floor(arguments: &Arguments) -> Result<()> {
    let settings = &arguments.settings;
    let configs = if settings.give("--preset") || settings.give("--config") {
        vec![arguments.configuration()?]
    } else {
        PRESETS.iter().map(|(name, _)| settings.apply(Merge::new(name)?)).collect::<Result<_>>()?
    };
    let works = configs.iter().map(floor::of_config).collect::<Result<Vec<_>>>()?;
    answer(arguments.json, works.as_slice(), tables::floor)
}

fn run_sweep(arguments: &Arguments, quiet: bool) -> Result<()> {
    if !(0.0..=1e6).contains(&arguments.sweep_seconds) {
        return Err(Error::usage("--sweep-seconds takes 0 to 1000000 seconds"));
    }
    let config = arguments.configuration()?;
    let (batches, sizes, widths) = (arguments.batches.clone(), arguments.sizes.clone(), arguments.widths.clone());
    let grid = Grid { batches, sizes, widths };
    grid.check(&config)?;
    let overwrite = Overwrite::forced(arguments.force);
    std::fs::create_dir_all(&arguments.out).map_err(|e| Error::io("create", &arguments.out, &e))?;
    let [json, svg] = ["sweep.json", "sweep.svg"].map(|name| arguments.out.join(name));
    [&json, &svg].into_iter().try_for_each(|path| overwrite.check(path))?;
    let device = arguments.device.open(quiet)?;
    let mut say = announce(quiet);
    let report = |point: &Point| say(&tables::point_in_words(point));
    let sweep = sweep::run(&device, &config, &grid, arguments.sweep_seconds, report)?;
    let text = serde_json::to_string_pretty(&sweep).map_err(|e| Error::usage(format!("JSON: {e}")))?;
    save_text(&(text + "\n"), &json, overwrite)?;
    let title = format!("{} on {}: a training step", sweep.preset, sweep.device);
    save_text(&plot::svg(&title, &sweep.charts(), 3, plot::SMALL), &svg, overwrite)?;
    let saved = format!("saved {} and {}", json.display(), svg.display());
    answer(arguments.json, &sweep, |sweep| tables::sweep(sweep).into_iter().chain([saved]).collect())
}
