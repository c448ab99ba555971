//! What a run's folder is: who may write into it, what is recorded there, and which checkpoints are kept.

pub mod checkpoints;
pub mod claim;
pub mod folder;
pub mod records;
pub mod schedule;
