//! What a person sees while a run goes on: a bar on a terminal, a line now and then elsewhere.

mod counter;
mod pace;

use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::model::columns::{D_FAKE, D_LOSS, D_REAL, G_LOSS, LOGIT_FAKE, LOGIT_REAL};
use crate::output::Picture;
use crate::train::trainer::{Observer, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::show::tell_picture;
use super::tell;
pub use counter::Counter;
use pace::{Pace, in_words};

/// Time between lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// The display of a run.
pub struct Display {
    /// Hidden without a terminal, and where nothing is to be said.
    bar: ProgressBar,
    quiet: bool,
    /// When the last line was told, where there is no bar.
    told: Option<Instant>,
    clock: Instant,
    pace: Pace,
    /// Real images of a step.
    batch: u32,
    /// Whether sample grids are drawn in the terminal.
    preview: bool,
}

impl Display {
    /// Chooses by `quiet` and by what stderr is. The run has `done` of `total` steps of `batch`
    /// images; with `preview` each sample grid is drawn in the terminal too.
    pub fn new([done, total]: [u32; 2], batch: u32, quiet: bool, preview: bool) -> Self {
        let bar = bar("{bar:16} {pos}/{len}  {wide_msg}", total.into(), done.into(), !quiet && is_terminal());
        bar.tick();
        let (clock, pace) = (Instant::now(), Pace::start(0.0, done));
        Display { bar, quiet, told: None, clock, pace, batch, preview }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn now(&self) -> f64 {
        self.clock.elapsed().as_secs_f64()
    }
}

/// A bar on stderr, where it is `shown`.
pub fn bar(template: &str, total: u64, done: u64, shown: bool) -> ProgressBar {
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(total), target).with_style(style).with_position(done)
}

/// Whether stderr is a terminal that can redraw a line.
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

impl Observer for Display {
    fn progress(&mut self, progress: &Progress) {
        let (record, total) = (&progress.record, progress.total_steps);
        self.pace.stepped(self.now(), record.step);
        let text = || text(progress, &self.pace, self.batch);
        if !self.bar.is_hidden() {
            self.bar.set_position(record.step.into());
            self.bar.set_message(text());
        } else if !self.quiet && (self.told.is_none_or(|at| at.elapsed() >= LINE_EVERY) || record.step == total) {
            tell(&format!("step {}/{total}  {}", record.step, text()));
            self.told = Some(Instant::now());
        }
    }

    fn sample(&mut self, path: &Path) {
        self.pace.paused(self.now());
        self.bar.suspend(|| log::info!("samples: {}", path.display()));
        if self.preview {
            match Picture::read(path) {
                Ok(picture) => self.bar.suspend(|| tell_picture(&picture)),
                Err(error) => log::warn!("{error}"),
            }
        }
    }

    fn checkpoint(&mut self, path: &Path) {
        self.pace.paused(self.now());
        self.bar.suspend(|| log::info!("checkpoint: {}", path.display()));
    }

    fn notice(&mut self, line: &str) {
        if !self.quiet {
            self.bar.suspend(|| tell(line));
        }
    }
}

/// Epoch, time left, images a second, losses.
fn text(progress: &Progress, pace: &Pace, batch: u32) -> String {
    let (record, values) = (&progress.record, &progress.record.values);
    let mut parts = vec![format!("epoch {}/{}", record.epoch, progress.total_epochs)];
    let left = pace.left(progress.total_steps).filter(|_| record.step < progress.total_steps);
    parts.extend(left.map(|left| format!("{} left", in_words(left))));
    parts.extend(pace.speed().map(|speed| format!("{:.0} img/s", speed * f64::from(batch))));
    parts.push(format!("D {:.3}  G {:.3}", values.get(D_LOSS), values.get(G_LOSS)));
    parts.push(if values.has(D_REAL) {
        format!("D(x) {:.2}  D(G(z)) {:.2}", values.get(D_REAL), values.get(D_FAKE))
    } else {
        format!("logits {:.2} real  {:.2} generated", values.get(LOGIT_REAL), values.get(LOGIT_FAKE))
    });
    parts.join("  ")
}
