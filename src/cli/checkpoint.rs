//! Finding the checkpoint that `sample`, `interpolate` and `explore` draw from, and loading its
//! generator.

use std::path::{Path, PathBuf};

use crate::engine::{Choice, Generator};
use crate::error::{Error, Result};
use crate::model::checkpoint::{Checkpoint, Metadata};
use crate::model::config::Config;
use crate::model::judged::{FRECHET, JudgedBy, makes_features};
use crate::model::mixtures::{Mixture, mixed};
use crate::objective::Classes;
use crate::output::{Caption, grid_side};
use crate::run::checkpoints;
use crate::run::files::CHECKPOINTS;
use crate::run::folder::RunFolder;
use clap::ValueHint;
use clap::builder::RangedI64ValueParser;

use super::{DeviceChoice, announce, classes};

/// What every verb that draws takes.
#[derive(clap::Args, Debug)]
pub struct Source {
    /// A run folder (its newest checkpoint) or a checkpoint file; without it, the newest run under
    /// runs/
    #[arg(long, value_name = "RUN|FILE", value_hint = ValueHint::AnyPath, env = "DCGAN_GPU_CHECKPOINT")]
    checkpoint: Option<PathBuf>,
    /// Of a run folder, the checkpoint whose samples are nearest to real images in what judges the
    /// run, instead of the newest
    #[arg(long)]
    best: bool,
    /// Draw with the weights as they are, not with their average where the run keeps one
    #[arg(long)]
    raw: bool,
    /// Classes by number or name, separated by commas, or all; of a run with classes
    #[arg(long, value_name = "CLASS,…")]
    class: Option<String>,
    #[command(flatten)]
    device: DeviceChoice,
    /// Replace files that exist
    #[arg(long)]
    pub force: bool,
    /// Print what was written as JSON
    #[arg(long)]
    pub json: bool,
}

impl Source {
    /// The classes that are asked for, if any.
    ///
    /// # Errors
    /// A usage error when the run has none of them.
    pub fn classes(&self, config: &Config) -> Result<Option<Vec<u32>>> {
        classes::parse(self.class.as_deref(), config)
    }

    /// The classes that a way through those that are asked for passes. Without `--class`, the first
    /// one, where there are any.
    ///
    /// # Errors
    /// As [`Source::classes`].
    pub fn classes_on_the_way(&self, config: &Config) -> Result<Vec<u32>> {
        let default = || config.classes.iter().map(|_| 0).collect();
        Ok(self.classes(config)?.unwrap_or_else(default))
    }

    /// The labels of samples, each at a place from 0 to 1 on a way through the classes that are
    /// asked for; `checkpoint` gets classes between them.
    ///
    /// # Errors
    /// As [`Source::classes`].
    pub fn labels_on_the_way(&self, checkpoint: &mut Checkpoint, places: &[f32]) -> Result<Vec<u32>> {
        let config = &checkpoint.metadata.config;
        let classes = self.classes_on_the_way(config)?;
        if classes.len() < 2 {
            return Ok(classes.repeat(places.len()));
        }
        let first = config.classes.as_ref().map_or(0, Classes::count);
        let mixture = |place: &f32| {
            let along = place * (classes.len() - 1) as f32;
            let from = (along as usize).min(classes.len() - 2);
            Mixture { of: [classes[from], classes[from + 1]], at: along - from as f32 }
        };
        let mixtures: Vec<_> = places.iter().map(mixture).collect();
        let (config, tensors) = mixed(config, &checkpoint.tensors, &mixtures)?;
        (checkpoint.metadata.config, checkpoint.tensors) = (config, tensors);
        Ok((first..).take(places.len()).collect())
    }

    /// What a picture of `rows`×`cols` images says of itself: `verb` drew it from the latents of
    /// `seeds`.
    pub fn caption(
        &self,
        Chosen { path, checkpoint }: &Chosen,
        verb: &str,
        seeds: Vec<u64>,
        [rows, cols]: [usize; 2],
        labels: &[u32],
    ) -> Caption {
        let Metadata { step, config, .. } = &checkpoint.metadata;
        let config = if self.raw { &Config { average: None, ..config.clone() } } else { config };
        Caption { folder: run_of(path), seeds, ..config.caption(verb, *step, [rows, cols], labels) }
    }

