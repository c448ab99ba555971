pub mod error;
pub mod random;
