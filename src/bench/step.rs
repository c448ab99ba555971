//! The measurement of one configuration on one device: load, steps, kernels, and how far they are
//! from the floor.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::ceilings::Ceilings;
use super::floor::{self, StepWork, Work};
use super::runner::{Counts, Runner};
use super::{median, ratio};
use crate::device::{Device, OpenOptions, Timing};
use crate::error::Result;
use crate::model::columns::Values;
use crate::model::config::Config;
use crate::plan::{LinearFamily, Plan, Role};
use crate::tuning::{self, Tune};

/// Seconds that profiling may take; a plan is profiled at least twice.
const PROFILE_SECONDS: f64 = 5.0;
/// Most profiles that are taken.
const MOST_PROFILES: f64 = 20.0;

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct StepOptions {
    /// How many steps.
    pub counts: Counts,
    /// Only steps: no kernels, no ceilings, no timestamps.
    pub steps_only: bool,
    /// How long an adapter is waited for.
    pub patience: Duration,
}

/// From nothing to the end of the first step, in seconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Load {
    /// Finding and opening the device.
    pub open_s: f64,
    /// Choosing kernels: measuring them, or reading what was measured before.
    pub tune_s: f64,
    /// Recording the plan, making buffers, uploading the initial parameters.
    pub prepare_s: f64,
    /// Compiling pipelines; some drivers do that in the first step.
    pub compile_s: f64,
    /// The first step, with its wait.
    pub first_step_s: f64,
    /// All of these.
    pub total_s: f64,
}

/// One kernel, or one dispatch, in a step.
#[derive(Clone, Debug, Serialize)]
pub struct KernelCost {
    /// The kernel.
    pub kernel: &'static str,
    /// Where in the networks: of single dispatches only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Dispatches in a step.
    pub calls: usize,
    /// Seconds in a step.
    pub seconds: f64,
    /// Part of the sum over all dispatches.
    pub share: f64,
    /// What it must do.
    #[serde(flatten)]
    pub work: Work,
    /// 10⁹ operations a second, products with padding left out.
    pub gflops: f64,
    /// 10⁹ operations a second, with padding.
    pub nominal_gflops: f64,
    /// 10⁹ bytes a second, each input read once and each output written once.
    pub gbytes_per_s: f64,
    /// Seconds at the ceiling.
    pub floor_s: f64,
    /// Percent of the ceiling: the floor over the seconds.
    pub ceiling_percent: f64,
}

/// Where a step's time goes.
#[derive(Clone, Debug, Serialize)]
pub struct StepProfile {
    /// How dispatches were timed.
    pub timing: Timing,
    /// What the device can do at most.
    pub ceilings: Ceilings,
    /// Sum over all dispatches, in seconds.
    pub device_s: f64,
    /// Seconds of a step whose dispatches all run at the ceilings.
    pub floor_s: f64,
    /// Percent of the floor that the median step reaches.
    pub floor_percent: f64,
    /// By kernel, the slowest first.
    pub kernels: Vec<KernelCost>,
    /// Every dispatch in order, where wanted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dispatches: Vec<KernelCost>,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// `dcgan-gpu`, beside the peers' names.
    pub engine: &'static str,
    /// The device.
    pub device: String,
    /// Which implementation of the linear kernel, where there is a choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<&'static str>,
    /// Threads of the host.
    pub threads: usize,
    /// The preset or file.
    pub preset: String,
    /// Real images, and generated ones, of a step.
    pub batch_size: u32,
    /// From nothing to the end of the first step.
    pub load: Load,
    /// Measured steps.
    pub steps: u32,
    /// Steps between two waits, as in training; times are means over such blocks.
    pub steps_per_block: u32,
    /// The median step, in seconds.
    pub median_s: f64,
    /// The fastest, in seconds.
    pub min_s: f64,
    /// Real images a second, at the median.
    pub images_per_s: f64,
    /// Seconds in which the host starts a step; of adapters only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_s: Option<f64>,
    /// 10⁹ operations a second at the median, products with padding left out.
    pub gflops: f64,
    /// 10⁹ operations a second at the median, with padding.
    pub nominal_gflops: f64,
    /// The work of a step.
    pub work: StepWork,
    /// Bytes of the device by role.
    pub memory_bytes: BTreeMap<Role, u64>,
    /// Losses after the last step: that they are numbers says that real work was done.
    pub losses: Values,
    /// Where the time goes.
    #[serde(flatten)]
    pub profile: Option<StepProfile>,
}

