//! The optimizers of both networks, and how their learning rates change.

use serde::{Deserialize, Serialize};

use crate::kernels::adam::Adam;
use crate::plan::{Fall, Fill};

/// How parameters follow their gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Kingma, Ba 2015.
    #[default]
    Adam,
    /// Tieleman, Hinton 2012, as PyTorch has it: α = 0.99, ε outside of the root.
    Rmsprop,
}

/// What the optimizer of one network has of its own; all else is that of `[adam]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimizerChanges {
    /// Adam unless it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<OptimizerKind>,
    /// Learning rate η.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr: Option<f64>,
    /// Decay of Adam's first moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta1: Option<f64>,
    /// Decay of Adam's second moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta2: Option<f64>,
    /// ε.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// How the learning rate changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<RateSchedule>,
}

/// How a learning rate changes over a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateSchedule {
    /// Its course.
    pub kind: ScheduleKind,
    /// The part of its length, from 0 to 1, after which the rate begins to fall.
    #[serde(default)]
    pub from: f64,
    /// The step at which the rate is 0: the length that the run begins with unless it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u32>,
}

/// The course of a learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleKind {
    /// The same throughout.
    Constant,
    /// In a straight line to 0.
    Linear,
    /// Along half a cosine to 0.
    Cosine,
}

impl RateSchedule {
    /// The part of the learning rate that step number `step` takes, from 0.
    pub fn factor(&self, step: u32) -> f64 {
        let end = f64::from(self.end.unwrap_or(u32::MAX));
        let from = self.from * end;
        let step = f64::from(step);
        let done = if step >= end { 1.0 } else { ((step - from) / (end - from)).max(0.0) };
        match self.kind {
            ScheduleKind::Constant => 1.0,
            ScheduleKind::Linear => 1.0 - done,
            // `libm`, because the platform's cosine may differ in the last bit.
            ScheduleKind::Cosine => 0.5 * (1.0 + libm::cos(std::f64::consts::PI * done)),
        }
    }
}

/// The optimizer of one network, resolved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Optimizer {
    /// How parameters follow their gradients.
    pub kind: OptimizerKind,
    /// Learning rate, and the constants of Adam; RMSprop takes the rate and ε of them.
    pub adam: Adam,
    /// How the learning rate changes, if it does.
    pub schedule: Option<RateSchedule>,
}

impl Optimizer {
    /// That of `[adam]` with the changes of one network.
    pub fn new(adam: Adam, changes: Option<OptimizerChanges>) -> Self {
        let OptimizerChanges { kind, lr, beta1, beta2, epsilon, schedule } = changes.unwrap_or_default();
        Optimizer {
            kind: kind.unwrap_or_default(),
            adam: Adam {
                lr: lr.unwrap_or(adam.lr),
                beta1: beta1.unwrap_or(adam.beta1),
                beta2: beta2.unwrap_or(adam.beta2),
                epsilon: epsilon.unwrap_or(adam.epsilon),
            },
            schedule,
        }
    }

    /// What fills the rates of update number `part` of `updates` within a step.
    pub fn fill(&self, network: &'static str, part: u32, updates: u32) -> Fill {
        let Adam { lr, beta1, beta2, .. } = self.adam;
        let optimizer = match self.kind {
            OptimizerKind::Adam => "adam",
            OptimizerKind::Rmsprop => "rmsprop",
        };
        let falls = self.schedule.and_then(|RateSchedule { kind, from, end }| {
            let course = match kind {
                ScheduleKind::Constant => return None,
                ScheduleKind::Linear => "linear",
                ScheduleKind::Cosine => "cosine",
            };
            Some(Fall { course, from, end: end? })
        });
        Fill::Rate { network, optimizer, lr, beta1, beta2, falls, part, updates }
    }

    /// What the kernel of the optimizer reads for update number `update`, from 1, in step number
    /// `step`, from 0.
    pub fn rates(&self, step: u32, update: u32) -> [f32; 2] {
        let factor = self.schedule.map_or(1.0, |schedule| schedule.factor(step));
        let adam = Adam { lr: self.adam.lr * factor, ..self.adam };
        match self.kind {
            OptimizerKind::Adam => adam.rates(update),
            OptimizerKind::Rmsprop => [adam.lr as f32, 0.0],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADAM: Adam = Adam { lr: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };

    #[test]
    fn schedules_fall_from_their_point_to_their_end() {
        let at = |kind, steps: [u32; 5]| {
            let schedule = RateSchedule { kind, from: 0.5, end: Some(100) };
            steps.map(|step| schedule.factor(step))
        };
        let steps = [0, 50, 75, 100, 1000];
        assert_eq!(at(ScheduleKind::Constant, steps), [1.0; 5]);
        assert_eq!(at(ScheduleKind::Linear, steps), [1.0, 1.0, 0.5, 0.0, 0.0]);
        let cosine = at(ScheduleKind::Cosine, steps);
        assert!(cosine[..2] == [1.0; 2] && (cosine[2] - 0.5).abs() < 1e-15 && cosine[3..] == [0.0; 2], "{cosine:?}");
        let whole = RateSchedule { kind: ScheduleKind::Linear, from: 1.0, end: Some(10) };
        assert_eq!([9, 10, 11].map(|step| whole.factor(step)), [1.0, 0.0, 0.0], "there is no length to fall over");
    }

    #[test]
    fn a_network_changes_what_it_names() {
        let changes = OptimizerChanges { lr: Some(1e-3), beta1: Some(0.0), ..OptimizerChanges::default() };
        let optimizer = Optimizer::new(ADAM, Some(changes));
        assert_eq!(optimizer.adam, Adam { lr: 1e-3, beta1: 0.0, ..ADAM });
        assert_eq!(Optimizer::new(ADAM, None).rates(6, 7), ADAM.rates(7));
        let rmsprop = OptimizerChanges { kind: Some(OptimizerKind::Rmsprop), ..changes };
        assert_eq!(Optimizer::new(ADAM, Some(rmsprop)).rates(6, 7), [1e-3, 0.0]);
    }
}
