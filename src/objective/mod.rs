//! What both networks learn from: losses, penalties, optimizers and their rates, as configurations
//! describe them. [`crate::engine::step`] records them; `docs/objectives.md` has the formulas.

mod average;
mod classes;
mod loss;
mod optimizer;
mod penalty;

use serde::{Deserialize, Serialize};

pub use average::Average;
pub use classes::{Classes, DiscriminatorClasses, GeneratorClasses};
pub use loss::Loss;
pub use optimizer::{Optimizer, OptimizerChanges, OptimizerKind, RateSchedule, ScheduleKind};
pub use penalty::{Penalty, PenaltyKind, Place};

/// What D and G learn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// The adversarial loss.
    #[serde(default)]
    pub loss: Loss,
    /// A penalty on D's gradients with respect to images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub penalty: Option<Penalty>,
    /// Updates of D for each of G.
    #[serde(default = "one")]
    pub d_steps: u32,
    /// Images that D sees together, as channels (Lin et al. 2018, PacGAN).
    #[serde(default = "one")]
    pub pack: u32,
    /// The bound that all of D's parameters are clipped to after each of its updates; of the
    /// Wasserstein loss alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<f32>,
    /// Weight of the LeCam regulariser; 0 leaves it out.
    #[serde(default)]
    pub lecam: f64,
    /// The step from which the LeCam regulariser counts.
    #[serde(default)]
    pub lecam_start: u32,
}

fn one() -> u32 {
    1
}

impl Default for Objective {
    fn default() -> Self {
        let loss = Loss::default();
        Objective { loss, penalty: None, d_steps: 1, pack: 1, clip: None, lecam: 0.0, lecam_start: 0 }
    }
}

impl Objective {
    /// Whether it is that of configurations that say nothing.
    pub fn is_default(&self) -> bool {
        *self == Objective::default()
    }

    /// The images at which D's gradients are penalised.
    pub fn penalised(&self) -> &'static [Place] {
        self.penalty.map_or(&[], |penalty| penalty.kind.places())
    }
}
