//! Networks: their description, their parameters, and what a run leaves of them.

pub mod cadence;
pub mod checkpoint;
pub mod columns;
pub mod condition;
pub mod config;
pub mod difference;
pub mod edits;
pub mod inherit;
pub mod judged;
pub(crate) mod keys;
pub mod learned;
pub mod mixtures;
pub mod nearest;
pub mod network;
pub mod origins;
pub mod parameters;
pub mod settings;
pub mod sources;
pub mod spectral;
pub mod squares;
pub mod tensors;
