//! Real images: which of them features learn from, and which others are compared with.
//!
//! Which images these are depends on the data alone, so that numbers of different runs on the same
//! data can be compared.

use serde::{Deserialize, Serialize};

use crate::data::{DataSet, shuffled};
use crate::error::{Error, Result};
use crate::shape::Shape;

use super::metrics::interval;
use super::network::Task;

/// The seed that chooses among images.
const SEED: u64 = 0;
/// The epoch of strokes, which are drawn anew in each, that nothing learns from.
const UNSEEN_EPOCH: u32 = 1 << 30;
/// Where nothing is held out, one of so many images is, to test features on.
const TESTED_OF: u32 = 10;
/// The most images that features are tested on.
const MOST_TESTED: u32 = 10_000;
/// The most images among which the nearest ones are looked for.
const MOST_SEARCHED: usize = 100_000;
/// The fewest images that tell anything.
const FEWEST: u32 = 2 * interval::FEWEST as u32;

/// A data set, and what is held out of it.
#[derive(Debug)]
pub struct Real<'a> {
    data: Whole<'a>,
    held_out: Option<&'a DataSet>,
    /// All places of the data, shuffled.
    order: Vec<u32>,
}

/// Strokes are the same for all runs, whatever seed theirs are drawn from.
#[derive(Debug)]
enum Whole<'a> {
    Given(&'a DataSet),
    Own(Box<DataSet>),
}

impl Whole<'_> {
    fn get(&self) -> &DataSet {
        match self {
            Whole::Given(data) => data,
            Whole::Own(data) => data,
        }
    }
}

/// Images beside which those of a generator are judged.
#[derive(Debug)]
pub struct Sides {
    /// `[count][height][width][channels]`: what generated images are compared with.
    pub reference: Vec<u8>,
    /// As many other real ones: what is left between real images is the floor of every distance.
    pub others: Vec<u8>,
    /// Where the others come from.
    pub are: Others,
}

/// Where the real images of a floor come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Others {
    /// Images that are held out of the data.
    HeldOut,
    /// The other half of the data.
    OtherHalf,
}

impl<'a> Real<'a> {
    /// A data set, and those images that belong to it but not to training, where there are such.
    ///
    /// # Errors
    /// A data error when there are too few images.
    pub fn new(data: &'a DataSet, held_out: Option<&'a DataSet>) -> Result<Self> {
        if data.len() < FEWEST {
            let (name, count) = (data.name(), data.len());
            let message = format!("{name} has {count} images; telling how good others are takes {FEWEST} at least");
            return Err(Error::data(message));
        }
        let data = match data.resident() {
            Some(_) => Whole::Given(data),
            None => Whole::Own(Box::new(DataSet::open(data.name(), None, data.shape(), SEED)?)),
        };
        let order = shuffled(SEED, 0, data.get().len());
        Ok(Real { data, held_out, order })
    }

    /// How many images there are; of strokes those of an epoch.
    #[expect(clippy::len_without_is_empty, reason = "there are always some")]
    pub fn len(&self) -> u32 {
        self.data.get().len()
    }

    /// The shape of each image.
    pub fn shape(&self) -> Shape {
        self.data.get().shape()
    }

    /// Tells the data from all others: what features of them are kept under.
    pub fn digest(&self) -> &str {
        self.data.get().digest()
    }

    /// The [`DataSet::labels_digest`], where labels are learnt from.
    pub fn labels_digest(&self) -> Option<String> {
        (self.task() != Task::Rotations).then(|| self.data.get().labels_digest()).flatten()
    }

    /// What can be learnt: the classes where there are at least two.
    pub fn task(&self) -> Task {
        match self.data.get().classes() {
            [] | [_] => Task::Rotations,
            classes => Task::Classes(classes.to_vec()),
        }
    }

    /// The background of the data, where a black pixel has the value `black`.
    pub(super) fn background(&self, black: f32) -> [f32; 3] {
        let bytes = self.data.get().background();
        let value = |channel: usize| bytes.get(channel).or(bytes.first()).copied().unwrap_or(0);
        [0, 1, 2].map(|channel| black + (1.0 - black) / 255.0 * f32::from(value(channel)))
    }

    /// Whether strokes are drawn, of which there is no end.
    fn is_drawn(&self) -> bool {
        self.data.get().resident().is_none()
    }

