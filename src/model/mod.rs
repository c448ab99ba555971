//! Networks: their description, their parameters, and what a run leaves of them.

pub mod checkpoint;
pub mod config;
pub mod network;
pub mod origins;
pub mod parameters;
pub mod sources;
mod tensors;
