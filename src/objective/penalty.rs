//! Penalties on D's gradients with respect to images.

use serde::{Deserialize, Serialize};

use crate::kernels::loss::Column;
use crate::kernels::penalty::Centred;
use crate::shape::Shape;

/// A penalty on D's gradients with respect to images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Penalty {
    /// Where, and towards which norm.
    pub kind: PenaltyKind,
    /// γ of R1 and R2, λ of the others; [`Penalty::default_weight`] where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
}

/// The kind of a penalty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PenaltyKind {
    /// γ/2 · mean ‖∇D‖² at real images (Mescheder et al. 2018).
    R1,
    /// The same at generated images.
    R2,
    /// Both.
    #[serde(rename = "r1+r2")]
    R1R2,
    /// λ · mean (‖∇D‖ − 1)² between real and generated images (Gulrajani et al. 2017).
    WganGp,
    /// The same around real images (Kodali et al. 2017).
    Dragan,
}

/// The images at which gradients are penalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Real ones.
    Real,
    /// Generated ones.
    Fake,
    /// Points between both.
    Between,
    /// Points around real ones.
    Around,
}

impl Place {
    /// Whether D sees these images for the penalty alone.
    pub fn is_apart(self) -> bool {
        matches!(self, Place::Between | Place::Around)
    }

    /// Where the penalty is recorded.
    pub fn column(self) -> Column {
        match self {
            Place::Real => Column::PenaltyReal,
            Place::Fake => Column::PenaltyFake,
            Place::Between | Place::Around => Column::PenaltyBetween,
        }
    }
}

impl PenaltyKind {
    /// All of them.
    pub const ALL: [PenaltyKind; 5] =
        [PenaltyKind::R1, PenaltyKind::R2, PenaltyKind::R1R2, PenaltyKind::WganGp, PenaltyKind::Dragan];

    /// The name that the configuration uses.
    pub fn name(self) -> &'static str {
        match self {
            PenaltyKind::R1 => "r1",
            PenaltyKind::R2 => "r2",
            PenaltyKind::R1R2 => "r1+r2",
            PenaltyKind::WganGp => "wgan-gp",
            PenaltyKind::Dragan => "dragan",
        }
    }

    /// Where gradients are penalised.
    pub fn places(self) -> &'static [Place] {
        match self {
            PenaltyKind::R1 => &[Place::Real],
            PenaltyKind::R2 => &[Place::Fake],
            PenaltyKind::R1R2 => &[Place::Real, Place::Fake],
            PenaltyKind::WganGp => &[Place::Between],
            PenaltyKind::Dragan => &[Place::Around],
        }
    }

    fn is_zero_centred(self) -> bool {
        matches!(self, PenaltyKind::R1 | PenaltyKind::R2 | PenaltyKind::R1R2)
    }
}

impl Penalty {
    /// λ = 10 (Gulrajani et al. 2017); γ = 0.0002 · pixels / batch, the rule of StyleGAN2-ADA
    /// (Karras et al. 2020) for images in [−1, 1], and a quarter of it for those in [0, 1], whose
    /// gradients are twice as large.
    pub fn default_weight(self, image: Shape, low: f32, batch: u32) -> f64 {
        if !self.kind.is_zero_centred() {
            return 10.0;
        }
        let range = f64::from(1.0 - low);
        0.0002 * f64::from(image.pixels()) / f64::from(batch) * (range / 2.0) * (range / 2.0)
    }

    /// What is computed at each of its places.
    pub fn centred(self, weight: f64) -> Centred {
        match self.kind.is_zero_centred() {
            true => Centred { weight: (weight / 2.0) as f32, centre: 0.0 },
            false => Centred { weight: weight as f32, centre: 1.0 },
        }
    }
}
