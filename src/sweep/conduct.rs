//! Conducting a sweep: its runs start, go on to the next rung, and end.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::thread::{available_parallelism, sleep};
use std::time::{Duration, Instant};

use super::child::{Child, Ended};
use super::folder::Sweep;
use super::journal::{Entry, Failure, Reached};
use super::{plot, table};
use crate::error::{Error, Kind, Result};
use crate::model::cadence::Time;
use crate::model::checkpoint::Checkpoint;
use crate::model::settings::SETTINGS;
use crate::run::checkpoints;
use crate::run::files::QUALITY;
use crate::run::records::read_quality;
use crate::train::stop::Stop;

/// Time between looks at the runs.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Time between lines about runs that go on; the time taken is noted as often.
const TELL_EVERY: Duration = Duration::from_secs(15);
/// Time after which a run is tried again that another process has.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// Failures that are not a run's own: every other run would have the same one. Missing devices and
/// data, and disks.
const OF_ALL: [Kind; 3] = [Kind::NoDevice, Kind::Data, Kind::Io];
/// The variable that says how many threads a process computes on.
const THREADS: &str = "RAYON_NUM_THREADS";
/// The signal that asks for an end.
const SIGTERM: i32 = 15;

/// How a sweep is conducted.
#[derive(Debug)]
pub struct Orders<'a> {
    /// This program.
    pub program: &'a Path,
    /// Further arguments of `train`: the device.
    pub arguments: &'a [OsString],
    /// Runs at once.
    pub jobs: usize,
    /// The time that the whole sweep may take.
    pub budget: Option<Time>,
    /// Asks for an end.
    pub stop: &'a Stop,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// All runs came to the end that is theirs.
    Complete,
    /// The budget does not reach further; why, in words.
    OutOfTime(String),
    /// A signal stopped it.
    Stopped(i32),
}

/// Goes on with a sweep to its end, as far as the budget reaches or until it is asked to stop;
/// `say` hears what happens.
///
/// # Errors
/// What ended a run for a reason that is not its own; I/O errors naming the path. The sweep can go
/// on after either.
pub fn conduct(sweep: &mut Sweep, orders: &Orders<'_>, say: &mut dyn FnMut(&str)) -> Result<End> {
    let seconds_before = sweep.journal.seconds;
    let mut conductor = Conductor { sweep, orders, begun: Instant::now(), seconds_before, say };
    let ended = conductor.all_stages();
    conductor.save()?;
    show(conductor.sweep)?;
    ended
}

/// Saves table and plot.
fn show(sweep: &Sweep) -> Result<()> {
    let report = table::Report::of(sweep);
    sweep.write(table::MARKDOWN, &report.markdown())?;
    sweep.write(table::JSON, &report.json()?)?;
    sweep.write(plot::FILE, &plot::svg(sweep)?)?;
    Ok(())
}

/// The kind of a failure that is not the run's own.
fn of_all(why: &Failure) -> Option<Kind> {
    OF_ALL.into_iter().find(|kind| why.code == Some(*kind as i32))
}

/// The runs of a stage.
#[derive(Default)]
struct Crew {
    stage: usize,
    /// Those that are to be started, by index.
    waiting: VecDeque<usize>,
    /// Those that go on.
    children: Vec<Child>,
    /// What ends the sweep.
    failure: Option<Error>,
    /// What stops it.
    signal: Option<i32>,
    /// Why no more are started.
    out_of_time: Option<String>,
    /// When one was found last that another process has.
    busy: Option<Instant>,
    /// Whether those that go on were asked to end.
    asked: bool,
}

impl Crew {
    fn may_start(&self) -> bool {
        let is_free = self.busy.is_none_or(|at| at.elapsed() >= TRY_AGAIN);
        is_free && self.signal.is_none() && self.failure.is_none()
    }

    /// A failure ends the sweep once all of its runs have ended.
    fn heed(&mut self, result: Result<()>) {
        if let Err(error) = result {
            self.failure.get_or_insert(error);
        }
    }

    /// Asks the runs to end, once, when the sweep is to.
    fn ask_for_an_end(&mut self) {
        let signal = self.signal.or(self.failure.is_some().then_some(SIGTERM));
        if let Some(signal) = signal.filter(|_| !self.asked) {
            self.children.iter().for_each(|child| child.pass_on(signal));
            self.asked = true;
        }
    }
}

struct Conductor<'a> {
    sweep: &'a mut Sweep,
    orders: &'a Orders<'a>,
    begun: Instant,
    /// What the sweep had taken before this process.
    seconds_before: f64,
    say: &'a mut dyn FnMut(&str),
}

