//! The loop around the step: epochs, metrics, checks, samples, checkpoints.

mod begin;
mod recovery;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use recovery::Recovery;
pub use recovery::SLOWER;

use super::clock::Clock;
use super::events::Events;
use super::feed::Feed;
pub use super::feed::open_data;
pub use super::follow::reopen_data;
use super::health::Health;
use super::judging::Judging;
use super::machine::Machine;
pub use super::news::{Observer, Outcome, Progress};
use super::same::check_random_beginning;
use super::stop::Stop;
use crate::device::Device;
use crate::error::{Error, Kind, Result};
use crate::model::checkpoint::{Ancestor, Checkpoint, Metadata};
use crate::model::columns::Values;
use crate::model::config::{Config, OnNan, Order, Training};
use crate::output::grid;
use crate::report::save_curves;
use crate::run::checkpoints;
use crate::run::ending::Ending;
use crate::run::files::CHECKPOINTS;
use crate::run::folder::RunFolder;
use crate::run::records::{Quality, Record};
use crate::run::schedule::Schedule;
pub use crate::tuning::Tune;

/// Steps after which all tensors are checked for NaN and infinity, and the run's health is looked
/// at.
const CHECK_EVERY: u32 = 100;
/// Time after which the curves are drawn again, with a checkpoint: they take longer the longer a
/// run is.
const DRAW_AFTER: Duration = Duration::from_secs(30);

/// A run, ready to go on.
#[derive(Debug)]
pub struct Trainer {
    config: Config,
    folder: RunFolder,
    machine: Machine,
    judging: Judging,
    health: Health,
    feed: Feed,
    clock: Clock,
    /// It ends where the run has ended before its time.
    schedule: Schedule,
    /// Why the run ended before its time.
    ending: Option<Ending>,
    step: u32,
    /// The step at which it rests, although that is not its end.
    pause_at: Option<u32>,
    /// How often the run went back and on with a smaller learning rate.
    rollbacks: u32,
    /// The checkpoint whose weights it began with.
    from: Option<Ancestor>,
    /// Training time before this process.
    seconds_before: f64,
    events: Events,
    /// When this process saved last, or began to train.
    saved_at: Instant,
    /// When the curves were drawn.
    drawn: Option<Instant>,
    /// The quality of the newest samples.
    quality: Option<Quality>,
    /// The newest record, where it has no line.
    unwritten: Option<Record>,
    outcome: News,
}

/// What there is to tell of a run at its end.
#[derive(Debug, Default)]
struct News {
    sample: Option<PathBuf>,
    /// The step of the newest checkpoint that this process saved, or went on from.
    saved: Option<u32>,
    losses: Option<Values>,
}

impl Trainer {
    /// A run in its folder, from the beginning or from a checkpoint, of which the device holds the
    /// tensors.
    fn new(
        config: Config,
        feed: Feed,
        judging: Judging,
        folder: RunFolder,
        machine: Machine,
        from: Option<&Metadata>,
    ) -> Self {
        let step = from.map_or(0, |from| from.step);
        Trainer {
            schedule: Schedule::new(&config, feed.steps_per_epoch()),
            judging,
            ending: None,
            health: Health::new(folder.best_diversity()),
            clock: Clock::start(step),
            config,
            folder,
            machine,
            feed,
            step,
            pause_at: None,
            rollbacks: from.map_or(0, |from| from.rollbacks),
            from: from.and_then(|from| from.from.clone()),
            seconds_before: from.map_or(0.0, |from| from.seconds),
            events: Events::default(),
            saved_at: Instant::now(),
            drawn: None,
            quality: None,
            unwritten: None,
            outcome: News { saved: from.map(|from| from.step), ..News::default() },
        }
    }

    /// Steps done, and the run's length.
    pub fn position(&self) -> (u32, u32) {
        (self.step, self.schedule.end())
    }

    /// The run's folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The device that the run is on.
    pub fn device(&self) -> &Device {
        self.machine.device()
    }

