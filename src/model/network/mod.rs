//! A network: its layers with the shapes between them, its flat tensors, and passes through it.

mod layout;
mod state;
mod traversal;

pub use layout::Layout;
pub(in crate::model) use layout::MAX_LAYERS;
pub use state::{AVERAGE, Averaged, Normalised, Optimized, State, is_first_moment};
pub use traversal::{Directions, Given, Gradient, Keep, Passes, Tape, Traversal, Wanted};
