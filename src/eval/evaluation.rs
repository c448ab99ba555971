//! How good a set of images is, against real ones: numbers, their floors, and plain sentences.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::extract::{Extractor, Seen};
use super::file::Filed;
use super::metrics::classes::Classified;
use super::metrics::copies::Copies;
use super::metrics::neighbours::{Neighbour, nearest};
use super::metrics::{self, Features, Scores};
use super::network::{FeatureNetwork, Task};
use super::real::{Others, Real, Sides};
use super::sheet::{FIRST, NEAREST, NEIGHBOURS, Row, sheet};
use crate::device::Device;
use crate::disk;
use crate::error::{Error, Result};
use crate::output::{Picture, folder_of, save_durably};

/// Images of each kind whose nearest real ones are looked for.
const CHECKED: usize = 1_000;
/// Images whose features are computed in one go.
const PIECE: usize = 4_096;
/// A class of which samples have less than this part of what the data have is missing.
const MISSING: f64 = 0.2;

/// What was found of one set of images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Distances to real images.
    pub scores: Scores,
    /// What the classifier finds; none where features tell rotations.
    pub classified: Option<Classified>,
}

/// What was found of generated images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The numbers.
    #[serde(flatten)]
    pub measured: Measured,
    /// How near they are to what was learnt from.
    pub copies: Copies,
    /// The same in plain sentences.
    pub says: Vec<String>,
}

/// What images are compared with, and by what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// Images on each side.
    pub count: u32,
    /// The [`digest`](crate::data::DataSet::digest) of the data.
    pub data: String,
    /// SHA-256 of the features' file: numbers of other features cannot be compared.
    pub features: String,
    /// What the features tell: classes or rotations.
    pub task: Task,
    /// The share of unseen images that they answer right, and how many those are, where it is
    /// known.
    pub accuracy: Option<(f64, u32)>,
    /// Where the real images of the floor come from.
    pub floor_of: Others,
    /// What as many other real images get.
    pub floor: Measured,
    /// The classes that the classifier finds among the real images.
    pub real: Option<Classified>,
}

/// A file of a run's folder `eval`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// What was compared.
    pub basis: Basis,
    /// What was found.
    pub evaluation: Evaluation,
}

/// Compares images with real ones.
#[derive(Debug)]
pub struct Evaluator<'a> {
    real: &'a Real<'a>,
    extractor: Extractor,
    basis: Basis,
    reference: Features,
    /// The images among which the nearest are looked for, by index, and their features.
    searched: (Vec<u32>, Features),
    /// How near unseen real images are to those.
    unseen: Vec<f64>,
}

impl<'a> Evaluator<'a> {
    /// Prepares to compare sets of `count` images with as many real ones, by these features.
    ///
    /// # Errors
    /// A data error when there are too few images, or the features are of others; device errors.
    pub fn new(device: &Device, features: &Filed, real: &'a Real<'a>, count: u32) -> Result<Self> {
        let mut extractor = Extractor::new(device, features.network.clone())?;
        let Sides { reference, others, are } = real.sides(count);
        let (reference, classes) = look(&mut extractor, &reference, real)?;
        let (others, likely) = look(&mut extractor, &others, real)?;
        let floor = Measured { scores: metrics::measure(&reference, &others)?, classified: likely };
        let FeatureNetwork { description, trained, .. } = &features.network;
        let basis = Basis {
            count,
            data: real.digest().to_string(),
            features: features.digest.clone(),
            task: description.task.clone(),
            accuracy: trained.as_ref().map(|trained| (trained.accuracy, trained.tested)),
            floor_of: are,
            floor,
            real: classes,
        };
        let indices = real.searched(count);
        let mut values = Vec::with_capacity(indices.len() * extractor.width());
        for piece in indices.chunks(PIECE) {
            values.extend(extractor.see(&real.images(piece), real.shape())?.features);
        }
        let searched = Features::new(values, extractor.width())?;
        let unseen = nearest(&searched, &others.first(CHECKED), 1)?;
        let unseen = unseen.iter().filter_map(|found| found.first()).map(|found| found.distance).collect();
        Ok(Evaluator { real, extractor, basis, reference, searched: (indices, searched), unseen })
    }

    /// What images are compared with.
    pub fn basis(&self) -> &Basis {
        &self.basis
    }

    /// Rows and columns of a sheet.
    pub fn sheet_size(&self) -> [usize; 2] {
        [(FIRST + NEAREST).min(self.basis.count as usize), NEIGHBOURS + 2]
    }

