//! Files that are not what they claim to be, made by hand: each is given to the program as a user
//! would give it, and must be refused within a second, with the right exit code, in one line that
//! says what is wrong, and with nothing left behind.

#[path = "../common/mod.rs"]
mod common;

mod archives;
mod bench;
mod checkpoints;
mod configurations;
mod data;
mod formats;
mod labels;
mod tables;
