//! Parts of tensors: what kernels bind, and what is written and read.

use serde::Serialize;

/// Views start at multiples of this many words: 256 bytes, WebGPU's portable storage-buffer offset
/// alignment.
pub const ALIGNMENT: u32 = 64;

/// Names a tensor of a [`super::Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TensorId(pub u32);

/// A range of words of a tensor: what a kernel binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct View {
    /// The tensor.
    pub tensor: TensorId,
    /// First word, a multiple of [`ALIGNMENT`].
    pub offset: u32,
    /// Words.
    pub len: u32,
}

impl View {
    /// The `len` words that start `offset` words into this view.
    pub fn slice(self, offset: u32, len: u32) -> View {
        assert!(offset.is_multiple_of(ALIGNMENT), "a view starts at word {offset}, not a multiple of {ALIGNMENT}");
        assert!(offset + len <= self.len, "words {offset}..{} of a view of {}", offset + len, self.len);
        View { tensor: self.tensor, offset: self.offset + offset, len }
    }
}