    /// Measures images, `[count][height][width][channels]`, and draws some beside the real ones
    /// that are nearest.
    ///
    /// # Errors
    /// A data error when they are not as many as the real ones; device errors.
    pub fn evaluate(&mut self, pixels: &[u8]) -> Result<(Evaluation, Picture)> {
        let (generated, classified) = look(&mut self.extractor, pixels, self.real)?;
        let scores = metrics::measure(&self.reference, &generated)?;
        let found = nearest(&self.searched.1, &generated.first(CHECKED), NEIGHBOURS)?;
        let distances: Vec<f64> = found.iter().filter_map(|found| found.first()).map(|near| near.distance).collect();
        let copies = Copies::of(&distances, &self.unseen, self.exact(pixels, &found));
        let measured = Measured { scores, classified };
        let says = says(&self.basis, &measured, &copies);
        let sheet = self.sheet(pixels, &found, &distances)?;
        Ok((Evaluation { measured, copies, says }, sheet))
    }

    /// How many images are the nearest real one to the pixel.
    fn exact(&self, pixels: &[u8], found: &[Vec<Neighbour>]) -> usize {
        let size = self.real.shape().bytes();
        let is_same = |(image, found): (usize, &Vec<Neighbour>)| {
            let nearest = found.first().filter(|nearest| nearest.distance == 0.0);
            nearest.is_some_and(|nearest| {
                self.real.images(&[self.searched.0[nearest.place]]) == pixels[image * size..][..size]
            })
        };
        found.iter().enumerate().filter(|row| is_same(*row)).count()
    }

    fn sheet(&self, pixels: &[u8], found: &[Vec<Neighbour>], distances: &[f64]) -> Result<Picture> {
        let mut nearest: Vec<usize> = (FIRST.min(found.len())..found.len()).collect();
        nearest.sort_by(|&a, &b| distances[a].total_cmp(&distances[b]));
        let samples = (0..FIRST.min(found.len())).chain(nearest.into_iter().take(NEAREST));
        let mut shown = Vec::new();
        let rows = samples.map(|sample| {
            let first = shown.len();
            shown.extend(found[sample].iter().map(|neighbour| self.searched.0[neighbour.place]));
            Row { sample, neighbours: (first..shown.len()).collect() }
        });
        let rows: Vec<_> = rows.collect();
        sheet(&rows, pixels, &self.real.images(&shown), self.real.shape())
    }

    /// Writes what was found into a run's folder.
    ///
    /// # Errors
    /// An I/O error naming the file or folder.
    pub fn save(&self, evaluation: &Evaluation, path: &Path) -> Result<()> {
        let folder = folder_of(path);
        disk::create_folders(folder).map_err(|e| Error::io("create the folder", folder, &e))?;
        let kept = Kept { basis: self.basis.clone(), evaluation: evaluation.clone() };
        let text = serde_json::to_string_pretty(&kept).map_err(|e| Error::usage(format!("JSON: {e}")))?;
        save_durably(format!("{text}\n").as_bytes(), path)
    }
}

/// Features of images, and the classes that are found.
fn look(extractor: &mut Extractor, pixels: &[u8], real: &Real<'_>) -> Result<(Features, Option<Classified>)> {
    let Seen { features, likely } = extractor.see(pixels, real.shape())?;
    let classes = extractor.network().description.task.classes().len();
    let classified = (classes > 0).then(|| Classified::of(&likely, classes)).transpose()?;
    Ok((Features::new(features, extractor.width())?, classified))
}

/// What the numbers mean, for people: on copies, then on missing classes.
fn says(basis: &Basis, measured: &Measured, copies: &Copies) -> Vec<String> {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let near = percent(copies.suspicious.value);
    let of =
        format!("of {} samples {near} are nearer to a real image than all but 1 % of unseen real ones", copies.checked);
    let mut says = vec![match (copies.exact, copies.are_many()) {
        (0, false) => format!("No sign of copying: {of}, and 1 % is chance."),
        (0, true) => format!("Some samples may be copies: {of}, where 1 % is chance; look at the sheet."),
        (exact, _) => format!("{exact} of {} samples are real images to the pixel; {of}.", copies.checked),
    }];
    if let (Some(own), Some(real)) = (&measured.classified, &basis.real) {
        let shares = || basis.task.classes().iter().zip(own.shares.iter().zip(&real.shares));
        let told = |(name, (own, real)): (&String, (&f64, &f64))| {
            format!("{name} ({} of the samples, {} of the real images)", percent(*own), percent(*real))
        };
        let missing: Vec<_> = shares().filter(|(_, (own, real))| **own < MISSING * **real).map(told).collect();
        let furthest = shares().max_by(|(_, (a, b)), (_, (c, d))| (*a - *b).abs().total_cmp(&(*c - *d).abs()));
        let furthest = furthest.map_or(String::new(), told);
        says.push(match missing.len() {
            0 => format!("All {} classes are there; the furthest from its share is {furthest}.", real.shares.len()),
            1 => format!("A class is missing, or nearly so: {}.", missing[0]),
            many => format!("{many} classes are missing, or nearly so: {}.", missing.join(", ")),
        });
    }
    says
}
