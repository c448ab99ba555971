//! What a run tells while it goes on, and at its end.

use std::path::{Path, PathBuf};

use crate::model::columns::Values;
use crate::run::records::{Quality, Record};

/// What a progress display shows.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The newest line.
    pub record: Record,
    /// The run's length.
    pub total_steps: u32,
    /// Epochs of the run, rounded up.
    pub total_epochs: u32,
}

/// Where a run's news go.
pub trait Observer {
    /// Training moved on.
    fn progress(&mut self, progress: &Progress);
    /// A grid was written.
    fn sample(&mut self, path: &Path);
    /// A checkpoint was written.
    fn checkpoint(&mut self, path: &Path);
    /// Something that a person should know, in one line.
    fn notice(&mut self, line: &str);
}

/// What a finished run left.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Outcome {
    /// The run folder.
    pub run: PathBuf,
    /// Steps that the run has now.
    pub steps: u32,
    /// The newest sample grid.
    pub sample: Option<PathBuf>,
    /// The animation.
    pub gif: PathBuf,
    /// The newest checkpoint; none where a run was stopped before its first step.
    pub checkpoint: Option<PathBuf>,
    /// What the last step recorded.
    pub losses: Option<Values>,
    /// Seconds of training since the run's start.
    pub seconds: f64,
    /// How good the newest samples are.
    pub quality: Option<Quality>,
    /// Why the run ended before its last step, where it did that by itself.
    pub ended: Option<String>,
    /// The signal that ended the run before its time.
    pub stopped_by: Option<i32>,
}
