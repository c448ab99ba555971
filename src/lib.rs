//! Train and sample DCGANs on any GPU: hand-written WGSL compute shaders, driven by wgpu, with a twin of every kernel on
//! the host.
//!
//! Read [`engine::step`] first: it is one training step from top to bottom. `docs/architecture.md` explains the rest.

pub mod bench;
pub mod cli;
pub mod data;
pub mod device;
pub mod disk;
pub mod engine;
pub mod error;
pub mod kernels;
pub mod layers;
pub mod model;
pub mod output;
pub mod plan;
pub mod random;
pub mod report;
pub mod run;
pub mod selftest;
pub mod shape;
pub mod train;
pub mod tuning;
pub mod twin;
