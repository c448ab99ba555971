//! A run folder as it is found: finished, going on, or left behind.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::disk;
use crate::encoding;
use crate::error::{Error, Result};
use crate::eval::evaluation::Kept as Evaluated;
use crate::model::checkpoint::{Ancestor, Checkpoint, Metadata};
use crate::model::judged::JudgedBy;
use crate::output::grouped;
use crate::run::files::{CHECKPOINTS, CONFIG, EVALUATIONS, METRICS, QUALITY, SAMPLES, TUNING};
use crate::run::records::{Quality, Record, read_metrics, read_quality};

/// Longest configuration or tuning file that is read: this program's are a few kilobytes.
const LONGEST_TEXT: u64 = 8 << 20;

/// What a run folder holds. Only the folder itself must be there: everything in it may be missing.
#[derive(Clone, Debug)]
pub struct Run {
    /// The folder.
    pub path: PathBuf,
    /// `config.toml` as it is.
    pub config_text: String,
    /// The same, parsed; empty where it cannot be.
    pub config: toml::Table,
    /// The lines of `metrics.jsonl`.
    pub records: Vec<Record>,
    /// The lines of `quality.jsonl`.
    pub quality: Vec<Quality>,
    /// Sample grids with the steps after which they were drawn, in order.
    pub samples: Vec<(u32, PathBuf)>,
    /// The checkpoints, oldest first.
    pub checkpoints: Vec<Kept>,
    /// What `eval` found of the newest checkpoint that it was given, with its step.
    pub evaluation: Option<(u32, Evaluated)>,
    /// Adapter, driver and version that the kernels were tuned to.
    pub tuned_for: Option<String>,
}

/// What a file of the folder `eval` holds; nothing where it holds something else.
fn evaluation((step, path): (u32, PathBuf)) -> Option<(u32, Evaluated)> {
    let found = text(&path).and_then(|text| serde_json::from_str(&text).map_err(|e| e.to_string()).ok());
    if found.is_none() {
        log::warn!("{} holds no evaluation and is left out", path.display());
    }
    Some((step, found?))
}

/// A checkpoint file.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Steps done.
    pub step: u32,
    /// Its name in the folder `checkpoints`, without the extension.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// What it says of the run, where it can be read.
    pub metadata: Option<Metadata>,
}

impl Kept {
    fn of((step, path): (u32, PathBuf)) -> Option<Self> {
        let name = path.file_stem()?.to_str()?.to_string();
        Some(Kept { step, name, bytes: fs::metadata(&path).ok()?.len(), metadata: Checkpoint::peek(&path).ok() })
    }

    /// The [`Metadata::score`] of its samples, where it says so.
    pub fn score(&self) -> Option<f64> {
        self.metadata.as_ref()?.score()
    }
}

impl Run {
    /// Reads a run folder.
    ///
    /// # Errors
    /// A checkpoint error when `path` is no run folder; an I/O error when what was recorded cannot
    /// be read.
    pub fn read(path: &Path) -> Result<Self> {
        let config_file = path.join(CONFIG);
        let shown = path.display();
        if !path.is_dir() {
            let what = if path.exists() { "is no folder" } else { "does not exist" };
            return Err(Error::checkpoint(format!("{shown} {what}; name a run folder, as under runs/")));
        }
        if !config_file.is_file() && !path.join(METRICS).is_file() {
            let why = format!("it holds neither {CONFIG} nor {METRICS}; name one, as under runs/");
            return Err(Error::checkpoint(format!("{shown} is no run folder: {why}")));
        }
        let config_text = text(&config_file).unwrap_or_default();
        let tuning = text(&path.join(TUNING)).and_then(|text| serde_json::from_str::<Value>(&text).ok());
        Ok(Run {
            path: path.to_path_buf(),
            config: config_text.parse().unwrap_or_default(),
            config_text,
            records: read_metrics(&path.join(METRICS))?,
            quality: read_quality(&path.join(QUALITY))?,
            samples: SAMPLES.list(path).unwrap_or_default(),
            checkpoints: CHECKPOINTS.list(path)?.into_iter().filter_map(Kept::of).collect(),
            evaluation: EVALUATIONS.list(path)?.into_iter().rev().find_map(evaluation),
            tuned_for: tuning.and_then(|tuning| Some(tuning.get("device")?.as_str()?.to_string())),
        })
    }

    /// The folder's name.
    pub fn name(&self) -> String {
        let path = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    }

    /// A value of the configuration.
    pub fn setting(&self, keys: &[&str]) -> Option<&toml::Value> {
        let (last, tables) = keys.split_last()?;
        let table = tables.iter().try_fold(&self.config, |table, key| table.get(*key)?.as_table())?;
        table.get(*last)
    }

    /// What judges it, where the configuration says so.
    pub fn judge(&self) -> Option<JudgedBy> {
        self.setting(&["judge"])?.clone().try_into().ok()
    }

