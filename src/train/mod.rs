//! Training: one step as a plan, the loop around it, and what a run folder holds.

mod check;
pub mod engine;
pub mod gan;
pub mod run_folder;
pub mod step;
pub mod trainer;
