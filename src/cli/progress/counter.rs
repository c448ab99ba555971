//! What a person sees while things are made one after the other.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::{LINE_EVERY, bar, is_terminal};
use crate::cli::tell;

/// Work that takes less shows nothing.
const AT_FIRST: Duration = Duration::from_millis(300);

/// Counts up to a total: a bar on a terminal, a line now and then elsewhere.
#[derive(Debug)]
pub struct Counter {
    /// What is counted.
    what: &'static str,
    total: usize,
    quiet: bool,
    is_terminal: bool,
    begun: Instant,
    /// Drawn once it has taken a while.
    bar: Option<ProgressBar>,
    told: Instant,
}

impl Counter {
    /// Begins to count `total` of `what`.
    pub fn new(what: &'static str, total: usize, quiet: bool) -> Self {
        let now = Instant::now();
        Counter { what, total, quiet, is_terminal: is_terminal(), begun: now, bar: None, told: now }
    }

    /// So many are done.
    pub fn reached(&mut self, done: usize) {
        let Counter { what, total, .. } = *self;
        if self.quiet || self.begun.elapsed() < AT_FIRST {
            return;
        }
        if self.is_terminal {
            let style = format!("{{bar:16}} {{pos}}/{{len}} {what}  {{eta}} left");
            let bar = self
                .bar
                .get_or_insert_with(|| bar(&style, total as u64, done as u64, true).with_elapsed(self.begun.elapsed()));
            bar.set_position(done as u64);
        } else if self.told.elapsed() >= LINE_EVERY {
            let speed = done as f64 / self.begun.elapsed().as_secs_f64();
            tell(&format!("{done}/{total} {what}  {speed:.0} a second"));
            self.told = Instant::now();
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
