//! The floor: what no device can avoid in a plan or a step.

use serde::Serialize;

use super::ratio;
use crate::engine;
use crate::error::Result;
use crate::model::config::Config;
use crate::plan::{Dispatch, Plan, Profile};

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

/// The work of a configuration's step, recorded for the host; plans for GPUs differ in the shares
/// of weight gradients alone.
///
/// # Errors
/// A usage error when the networks do not fit together.
pub fn of_config(config: &Config) -> Result<StepWork> {
    let recorded = engine::record(config, &Profile::HOST, config.bytes_per_step())?;
    Ok(of_plan(config, &recorded.program.whole_step()))
}

/// The work of a recorded step.
pub fn of_plan(config: &Config, plan: &Plan) -> StepWork {
    let work = Work::of_plan(plan);
    let images = u64::from(config.images_per_step());
    StepWork {
        preset: config.name.clone(),
        batch_size: config.training.batch_size,
        dispatches: plan.dispatches.len(),
        flops_per_image: work.flops / images,
        nominal_flops_per_image: work.nominal_flops / images,
        flops_per_step: work.flops,
        nominal_flops_per_step: work.nominal_flops,
        bytes_per_step: work.bytes,
        flops_per_byte: work.intensity(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tutorial_multiplies_less_than_an_implicit_product() {
        let work = of_config(&crate::model::sources::preset("tf-tutorial").unwrap()).unwrap();
        assert_eq!(work.flops_per_step / 256, work.flops_per_image);
        assert!(work.flops_per_image * 5 / 4 < work.nominal_flops_per_image, "{work:?}");
    }
}