    /// A value of the configuration as a person would write it.
    pub fn setting_text(&self, keys: &[&str]) -> Option<String> {
        self.setting(keys).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_string))
    }

    /// A whole number of the configuration.
    fn setting_number(&self, keys: &[&str]) -> Option<u64> {
        self.setting(keys)?.as_integer().and_then(|n| u64::try_from(n).ok())
    }

    /// Steps done, as far as they are recorded.
    pub fn steps(&self) -> u32 {
        let recorded = self.records.last().map(|record| record.step);
        let drawn = self.samples.last().map(|(step, _)| *step);
        let saved = self.checkpoints.last().map(|kept| kept.step);
        [recorded, drawn, saved].into_iter().flatten().max().unwrap_or(0)
    }

    /// The run's length in steps, where it is known: a run counted in epochs tells in its first
    /// checkpoint.
    pub fn total_steps(&self) -> Option<u64> {
        self.setting_number(&["training", "steps"]).or_else(|| {
            let epochs = self.setting_number(&["training", "epochs"])?;
            epochs.checked_mul(self.origin()?.steps_per_epoch.into())
        })
    }

    /// Seconds of training.
    pub fn seconds(&self) -> Option<f64> {
        let recorded = self.records.last().map(|record| record.seconds).filter(|s| s.is_finite());
        recorded.or_else(|| Some(self.origin()?.seconds))
    }

    /// The sample grid after `step`, or the last one before it, with its step; without a step, the
    /// newest.
    ///
    /// # Errors
    /// A checkpoint error when there is none.
    pub fn sample_at(&self, step: Option<u32>) -> Result<(u32, &Path)> {
        let step = step.unwrap_or(u32::MAX);
        let found = self.samples.iter().rev().find(|(at, _)| *at <= step);
        found.map(|(at, path)| (*at, path.as_path())).ok_or_else(|| {
            let run = self.path.display();
            Error::checkpoint(match self.samples.first() {
                Some((first, _)) => format!("{run} has no sample grid up to step {step}; its first is of step {first}"),
                None => format!("{run} has no sample grid yet; wait for the first one, or give a PNG file"),
            })
        })
    }

    /// What the newest readable checkpoint says of the run.
    fn origin(&self) -> Option<&Metadata> {
        self.checkpoints.iter().rev().find_map(|kept| kept.metadata.as_ref())
    }

    /// The device with its API and driver, as the newest checkpoint or the tuned kernels name it.
    pub fn device(&self) -> Option<String> {
        self.origin().map(|origin| origin.device.clone()).or_else(|| self.tuned_for.clone())
    }

    /// The checkpoint whose weights it began with, where it did.
    pub fn ancestor(&self) -> Option<String> {
        let path = self.setting_text(&["from"])?;
        Some(match self.origin().and_then(|origin| origin.from.as_ref()) {
            Some(Ancestor { step, sha256 }) => format!("{path}, {} steps, SHA-256 {sha256}", grouped((*step).into())),
            None => path,
        })
    }

    /// The version of the program that saved the newest checkpoint.
    pub fn program_version(&self) -> Option<String> {
        self.origin().map(|origin| origin.program_version.clone())
    }
}

/// A text file of a sensible size.
fn text(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    disk::read_part(path, |file| file.take(LONGEST_TEXT).read_to_end(&mut bytes)).ok()?;
    // Part of a character may be cut off.
    Some(encoding::text(bytes.clone()).unwrap_or_else(|| String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::checkpoint::Tensors;
    use crate::model::sources;

    #[test]
    fn a_folder_that_is_no_run_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        for (path, what) in [(dir.path().join("none"), "does not exist"), (file, "is no folder")] {
            let error = Run::read(&path).unwrap_err();
            assert_eq!(error.exit_code(), 9);
            assert!(error.to_string().contains(what), "{error}");
        }
        assert!(Run::read(dir.path()).unwrap_err().to_string().contains("neither config.toml nor metrics.jsonl"));
    }

    #[test]
    fn what_is_missing_is_empty_and_what_is_broken_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path();
        fs::write(run.join(METRICS), "").unwrap();
        let empty = Run::read(run).unwrap();
        assert_eq!((empty.steps(), empty.total_steps(), empty.seconds(), empty.device()), (0, None, None, None));

        for folder in [SAMPLES.folder, CHECKPOINTS.folder] {
            fs::create_dir(run.join(folder)).unwrap();
        }
        fs::write(run.join(CONFIG), "seed = 7\n[training]\nepochs = 3\n").unwrap();
        fs::write(run.join(METRICS), "{\"step\":4,\"seconds\":2.5}\n{\"step\":5").unwrap();
        for name in ["samples/step-00000012.png", "samples/notes.txt", "samples/step-x.png"] {
            fs::write(run.join(name), "").unwrap();
        }
        // The newest checkpoint is torn; the one before says where it is from.
        let config = sources::preset("quick").unwrap();
        let program_version = "0.0.7".to_string();
        let (device, distance) = ("a GPU, its API, its driver".to_string(), Some(0.25));
        let (step, steps_per_epoch, seconds, rollbacks) = (8, 10, 1.0, 0);
        let (data, labels, from) = (None, None, None);
        let metadata = Metadata {
            program_version,
            step,
            steps_per_epoch,
            seconds,
            device,
            data,
            labels,
            distance,
            fd: None,
            rollbacks,
            from,
            config,
        };
        let file = Checkpoint { metadata, tensors: Tensors::default() }.to_bytes().unwrap();
        fs::write(CHECKPOINTS.path(run, 8), &file).unwrap();
        fs::write(CHECKPOINTS.path(run, 10), &file[..30]).unwrap();
        fs::write(CHECKPOINTS.path(run, 9), u64::MAX.to_le_bytes()).unwrap();
        let found = Run::read(run).unwrap();
        assert_eq!((found.steps(), found.total_steps(), found.seconds()), (12, Some(30), Some(2.5)));
        assert_eq!(found.device().as_deref(), Some("a GPU, its API, its driver"));
        assert_eq!(found.program_version().as_deref(), Some("0.0.7"));
        assert_eq!(found.setting_text(&["seed"]).as_deref(), Some("7"));
        let checkpoints: Vec<_> = found.checkpoints.iter().map(|kept| (kept.step, kept.score())).collect();
        assert_eq!(checkpoints, [(8, Some(0.25)), (9, None), (10, None)]);
        assert_eq!(found.samples.len(), 1);
    }
}
