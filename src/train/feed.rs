//! The real images of each step.

use std::collections::{HashMap, VecDeque};

use crate::data::reading::Reading;
use crate::data::{DataSet, shuffled};
use crate::engine::Batch;
use crate::error::{Error, Result};
use crate::model::config::Config;

/// The data set that a configuration names, in the network's size.
///
/// # Errors
/// A data error when it is missing, broken, smaller than a batch, or nothing can be learnt from it.
pub fn open_data(config: &Config) -> Result<DataSet> {
    let data = read_data(config, &config.reading())?;
    data.check()?;
    Ok(data)
}

/// As [`open_data`], with another reading, and whatever can be learnt from it.
pub(super) fn read_data(config: &Config, reading: &Reading) -> Result<DataSet> {
    let data = DataSet::read(&config.data, config.data_dir.as_deref(), config.image, config.seed, reading)?;
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

/// Tells a configuration what only its data say, when a run begins: the classes, the background,
/// the end of schedules and the weight of a penalty. What it has been told before stays.
///
/// # Errors
/// A data error when labels are asked for and there are none, or images cannot be read.
pub fn settle(config: &mut Config, data: &DataSet) -> Result<()> {
    if let Some(classes) = &mut config.classes
        && classes.names.is_empty()
    {
        classes.names = data.require_labels()?.to_vec();
        // A row for each class, as far as a GIF has room.
        let most = (u32::from(u16::MAX) / (config.image.height + 2)).clamp(1, MOST_ROWS);
        config.output.rows = classes.count().min(most);
    }
    if config.augment.is_some_and(|augment| !augment.is_off()) && config.background.is_none() {
        config.background = Some(data.background());
    }
    let penalty = config.objective.penalty.map(|penalty| config.penalty_weight(penalty));
    if let Some(own) = &mut config.objective.penalty {
        own.weight = penalty;
    }
    let end = config.total_steps(data.len() / config.images_per_step());
    config.settle_schedules(end);
    Ok(())
}

/// The most rows of a grid that has one for each class.
const MOST_ROWS: u32 = 64;

/// A data set in the order in which a run visits it: shuffled anew for every epoch.
#[derive(Debug)]
pub(super) struct Feed {
    data: DataSet,
    /// Where labels are used.
    labels_digest: Option<String>,
    seed: u64,
    batch: usize,
    epoch: Option<u32>,
    order: Vec<u32>,
    bytes: Vec<u8>,
    /// The classes of the images, where labels are used.
    labels: Option<Vec<u32>>,
}

impl Feed {
    /// # Errors
    /// A data error when the configuration has other classes than the data.
    pub(super) fn new(data: DataSet, config: &Config) -> Result<Self> {
        if let Some(classes) = &config.classes {
            let found = data.require_labels()?;
            if found != classes.names {
                let [found, named] = [found, &classes.names].map(|names| names.join(", "));
                return Err(Error::data(format!(
                    "{} has the classes {found}, but the run has {named}; use the labels that it began with, or leave \
                     classes.names out for a new run",
                    data.name()
                )));
            }
        }
        let (seed, batch) = (config.seed, config.images_per_step() as usize);
        let bytes = vec![0; data.shape().bytes() * batch];
        let labels = config.classes.as_ref().map(|_| vec![0; batch]);
        let labels_digest = config.classes.as_ref().and_then(|_| data.labels_digest());
        Ok(Feed { data, labels_digest, seed, batch, epoch: None, order: Vec::new(), bytes, labels })
    }

    pub(super) fn data(&self) -> &DataSet {
        &self.data
    }

    /// The [`DataSet::labels_digest`], where labels are used.
    pub(super) fn labels_digest(&self) -> Option<&str> {
        self.labels_digest.as_deref()
    }

    /// The bytes of the images that the run visits first, at most `count`; where `classes` are
    /// given, one of each in turn. A class without images gets others.
    pub(super) fn first_images(&self, classes: &[u32], count: usize) -> Vec<u8> {
        let order = shuffled(self.seed, 0, self.data.len());
        let mut indices = Vec::with_capacity(count);
        if classes.is_empty() {
            indices.extend(order.iter().take(count));
        } else {
            let mut of_class: HashMap<u32, VecDeque<u32>> = HashMap::new();
            for &index in &order {
                of_class.entry(self.data.label_of(0, index).unwrap_or_default()).or_default().push_back(index);
            }
            let mut others = order.iter().copied().cycle();
            indices.extend(classes.iter().filter_map(|class| match of_class.get_mut(class) {
                Some(images) => {
                    // Again from the first where there are too few.
                    images.rotate_left(1);
                    images.back().copied()
                }
                None => others.next(),
            }));
        }
        let mut bytes = vec![0; indices.len() * self.data.shape().bytes()];
        self.data.fill(0, &indices, &mut bytes);
        bytes
    }

    /// Batches of an epoch; images that fill none are left out.
    pub(super) fn steps_per_epoch(&self) -> u32 {
        self.data.len() / self.batch as u32
    }

    /// The images of step number `step`, counted from 0: where they are if the device keeps all,
    /// otherwise their bytes; and their classes, where labels are used.
    pub(super) fn batch(&mut self, step: u32, device_keeps_all: bool) -> (Batch<'_>, &[u32]) {
        let (epoch, first) = (step / self.steps_per_epoch(), (step % self.steps_per_epoch()) as usize * self.batch);
        if self.epoch != Some(epoch) {
            self.order = shuffled(self.seed, epoch, self.data.len());
            self.epoch = Some(epoch);
        }
        let indices = &self.order[first..][..self.batch];
        if let Some(labels) = &mut self.labels {
            self.data.fill_labels(epoch, indices, labels);
        }
        let labels = self.labels.as_deref().unwrap_or_default();
        if device_keeps_all {
            return (Batch::Resident(indices), labels);
        }
        self.data.fill(epoch, indices, &mut self.bytes);
        (Batch::Bytes(&self.bytes), labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::makers::array;
    use crate::model::sources::preset;
    use crate::objective::Classes;
    use crate::shape::Shape;

    const SHAPE: Shape = Shape { height: 3, width: 3, channels: 1 };

    /// Images of 3×3 pixels with these values at the border and in the middle, and their labels.
    fn images(pixels: &[[u8; 2]], labels: &[u8]) -> (tempfile::TempDir, DataSet) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let bytes: Vec<u8> = pixels.iter().flat_map(|&[b, m]| [b, b, b, b, m, b, b, b, b]).collect();
        std::fs::write(&path, array("|u1", &format!("({}, 3, 3)", pixels.len()), &bytes)).unwrap();
        let labels = array("|u1", &format!("({},)", labels.len()), labels);
        std::fs::write(folder.path().join("labels.npy"), labels).unwrap();
        let data = DataSet::open(path.to_str().unwrap(), None, SHAPE, 0).unwrap();
        (folder, data)
    }

    fn feed(data: DataSet, batch: u32) -> Feed {
        let mut config = preset("quick").unwrap();
        config.training.batch_size = batch;
        config.classes = Some(Classes::default());
        settle(&mut config, &data).unwrap();
        Feed::new(data, &config).unwrap()
    }

    #[test]
    fn labels_are_those_of_the_images() {
        let values: Vec<u8> = (0..20).collect();
        let pixels: Vec<_> = values.iter().map(|&value| [value; 2]).collect();
        let (_folder, data) = images(&pixels, &values);
        let mut feed = feed(data, 4);
        let mut seen = Vec::new();
        for step in 0..10 {
            let (Batch::Bytes(bytes), labels) = feed.batch(step, false) else { panic!("bytes") };
            let of_images: Vec<_> = bytes.chunks_exact(9).map(|image| u32::from(image[4])).collect();
            assert_eq!(of_images, labels);
            seen.extend_from_slice(labels);
            let (Batch::Resident(indices), labels) = feed.batch(step, true) else { panic!("indices") };
            assert_eq!(indices, labels);
        }
        assert_ne!(seen[..20], seen[20..], "shuffled anew");
        seen[..20].sort_unstable();
        assert!(seen[..20].iter().copied().eq(0..20), "each once an epoch");
    }

    /// Strokes are drawn anew in each epoch.
    #[test]
    fn labels_are_those_of_the_epoch() {
        let shape = Shape { height: 28, width: 28, channels: 1 };
        let data = || DataSet::open("strokes", None, shape, 0).unwrap();
        let (mut feed, data) = (feed(data(), 50), data());
        let order = shuffled(0, 1, data.len());
        let (Batch::Bytes(bytes), labels) = feed.batch(feed.steps_per_epoch(), false) else { panic!("bytes") };
        let mut image = vec![0; shape.bytes()];
        for ((&index, bytes), &label) in order.iter().zip(bytes.chunks_exact(image.len())).zip(labels) {
            data.fill(1, &[index], &mut image);
            assert!(bytes == image && Some(label) == data.label_of(1, index));
        }
        assert!(labels.iter().zip(&order).any(|(&label, &index)| Some(label) != data.label_of(0, index)));
    }
}
