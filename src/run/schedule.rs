//! At which steps a run writes a line, a sample grid and a checkpoint.

use crate::model::checkpoint::Metadata;
use crate::model::config::Config;

/// A run's cadences, in steps, and its end, at which it records everything.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    log_every: u32,
    sample_every: u32,
    checkpoint_every: u32,
    end: u32,
}

impl Schedule {
    /// That of a configuration.
    pub fn new(config: &Config, steps_per_epoch: u32) -> Self {
        let (output, unit) = (&config.output, config.unit());
        Schedule {
            log_every: output.log_every,
            sample_every: output.sample_every.steps(unit, steps_per_epoch),
            checkpoint_every: output.checkpoint_every.steps(unit, steps_per_epoch),
            end: config.total_steps(steps_per_epoch),
        }
    }

    /// What would hold at a checkpoint if the run did not end there: what it recorded beyond that,
    /// a longer run has not.
    pub fn without_end(saved: &Metadata) -> Self {
        Schedule { end: 0, ..Schedule::new(&saved.config, saved.steps_per_epoch) }
    }

    /// The run's last step.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// Whether there is a line of `metrics.jsonl` for `step`, counted from 1.
    pub fn logs(&self, step: u32) -> bool {
        self.is_due(self.log_every, step)
    }

    /// Whether there is a sample grid after `step`.
    pub fn samples(&self, step: u32) -> bool {
        self.is_due(self.sample_every, step)
    }

    /// Whether there is a checkpoint after `step`.
    pub fn saves(&self, step: u32) -> bool {
        self.is_due(self.checkpoint_every, step)
    }

    fn is_due(&self, every: u32, step: u32) -> bool {
        step > 0 && (step.is_multiple_of(every) || step == self.end)
    }
}