/// Opens the device `choice` and measures `config` on it, with the kernels that a new run would
/// have.
///
/// # Errors
/// When the device cannot be opened or fails, or the networks do not fit together or into it.
pub fn measure(choice: &str, config: &Config, options: StepOptions, tune: Tune<'_>) -> Result<StepReport> {
    let start = Instant::now();
    let timing = if options.steps_only { Timing::default() } else { Timing::Timestamps };
    let device = Device::open_with(choice, OpenOptions { timing, patience: options.patience })?;
    let open_s = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let tuning = tuning::for_run(&device, config, tune)?;
    let tune_s = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let choices = tuning.map(|tuning| tuning.choices).unwrap_or_default();
    let mut runner = Runner::new(&device, config, &choices)?;
    let (loaded_s, compile_s) = (start.elapsed().as_secs_f64(), runner.engine().session().compile_time().as_secs_f64());
    let first_step_s = runner.one()?;
    let (prepare_s, total_s) = (loaded_s - compile_s, open_s + tune_s + loaded_s + first_step_s);
    let load = Load { open_s, tune_s, prepare_s, compile_s, first_step_s, total_s };
    let times = runner.run(options.counts)?;
    let losses = runner.losses()?;
    let median_s = times.median();
    let program = runner.engine().session().program();
    let (plan, memory_bytes) = (program.whole_step(), program.memory());
    let work = floor::of_plan(config, &plan);
    let profile = if options.steps_only { None } else { Some(profile(&device, &mut runner, &plan, median_s)?) };
    Ok(StepReport {
        engine: "dcgan-gpu",
        device: device.name(),
        family: match (&device, device.profile().family) {
            (Device::Host, _) => None,
            (_, LinearFamily::Tile) => Some("tile"),
            (_, LinearFamily::Lane) => Some("lane"),
        },
        threads: rayon::current_num_threads(),
        preset: config.name.clone(),
        batch_size: config.training.batch_size,
        load,
        steps: times.steps(),
        steps_per_block: times.block,
        median_s,
        min_s: times.min(),
        images_per_s: ratio(f64::from(config.images_per_step()), median_s),
        host_s: (!times.host.is_empty()).then(|| median(&times.host)),
        gflops: ratio(work.flops_per_step as f64, median_s) / 1e9,
        nominal_gflops: ratio(work.nominal_flops_per_step as f64, median_s) / 1e9,
        work,
        memory_bytes,
        losses,
        profile,
    })
}

fn profile(device: &Device, runner: &mut Runner, plan: &Plan, median_s: f64) -> Result<StepProfile> {
    let session = runner.engine().session();
    let rounds = ratio(PROFILE_SECONDS, median_s).clamp(2.0, MOST_PROFILES) as usize;
    let phases = session.program().step.clone();
    let mut samples = vec![Vec::with_capacity(rounds); plan.dispatches.len()];
    for _ in 0..rounds {
        let mut seconds = Vec::with_capacity(plan.dispatches.len());
        for &phase in &phases {
            seconds.extend(session.time_dispatches(phase)?);
        }
        samples.iter_mut().zip(seconds).for_each(|(samples, seconds)| samples.push(seconds));
    }
    let timing = session.timing(phases[0]);
    let ceilings = Ceilings::measure(device)?;
    let seconds: Vec<f64> = samples.iter().map(|samples| median(samples)).collect();
    Ok(summarise(plan, &seconds, timing, ceilings, median_s))
}

