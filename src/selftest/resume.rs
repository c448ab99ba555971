//! The proof, on the device at hand, that a run which is killed loses nothing: `verify-resume`.
//!
//! The program itself is run three times: a run is killed without warning between two checkpoints,
//! it is resumed to its end, and a run of the same length is left in peace. What both leave must
//! have the same bits.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::disk;
use crate::error::{Error, Kind, Result};
use crate::model::checkpoint::Checkpoint;
use crate::run::checkpoints;
use crate::run::files::{CHECKPOINTS, CURVES, METRICS, QUALITY, SAMPLES};

/// Times that a run, twice as long each time, may end before the kill reaches it.
const ATTEMPTS: u32 = 8;
/// Time between looks at a run that is to be killed.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// The members of a metrics line that the clock decides.
const CLOCK: [&str; 2] = ["seconds", "images_per_second"];

/// What is verified, and with which program.
#[derive(Debug)]
pub struct Verification<'a> {
    /// This program.
    pub program: &'a Path,
    /// An empty folder for both runs.
    pub folder: &'a Path,
    /// Arguments of `train` that choose networks and data.
    pub settings: &'a [String],
    /// The device, as `--device` takes it.
    pub device: &'a str,
    /// Seconds that the device may take, as `--device-timeout` takes them.
    pub patience: Duration,
    /// Steps of a run; more where it ends before it can be killed.
    pub steps: u32,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The device, with its API and driver.
    pub device: String,
    /// Steps of each run.
    pub steps: u32,
    /// Where the killed run went on: its newest checkpoint.
    pub resumed_from: u32,
    /// Files that were compared.
    pub compared: usize,
    /// Those that differ.
    pub differences: Vec<String>,
}

