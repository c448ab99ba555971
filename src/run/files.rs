//! What the files and folders of a run are called.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk;
use crate::error::{Error, Result};

/// The resolved configuration.
pub const CONFIG: &str = "config.toml";
/// The kernels that the run was tuned to, on GPUs.
pub const TUNING: &str = "tuning.json";
/// A line for each recorded step.
pub const METRICS: &str = "metrics.jsonl";
/// A line for each sample grid.
pub const QUALITY: &str = "quality.jsonl";
/// The features that judge the run, where features do.
pub const FEATURES: &str = "features.safetensors";
/// The picture of what was recorded.
pub const CURVES: &str = "losses.svg";
/// A digest of each image, in the order in which the run began with them, where that depends on the
/// names of files.
pub const ORDER: &str = "images.txt";
/// The files of the data set that were left out, where there are such, each with the reason.
pub const SKIPPED: &str = "skipped.txt";
/// A grid of real images as D sees them, beside the sample grids.
pub const REAL: &str = "real.png";
/// The page about the run, where one was asked for.
pub const REPORT: &str = "report.html";
/// The folder of TensorBoard's event files, where that is wanted.
pub const TENSORBOARD: &str = "tensorboard";
/// The file whose lock is the claim. It stays in the folder.
pub const LOCK: &str = ".lock";
/// What stands in for that lock where the file system has none, while a process has the run.
pub const LEASE: &str = ".lease";
/// The sample grids.
pub const SAMPLES: StepFiles = StepFiles { folder: "samples", extension: ".png" };
/// What `eval` found, and its sheets of samples beside their nearest real images.
pub const EVALUATIONS: StepFiles = StepFiles { folder: "eval", extension: ".json" };
/// The sheets.
pub const EVALUATED: StepFiles = StepFiles { folder: EVALUATIONS.folder, extension: ".png" };
/// The checkpoints.
pub const CHECKPOINTS: StepFiles = StepFiles { folder: "checkpoints", extension: ".safetensors" };

/// What the name of a file that belongs to a step begins with.
const STEP: &str = "step-";

/// Files that belong to a step each, in a folder of the run's.
#[derive(Clone, Copy, Debug)]
pub struct StepFiles {
    /// The folder's name.
    pub folder: &'static str,
    extension: &'static str,
}

impl StepFiles {
    /// Where the file of a step is.
    pub fn path(&self, run: &Path, step: u32) -> PathBuf {
        run.join(self.folder).join(format!("{STEP}{step:08}{}", self.extension))
    }

    /// The files with their steps, in order; those of other names are not this program's. None
    /// where there is no such folder.
    ///
    /// # Errors
    /// An I/O error when the folder cannot be read: a run that only seems to have no checkpoint
    /// must not begin anew.
    pub fn list(&self, run: &Path) -> Result<Vec<(u32, PathBuf)>> {
        let step =
            |path: &Path| path.file_name()?.to_str()?.strip_prefix(STEP)?.strip_suffix(self.extension)?.parse().ok();
        let folder = run.join(self.folder);
        let paths = match disk::list(&folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            found => found.map_err(|e| Error::io("read", &folder, &e))?,
        };
        let mut files: Vec<_> = paths.into_iter().filter_map(|path| Some((step(&path)?, path))).collect();
        files.sort();
        Ok(files)
    }
}