    /// The held-out images with classes as those of the data.
    fn held_out(&self) -> Option<&DataSet> {
        let same = |other: &&DataSet| match self.task() {
            Task::Rotations => true,
            Task::Classes(names) => other.class_count() == names.len() as u32,
        };
        self.held_out.filter(same)
    }

    /// How many images of an epoch features learn from.
    pub(super) fn learnt_from(&self) -> u32 {
        let count = self.data.get().len();
        if self.is_drawn() || self.held_out().is_some() { count } else { count - count.div_ceil(TESTED_OF) }
    }

    /// Adds the images at these places, below [`Real::learnt_from`], of an epoch, and their labels.
    pub(super) fn read(&self, epoch: u32, places: &[u32], pixels: &mut Vec<u8>, labels: &mut Vec<u32>) {
        let data = self.data.get();
        let indices: Vec<u32> = places.iter().map(|&place| self.order[place as usize]).collect();
        append(data, epoch, &indices, pixels);
        labels.extend(indices.iter().map(|&index| data.label_of(epoch, index).unwrap_or(0)));
    }

    /// Images that features do not learn from, at least one, with their labels.
    pub(super) fn tested(&self) -> (Vec<u8>, Vec<u32>) {
        let (data, epoch, indices) = if self.is_drawn() {
            (self.data.get(), UNSEEN_EPOCH, (0..MOST_TESTED.min(self.data.get().len())).collect())
        } else if let Some(held_out) = self.held_out() {
            (held_out, 0, (0..held_out.len().min(MOST_TESTED)).collect())
        } else {
            let unseen = &self.order[self.learnt_from() as usize..];
            (self.data.get(), 0, unseen[..unseen.len().min(MOST_TESTED as usize)].to_vec())
        };
        let mut pixels = Vec::new();
        append(data, epoch, &indices, &mut pixels);
        let labels = indices.iter().map(|&index| data.label_of(epoch, index).unwrap_or(0)).collect();
        (pixels, labels)
    }

    /// How many images each side can have.
    pub fn most(&self) -> u32 {
        let count = self.data.get().len();
        match self.held_out {
            _ if self.is_drawn() => count,
            Some(held_out) => count.min(held_out.len()),
            None => count / 2,
        }
    }

    /// `count` images to compare with.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn reference(&self, count: u32) -> Vec<u8> {
        self.images(&self.order[..count as usize])
    }

    /// `count` images on each side.
    ///
    /// # Panics
    /// When there are fewer than [`Real::most`].
    pub fn sides(&self, count: u32) -> Sides {
        let (data, epoch, indices, are) = match self.held_out {
            _ if self.is_drawn() => (self.data.get(), UNSEEN_EPOCH, (0..count).collect(), Others::HeldOut),
            Some(held_out) => {
                let order = shuffled(SEED, 0, held_out.len());
                (held_out, 0, order[..count as usize].to_vec(), Others::HeldOut)
            }
            None => {
                let other = self.order[count as usize..][..count as usize].to_vec();
                (self.data.get(), 0, other, Others::OtherHalf)
            }
        };
        let mut others = Vec::new();
        append(data, epoch, &indices, &mut others);
        Sides { reference: self.reference(count), others, are }
    }

    /// The images among which the nearest ones are looked for, at most 100,000: all of
    /// the data but the others of [`Real::sides`], of strokes those of an epoch.
    pub fn searched(&self, count: u32) -> Vec<u32> {
        let others = match self.held_out {
            None if !self.is_drawn() => count as usize..2 * count as usize,
            _ => 0..0,
        };
        let rest = self.order.iter().enumerate().filter(|(place, _)| !others.contains(place));
        rest.map(|(_, &index)| index).take(MOST_SEARCHED).collect()
    }

    /// The images at these indices of the data.
    pub fn images(&self, indices: &[u32]) -> Vec<u8> {
        let mut pixels = Vec::new();
        append(self.data.get(), 0, indices, &mut pixels);
        pixels
    }

    /// The classes of the first `count` images of [`Real::reference`]; none without classes.
    pub fn reference_labels(&self, count: u32) -> Vec<u32> {
        let data = self.data.get();
        self.order[..count as usize].iter().filter_map(|&index| data.label_of(0, index)).collect()
    }
}

fn append(data: &DataSet, epoch: u32, indices: &[u32], pixels: &mut Vec<u8>) {
    let before = pixels.len();
    pixels.resize(before + indices.len() * data.shape().bytes(), 0);
    data.fill(epoch, indices, &mut pixels[before..]);
}