    pub fn load(&self, quiet: bool) -> Result<Chosen> {
        let none = "there is no run under runs/; train one with `dcgan-gpu train`, or name one with --checkpoint";
        let named = self.checkpoint.clone().or_else(RunFolder::newest).ok_or_else(|| Error::checkpoint(none))?;
        let mut say = announce(quiet);
        let chosen = choose(&named, self.best, &mut say)?;
        say(&format!("drawing from {}", chosen.path.display()));
        Ok(chosen)
    }

    /// The checkpoint's generator on the chosen device.
    pub fn generator(&self, checkpoint: &Checkpoint, quiet: bool) -> Result<Generator> {
        let device = self.device.open(quiet)?;
        let choice = if self.raw { Choice::Raw } else { Choice::Best };
        Generator::new(&device, &checkpoint.metadata.config, &checkpoint.tensors, choice)
    }
}

/// A checkpoint and its file.
#[derive(Debug)]
pub struct Chosen {
    pub path: PathBuf,
    pub checkpoint: Checkpoint,
}

/// The name of the run's folder that holds a checkpoint file.
fn run_of(checkpoint: &Path) -> Option<String> {
    let path = std::path::absolute(checkpoint).ok()?;
    let folder = path.parent().filter(|folder| folder.ends_with(CHECKPOINTS.folder))?;
    Some(folder.parent()?.file_name()?.to_string_lossy().into_owned())
}

/// The checkpoint that `named` means: that file, or the newest of that run folder, or its best.
pub fn choose(named: &Path, best: bool, say: &mut dyn FnMut(&str)) -> Result<Chosen> {
    let shown = named.display();
    let empty = || Error::checkpoint(format!("{shown} holds no checkpoint; give a run folder or a .safetensors file"));
    if !named.is_dir() {
        return Ok(Chosen { path: named.to_path_buf(), checkpoint: Checkpoint::load(named)? });
    }
    if best {
        let (path, saved) = checkpoints::best(named)?.ok_or_else(|| match checkpoints::list(named) {
            Ok(all) if !all.is_empty() => Error::checkpoint(format!(
                "no checkpoint of {shown} says how near its samples are to real images; leave --best out"
            )),
            _ => empty(),
        })?;
        say(&best_of(named, &saved));
        return Ok(Chosen { checkpoint: Checkpoint::load(&path)?, path });
    }
    let found = checkpoints::newest(named)?.ok_or_else(empty)?;
    found.broken.iter().for_each(|(_, error)| say(&format!("{error}; an older one is used")));
    Ok(Chosen { path: found.path, checkpoint: found.checkpoint })
}

/// Which checkpoint of a run is best, and by what; where nobody chose pixels, how features come to
/// judge.
fn best_of(run: &Path, saved: &Metadata) -> String {
    let Config { data, image, .. } = &saved.config;
    let judged = saved.config.judge.as_ref();
    let (shown, step, by) = (run.display(), saved.step, JudgedBy::told(judged));
    let score = saved.score().unwrap_or(f64::NAN);
    let of = if JudgedBy::is_by_features(judged) { FRECHET } else { "distance" };
    let advice = match judged {
        Some(_) => String::new(),
        None => format!(
            "; features would judge better: `{}` makes them, and a run that begins after that is judged by them",
            makes_features(data, *image, Some(run))
        ),
    };
    format!("the best of {shown} is that of step {step}, judged by {by}: {of} {score:.4}{advice}")
}

/// Refuses an output that programs could not show: more than 4 GiB, of which `what` takes `bytes`.
pub fn check_size(what: &str, bytes: u64) -> Result<()> {
    if bytes > 4 << 30 {
        let gib = bytes as f64 / f64::from(1 << 30);
        let message = format!("{what} would take {gib:.1} GiB, more than 4; ask for fewer or smaller images");
        return Err(Error::usage(message));
    }
    Ok(())
}

/// What `--scale` may be.
pub fn scales() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=16)
}

/// The bytes of a sheet of `rows`×`cols` images, each pixel enlarged `scale` times.
pub fn sheet_bytes(config: &Config, rows: usize, cols: usize, scale: u32) -> u64 {
    let (height, width) = (config.image.height as usize, config.image.width as usize);
    let pixels = grid_side(rows, height) as u64 * grid_side(cols, width) as u64;
    pixels * u64::from(scale).pow(2) * u64::from(config.image.channels)
}

/// Refuses a file name that does not end as its format does.
pub fn check_extension(out: &Path, extension: &str, hint: &str) -> Result<()> {
    if out.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension)) {
        return Ok(());
    }
    Err(Error::usage(format!("--out {} does not end in .{extension}{hint}", out.display())))
}
