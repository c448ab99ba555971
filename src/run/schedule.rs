//! At which steps a run writes a line, a sample grid and a checkpoint, or how long after a
//! checkpoint the next one is due.

use std::time::Duration;

use crate::model::cadence::CheckpointCadence;
use crate::model::checkpoint::Metadata;
use crate::model::config::Config;

/// A run's cadences, in steps but for checkpoints that follow the clock, and its end, at which it
/// records everything.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    log_every: u32,
    sample_every: u32,
    checkpoint_every: Saves,
    end: u32,
}

/// When checkpoints are due.
#[derive(Clone, Copy, Debug)]
enum Saves {
    /// Every so many steps.
    Steps(u32),
    /// So long after the one before.
    After(Duration),
}

impl Schedule {
    /// That of a configuration.
    pub fn new(config: &Config, steps_per_epoch: u32) -> Self {
        let (output, unit) = (&config.output, config.unit());
        Schedule {
            log_every: output.log_every,
            sample_every: output.sample_every.steps(unit, steps_per_epoch),
            checkpoint_every: match output.checkpoint_every {
                CheckpointCadence::Counted(cadence) => Saves::Steps(cadence.steps(unit, steps_per_epoch)),
                CheckpointCadence::Timed(time) => Saves::After(time.duration()),
            },
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

    /// The same with another end: that of a run which has come to it before its time.
    pub fn ending_at(&self, end: u32) -> Self {
        Schedule { end, ..*self }
    }

    /// Whether there is a line of `metrics.jsonl` for `step`, counted from 1.
    pub fn logs(&self, step: u32) -> bool {
        self.is_due(self.log_every, step)
    }

    /// Whether there is a sample grid after `step`.
    pub fn samples(&self, step: u32) -> bool {
        self.is_due(self.sample_every, step)
    }

    /// Whether there is a checkpoint after `step`, which is done so long after the last one.
    pub fn saves(&self, step: u32, since_last: Duration) -> bool {
        match self.checkpoint_every {
            Saves::Steps(every) => self.is_due(every, step),
            Saves::After(time) => step > 0 && (since_last >= time || step == self.end),
        }
    }

    /// Whether a checkpoint is one of its run's cadence, and was not saved only because the run
    /// ended or was stopped. The clock knows no right moments: there each is one of the cadence
    /// that was not saved because of a stop, which leaves no time to measure the samples.
    pub fn is_regular(saved: &Metadata) -> bool {
        match saved.config.output.checkpoint_every {
            CheckpointCadence::Counted(_) => Schedule::without_end(saved).saves(saved.step, Duration::ZERO),
            CheckpointCadence::Timed(_) => saved.distance.is_some(),
        }
    }

    fn is_due(&self, every: u32, step: u32) -> bool {
        step > 0 && (step.is_multiple_of(every) || step == self.end)
    }
}