impl Conductor<'_> {
    fn all_stages(&mut self) -> Result<End> {
        for stage in 0..self.sweep.journal.stages() {
            let pending = self.sweep.journal.pending(stage);
            if pending.is_empty() {
                continue;
            }
            if stage > 0 && self.sweep.journal.begun <= stage {
                let jobs = self.orders.jobs.min(pending.len());
                let what = format!("the stage after rung {stage}, with {} runs,", pending.len());
                if let Some(why) = self.is_out_of_time(&pending, stage, jobs, &what) {
                    return Ok(End::OutOfTime(why));
                }
            }
            self.sweep.journal.begun = stage + 1;
            self.save()?;
            if let Some(end) = self.stage(stage, pending.into())? {
                return Ok(end);
            }
            self.tell_rung(stage);
            show(self.sweep)?;
        }
        Ok(End::Complete)
    }

    /// Why the budget does not reach for these runs, where it does not.
    fn is_out_of_time(&self, runs: &[usize], stage: usize, jobs: usize, what: &str) -> Option<String> {
        let budget = self.orders.budget?;
        // What was never measured has to begin.
        let needed = self.sweep.journal.prediction(runs, stage)?.as_secs_f64() / jobs as f64;
        let spent = self.seconds();
        (spent + needed > budget.duration().as_secs_f64()).then(|| {
            let [spent, needed] = [spent, needed].map(|seconds| format!("{:.1} minutes", seconds / 60.0));
            format!("the budget of {budget} does not reach: {spent} are spent, {what} would take about {needed}")
        })
    }

    /// Seconds that the sweep has taken.
    fn seconds(&self) -> f64 {
        self.seconds_before + self.begun.elapsed().as_secs_f64()
    }

    fn save(&mut self) -> Result<()> {
        self.sweep.journal.seconds = self.seconds();
        self.sweep.save()
    }

    /// Brings runs to the end of a stage, so many at once; how the sweep ends, where it does before
    /// that.
    fn stage(&mut self, stage: usize, waiting: VecDeque<usize>) -> Result<Option<End>> {
        let mut crew = Crew { stage, waiting, ..Crew::default() };
        let mut told = Instant::now();
        loop {
            crew.signal = crew.signal.or(self.orders.stop.signal());
            self.send(&mut crew);
            self.receive(&mut crew);
            crew.ask_for_an_end();
            if crew.children.is_empty() && (crew.waiting.is_empty() || crew.asked) {
                break;
            }
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                self.tell_progress(&crew);
                crew.heed(self.save());
            }
            sleep(LOOK_EVERY);
        }
        match (crew.failure, crew.signal) {
            (Some(error), _) => Err(error),
            (None, Some(signal)) => Ok(Some(End::Stopped(signal))),
            (None, None) => Ok(crew.out_of_time.map(End::OutOfTime)),
        }
    }

    /// Starts runs while there are some to start, and places for them.
    fn send(&mut self, crew: &mut Crew) {
        while crew.may_start() && crew.children.len() < self.orders.jobs {
            let Some(&index) = crew.waiting.front() else { return };
            // Without rungs, time decides about each run.
            if self.sweep.journal.rungs.is_empty() && !self.sweep.journal.runs[index].begun {
                crew.out_of_time = self.is_out_of_time(&[index], crew.stage, 1, "another run");
                if crew.out_of_time.is_some() {
                    crew.waiting.clear();
                    return;
                }
            }
            crew.waiting.pop_front();
            let started = self.start(crew.stage, index).map(|child| crew.children.push(child));
            crew.heed(started);
        }
    }

    /// Notes what came of the runs that have ended.
    fn receive(&mut self, crew: &mut Crew) {
        for mut child in std::mem::take(&mut crew.children) {
            let index = child.index;
            match child.ended() {
                Ok(None) => crew.children.push(child),
                Ok(Some(Ended::Done)) => crew.heed(self.note(crew.stage, index)),
                Ok(Some(Ended::Busy)) => {
                    if crew.busy.replace(Instant::now()).is_none() {
                        let run = self.sweep.run(&self.sweep.journal.runs[index]);
                        let run = run.display();
                        (self.say)(&format!("another process still trains in {run}; waiting for it"));
                    }
                    crew.waiting.push_back(index);
                }
                // Who stops all processes may come to this one last.
                Ok(Some(Ended::Stopped(by))) => crew.signal = crew.signal.or(Some(by)),
                Ok(Some(Ended::Failed(why))) => crew.heed(match of_all(&why) {
                    None => self.note_failure(index, why),
                    Some(kind) => {
                        let name = &self.sweep.journal.runs[index].name;
                        Err(Error::new(kind, format!("run {name}: {}", why.reason)))
                    }
                }),
                Err(error) => crew.heed(Err(error)),
            }
        }
    }

    /// Starts a run, or goes on with it: the command is the same.
    fn start(&mut self, stage: usize, index: usize) -> Result<Child> {
        self.sweep.journal.runs[index].begun = true;
        self.save()?;
        let (target, entry) = (self.sweep.journal.target(stage), &self.sweep.journal.runs[index]);
        let mut command = Command::new(self.orders.program);
        command.arg("train").arg("--resume-or-start").arg(self.sweep.run(entry));
        command.arg("--config").arg(self.sweep.config(entry)).args(self.orders.arguments);
        if let Some(step) = target {
            command.args(["--pause-at", &step.to_string()]);
        }
        // The plan says what a run is, and not the environment.
        let variables = SETTINGS.iter().filter(|setting| !setting.flag.is_empty()).map(|setting| setting.variable());
        for variable in variables.chain(["DCGAN_GPU_OUT".to_string()]) {
            command.env_remove(variable);
        }
        if self.orders.jobs > 1 && std::env::var_os(THREADS).is_none() {
            let cores = available_parallelism().map_or(1, usize::from);
            command.env(THREADS, (cores / self.orders.jobs).max(1).to_string());
        }
        let child = Child::start(command, index, &self.sweep.log(entry))?;
        let to = target.map_or("its end".to_string(), |step| format!("step {step}"));
        (self.say)(&format!("run {} to {to}: {}", entry.name, entry.words()));
        Ok(child)
    }

    /// Notes what a run has come to.
    fn note(&mut self, stage: usize, index: usize) -> Result<()> {
        let (target, entry) = (self.sweep.journal.target(stage), &self.sweep.journal.runs[index]);
        let run = self.sweep.run(entry);
        let newest = checkpoints::list(&run)?.into_iter().next();
        let Some(saved) = newest.and_then(|path| Checkpoint::peek(&path).ok()) else {
            let reason = format!("{} has no checkpoint that can be used", run.display());
            return self.note_failure(index, Failure { code: None, reason });
        };
        let quality = read_quality(&run.join(QUALITY))?;
        let last = quality.iter().rev().find(|line| target.is_none_or(|step| line.step <= step));
        let reached = Reached {
            step: saved.step,
            score: last.map(|line| line.score()).filter(|score| score.is_finite()),
            judge: last.map_or(String::new(), |line| line.judge().to_string()),
            seconds: saved.seconds,
        };
        let score = table::score(reached.score);
        let line = format!("run {} at step {}: {} {score}", entry.name, reached.step, reached.judge);
        self.sweep.journal.runs[index].reached.push(reached);
        self.save()?;
        (self.say)(&line);
        Ok(())
    }

    fn note_failure(&mut self, index: usize, why: Failure) -> Result<()> {
        let line = format!("run {} is out: {}", self.sweep.journal.runs[index].name, why.reason);
        self.sweep.journal.runs[index].failed = Some(why);
        self.save()?;
        (self.say)(&line);
        Ok(())
    }

    /// Says which runs go on after a stage.
    fn tell_rung(&mut self, stage: usize) {
        let journal = &self.sweep.journal;
        if stage + 1 < journal.stages() {
            let next: Vec<_> = journal.pending(stage + 1).into_iter().map(|i| journal.runs[i].name.as_str()).collect();
            let (rung, of) = (stage + 1, journal.rungs.len());
            let line = match next.len() {
                0 => format!("rung {rung} of {of} is done: no run goes on"),
                1 => format!("rung {rung} of {of} is done: run {} goes on", next[0]),
                _ => format!("rung {rung} of {of} is done: runs {} go on", next.join(", ")),
            };
            (self.say)(&line);
        }
    }

    /// Says where the runs are that go on, and how long the stage will take.
    fn tell_progress(&mut self, crew: &Crew) {
        let Crew { stage, children, waiting, .. } = crew;
        let journal = &self.sweep.journal;
        let place = |child: &Child| {
            let entry: &Entry = &journal.runs[child.index];
            let quality = read_quality(&self.sweep.run(entry).join(QUALITY)).unwrap_or_default();
            let last = quality
                .last()
                .map(|last| format!(" at step {}, {} {}", last.step, last.judge(), table::score(Some(last.score()))));
            format!("run {}{}", entry.name, last.unwrap_or_default())
        };
        let places: Vec<_> = children.iter().map(place).collect();
        let left: Vec<_> = children.iter().map(|child| child.index).chain(waiting.iter().copied()).collect();
        let jobs = self.orders.jobs.min(left.len()).max(1) as f64;
        let time = journal.prediction(&left, *stage).map_or(String::new(), |time| {
            format!("; about {:.0} minutes to the end of this stage", (time.as_secs_f64() / jobs / 60.0).ceil())
        });
        let line = format!("{}; {} more wait{time}", places.join("; "), waiting.len());
        (self.say)(&line);
    }
}
