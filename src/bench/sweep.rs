//! How a step's time and memory grow with batch, image size and width: three lines through one
//! configuration.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

use super::runner::{Counts, Runner};
use super::{networks, ratio};
use crate::device::Device;
use crate::engine;
use crate::error::{Error, Result};
use crate::kernels::linear::choices::Choices;
use crate::memory;
use crate::model::config::Config;
use crate::output::plot::{Axis, Chart, Mark, Scale, Series};
use crate::plan::Role;

/// Most steps that are measured at a point.
const MOST_STEPS: f64 = 20.0;
/// Parts of the time left that one point may take.
const SHARE: f64 = 0.25;

/// What is varied, each by itself, the others staying at the configuration's own value.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Batch sizes.
    pub batches: Vec<u32>,
    /// Pixels a side.
    pub sizes: Vec<u32>,
    /// Factors of the hidden layers' channels.
    pub widths: Vec<f64>,
}

/// One configuration of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Coordinates {
    /// Real images, and generated ones, of a step.
    pub batch_size: u32,
    /// Pixels a side.
    pub image_size: u32,
    /// Factor of the hidden layers' channels.
    pub width: f64,
}

impl Coordinates {
    /// All three as numbers of one kind.
    fn places(&self) -> [f64; 3] {
        [self.batch_size.into(), self.image_size.into(), self.width]
    }
}

/// What became of a point.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants' texts cover them")]
pub enum PointOutcome {
    /// It ran.
    Measured(Measured),
    /// The plan or the device said before the first step that it does not fit.
    Refused { reason: String },
    /// The device failed while it ran.
    Failed { reason: String },
    /// It would have taken longer than there was time.
    NotRun { reason: String },
}

/// What a point that ran shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// The median step, in seconds.
    pub median_s: f64,
    /// The fastest, in seconds.
    pub min_s: f64,
    /// Real images a second, at the median.
    pub images_per_s: f64,
    /// 10⁹ operations a second at the median, products with padding left out.
    pub gflops: f64,
    /// Measured steps.
    pub steps: u32,
    /// The most memory of this process meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_host_bytes: Option<u64>,
}

/// One point of a sweep.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// Which.
    #[serde(flatten)]
    pub at: Coordinates,
    /// Operations an image, products with padding left out; 0 where there is no plan.
    pub flops_per_image: u64,
    /// Bytes of the device by role; nothing where there is no plan.
    pub memory_bytes: BTreeMap<Role, u64>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: PointOutcome,
}

impl Point {
    /// Bytes of the device.
    pub fn device_bytes(&self) -> u64 {
        self.memory_bytes.values().sum()
    }

    /// What it shows, where it ran.
    pub fn measured(&self) -> Option<&Measured> {
        match &self.outcome {
            PointOutcome::Measured(measured) => Some(measured),
            _ => None,
        }
    }

    /// In two words and in full why there is no measurement, where there is none.
    pub fn problem(&self) -> Option<(&'static str, &str)> {
        match &self.outcome {
            PointOutcome::Measured(_) => None,
            PointOutcome::Refused { reason } => Some(("refused", reason)),
            PointOutcome::Failed { reason } => Some(("failed", reason)),
            PointOutcome::NotRun { reason } => Some(("not run", reason)),
        }
    }
}

/// A sweep.
#[derive(Clone, Debug, Serialize)]
pub struct Sweep {
    /// As in [`super::step::StepReport`].
    pub engine: &'static str,
    /// The device.
    pub device: String,
    /// Threads of the host.
    pub threads: usize,
    /// The preset or file.
    pub preset: String,
    /// The point that all lines go through.
    pub base: Coordinates,
    /// All points, the least work first.
    pub points: Vec<Point>,
}

impl Grid {
    /// The three lines through `base`, every point once.
    pub fn points(&self, base: Coordinates) -> Vec<Coordinates> {
        let mut points = Vec::new();
        let batches = self.batches.iter().map(|&batch_size| Coordinates { batch_size, ..base });
        let sizes = self.sizes.iter().map(|&image_size| Coordinates { image_size, ..base });
        let widths = self.widths.iter().map(|&width| Coordinates { width, ..base });
        for at in batches.chain(sizes).chain(widths) {
            if !points.contains(&at) {
                points.push(at);
            }
        }
        points
    }

