//! Training steps to be timed: an [`Engine`] on one batch of noise, driven as the trainer drives
//! it.

use std::time::{Duration, Instant};

use super::median;
use crate::device::Device;
use crate::engine::{Batch, Engine};
use crate::error::Result;
use crate::kernels::linear::choices::Choices;
use crate::model::columns::Values;
use crate::model::config::Config;
use crate::objective::Classes;
use crate::train::clock::{READ_AFTER, READ_EVERY};

/// Steps that are under way before the host has to wait.
const UNWAITED: u32 = 3;
/// Warm-up when no count is given: at least this many steps, and this long.
const WARMUP: (u32, Duration) = (3, Duration::from_millis(500));
/// Most warm-up steps when no count is given.
const LONGEST_WARMUP: u32 = 500;
/// What measuring may take when no count is given; five steps are measured in any case.
const BUDGET: Duration = Duration::from_secs(20);

/// How many steps to run; what is not given follows from how long a step takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Steps before the measured ones, the first one not counted.
    pub warmup: Option<u32>,
    /// Measured steps.
    pub steps: Option<u32>,
}

/// The times of steps.
#[derive(Clone, Debug)]
pub struct Times {
    /// Seconds of a step, for every block.
    pub seconds: Vec<f64>,
    /// Steps of a block.
    pub block: u32,
    /// Seconds that the host needed to start a step, where it did not wait for the device.
    pub host: Vec<f64>,
}

impl Times {
    /// The median step.
    pub fn median(&self) -> f64 {
        median(&self.seconds)
    }

    /// The fastest block's step.
    pub fn min(&self) -> f64 {
        self.seconds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// Measured steps.
    pub fn steps(&self) -> u32 {
        self.seconds.len() as u32 * self.block
    }
}

/// A GAN that trains on noise.
#[derive(Debug)]
pub struct Runner {
    engine: Engine,
    indices: Vec<u32>,
    labels: Vec<u32>,
    step: u32,
    overlaps: bool,
}

impl Runner {
    /// Loads a GAN with the images of one step and these kernels.
    ///
    /// # Errors
    /// As [`Engine::tuned`].
    pub fn new(device: &Device, config: &Config, choices: &Choices) -> Result<Self> {
        let count = config.images_per_step();
        let noise = |i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8;
        let images: Vec<u8> = (0..config.image.values() * count).map(noise).collect();
        let classes = config.classes.as_ref().map(Classes::count);
        let labels = classes.map_or_else(Vec::new, |classes| (0..count).map(|image| image % classes).collect());
        let engine = Engine::tuned(device, config, Some(&images), choices)?;
        let overlaps = matches!(device, Device::Gpu(_));
        Ok(Runner { engine, indices: (0..count).collect(), labels, step: 0, overlaps })
    }

    /// The engine, between steps.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Runs one step to its end; gives its seconds.
    ///
    /// # Errors
    /// When the device fails.
    pub fn one(&mut self) -> Result<f64> {
        self.block(1, &mut Vec::new())
    }

    /// The losses of the last step.
    ///
    /// # Errors
    /// When the device fails.
    pub fn losses(&mut self) -> Result<Values> {
        let last = self.step.saturating_sub(1);
        Ok(self.engine.losses(last, last + 1)?.remove(0))
    }

    /// Warms up, then measures.
    ///
    /// # Errors
    /// When the device fails.
    pub fn run(&mut self, counts: Counts) -> Result<Times> {
        let mut last = None;
        let start = Instant::now();
        let mut done = 0;
        while match counts.warmup {
            Some(steps) => done < steps,
            None => done < WARMUP.0 || (done < LONGEST_WARMUP && start.elapsed() < WARMUP.1),
        } {
            last = Some(self.one()?);
            done += 1;
        }
        let estimate = match last {
            Some(seconds) => seconds,
            None => self.one()?,
        };
        let (block, blocks) = plan_blocks(estimate, counts.steps, self.overlaps);
        let mut times = Times { seconds: Vec::new(), block, host: Vec::new() };
        for _ in 0..blocks {
            let seconds = self.block(block, &mut times.host)?;
            times.seconds.push(seconds / f64::from(block));
        }
        Ok(times)
    }

    /// Runs some steps as the trainer does, without waiting for each, and reads the losses; gives
    /// all seconds.
    fn block(&mut self, steps: u32, host: &mut Vec<f64>) -> Result<f64> {
        let start = Instant::now();
        for i in 0..steps {
            let step_start = Instant::now();
            self.engine.labelled_step(self.step, Batch::Resident(&self.indices), &self.labels)?;
            if self.overlaps && i < UNWAITED {
                host.push(step_start.elapsed().as_secs_f64());
            }
            self.step += 1;
        }
        self.losses()?;
        Ok(start.elapsed().as_secs_f64())
    }
}

/// Steps of a block and number of blocks, given the seconds of a step. On the host nothing
/// overlaps, so a block is a step.
fn plan_blocks(seconds: f64, steps: Option<u32>, overlaps: bool) -> (u32, u32) {
    let fitting = |time: Duration| (time.as_secs_f64() / seconds.max(1e-9)) as u32;
    let longest = if overlaps { fitting(READ_AFTER).clamp(1, READ_EVERY) } else { 1 };
    match steps {
        Some(steps) => {
            let block = longest.min(steps / 5).max(1);
            (block, steps.div_ceil(block).max(1))
        }
        None => (longest, (fitting(BUDGET) / longest).clamp(5, 20)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_divide_into_blocks_as_the_trainer_reads_losses() {
        assert_eq!(plan_blocks(0.001, None, true), (32, 20), "as many as the ring allows");
        assert_eq!(plan_blocks(0.1, None, true), (4, 20), "0.4 seconds");
        assert_eq!(plan_blocks(2.0, None, true), (1, 10), "20 seconds in all");
        assert_eq!(plan_blocks(10.0, None, true), (1, 5), "but five in any case");
        assert_eq!(plan_blocks(0.001, None, false), (1, 20), "the host waits for each");
        assert_eq!(plan_blocks(0.001, Some(20), true), (4, 5), "five blocks of what is asked for");
        assert_eq!(plan_blocks(0.001, Some(21), true), (4, 6), "and not fewer");
        assert_eq!(plan_blocks(0.001, Some(1), false), (1, 1));
        assert_eq!(plan_blocks(0.0, None, true), (32, 20), "a clock too coarse");
    }
}
