//! What is evaluated: a run, a checkpoint, a folder of pictures, or a file of images.

use std::path::{Path, PathBuf};

use super::super::checkpoint::{Chosen, choose};
use super::super::progress::Counter;
use crate::data::reading::Reading;
use crate::data::{DataSet, npz, sets, shuffled};
use crate::device::Device;
use crate::engine::{Choice, Generator, latents_from};
use crate::error::{Error, Result};
use crate::eval::real::Real;
use crate::run::files::{CHECKPOINTS, CONFIG};
use crate::shape::Shape;

/// What a name on the command line means.
#[derive(Debug)]
pub enum Subject {
    /// A checkpoint, and the run's folder where it was named or holds it.
    Generator { chosen: Box<Chosen>, run: Option<PathBuf> },
    /// Pictures that are there.
    Pictures(PathBuf),
}

impl Subject {
    /// Finds out; of a run folder the newest checkpoint, or its best.
    ///
    /// # Errors
    /// As [`choose`]; a data error where there is nothing of this name.
    pub fn of(named: &Path, best: bool, say: &mut dyn FnMut(&str)) -> Result<Subject> {
        let is_run = named.join(CONFIG).is_file() || named.join(CHECKPOINTS.folder).is_dir();
        let is_checkpoint = named.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"));
        if is_run || is_checkpoint {
            let chosen = choose(named, best, say)?;
            let run = if is_run { Some(named.to_path_buf()) } else { run_of(&chosen.path) };
            return Ok(Subject::Generator { chosen: Box::new(chosen), run });
        }
        let name = named.to_string_lossy();
        let is_set = name == "strokes" || sets::named(&name).is_some();
        let is_array = npz::split(&name).is_some_and(|(archive, _)| archive.is_file());
        if !(is_set || is_array || named.exists()) {
            let message = format!("there is no run, folder or file `{name}`");
            return Err(Error::data(format!("{message}; name a run folder, a checkpoint, pictures or an .npy file")));
        }
        Ok(Subject::Pictures(named.to_path_buf()))
    }

    /// The run's configuration, where it is a checkpoint.
    pub fn chosen(&self) -> Option<&Chosen> {
        match self {
            Subject::Generator { chosen, .. } => Some(chosen),
            Subject::Pictures(_) => None,
        }
    }
}

/// The run's folder that holds a checkpoint file.
fn run_of(checkpoint: &Path) -> Option<PathBuf> {
    let folder = checkpoint.parent().filter(|folder| folder.ends_with(CHECKPOINTS.folder))?;
    folder.parent().map(Path::to_path_buf).filter(|run| run.join(CONFIG).is_file())
}

/// How images of a checkpoint are drawn.
#[derive(Debug)]
pub struct Drawing<'a> {
    pub device: &'a Device,
    pub choice: Choice,
    /// The seed of the latents; the run's own without one, whose first images are those of its
    /// grids and estimates.
    pub seed: Option<u64>,
    pub quiet: bool,
}

impl Drawing<'_> {
    /// Draws `count` images, of a run with classes as often of each as the real ones have it.
    ///
    /// # Errors
    /// A data error when the run's images have another size than the real ones; device errors.
    pub fn draw(&self, chosen: &Chosen, real: &Real<'_>, count: usize) -> Result<Vec<u8>> {
        let config = &chosen.checkpoint.metadata.config;
        if config.image != real.shape() {
            let (path, own, other) = (chosen.path.display(), config.image, real.shape());
            return Err(Error::data(format!(
                "{path} draws images of {own}, and the others are of {other}; evaluate them one by one"
            )));
        }
        let names = config.classes.as_ref().map(|classes| classes.names.as_slice());
        let labels = match names {
            None => Vec::new(),
            Some(names) if names == real.task().classes() => real.reference_labels(count as u32),
            Some(_) => config.classes_in_turn(count, 1),
        };
        let mut generator = Generator::new(self.device, config, &chosen.checkpoint.tensors, self.choice)?;
        let (seed, batch) = (self.seed.unwrap_or(config.seed), generator.batch());
        let mut counter = Counter::new("samples", count, self.quiet);
        let mut pixels = Vec::with_capacity(count * config.image.bytes());
        for first in (0..count).step_by(batch) {
            let number = batch.min(count - first);
            let latents = latents_from(config, seed, first as u64, number);
            let labels = labels.get(first..first + number).unwrap_or_default();
            pixels.extend(generator.generate(&latents, labels)?.pixels);
            counter.reached(first + number);
        }
        counter.finish();
        Ok(pixels)
    }
}

/// Opens pictures at the size of the real ones.
///
/// # Errors
/// As [`DataSet::read`].
pub fn open_pictures(path: &Path, shape: Shape) -> Result<DataSet> {
    let name = path
        .to_str()
        .ok_or_else(|| Error::usage(format!("{}: a name that is not UTF-8; rename it", path.display())))?;
    DataSet::read(name, None, shape, 0, &Reading::default())
}

/// The seed by which some of many pictures are chosen: not that of the real ones, which may be the
/// same pictures.
const CHOICE: u64 = 1;

/// `count` of the pictures: all of them in their order, or some at random.
pub fn some_of(pictures: &DataSet, count: u32) -> Vec<u8> {
    let all = || Vec::from_iter(0..pictures.len());
    let order = if count == pictures.len() { all() } else { shuffled(CHOICE, 0, pictures.len()) };
    let indices = &order[..count as usize];
    let mut pixels = vec![0; indices.len() * pictures.shape().bytes()];
    pictures.fill(0, indices, &mut pixels);
    pixels
}
