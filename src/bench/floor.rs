//! The floor: the work of a plan, and the time of a step whose dispatches all run at a device's ceilings.

use serde::Serialize;

use super::ceilings::Ceilings;
use super::ratio;
use crate::engine::{self, STEP_PLAN};
use crate::error::Result;
use crate::model::config::Config;
use crate::plan::Profile;
use crate::plan::{Dispatch, Plan};

/// What a dispatch, or many, cannot avoid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Work {
    /// Floating-point operations of the formula, products with padding left out.
    pub flops: u64,
    /// The same with padding.
    pub nominal_flops: u64,
    /// Bytes moved if every input were read once and every output written once.
    pub bytes: u64,
}

impl Work {
    /// Of one dispatch.
    pub fn of(dispatch: &Dispatch) -> Self {
        let reflection = dispatch.kernel.reflection(&dispatch.constants);
        let bytes = reflection.bindings.iter().map(|binding| {
            let passes = u64::from(binding.read) + u64::from(binding.written);
            4 * passes * u64::from(dispatch.bindings[binding.name.as_str()].len)
        });
        Work { flops: dispatch.flops, nominal_flops: dispatch.nominal_flops, bytes: bytes.sum() }
    }

    /// Of a whole plan.
    pub fn of_plan(plan: &Plan) -> Self {
        plan.dispatches.iter().map(Work::of).fold(Work::default(), Work::plus)
    }

    /// Of both.
    #[must_use]
    pub fn plus(self, other: Work) -> Work {
        Work {
            flops: self.flops + other.flops,
            nominal_flops: self.nominal_flops + other.nominal_flops,
            bytes: self.bytes + other.bytes,
        }
    }

    /// Operations for each byte moved.
    pub fn intensity(self) -> f64 {
        ratio(self.flops as f64, self.bytes as f64)
    }
}

/// Seconds of this plan at these ceilings: for every dispatch the longer of
/// computing and moving.
pub fn seconds(plan: &Plan, ceilings: &Ceilings) -> f64 {
    plan.dispatches.iter().map(|dispatch| ceilings.seconds(Work::of(dispatch))).sum()
}

/// The work of a preset's training step.
#[derive(Clone, Debug, Serialize)]
pub struct StepWork {
    /// The preset or file.
    pub preset: String,
    /// Real images, and generated ones, of a step.
    pub batch_size: u32,
    /// Dispatches of a step.
    pub dispatches: usize,
    /// Operations an image, products with padding left out.
    pub flops_per_image: u64,
    /// Operations an image, with padding.
    pub nominal_flops_per_image: u64,
    /// Operations a step, products with padding left out.
    pub flops_per_step: u64,
    /// Operations a step, with padding.
    pub nominal_flops_per_step: u64,
    /// Bytes that a step moves if each dispatch reads its inputs and writes its outputs once.
    pub bytes_per_step: u64,
    /// Operations for each byte moved.
    pub flops_per_byte: f64,
}

/// The work of a configuration's step, recorded for the host; plans for GPUs differ in the shares of weight gradients alone.
///
/// # Errors
/// A usage error when the networks do not fit together.
pub fn of_config(config: &Config) -> Result<StepWork> {
    let batch_bytes = u64::from(config.image.values()) * u64::from(config.training.batch_size);
    let recorded = engine::record(config, &config.layouts()?, &Profile::HOST, batch_bytes)?;
    Ok(of_plan(config, &recorded.program.plans[STEP_PLAN]))
}

/// The work of a recorded step.
pub fn of_plan(config: &Config, plan: &Plan) -> StepWork {
    let work = Work::of_plan(plan);
    let batch = u64::from(config.training.batch_size);
    StepWork {
        preset: config.name.clone(),
        batch_size: config.training.batch_size,
        dispatches: plan.dispatches.len(),
        flops_per_image: work.flops / batch,
        nominal_flops_per_image: work.nominal_flops / batch,
        flops_per_step: work.flops,
        nominal_flops_per_step: work.nominal_flops,
        bytes_per_step: work.bytes,
        flops_per_byte: work.intensity(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::ceilings::{Rate, dense};
    use crate::kernels::activation::Activation;
    use crate::plan::{Program, Recorder, Role};

    #[test]
    fn a_product_reads_both_factors_and_writes_one() {
        let program = dense(&Profile::HOST, 1, 8, [16, 32]).unwrap();
        let work = Work::of(&program.plans[0].dispatches[0]);
        // 8×16 by 16×32, and a tap list of one row of three words and one pair of two.
        let bytes = 4 * (8 * 16 + 16 * 32 + 8 * 32 + 3 + 2);
        assert_eq!(work, Work { flops: 2 * 8 * 16 * 32, nominal_flops: 2 * 8 * 16 * 32, bytes });
        assert!((work.intensity() - 8192.0 / 3604.0).abs() < 1e-12);
    }

    #[test]
    fn the_longer_of_computing_and_moving_counts() {
        let rate = |bytes, bytes_per_s| Rate { bytes, bytes_per_s };
        let ceilings =
            Ceilings { flops_per_s: 1e9, products: Vec::new(), copies: vec![rate(1000, 4e9), rate(2000, 1e9)] };
        let seconds = |flops, bytes| ceilings.seconds(Work { flops, nominal_flops: flops, bytes });
        assert_eq!(seconds(5_000, 1_000), 5e-6, "computing takes 5 µs, moving 0.25 µs");
        assert_eq!(seconds(1_000, 20_000), 2e-5, "far from the cache a byte takes a nanosecond");
        assert_eq!(seconds(0, 400), 1e-7, "what is small may stay in the cache");

        let mut program = Program::default();
        let [x, y] = ["x", "y"].map(|name| program.floats(name, Role::Activations, 2500));
        let mut recorder = Recorder::new(&Profile::HOST);
        for _ in 0..2 {
            Activation::Tanh.record_forward(&mut recorder, x, y);
        }
        let plan = recorder.finish().unwrap();
        assert_eq!(Work::of_plan(&plan).bytes, 40_000);
        assert!((super::seconds(&plan, &ceilings) - 4e-5).abs() < 1e-18);
    }

    #[test]
    fn the_tutorial_multiplies_less_than_an_implicit_product() {
        let work = of_config(&crate::model::sources::preset("tf-tutorial").unwrap()).unwrap();
        assert_eq!(work.flops_per_step / 256, work.flops_per_image);
        assert!(work.flops_per_image * 5 / 4 < work.nominal_flops_per_image, "{work:?}");
    }
}
