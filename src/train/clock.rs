//! When the losses are read, and how fast training goes.

use std::time::{Duration, Instant};

use crate::kernels::loss::RING_ROWS;

/// Steps after which the losses are read in any case; the ring must not overtake its reader.
pub(crate) const READ_EVERY: u32 = RING_ROWS / 2;
/// Time after which the losses are read, so that progress is fresh on slow devices.
pub(crate) const READ_AFTER: Duration = Duration::from_millis(400);

/// Time since the start, and since the last reading of losses.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    last: Instant,
    /// The step of the last reading.
    pub(super) step: u32,
}

impl Clock {
    pub(super) fn start(step: u32) -> Self {
        let now = Instant::now();
        Clock { start: now, last: now, step }
    }

    pub(super) fn is_due(&self, step: u32) -> bool {
        step - self.step >= READ_EVERY || self.last.elapsed() >= READ_AFTER
    }

    /// Notes a reading; images per second since the one before.
    pub(super) fn read(&mut self, step: u32, batch: u32) -> f64 {
        let images = f64::from(step - self.step) * f64::from(batch);
        let rate = images / self.last.elapsed().as_secs_f64().max(1e-9);
        (self.step, self.last) = (step, Instant::now());
        rate
    }

    pub(super) fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}