impl Verification<'_> {
    /// Runs, kills, resumes and compares; `announce` is told of each stage.
    ///
    /// # Errors
    /// What a failing run says.
    pub fn run(&self, announce: &mut dyn FnMut(&str)) -> Result<Verdict> {
        let [parts, whole] = ["parts", "whole"].map(|name| self.folder.join(name));
        let mut steps = self.steps;
        let mut killed = None;
        for _ in 0..ATTEMPTS {
            announce(&format!("training {steps} steps, killed on the way"));
            killed = self.train_and_kill(&parts, steps)?;
            if killed.is_some() {
                break;
            }
            steps *= 2;
        }
        let Some(resumed_from) = killed else {
            return Err(Error::new(
                Kind::Other,
                format!("{steps} steps end before they can be killed; give more --steps"),
            ));
        };
        announce(&format!("resuming from step {resumed_from}"));
        finish(self.command().args(cadences(steps)).arg("--resume").arg(&parts))?;
        announce(&format!("training {steps} steps undisturbed"));
        finish(self.command().args(self.arguments(steps)).arg("--out").arg(&whole))?;
        compare(&parts, &whole, steps, resumed_from)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        let patience = self.patience.as_secs().to_string();
        command.args(["train", "--quiet", "--device", self.device, "--device-timeout", &patience]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// The arguments of a new run.
    fn arguments(&self, steps: u32) -> Vec<String> {
        self.settings.iter().cloned().chain(cadences(steps)).collect()
    }

    /// Starts a run and kills it after its second checkpoint; the step of its newest checkpoint,
    /// unless it was quicker.
    fn train_and_kill(&self, run: &Path, steps: u32) -> Result<Option<u32>> {
        let mut command = self.command();
        let child = command.args(self.arguments(steps)).arg("--force").arg("--out").arg(run).spawn();
        let mut child = child.map_err(|e| Error::io("run", self.program, &e))?;
        let newest = || {
            let newest = checkpoints::list(run).ok()?.into_iter().next()?;
            Some(Checkpoint::peek(&newest).ok()?.step).filter(|step| *step > 7)
        };
        while newest().is_none() {
            if child.try_wait().map_err(|e| Error::io("wait for", self.program, &e))?.is_some() {
                break;
            }
            sleep(LOOK_EVERY);
        }
        // On Unix this is SIGKILL; a process that has ended is not killed any more.
        let _ = child.kill();
        let ended = child.wait_with_output().map_err(|e| Error::io("wait for", self.program, &e))?;
        if ended.status.code().is_some_and(|code| code != 0) && newest().is_none() {
            return Err(failed(&ended));
        }
        Ok(newest().filter(|step| *step < steps))
    }
}

/// Arguments of a run, a resumed one too, whose samples, checkpoints and lines fall on different
/// steps. All are said, so that no environment variable says otherwise.
fn cadences(steps: u32) -> Vec<String> {
    let cadences = format!("--log-every 1 --sample-every 5steps --checkpoint-every 7steps --keep 2 --steps {steps}");
    cadences.split(' ').map(str::to_string).collect()
}

fn finish(command: &mut Command) -> Result<()> {
    let program = PathBuf::from(command.get_program());
    let ended = command.output().map_err(|e| Error::io("run", &program, &e))?;
    if ended.status.success() { Ok(()) } else { Err(failed(&ended)) }
}

/// What a run that failed said, with the class that its exit code means.
fn failed(ended: &Output) -> Error {
    let said = String::from_utf8_lossy(&ended.stderr);
    let line = said.lines().last().unwrap_or("it said nothing");
    let kinds = [Kind::Usage, Kind::NoDevice, Kind::Data, Kind::Io, Kind::Device, Kind::Diverged, Kind::Checkpoint];
    let kind = kinds.into_iter().find(|kind| ended.status.code() == Some(*kind as i32)).unwrap_or(Kind::Other);
    Error::new(kind, format!("a run failed: {}", line.trim_start_matches("error: ")))
}

/// Compares all that two runs left.
fn compare(parts: &Path, whole: &Path, steps: u32, resumed_from: u32) -> Result<Verdict> {
    let last = Checkpoint::load(&CHECKPOINTS.path(whole, steps))?;
    let mut verdict =
        Verdict { device: last.metadata.device, steps, resumed_from, compared: 0, differences: Vec::new() };
    let mut same = |name: String, same: bool| {
        verdict.compared += 1;
        verdict.differences.extend((!same).then_some(name));
    };
    let kept = |run: &Path, folder: &str| -> Result<Vec<String>> {
        let folder = run.join(folder);
        let entries = disk::list(&folder).map_err(|e| Error::io("read", &folder, &e))?;
        Ok(entries.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect())
    };
    for folder in [CHECKPOINTS.folder, SAMPLES.folder] {
        let names = kept(whole, folder)?;
        same(format!("the names in {folder}"), names == kept(parts, folder)?);
        for name in names.iter().map(|name| format!("{folder}/{name}")) {
            let equal = if folder == CHECKPOINTS.folder {
                let [a, b] = [parts, whole].map(|run| Checkpoint::load(&run.join(&name)));
                a?.tensors.first_difference(&b?.tensors).is_none()
            } else {
                read(parts, &name)? == read(whole, &name)?
            };
            same(name, equal);
        }
    }
    let gif = last.metadata.config.output.gif;
    for name in [QUALITY, CURVES, gif.as_str()] {
        same(name.to_string(), read(parts, name)? == read(whole, name)?);
    }
    same(METRICS.to_string(), without_clock(&read(parts, METRICS)?)? == without_clock(&read(whole, METRICS)?)?);
    Ok(verdict)
}

fn read(run: &Path, name: &str) -> Result<Vec<u8>> {
    let path = run.join(name);
    disk::read(&path).map_err(|e| Error::io("read", &path, &e))
}

/// The lines of metrics without what the clock decides.
fn without_clock(lines: &[u8]) -> Result<Vec<Map<String, Value>>> {
    let broken = |e: &dyn std::fmt::Display| Error::new(Kind::Other, format!("{METRICS}: {e}"));
    let text = std::str::from_utf8(lines).map_err(|e| broken(&e))?;
    let line = |line| {
        let mut line: Map<String, Value> = serde_json::from_str(line).map_err(|e| broken(&e))?;
        CLOCK.iter().for_each(|key| drop(line.remove(*key)));
        Ok(line)
    };
    text.lines().map(line).collect()
}
