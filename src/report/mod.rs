//! Looking at runs: their recorded curves as pictures, one page about a run, several runs side by side, TensorBoard's files.
//!
//! Everything here reads a run folder and never changes what training wrote. A run may still be going on, or may have been
//! killed in the middle of a line: what is there is shown.

mod curves;
pub mod metrics;
pub mod tensorboard;

pub use curves::losses_svg;
