//! The moving average of G.

use serde::{Deserialize, Serialize};

/// An exponential moving average of G's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Average {
    /// Real images after which a change has reached half of the average.
    pub half_life_images: f64,
    /// The half-life is at most this part of the images seen, so that the average leaves the
    /// beginning behind; 0 for no such bound.
    #[serde(default = "ramp")]
    pub ramp: f64,
}

/// As StyleGAN2-ADA (Karras et al. 2020).
fn ramp() -> f64 {
    0.05
}