    /// Refuses what no point can be made of.
    ///
    /// # Errors
    /// A usage error naming the flag, or the images of `base` where they are not square.
    pub fn check(&self, base: &Config) -> Result<()> {
        if base.image.height != base.image.width {
            return Err(Error::usage("--sweep needs a configuration with square images"));
        }
        let outside = |values: &[u32], most| values.iter().copied().find(|value| !(1..=most).contains(value));
        if let Some(batch) = outside(&self.batches, 16_384) {
            return Err(Error::usage(format!("--batches takes sizes from 1 to 16384, not {batch}")));
        }
        if let Some(size) = outside(&self.sizes, 4096) {
            return Err(Error::usage(format!("--sizes takes 1 to 4096 pixels, not {size}")));
        }
        match self.widths.iter().find(|width| !(0.01..=100.0).contains(*width)) {
            Some(width) => Err(Error::usage(format!("--widths takes factors from 0.01 to 100, not {width}"))),
            None => Ok(()),
        }
    }
}

/// Measures all points of a grid around `base`, within about `seconds`; `report` is told of each.
///
/// # Errors
/// As [`Grid::check`].
pub fn run(device: &Device, base: &Config, grid: &Grid, seconds: f64, mut report: impl FnMut(&Point)) -> Result<Sweep> {
    grid.check(base)?;
    let origin = Coordinates { batch_size: base.training.batch_size, image_size: base.image.height, width: 1.0 };
    let mut planned: Vec<_> = grid.points(origin).into_iter().map(|at| plan(device, base, at)).collect();
    planned.sort_by_key(|(point, _)| point.flops_per_image * u64::from(point.at.batch_size));
    let start = Instant::now();
    // The first point tells how fast the device is.
    let mut speed = None;
    let mut points = Vec::new();
    for (mut point, config) in planned {
        if let Some(config) = config {
            let left = seconds - start.elapsed().as_secs_f64();
            let flops = (point.flops_per_image * u64::from(config.images_per_step())) as f64;
            point.outcome = match speed.map(|speed| flops / speed) {
                // A first step and a measured one.
                Some(step) if 2.0 * step > left => {
                    let left = left.max(0.0);
                    let why =
                        format!("a step would take about {step:.1} s, {left:.0} s are left; raise --sweep-seconds");
                    PointOutcome::NotRun { reason: why }
                }
                step => measure(device, &config, steps_within(left * SHARE, step), flops),
            };
            speed = point.measured().map(|measured| measured.gflops * 1e9).or(speed);
        }
        report(&point);
        points.push(point);
    }
    let (device, preset) = (device.name(), base.name.clone());
    Ok(Sweep { engine: "dcgan-gpu", device, threads: rayon::current_num_threads(), preset, base: origin, points })
}

/// Measured steps that fit, given the seconds of one where they are known.
fn steps_within(seconds: f64, step: Option<f64>) -> u32 {
    step.map_or(3.0, |step| (ratio(seconds, step) - 1.0).clamp(1.0, MOST_STEPS)) as u32
}

/// A point before it runs, with its configuration unless it is refused.
fn plan(device: &Device, base: &Config, at: Coordinates) -> (Point, Option<Config>) {
    let mut base = base.clone();
    base.training.batch_size = at.batch_size;
    let planned = networks::derived(&base, at.image_size, at.width).and_then(|config| {
        let recorded = engine::record(&config, &device.profile(), config.bytes_per_step())?;
        Ok((config, recorded.program))
    });
    let (flops_per_image, memory_bytes, outcome, config) = match planned {
        Ok((config, program)) => {
            let flops_per_image = program.whole_step().flops() / u64::from(config.images_per_step());
            let not_yet = PointOutcome::NotRun { reason: String::new() };
            (flops_per_image, program.memory(), not_yet, Some(config))
        }
        Err(error) => (0, BTreeMap::new(), PointOutcome::Refused { reason: error.to_string() }, None),
    };
    (Point { at, flops_per_image, memory_bytes, outcome }, config)
}

fn measure(device: &Device, config: &Config, steps: u32, flops: f64) -> PointOutcome {
    let is_new_peak = memory::forget_peak();
    let mut runner = match Runner::new(device, config, &Choices::default()) {
        Ok(runner) => runner,
        Err(error) => return PointOutcome::Refused { reason: error.to_string() },
    };
    let counts = Counts { warmup: Some(1), steps: Some(steps) };
    match runner.run(counts).and_then(|times| runner.losses().map(|_| times)) {
        Err(error) => PointOutcome::Failed { reason: error.to_string() },
        Ok(times) => {
            let median_s = times.median();
            PointOutcome::Measured(Measured {
                median_s,
                min_s: times.min(),
                images_per_s: ratio(f64::from(config.images_per_step()), median_s),
                gflops: ratio(flops, median_s) / 1e9,
                steps: times.steps(),
                peak_host_bytes: memory::peak().filter(|_| is_new_peak),
            })
        }
    }
}

