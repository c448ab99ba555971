//! What a run's folder is: what its files are called, who may write into it, what is recorded
//! there, and which checkpoints are kept.

pub mod checkpoints;
pub mod claim;
pub mod ending;
pub mod files;
pub mod folder;
mod journal;
pub mod records;
pub mod schedule;
mod written;
