//! Training: one step as a plan, the loop around it, and what a run folder holds.

pub mod engine;
pub mod gan;


pub mod step;

