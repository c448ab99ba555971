//! What images are drawn from: the sequence of a seed, or a file.

use std::path::Path;

use crate::data::npy;
use crate::engine::{latents_from, latents_of_a_seed};
use crate::error::{Error, Result};
use crate::model::config::Config;
use crate::output::{NpyWriter, Overwrite};

use super::MOST;

/// Latents, of which the next ones are taken.
#[derive(Debug)]
pub(super) enum Latents {
    /// Of a seed.
    Seed {
        seed: u64,
        /// The number of the first.
        first: u64,
        /// The number of the next.
        next: u64,
    },
    /// Of a file.
    File(Box<npy::Latents>),
}

/// Opens the file of `--latents`, with the number of those in it.
///
/// # Errors
/// A data error for a file that holds no latents, a usage error for more than can be drawn.
pub(super) fn open(path: &Path) -> Result<(npy::Latents, usize)> {
    let file = npy::Latents::open(path)?;
    match u32::try_from(file.count()) {
        Ok(count) if count <= MOST => Ok((file, count as usize)),
        _ => {
            let (path, count) = (path.display(), file.count());
            Err(Error::usage(format!("--latents {path}: it holds {count} latents; {MOST} can be drawn at once")))
        }
    }
}

impl Latents {
    /// Those of a file, for a generator of `config`.
    ///
    /// # Errors
    /// A data error when they are of another length.
    pub(super) fn of_file(file: npy::Latents, config: &Config) -> Result<Latents> {
        if file.dim() == config.latent.dim as usize {
            return Ok(Latents::File(Box::new(file)));
        }
        Err(Error::data(format!(
            "{}: its latents have {} values, but this generator takes {}; save float32 of the shape (N, {})",
            file.path().display(),
            file.dim(),
            config.latent.dim,
            config.latent.dim
        )))
    }

    /// `count` of a seed, the run's own by default, beginning with number `index`.
    ///
    /// # Errors
    /// A usage error beyond the end of the seed's sequence.
    pub(super) fn of_seed(config: &Config, seed: Option<u64>, index: Option<u64>, count: usize) -> Result<Latents> {
        let (first, there) = (index.unwrap_or(0), latents_of_a_seed(config));
        if first.checked_add(count as u64).is_none_or(|end| end > there) {
            return Err(Error::usage(format!(
                "--index {first}: a seed has {there} images of {} latent values; choose a smaller one and another \
                 --seed",
                config.latent.dim
            )));
        }
        Ok(Latents::Seed { seed: seed.unwrap_or(config.seed), first, next: first })
    }

    /// The next `count`.
    ///
    /// # Errors
    /// A data error when a file cannot be read any more.
    pub(super) fn take(&mut self, config: &Config, count: usize) -> Result<Vec<Vec<f32>>> {
        match self {
            Latents::Seed { seed, next, .. } => {
                let latents = latents_from(config, *seed, *next, count);
                *next += count as u64;
                Ok(latents)
            }
            Latents::File(file) => file.take(count),
        }
    }

    /// The number of the first image.
    pub(super) fn first(&self) -> u64 {
        match self {
            Latents::Seed { first, .. } => *first,
            Latents::File(_) => 0,
        }
    }

    /// Seed and number of the first image, which any image of a seed can be drawn by again.
    pub(super) fn address(&self) -> Option<(u64, u64)> {
        match self {
            Latents::Seed { seed, first, .. } => Some((*seed, *first)),
            Latents::File(_) => None,
        }
    }
}

/// The file of `--save-latents` for `count` latents of this generator.
pub(super) fn saved_to(path: &Path, config: &Config, count: usize, overwrite: Overwrite) -> Result<NpyWriter> {
    NpyWriter::of_latents(path, [count, config.latent.dim as usize], overwrite)
}
