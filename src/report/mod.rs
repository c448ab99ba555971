//! Looking at runs: their recorded curves as pictures, one page about a run, several runs side by
//! side, TensorBoard's files.
//!
//! Everything here reads a run folder and never changes what training wrote. A run may still be
//! going on, or may have been killed in the middle of a line: what is there is shown.

mod chart;
pub mod compare;
mod curves;
mod embedded;
mod evaluation;
mod facts;
mod page;
mod run;
pub mod tensorboard;
mod write;

pub use curves::{losses_svg, save_curves};
pub use facts::in_words;
pub use page::Page;
pub use run::Run;
pub use write::{Written, write_report};