    /// Has the run rest when it has done `step` steps, saved as by a stop: it can go on to the same
    /// bits as if it had not. Its length, and with that its schedules, stay.
    pub fn pause_at(&mut self, step: u32) {
        self.pause_at = Some(step);
    }

    /// Trains to the run's end, or to an [`Ending`] before it, or until `stop` asks for an end; all
    /// are saved.
    ///
    /// A lost device is opened again, and the run goes on from its last checkpoint, up to three
    /// times.
    ///
    /// # Errors
    /// [`Kind::Diverged`] when a loss or a tensor is no number; device and I/O errors. The last
    /// checkpoint stays good.
    pub fn run(mut self, observer: &mut dyn Observer, stop: &Stop) -> Result<Outcome> {
        self.clock = Clock::start(self.step);
        self.saved_at = Instant::now();
        self.events = Events::begin(self.config.output.tensorboard, self.folder.path())?;
        let mut recovery = Recovery::default();
        while let Err(error) = self.train(observer, stop) {
            recovery.go_on(&mut self, error, observer)?;
        }
        let run = self.folder.path().to_path_buf();
        let outcome = Outcome {
            steps: self.step,
            sample: self.outcome.sample,
            gif: self.folder.gif_path(),
            checkpoint: self.outcome.saved.map(|step| CHECKPOINTS.path(&run, step)),
            run,
            losses: self.outcome.losses,
            quality: self.quality,
            ended: self.ending.map(|ending| ending.to_string()),
            seconds: self.seconds_before + self.clock.elapsed(),
            stopped_by: stop.signal().filter(|_| self.step < self.schedule.end()),
        };
        self.folder.finish()?;
        Ok(outcome)
    }

    fn train(&mut self, observer: &mut dyn Observer, stop: &Stop) -> Result<()> {
        while self.step < self.until() && stop.signal().is_none() {
            self.submit_step()?;

            let (samples_now, saves_now) =
                (self.schedule.samples(self.step), self.schedule.saves(self.step, self.saved_at.elapsed()));
            let checks_now = saves_now || self.step.is_multiple_of(CHECK_EVERY);
            if samples_now || checks_now || self.clock.is_due(self.step) {
                self.record(observer)?;
            }
            if checks_now {
                self.check(observer)?;
            }
            if samples_now {
                self.sample(observer)?;
                self.end_early(checks_now, observer)?;
            }
            if self.step == self.until() {
                // Before the checkpoint that says that the run is done, or rests: who resumes it
                // then finds nothing left to do.
                self.folder.finish()?;
            }
            if saves_now || self.ending.is_some() {
                let quality = self.quality()?;
                self.save(Some(quality), observer)?;
            }
        }
        if self.step > 0 && self.step < self.schedule.end() && self.outcome.saved != Some(self.step) {
            self.record(observer)?;
            self.check(observer)?;
            self.save(None, observer)?;
        }
        Ok(())
    }

    /// The step at which it ends, or rests.
    fn until(&self) -> u32 {
        self.pause_at.map_or(self.schedule.end(), |step| step.min(self.schedule.end()))
    }

    /// Hands the next batch to the device, which need not be done with the one before.
    fn submit_step(&mut self) -> Result<()> {
        let (images, labels) = self.feed.batch(self.step, self.machine.keeps_data());
        self.machine.engine().labelled_step(self.step, images, labels)?;
        self.step += 1;
        Ok(())
    }

