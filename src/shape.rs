//! The shape of an image, and of what flows between layers, for one sample.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A grid of pixels with channels; a vector is a single pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Rows of pixels.
    pub height: u32,
    /// Columns of pixels.
    pub width: u32,
    /// Values of a pixel.
    pub channels: u32,
}

impl Shape {
    /// A vector of `channels` values.
    pub fn vector(channels: u32) -> Self {
        Shape { height: 1, width: 1, channels }
    }

    /// Pixels.
    pub fn pixels(self) -> u32 {
        self.height * self.width
    }

    /// Values of a sample.
    pub fn values(self) -> u32 {
        self.pixels() * self.channels
    }

    /// Bytes of an image: one a pixel and channel.
    pub fn bytes(self) -> usize {
        self.values() as usize
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.height, self.width, self.channels)
    }
}
