//! Sweeps: runs over a grid or a random choice of settings, of which the hopeless end early, within
//! a budget of time, and which go on after a kill.
//!
//! A [`plan`] names the settings; [`choices`] says which values they take together, and [`trials`]
//! what configuration each run has. [`Sweep`] is the folder with its journal, [`conduct`] starts
//! the program itself for every run, rung by rung ([`rungs`]), and [`table`] and [`plot`] show what
//! came of it.

mod child;
pub mod choices;
pub mod conduct;
mod folder;
mod journal;
pub mod judging;
pub mod plan;
pub mod plot;
pub mod rungs;
pub mod table;
pub mod trials;
pub mod values;

pub use folder::Sweep;
pub use journal::{Entry, Failure, Journal, Reached, name};
