//! What a person sees while a run goes on: a bar on a terminal, a line now and then elsewhere.

mod pace;

use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::model::columns::{D_FAKE, D_LOSS, D_REAL, G_LOSS};
use crate::output::Picture;
use crate::train::trainer::{Observer, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::show::tell_picture;
use super::tell;
use pace::{Pace, in_words};

/// Time between lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// The display of a run.
pub struct Display {
    face: Face,
    clock: Instant,
    pace: Pace,
    /// Real images of a step.
    batch: u32,
    /// Whether sample grids are drawn in the terminal.
    preview: bool,
}

enum Face {
    /// A bar on stderr.
    Bar(ProgressBar),
    /// Lines on stderr.
    Lines { last: Option<Instant> },
    /// Nothing.
    Silent,
}

impl Display {
    /// Chooses by `quiet` and by what stderr is. The run has `done` of `total` steps of `batch` images.
    pub fn new(done: u32, total: u32, batch: u32, quiet: bool) -> Self {
        let face = if quiet {
            Face::Silent
        } else if is_terminal() {
            let style = ProgressStyle::with_template("{bar:16} {pos}/{len}  {wide_msg}");
            let bar = ProgressBar::with_draw_target(Some(total.into()), ProgressDrawTarget::stderr());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_position(done.into());
            Face::Bar(bar)
        } else {
            Face::Lines { last: None }
        };
        Display { face, clock: Instant::now(), pace: Pace::start(0.0, done), batch, preview: false }
    }

    /// Draws each sample grid in the terminal too.
    pub fn with_preview(self, preview: bool) -> Self {
        Display { preview, ..self }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Face::Bar(bar) = &self.face {
            bar.finish_and_clear();
        }
    }

    /// Does what writes to stderr without a bar in its way.
    fn aside(&self, write: impl FnOnce()) {
        match &self.face {
            Face::Bar(bar) => bar.suspend(write),
            _ => write(),
        }
    }

    fn now(&self) -> f64 {
        self.clock.elapsed().as_secs_f64()
    }
}

/// Whether stderr is a terminal that can redraw a line.
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

impl Observer for Display {
    fn progress(&mut self, progress: &Progress) {
        let (record, total) = (&progress.record, progress.total_steps);
        self.pace.stepped(self.now(), record.step);
        let due = match &mut self.face {
            Face::Bar(_) => true,
            Face::Lines { last } => {
                let due = last.is_none_or(|at| at.elapsed() >= LINE_EVERY) || record.step == total;
                if due {
                    *last = Some(Instant::now());
                }
                due
            }
            Face::Silent => false,
        };
        if !due {
            return;
        }
        let text = text(progress, &self.pace, self.batch);
        match &self.face {
            Face::Bar(bar) => {
                bar.set_position(record.step.into());
                bar.set_message(text);
            }
            _ => tell(&format!("step {}/{total}  {text}", record.step)),
        }
    }

    fn sample(&mut self, path: &Path) {
        self.pace.paused(self.now());
        self.aside(|| log::info!("samples: {}", path.display()));
        if self.preview {
            match Picture::read(path) {
                Ok(picture) => self.aside(|| tell_picture(&picture)),
                Err(error) => log::warn!("{error}"),
            }
        }
    }

    fn checkpoint(&mut self, path: &Path) {
        self.pace.paused(self.now());
        self.aside(|| log::info!("checkpoint: {}", path.display()));
    }

    fn notice(&mut self, line: &str) {
        if !matches!(self.face, Face::Silent) {
            self.aside(|| tell(line));
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
    parts.push(format!("D(x) {:.2}  D(G(z)) {:.2}", values.get(D_REAL), values.get(D_FAKE)));
    parts.join("  ")
}
