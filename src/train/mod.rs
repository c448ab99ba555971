//! Training: the loop around the engine, from the first step to the last of a run.

pub(crate) mod clock;
mod events;
mod feed;
mod follow;
mod health;
mod judging;
mod machine;
mod news;
pub mod quality;
mod real;
mod same;
pub mod stop;
pub mod trainer;
