//! Training: one step as a plan, the loop around it, and what a run folder holds.

mod begin;
pub(crate) mod clock;
pub(crate) mod events;
mod feed;
mod health;
mod machine;
mod news;
pub mod quality;
mod recovery;
mod same;
pub mod stop;
pub mod trainer;
