//! Training: the loop around the engine, from the first step to the last of a run.

pub(crate) mod clock;
mod events;
mod feed;
mod health;
mod machine;
mod news;
pub mod quality;
mod same;
pub mod stop;
pub mod trainer;