    /// Reads the losses of all steps since the last reading, and writes the lines that are due.
    fn record(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let from = self.clock.step;
        let losses = self.machine.engine().losses(from, self.step)?;
        let images_per_second = rounded(self.clock.read(self.step, self.config.images_per_step()));
        let seconds = rounded(self.seconds_before + self.clock.elapsed());
        let epoch = |step: u32| (step - 1) / self.feed.steps_per_epoch() + 1;
        let line = |(step, values)| Record { step, epoch: epoch(step), values, images_per_second, seconds };
        let lines: Vec<_> = (from + 1..).zip(losses).map(line).collect();
        let good = lines.iter().take_while(|line| line.values.are_finite()).count();
        let due: Vec<_> = lines[..good].iter().filter(|line| self.schedule.logs(line.step)).collect();
        self.folder.write_metrics(&due)?;
        self.events.metrics(&due)?;
        if let Some(bad) = lines.get(good) {
            let checked = self.machine.engine().check()?;
            let tensor = checked.not_finite.map_or(String::new(), |name| format!(", nor is tensor {name}"));
            return Err(self.diverged(&format!("the losses of step {} are not numbers{tensor}", bad.step)));
        }
        lines.iter().for_each(|line| self.health.step(&line.values));
        if let Some(record) = lines.into_iter().next_back() {
            let total_steps = self.schedule.end();
            let total_epochs = total_steps.div_ceil(self.feed.steps_per_epoch());
            self.unwritten = (!self.schedule.logs(record.step)).then(|| record.clone());
            let progress = Progress { record, total_steps, total_epochs };
            observer.progress(&progress);
            self.outcome.losses = Some(progress.record.values);
        }
        Ok(())
    }

    /// Looks for NaN and infinity in all tensors, and for what else goes wrong.
    fn check(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let checked = self.machine.engine().check()?;
        if let Some(name) = checked.not_finite {
            return Err(self.diverged(&format!("tensor {name} holds NaN or infinity after step {}", self.step)));
        }
        if self.step.is_multiple_of(CHECK_EVERY) {
            let complaints = self.health.check(&self.config.training, checked.generator_moment);
            complaints.iter().for_each(|line| observer.notice(line));
        }
        Ok(())
    }

    fn sample(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let output = &self.config.output;
        let (rows, cols) = (output.rows as usize, output.cols as usize);
        let images = self.machine.engine().sample(self.judging.samples())?;
        let quality = self.judging.measure(self.step, &images)?;
        self.quality = Some(quality);
        let picture = grid(&images, rows, cols);
        let labels = self.config.classes_in_turn(rows * cols, cols);
        let caption = self.config.caption("train", self.step, [rows, cols], &labels);
        let path = self.folder.write_sample(&picture, &caption, &quality)?;
        self.events.sample(&picture, &path, &quality)?;
        observer.sample(&path);
        self.outcome.sample = Some(path);
        self.health.samples(&quality).iter().for_each(|line| observer.notice(line));
        Ok(())
    }

    /// Ends the run here where the journal, with the samples of this step, says so: from now on
    /// this is its last step, at which it records everything.
    fn end_early(&mut self, is_checked: bool, observer: &mut dyn Observer) -> Result<()> {
        if self.step == self.schedule.end() {
            return Ok(());
        }
        let ending = RunFolder::ending(self.folder.path(), &self.config.training, self.step)?;
        let Some(found) = ending else { return Ok(()) };
        if !is_checked {
            self.check(observer)?;
        }
        if let Some(record) = self.unwritten.take() {
            self.folder.write_metrics(&[&record])?;
            self.events.metrics(&[&record])?;
        }
        observer.notice(&format!("the run ends at step {}: {found}", self.step));
        (self.ending, self.schedule) = (ending, self.schedule.ending_at(self.step));
        Ok(())
    }

    /// How good this step's samples are.
    fn quality(&mut self) -> Result<Quality> {
        match self.quality.filter(|quality| quality.step == self.step) {
            Some(quality) => Ok(quality),
            None => {
                let images = self.machine.engine().sample(self.judging.samples())?;
                self.judging.measure(self.step, &images)
            }
        }
    }

    /// Saves a checkpoint: one of the run's cadence, or of its end, with the quality of its
    /// samples, or one to go on from after a stop.
    fn save(&mut self, quality: Option<Quality>, observer: &mut dyn Observer) -> Result<()> {
        let tensors = self.machine.engine().state()?;
        // It refuses where the folder was lost, so the curves are this run's.
        self.folder.sync()?;
        // Before the checkpoint, as all else: who resumes a finished run finds nothing left to do.
        let ends = quality.is_none() || self.step == self.until();
        if ends || self.drawn.is_none_or(|drawn| drawn.elapsed() >= DRAW_AFTER) {
            self.drawn = Some(Instant::now());
            save_curves(self.folder.path())?;
        }
        let metadata = self.metadata(quality);
        let path = self.folder.save_checkpoint(&Checkpoint { metadata, tensors })?;
        self.folder.prune(self.config.output.keep)?;
        observer.checkpoint(&path);
        self.outcome.saved = Some(self.step);
        self.saved_at = Instant::now();
        Ok(())
    }

