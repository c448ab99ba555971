//! Training: one step as a plan, the loop around it, and what a run folder holds.

mod begin;
mod check;
pub mod checkpoints;
pub mod claim;
pub(crate) mod clock;
pub mod engine;
mod events;
mod feed;
pub mod gan;
mod health;
mod machine;
mod news;
pub mod quality;
mod recovery;
pub mod run_folder;
mod same;
pub mod schedule;
pub mod step;
pub mod stop;
pub mod trainer;
