//! The adversarial losses by name.

use serde::{Deserialize, Serialize};

use crate::kernels::loss::LossOf;
use crate::kernels::loss::adversarial::{
    HINGE, LEAST_SQUARES, MINIMAX, NON_SATURATING, RELATIVISTIC_PAIRING, WASSERSTEIN,
};
use crate::plan::Kernel;

/// An adversarial loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Cross-entropy; G's with the labels exchanged.
    #[default]
    NonSaturating,
    /// Cross-entropy; G's with the sign changed.
    Minimax,
    /// Squares.
    LeastSquares,
    /// Margins.
    Hinge,
    /// The difference of means.
    Wasserstein,
    /// Cross-entropy of the difference of a real and a generated image.
    RelativisticPairing,
}

impl Loss {
    /// All of them.
    pub const ALL: [Loss; 6] = [
        Loss::NonSaturating,
        Loss::Minimax,
        Loss::LeastSquares,
        Loss::Hinge,
        Loss::Wasserstein,
        Loss::RelativisticPairing,
    ];

    /// What computes it.
    pub fn kernel(self) -> &'static Kernel {
        match self {
            Loss::NonSaturating => &NON_SATURATING,
            Loss::Minimax => &MINIMAX,
            Loss::LeastSquares => &LEAST_SQUARES,
            Loss::Hinge => &HINGE,
            Loss::Wasserstein => &WASSERSTEIN,
            Loss::RelativisticPairing => &RELATIVISTIC_PAIRING,
        }
    }

    /// The name that the configuration uses.
    pub fn name(self) -> &'static str {
        match self {
            Loss::NonSaturating => "non-saturating",
            Loss::Minimax => "minimax",
            Loss::LeastSquares => "least-squares",
            Loss::Hinge => "hinge",
            Loss::Wasserstein => "wasserstein",
            Loss::RelativisticPairing => "relativistic-pairing",
        }
    }

    /// Whether D's logits are those of a probability, and its labels may be soft.
    pub fn has_probabilities(self) -> bool {
        matches!(self, Loss::NonSaturating | Loss::Minimax)
    }

    /// Whether a logit's loss depends on one of the other kind.
    pub fn pairs(self) -> bool {
        self == Loss::RelativisticPairing
    }

    /// The label of a pass, given those of D's passes.
    pub fn target(self, of: LossOf, [real, fake]: [f32; 2]) -> f32 {
        match of {
            LossOf::Real => real,
            LossOf::Fake => fake,
            LossOf::Generator => 1.0,
        }
    }
}