    /// What a checkpoint says of the run as it is.
    fn metadata(&self, quality: Option<Quality>) -> Metadata {
        Metadata {
            step: self.step,
            seconds: self.seconds_before + self.clock.elapsed(),
            distance: quality.map(|quality| quality.distance),
            fd: quality.and_then(|quality| quality.fd),
            rollbacks: self.rollbacks,
            from: self.from.clone(),
            ..begin::metadata(&self.config, &self.feed, self.machine.device())
        }
    }

    /// Takes up the run's newest checkpoint again, or its beginning where it has none; returns the
    /// step.
    fn rewind(&mut self, observer: &mut dyn Observer) -> Result<u32> {
        // A laptop that woke up without its device may not set aside what another machine saved.
        self.folder.check()?;
        let found = checkpoints::newest(self.folder.path())?;
        if let Some(found) = &found {
            found.set_aside()?.iter().for_each(|line| observer.notice(line));
        }
        self.step = found.as_ref().map_or(0, |found| found.checkpoint.metadata.step);
        match &found {
            Some(found) => self.machine.engine().restore(&found.checkpoint.tensors)?,
            None => {
                check_random_beginning(&self.config)?;
                self.machine.engine().initialise();
            }
        }
        self.folder.rewind(found.as_ref().map(|found| &found.checkpoint.metadata))?;
        self.events = Events::begin(self.config.output.tensorboard, self.folder.path())?;
        self.clock.step = self.step;
        (self.ending, self.schedule) = (None, Schedule::new(&self.config, self.feed.steps_per_epoch()));
        (self.quality, self.health) = (None, Health::new(self.folder.best_diversity()));
        self.outcome = News { saved: found.map(|_| self.step), ..News::default() };
        Ok(self.step)
    }

    /// Goes on with a smaller learning rate from the checkpoint that was just taken up, or from the
    /// beginning. A checkpoint says so from now on: if the process is killed before the next one,
    /// the run does not go the wrong way again.
    fn slow_down(&mut self, factor: f64) -> Result<()> {
        self.rollbacks += 1;
        self.config.scale_learning_rates(factor);
        self.machine.engine().scale_learning_rates(factor);
        let mut checkpoint = match checkpoints::newest(self.folder.path())? {
            Some(found) => {
                let mut checkpoint = found.checkpoint;
                checkpoint.metadata.config.scale_learning_rates(factor);
                checkpoint
            }
            None => Checkpoint { metadata: self.metadata(None), tensors: self.machine.engine().state()? },
        };
        checkpoint.metadata.rollbacks = self.rollbacks;
        self.folder.save_checkpoint(&checkpoint)?;
        self.outcome.saved = Some(self.step);
        self.folder.write_config(&self.config)
    }

    fn diverged(&self, what: &str) -> Error {
        let Training { order, on_nan, .. } = self.config.training;
        let remedy = match (on_nan, order) {
            (OnNan::Rollback, _) => "begin a new run with a lower --lr",
            (OnNan::Stop, Order::Simultaneous) => "lower --lr, or try --on-nan rollback",
            (OnNan::Stop, Order::Alternating) => "lower --lr, try --on-nan rollback, or use --preset stabilized",
        };
        let kept = match checkpoints::list(self.folder.path()).unwrap_or_default().first() {
            Some(path) => format!("{} is the last good checkpoint", path.display()),
            None => "no checkpoint had been saved".to_string(),
        };
        Error::new(Kind::Diverged, format!("training diverged: {what}; {remedy}; {kept}"))
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
