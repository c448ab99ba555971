//! How a run begins, and how it is taken up again: nothing in its folder changes before the device
//! is ready.

use super::Trainer;
use crate::data::DataSet;
use crate::device::Device;
use crate::error::Result;
use crate::eval::judge::Judge;
use crate::model::checkpoint::{Ancestor, Checkpoint, Metadata};
use crate::model::config::Config;
use crate::model::inherit::{Inheritance, inherit};
use crate::model::judged::JudgedBy;
use crate::run::claim::Claim;
use crate::run::files::TUNING;
use crate::run::folder::RunFolder;
use crate::train::feed::{Feed, settle};
use crate::train::judging::{self, Judging};
use crate::train::machine::Machine;
use crate::train::same::{check_random_beginning, check_same_bits, check_same_data};
use crate::train::{follow, real};
use crate::tuning::{self, Tune, Tuning};

impl Trainer {
    /// Starts a run in a new folder.
    ///
    /// # Errors
    /// Device and I/O errors, each before anything is trained.
    pub fn start(mut config: Config, data: DataSet, device: Device, claim: Claim, tune: Tune<'_>) -> Result<Self> {
        settle(&mut config, &data)?;
        let judge = judging::settle(&mut config, &data, claim.path(), true)?;
        tell_judge(&config, tune.announce);
        // With the classes of the data, networks may not fit any more.
        config.layouts()?;
        let tuning = tuning::for_run(&device, &config, tune)?;
        let folder = |config: &Config| RunFolder::create(claim, config, None);
        Trainer::load(Feed::new(data, &config)?, judge, config, (device, tuning), None, folder)
    }

    /// As [`Trainer::start`], with the weights of `source` as far as they fit; `tune` hears of it.
    /// All that the run begins with is saved as its checkpoint of step 0, from which it is taken up
    /// until there is another.
    ///
    /// # Errors
    /// As [`Trainer::start`] and [`inherit`].
    pub fn start_from(
        source: (&Checkpoint, Ancestor),
        mut config: Config,
        data: DataSet,
        device: Device,
        claim: Claim,
        tune: Tune<'_>,
    ) -> Result<Self> {
        settle(&mut config, &data)?;
        let judge = judging::settle(&mut config, &data, claim.path(), true)?;
        tell_judge(&config, tune.announce);
        let (source, from) = source;
        let Inheritance { tensors, lines } = inherit(&config, source)?;
        (tune.announce)(&lines.join("\n  "));
        let tuning = tuning::for_run(&device, &config, tune)?;
        let feed = Feed::new(data, &config)?;
        let metadata = Metadata { from: Some(from), ..metadata(&config, &feed, &device) };
        let first = Checkpoint { metadata, tensors };
        let folder = |config: &Config| RunFolder::create(claim, config, Some(&first));
        Trainer::load(feed, judge, config, (device, tuning), Some(&first), folder)
    }

    /// Goes on with a run from a checkpoint of its folder, or from its beginning where it has none
    /// yet.
    ///
    /// # Errors
    /// As [`Trainer::start`]; a data error when the data are not those of the run; a checkpoint
    /// error when it has none, and did not begin at random.
    pub fn resume(
        mut config: Config,
        data: DataSet,
        device: Device,
        claim: Claim,
        from: Option<&Checkpoint>,
        tune: Tune<'_>,
    ) -> Result<Self> {
        if from.is_none() {
            check_random_beginning(&config)?;
        }
        let judge = judging::settle(&mut config, &data, claim.path(), false)?;
        let feed = Feed::new(data, &config)?;
        if let Some(from) = from {
            check_same_data(&feed, &from.metadata)?;
            if matches!(device, Device::Host) {
                // For adapters, the tuning that a run recorded tells.
                check_same_bits(&device, &from.metadata, tune.announce);
            }
        }
        let recorded = claim.path().join(TUNING);
        let tuning = tuning::for_resumed(&recorded, &device, &config, tune)?;
        let folder = |config: &Config| RunFolder::resume(claim, config, from.map(|from| &from.metadata));
        Trainer::load(feed, judge, config, (device, tuning), from, folder)
    }

    /// Loads the device, and after that opens the folder.
    fn load(
        feed: Feed,
        judge: Option<Judge>,
        config: Config,
        (device, tuning): (Device, Option<Tuning>),
        from: Option<&Checkpoint>,
        folder: impl FnOnce(&Config) -> Result<RunFolder>,
    ) -> Result<Self> {
        let choices = tuning.as_ref().map(|tuning| tuning.choices.clone()).unwrap_or_default();
        let mut machine = Machine::load(device, &config, feed.data(), choices)?;
        if let Some(from) = from {
            machine.engine().restore(&from.tensors)?;
        }
        let folder = folder(&config)?;
        if from.is_none() {
            // Of a beginning that left no checkpoint, perhaps with other data.
            follow::forget(folder.path())?;
        }
        if let Some(judge) = &judge {
            judge.keep(folder.path())?;
        }
        real::draw(folder.path(), &feed, &config)?;
        follow::keep_order(folder.path(), &feed, &config)?;
        follow::tell_left_out(folder.path(), &feed)?;
        if let Some(tuning) = &tuning {
            tuning::save(&folder.path().join(TUNING), tuning)?;
        }
        let judging = Judging::new(&config, feed.data(), judge);
        let mut trainer = Trainer::new(config, feed, judging, folder, machine, from.map(|from| &from.metadata));
        trainer.ending = RunFolder::ending(trainer.path(), &trainer.config.training, trainer.step)?;
        if trainer.ending.is_some() {
            trainer.schedule = trainer.schedule.ending_at(trainer.step);
        }
        Ok(trainer)
    }
}

/// Says what judges a run, where that is not its pixels.
fn tell_judge(config: &Config, announce: &mut dyn FnMut(&str)) {
    if JudgedBy::is_by_features(config.judge.as_ref()) {
        announce(&format!("samples are judged by {}", JudgedBy::told(config.judge.as_ref())));
    }
}

/// What a checkpoint says of a run before its first step.
pub(super) fn metadata(config: &Config, feed: &Feed, device: &Device) -> Metadata {
    Metadata {
        program_version: env!("CARGO_PKG_VERSION").to_string(),
        step: 0,
        steps_per_epoch: feed.steps_per_epoch(),
        seconds: 0.0,
        device: device.identity(),
        data: Some(feed.data().digest().to_string()),
        labels: feed.labels_digest().map(str::to_string),
        distance: None,
        fd: None,
        rollbacks: 0,
        from: None,
        config: config.clone(),
    }
}
