//! Runs whose file system lacks what others have, and runs whose checkpoints follow the clock. In a
//! process of its own: a lock that this process holds is for a moment also held by a process that
//! another test starts.

#[path = "../common/mod.rs"]
mod common;

mod clock;
mod leases;
#[cfg(unix)]
mod names;

use std::path::Path;

use dcgan_gpu::device::Device;
use dcgan_gpu::error::Result;
use dcgan_gpu::model::config::Config;
use dcgan_gpu::run::checkpoints;
use dcgan_gpu::run::claim::Claim;
use dcgan_gpu::train::stop::Stop;
use dcgan_gpu::train::trainer::{self, Observer, Outcome, Trainer, Tune};

/// What `train --out RUN` does.
fn start(config: &Config, run: &Path, observer: &mut dyn Observer, stop: &Stop) -> Result<Outcome> {
    let claim = Claim::new_run(run, false)?;
    let data = trainer::open_data(config)?;
    let tune = Tune { wanted: false, announce: &mut |_| {} };
    Trainer::start(config.clone(), data, Device::Host, claim, tune)?.run(observer, stop)
}

/// What `train --resume RUN` does.
fn resume(run: &Path, observer: &mut dyn Observer, stop: &Stop) -> Result<Outcome> {
    let claim = Claim::existing(run)?;
    let from = checkpoints::newest(run)?.expect("it has a checkpoint").checkpoint;
    let config = from.metadata.config.clone();
    let data = trainer::open_data(&config)?;
    let tune = Tune { wanted: false, announce: &mut |_| {} };
    Trainer::resume(config, data, Device::Host, claim, Some(&from), tune)?.run(observer, stop)
}
