//! How good pictures are: feature networks that tell images apart, and distances between sets of
//! images as those see them.
//!
//! [`network`] says what a feature network is, [`learn`] trains one with the kernels that train
//! GANs, [`file`] is its form on disk, [`cache`] finds it again by the data's digest, and
//! [`extract`] turns images into features. [`real`] chooses the real images that others are
//! compared with.

pub mod cache;
pub mod evaluation;
pub mod extract;
pub mod file;
pub mod judge;
pub mod learn;
pub mod metrics;
pub mod network;
pub mod real;
pub mod sheet;
pub mod table;
