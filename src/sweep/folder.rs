//! The folder of a sweep: its plan, its journal, and what its runs begin with and leave.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::Value;

use super::journal::{Entry, FORMAT_VERSION, Journal};
use super::plan::Plan;
use super::trials::Trial;
use crate::disk;
use crate::encoding;
use crate::error::{Error, Kind, Result};
use crate::model::config::Config;
use crate::model::difference::difference;
use crate::model::sources::Merge;
use crate::output::{TEMPORARY_PREFIX, save_durably};
use crate::run::claim::Claim;
use crate::run::files::{LEASE, LOCK};
use crate::run::folder::remove_left_overs;
use crate::shell::quoted;

/// The plan as it was given.
const PLAN: &str = "sweep.toml";
/// What came of it so far.
const JOURNAL: &str = "sweep.json";
/// The folders of the runs.
const RUNS: &str = "runs";
/// The configurations that they begin with.
const CONFIGS: &str = "configs";
/// What they say.
const LOGS: &str = "logs";
/// What a sweep that was killed before it began may leave.
const BEFORE_THE_JOURNAL: [&str; 6] = [LOCK, LEASE, PLAN, RUNS, CONFIGS, LOGS];

/// A sweep in its folder, which this process holds.
#[derive(Debug)]
pub struct Sweep {
    claim: Claim,
    /// What came of it so far.
    pub journal: Journal,
}

