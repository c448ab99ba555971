//! The real images of each step.

use crate::data::{DataSet, shuffled};
use crate::engine::Batch;
use crate::error::{Error, Result};
use crate::model::config::Config;

/// The data set that a configuration names, in the network's size.
///
/// # Errors
/// A data error when it is missing, broken, or smaller than a batch.
pub fn open_data(config: &Config) -> Result<DataSet> {
    let data = DataSet::open(&config.data, config.data_dir.as_deref(), config.image, config.seed)?;
    let needed = config.images_per_step();
    if data.len() < needed {
        let of = if config.objective.d_steps > 1 { "the batches of a step" } else { "a batch" };
        return Err(Error::data(format!(
            "{} has {} images, fewer than {of} of {needed}; use a smaller --batch-size",
            data.name(),
            data.len(),
        )));
    }
    Ok(data)
}

/// A data set in the order in which a run visits it: shuffled anew for every epoch.
#[derive(Debug)]
pub(super) struct Feed {
    data: DataSet,
    digest: String,
    seed: u64,
    batch: usize,
    epoch: Option<u32>,
    order: Vec<u32>,
    bytes: Vec<u8>,
}

impl Feed {
    pub(super) fn new(data: DataSet, config: &Config) -> Self {
        let (seed, batch) = (config.seed, config.images_per_step() as usize);
        let (digest, bytes) = (data.digest(), vec![0; data.shape().bytes() * batch]);
        Feed { data, digest, seed, batch, epoch: None, order: Vec::new(), bytes }
    }

    pub(super) fn data(&self) -> &DataSet {
        &self.data
    }

    /// The [`DataSet::digest`].
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// Batches of an epoch; images that fill none are left out.
    pub(super) fn steps_per_epoch(&self) -> u32 {
        self.data.len() / self.batch as u32
    }

    /// The images of step number `step`, counted from 0: where they are if the device keeps all,
    /// otherwise their bytes.
    pub(super) fn batch(&mut self, step: u32, device_keeps_all: bool) -> Batch<'_> {
        let (epoch, first) = (step / self.steps_per_epoch(), (step % self.steps_per_epoch()) as usize * self.batch);
        if self.epoch != Some(epoch) {
            self.order = shuffled(self.seed, epoch, self.data.len());
            self.epoch = Some(epoch);
        }
        let indices = &self.order[first..][..self.batch];
        if device_keeps_all {
            return Batch::Resident(indices);
        }
        self.data.fill(epoch, indices, &mut self.bytes);
        Batch::Bytes(&self.bytes)
    }
}
