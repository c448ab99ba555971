//! Asking a run to end after the step that it is in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A wish that can be uttered from anywhere, such as a signal's handler: the number of the signal,
/// or 0.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// Where the number of the signal goes.
    pub fn flag(&self) -> &Arc<AtomicUsize> {
        &self.signal
    }

    /// The signal that asked the run to end, if one did.
    pub fn signal(&self) -> Option<i32> {
        match self.signal.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(signal as i32),
        }
    }
}