impl Sweep {
    /// Whether a folder holds a sweep.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(JOURNAL).exists()
    }

    /// The folder for a new sweep: one that is not there, or empty; without one, a new one under
    /// `sweeps/`.
    ///
    /// # Errors
    /// Busy when another process holds it; a usage error when it holds something else; I/O errors
    /// naming the path.
    pub fn claim(folder: Option<&Path>, plan: &Plan) -> Result<Claim> {
        let Some(folder) = folder else {
            let name = plan.path.file_stem().unwrap_or_default().to_string_lossy();
            return Claim::fresh_in(Path::new("sweeps"), &name);
        };
        let shown = folder.display();
        if folder.is_file() {
            return Err(Error::usage(format!("{shown} is a file; give --out a folder")));
        }
        let is_own = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            BEFORE_THE_JOURNAL.contains(&name.as_ref()) || name.starts_with(TEMPORARY_PREFIX)
        };
        match disk::list(folder) {
            Ok(entries) if entries.iter().all(is_own) => {}
            Ok(_) => {
                return Err(Error::usage(format!("{shown} is not empty and holds no sweep; choose another --out")));
            }
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io("read", folder, &e)),
        }
        Claim::make(folder)
    }

    /// Begins a sweep: once this has returned it can go on.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn create(mut claim: Claim, plan: &Plan, trials: &[Trial], rungs: Vec<u32>) -> Result<Self> {
        let folder = claim.path().to_path_buf();
        for folder in [RUNS, CONFIGS, LOGS].map(|name| folder.join(name)) {
            disk::create_folders(&folder).map_err(|e| Error::io("create the folder", &folder, &e))?;
        }
        claim.keep();
        remove_left_overs(&folder)?;
        let runs = (1..).zip(trials).map(|(number, trial)| Entry::new(number, trial));
        let (factor, budget) = (plan.halving.factor.unwrap_or(1), None);
        let (seconds, begun, runs) = (0.0, 0, runs.collect());
        let journal = Journal { format_version: FORMAT_VERSION, rungs, factor, budget, seconds, begun, runs };
        let sweep = Sweep { claim, journal };
        save_durably(plan.text.as_bytes(), &folder.join(PLAN))?;
        for (entry, trial) in sweep.journal.runs.iter().zip(trials) {
            save_durably(as_toml(&trial.config)?.as_bytes(), &sweep.config(entry))?;
        }
        sweep.save()?;
        Ok(sweep)
    }

    /// The sweep in a folder.
    ///
    /// # Errors
    /// A usage error when there is none; busy when another process holds it; I/O errors naming the
    /// path.
    pub fn open(folder: &Path) -> Result<Self> {
        let shown = folder.display();
        if !Sweep::is_in(folder) {
            return Err(Error::usage(format!("{shown} holds no sweep; begin one with `dcgan-gpu sweep PLAN`")));
        }
        let claim = Claim::make(folder)?;
        let path = folder.join(JOURNAL);
        let bytes = disk::read(&path).map_err(|e| Error::io("read", &path, &e))?;
        let broken = |cause: String| {
            Error::usage(format!("cannot use {}: {cause}; begin the sweep anew in another folder", path.display()))
        };
        let journal: Journal = serde_json::from_slice(&bytes).map_err(|e| broken(e.to_string()))?;
        if let Some(problem) = journal.problem() {
            return Err(broken(problem));
        }
        for folder in [folder, &folder.join(CONFIGS)] {
            remove_left_overs(folder)?;
        }
        Ok(Sweep { claim, journal })
    }

    /// Refuses another plan than that of the sweep.
    ///
    /// # Errors
    /// A usage error naming what changed; an I/O error naming the file.
    pub fn agree(&self, plan: &Plan, trials: &[Trial]) -> Result<()> {
        let (folder, path) = (self.path().display(), self.path().join(PLAN));
        let stored = disk::read(&path).map_err(|e| Error::io("read", &path, &e))?;
        let table = |text: &str| text.parse::<toml::Table>().map(Value::Table).unwrap_or(Value::Boolean(false));
        let ours = table(&encoding::text(stored).unwrap_or_default());
        let remedy = format!(
            "go on with `dcgan-gpu sweep --resume {}`, or give the new plan another --out",
            quoted(self.path())
        );
        if let Some((key, what)) = difference("", Some(&ours), Some(&table(&plan.text))) {
            let file = plan.path.display();
            return Err(Error::usage(format!("{file}: {key} changed: the sweep in {folder} has {what}; {remedy}")));
        }
        let value = |config: Config| {
            // Where data are looked for may change from one machine to the next, and what judges
            // was settled when the sweep began.
            let config = Config { data_dir: None, judge: None, ..config };
            Value::try_from(config).map_err(|e| Error::new(Kind::Other, format!("configuration: {e}")))
        };
        for (entry, trial) in self.journal.runs.iter().zip(trials) {
            let ours = value(self.read_config(entry)?)?;
            if let Some((key, what)) = difference("", Some(&ours), Some(&value(trial.config.clone())?)) {
                let name = &entry.name;
                let cause = "what the plan starts from changed";
                return Err(Error::usage(format!("{cause}: run {name} in {folder} has {key} = {what}; {remedy}")));
            }
        }
        Ok(())
    }

    /// Saves the journal.
    ///
    /// # Errors
    /// Busy when the folder was lost to another process; an I/O error naming the file.
    pub fn save(&self) -> Result<()> {
        self.claim.check()?;
        let text =
            serde_json::to_string_pretty(&self.journal).map_err(|e| Error::new(Kind::Other, format!("JSON: {e}")))?;
        save_durably(format!("{text}\n").as_bytes(), &self.path().join(JOURNAL))
    }

    /// Saves something that is made of the journal.
    ///
    /// # Errors
    /// Busy when the folder was lost to another process; an I/O error naming the file.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        self.claim.check()?;
        let path = self.path().join(name);
        save_durably(text.as_bytes(), &path)?;
        Ok(path)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.claim.path()
    }

    /// The folder of a run.
    pub fn run(&self, entry: &Entry) -> PathBuf {
        self.path().join(RUNS).join(&entry.name)
    }

    /// The configuration that a run begins with.
    pub fn config(&self, entry: &Entry) -> PathBuf {
        self.path().join(CONFIGS).join(format!("{}.toml", entry.name))
    }

    /// The same, read.
    ///
    /// # Errors
    /// As [`Merge::from_file`].
    pub fn read_config(&self, entry: &Entry) -> Result<Config> {
        Merge::from_file(&self.config(entry))?.finish()
    }

    /// What a run says.
    pub fn log(&self, entry: &Entry) -> PathBuf {
        self.path().join(LOGS).join(format!("{}.log", entry.name))
    }
}

fn as_toml(config: &Config) -> Result<String> {
    toml::to_string(config).map_err(|e| Error::new(Kind::Other, format!("configuration: {e}")))
}
