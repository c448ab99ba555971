//! The command line from outside: the program is run as a user runs it, in a folder of its own, and
//! judged by its exit code, its two streams and the files it leaves. Everything computes on the
//! processor, so no adapter is needed, but for the tests of `adapters` that name them.

mod adapters;
mod bench;
mod changing;
mod classes;
#[path = "../common/mod.rs"]
mod common;
mod configuration;
mod degenerate;
mod drawing;
mod edits;
mod ending;
mod evaluating;
mod exporting;
mod flags;
mod from;
mod help;
#[cfg(unix)]
mod hints;
mod judging;
mod looking;
#[cfg(target_os = "linux")]
mod memory;
mod moving;
mod origins;
mod refusals;
mod repeating;
mod reports;
mod resuming;
mod sampling;
#[cfg(unix)]
mod terminal;
mod training;

use common::desk;
