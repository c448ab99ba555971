//! What a person sees while a run goes on: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use dcgan_gpu::train::trainer::{Observer, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::tell;

/// Time between lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// The display of a run.
pub enum Display {
    /// A bar on stderr.
    Bar(ProgressBar),
    /// Lines on stderr.
    Lines { last: Option<Instant> },
    /// Nothing.
    Silent,
}

impl Display {
    /// Chooses by `quiet` and by what stderr is.
    pub fn new(done: u32, total: u32, quiet: bool) -> Self {
        if quiet {
            return Display::Silent;
        }
        if !std::io::stderr().is_terminal() {
            return Display::Lines { last: None };
        }
        let template = "{bar:24} {pos}/{len} steps  {msg}  {eta} left";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(total.into()), ProgressDrawTarget::stderr());
        bar.set_style(style);
        bar.set_position(done.into());
        bar.reset_eta();
        Display::Bar(bar)
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Display::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Display {
    fn progress(&mut self, progress: &Progress) {
        let metrics = &progress.metrics;
        let losses = &metrics.losses;
        let text = format!(
            "{:.0} img/s  D {:.3}  G {:.3}  D(x) {:.2}  D(G(z)) {:.2}",
            metrics.images_per_second, losses.d_loss, losses.g_loss, losses.d_real, losses.d_fake
        );
        match self {
            Display::Bar(bar) => {
                bar.set_position(metrics.step.into());
                bar.set_message(text);
            }
            Display::Lines { last } => {
                let due = last.is_none_or(|at| at.elapsed() >= LINE_EVERY) || metrics.step == progress.total_steps;
                if due {
                    *last = Some(Instant::now());
                    let (step, total) = (metrics.step, progress.total_steps);
                    tell(&format!("step {step}/{total}  epoch {}/{}  {text}", metrics.epoch, progress.total_epochs));
                }
            }
            Display::Silent => {}
        }
    }

    fn sample(&mut self, path: &Path) {
        log::info!("samples: {}", path.display());
    }

    fn checkpoint(&mut self, path: &Path) {
        log::info!("checkpoint: {}", path.display());
    }

    fn notice(&mut self, line: &str) {
        match self {
            Display::Bar(bar) => bar.suspend(|| tell(line)),
            Display::Lines { .. } => tell(line),
            Display::Silent => {}
        }
    }
}