/// Puts the seconds of every dispatch beside the work.
fn summarise(plan: &Plan, seconds: &[f64], timing: Timing, ceilings: Ceilings, median_s: f64) -> StepProfile {
    let device_s: f64 = seconds.iter().sum();
    let row = |kernel, scope, calls, seconds, work: Work, floor_s| KernelCost {
        kernel,
        scope,
        calls,
        seconds,
        share: ratio(seconds, device_s),
        work,
        gflops: ratio(work.flops as f64, seconds) / 1e9,
        nominal_gflops: ratio(work.nominal_flops as f64, seconds) / 1e9,
        gbytes_per_s: ratio(work.bytes as f64, seconds) / 1e9,
        floor_s,
        ceiling_percent: 100.0 * ratio(floor_s, seconds),
    };
    let mut by_kernel: BTreeMap<&'static str, (usize, f64, Work, f64)> = BTreeMap::new();
    let mut dispatches = Vec::new();
    for (dispatch, &seconds) in plan.dispatches.iter().zip(seconds) {
        let work = Work::of(dispatch);
        let floor_s = ceilings.seconds(work);
        dispatches.push(row(dispatch.kernel.name, Some(dispatch.scope.clone()), 1, seconds, work, floor_s));
        let (calls, time, all, least) = by_kernel.entry(dispatch.kernel.name).or_default();
        (*calls, *time, *all, *least) = (*calls + 1, *time + seconds, all.plus(work), *least + floor_s);
    }
    let rows =
        by_kernel.into_iter().map(|(kernel, (calls, time, work, least))| row(kernel, None, calls, time, work, least));
    let mut kernels: Vec<KernelCost> = rows.collect();
    kernels.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let floor_s = ceilings.floor_seconds(plan);
    let floor_percent = 100.0 * ratio(floor_s, median_s);
    StepProfile { timing, ceilings, device_s, floor_s, floor_percent, kernels, dispatches }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::ceilings::Rate;
    use crate::kernels::activation::{leaky_relu, tanh};
    use crate::plan::{Program, Recorder};

    #[test]
    fn dispatches_add_up_to_kernels() {
        let mut program = Program::default();
        let [x, y] = ["x", "y"].map(|name| program.floats(name, Role::Activations, 1000));
        let mut recorder = Recorder::new(&crate::plan::Profile::HOST);
        tanh::record_forward(recorder.scope("first"), x, y);
        leaky_relu::record_forward(recorder.scope("second"), 0.0, x, y);
        tanh::record_forward(recorder.scope("third"), x, y);
        let plan = recorder.finish().unwrap();
        let copies = vec![Rate { bytes: 1, bytes_per_s: 8e9 }];
        let ceilings = Ceilings { flops_per_s: 1e12, products: Vec::new(), copies };
        let profile = summarise(&plan, &[2e-6, 1e-6, 2e-6], Timing::Host, ceilings, 1e-5);

        let names: Vec<_> = profile.kernels.iter().map(|row| (row.kernel, row.calls)).collect();
        assert_eq!(names, [("activation/tanh", 2), ("activation/leaky_relu", 1)]);
        let tanh = &profile.kernels[0];
        // 8000 bytes a call at 8 GB/s are 1 µs.
        assert_eq!((tanh.work.bytes, tanh.seconds), (16_000, 4e-6));
        assert!((tanh.ceiling_percent - 50.0).abs() < 1e-9 && (tanh.share - 0.8).abs() < 1e-9, "{tanh:?}");
        assert!((tanh.gbytes_per_s - 4.0).abs() < 1e-9, "{tanh:?}");
        assert!((profile.floor_s - 3e-6).abs() < 1e-15 && (profile.floor_percent - 30.0).abs() < 1e-9);
        let scopes: Vec<_> = profile.dispatches.iter().filter_map(|row| row.scope.as_deref()).collect();
        assert_eq!(scopes, ["first", "second", "third"]);
    }
}