impl Sweep {
    /// Nine charts: step time, images a second and memory over batch, image size and width.
    pub fn charts(&self) -> Vec<Chart> {
        type OfPoint = fn(&Point) -> Option<f64>;
        fn mebibytes(bytes: u64) -> f64 {
            bytes as f64 / f64::from(1 << 20)
        }
        let tensors: OfPoint = |point| Some(point.device_bytes()).filter(|bytes| *bytes > 0).map(mebibytes);
        let process: OfPoint = |point| point.measured()?.peak_host_bytes.map(mebibytes);
        let rows: [(&str, &[(&str, OfPoint)]); 3] = [
            ("seconds a step", &[("", |point| Some(point.measured()?.median_s))]),
            ("images a second", &[("", |point| Some(point.measured()?.images_per_s))]),
            ("MiB", &[("tensors", tensors), ("process, peak", process)]),
        ];
        let mut charts = Vec::new();
        for (what, values) in rows {
            for (i, axis) in ["batch size", "image size", "width"].into_iter().enumerate() {
                let x = |point: &Point| point.at.places()[i];
                let is_base = |at: &Coordinates, j: usize| at.places()[j] == self.base.places()[j];
                let is_on = |point: &&Point| (0..3).all(|j| j == i || is_base(&point.at, j));
                let mut on_line: Vec<_> = self.points.iter().filter(is_on).collect();
                on_line.sort_by(|a, b| x(a).total_cmp(&x(b)));
                let series = values.iter().map(|(label, value)| Series {
                    label: (*label).to_string(),
                    points: on_line.iter().filter_map(|p| Some((x(p), value(p)?))).collect(),
                    behind: Vec::new(),
                });
                let marks = on_line.iter().filter_map(|p| Some(Mark { x: x(p), label: p.problem()?.0.to_string() }));
                let ticks = on_line.iter().map(|p| x(p)).collect();
                charts.push(Chart {
                    x: Axis { label: axis.to_string(), scale: Scale::Log, ticks },
                    y: Axis { label: what.to_string(), scale: Scale::Log, ticks: Vec::new() },
                    series: series.collect(),
                    marks: marks.collect(),
                });
            }
        }
        charts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sources::preset;

    #[test]
    fn the_lines_cross_in_one_point() {
        let base = Coordinates { batch_size: 32, image_size: 28, width: 1.0 };
        let grid = Grid { batches: vec![16, 32], sizes: vec![28, 64], widths: vec![1.0, 2.0] };
        let points = grid.points(base);
        assert_eq!(points.len(), 4, "{points:?}");
        assert_eq!(points.iter().filter(|&&at| at == base).count(), 1);
    }

    #[test]
    fn what_does_not_fit_says_why() {
        let base = preset("quick").unwrap();
        let grid = Grid { batches: vec![2], sizes: vec![30], widths: vec![1.0] };
        let mut reported = 0;
        let sweep = run(&Device::Host, &base, &grid, 0.0, |_| reported += 1).unwrap();
        assert_eq!((sweep.points.len(), reported), (3, 3));
        let problem = |at: fn(&Coordinates) -> bool| {
            let point = sweep.points.iter().find(|point| at(&point.at)).unwrap();
            point.problem().map(|(what, reason)| (what, reason.to_string()))
        };
        assert_eq!(problem(|at| at.batch_size == 2), None, "the first point runs in any case");
        let (what, reason) = problem(|at| at.width == 1.0 && at.batch_size == 64 && at.image_size == 28).unwrap();
        assert!(what == "not run" && reason.contains("--sweep-seconds"), "{what}: {reason}");
        let (what, reason) = problem(|at| at.image_size == 30).unwrap();
        assert!(what == "refused" && reason.contains("30×30"), "{what}: {reason}");
        assert_eq!(sweep.charts().len(), 9);
    }

    #[test]
    fn steps_fit_the_time() {
        assert_eq!([0.1, 2.0, 6.0, 1000.0].map(|seconds| steps_within(seconds, Some(1.0))), [1, 1, 5, 20]);
        assert_eq!(steps_within(1.0, None), 3);
    }
}
