//! `eval`: how good pictures are, in numbers.

mod answer;
mod subject;

use std::path::{Path, PathBuf};

use crate::data::DataSet;
use crate::data::reading::Reading;
use crate::data::sets;
use crate::engine::Choice;
use crate::error::{Error, Result};
use crate::eval::evaluation::{Evaluation, Evaluator};
use crate::eval::file::Filed;
use crate::eval::metrics::interval;
use crate::eval::real::Real;
use crate::model::checkpoint::Metadata;
use crate::model::config::Config;
use crate::output::{Caption, Overwrite, Picture, save_captioned};
use crate::run::files::{EVALUATED, EVALUATIONS};
use crate::run::folder::RunFolder;
use crate::shape::Shape;
use clap::ValueHint;

use super::{DeviceChoice, announce, features};
use answer::Told;
use subject::{Drawing, Subject, open_pictures, some_of};

/// Measure how good pictures are: of runs, checkpoints, folders of pictures or arrays
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Pictures are compared with real ones as a feature network sees them, a small classifier that is trained
once for each data set and kept. Beside each number is its floor: what other real images get, as
many of them. A run's numbers, and a sheet of its samples beside the real images nearest to them,
are kept in its folder eval; report and compare show them.

Examples:
  dcgan-gpu eval                                          the newest run, 10,000 samples
  dcgan-gpu eval runs/a runs/b --json
  dcgan-gpu eval runs/mine --best --count 2000
  dcgan-gpu eval digits.npy --data mnist --sheet sheet.png
  dcgan-gpu eval pictures --data my-images --image 64x64x3
  dcgan-gpu eval runs/mine --save-features features.safetensors"
)]
pub struct Arguments {
    /// Run folders, checkpoint files, folders of pictures, or files of images such as .npy; by
    /// default the newest run under runs/
    #[arg(value_name = "WHAT", value_hint = ValueHint::AnyPath)]
    what: Vec<PathBuf>,
    /// The real images: as for `train`; by default those of the runs
    #[arg(long, value_name = "SET")]
    data: Option<String>,
    /// Where mnist, fashion-mnist and kmnist are looked for first
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "DCGAN_GPU_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// The size that images are compared at, where no run says it
    #[arg(long, value_name = "HEIGHTxWIDTHxCHANNELS", value_parser = shape)]
    image: Option<Shape>,
    /// How many pictures, and how many real ones
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(FEWEST..=MOST))]
    count: u32,
    /// Seed of the latents; the run's own begins with the samples that training measures
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Of a run folder, the checkpoint that is best by what judged the run, instead of the newest
    #[arg(long)]
    best: bool,
    /// Draw with the weights as they are, not with their average where the run keeps one
    #[arg(long)]
    raw: bool,
    /// A feature network, instead of that of the data
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    features: Option<PathBuf>,
    /// Save the feature network that is used, with its layers and in PyTorch's layouts
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    save_features: Option<PathBuf>,
    /// Draw samples beside the real images nearest to them to this PNG file, too
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    sheet: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceChoice,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The fewest pictures of which anything can be said.
const FEWEST: i64 = interval::FEWEST as i64;

/// The most: the distances of all pairs are computed, which takes minutes then.
const MOST: i64 = 100_000;

pub fn run(arguments: &Arguments, quiet: bool) -> Result<()> {
    check_outputs(arguments)?;
    let mut say = announce(quiet);
    let named = match &arguments.what[..] {
        [] => {
            let none = "there is no run under runs/; name a run, a checkpoint, a folder of pictures or an .npy file";
            vec![RunFolder::newest().ok_or_else(|| Error::checkpoint(none))?]
        }
        named => named.to_vec(),
    };
    let subjects =
        named.iter().map(|named| Subject::of(named, arguments.best, &mut say)).collect::<Result<Vec<_>>>()?;
    let (data, held_out) = open_real(arguments, &subjects, quiet)?;
    let real = Real::new(&data, held_out.as_ref())?;
    let pictures = subjects.iter().map(|subject| match subject {
        Subject::Pictures(path) => open_pictures(path, data.shape()).map(Some),
        Subject::Generator { .. } => Ok(None),
    });
    let pictures = pictures.collect::<Result<Vec<_>>>()?;

    let there = pictures.iter().flatten().map(|pictures| (pictures.len(), pictures.name()));
    let least = there.chain([(real.most(), data.name())]).min().expect("there is one at least");
    let count = arguments.count.min(least.0);
    if count < arguments.count {
        interval::check(count as usize).map_err(|e| e.clone().reworded(format!("{}: {e}", least.1)))?;
        say(&format!("{count} images of each kind are compared: {} has no more", least.1));
    }
    let device = arguments.device.open(quiet)?;
    let used = features::obtain(arguments.features.as_deref(), &real, &device, quiet)?;
    if let Some(path) = &arguments.save_features {
        Overwrite::forced(arguments.force).check(path)?;
        used.save(path)?;
    }
    let mut evaluator = Evaluator::new(&device, &used, &real, count)?;
    let choice = if arguments.raw { Choice::Raw } else { Choice::Best };
    let drawing = Drawing { device: &device, choice, seed: arguments.seed, quiet };
    let mut told = Told::new(&evaluator, data.name());
    for ((subject, pictures), named) in subjects.iter().zip(&pictures).zip(&named) {
        let pixels = match (subject, pictures) {
            (Subject::Generator { chosen, .. }, _) => drawing.draw(chosen, &real, count as usize)?,
            (_, Some(pictures)) => some_of(pictures, count),
            (Subject::Pictures(_), None) => continue,
        };
        let metadata = subject.chosen().map(|chosen| &chosen.checkpoint.metadata);
        let (evaluation, sheet) = evaluator.evaluate(&pixels)?;
        keep(arguments, subject, &evaluator, &evaluation, &sheet, &mut say)?;
        told.add(named, metadata.map(|metadata| metadata.step), evaluation);
    }
    told.tell(arguments.json)
}

/// Refuses what cannot be written before anything is computed.
fn check_outputs(arguments: &Arguments) -> Result<()> {
    let overwrite = Overwrite::forced(arguments.force);
    if let Some(sheet) = &arguments.sheet {
        super::checkpoint::check_extension(sheet, "png", "")?;
        overwrite.check(sheet)?;
        if arguments.what.len() > 1 {
            return Err(Error::usage("--sheet draws one sheet; evaluate one thing, or leave it out"));
        }
    }
    arguments.save_features.as_deref().map_or(Ok(()), |path| overwrite.check(path))
}

/// The real images, and those held out of them.
fn open_real(arguments: &Arguments, subjects: &[Subject], quiet: bool) -> Result<(DataSet, Option<DataSet>)> {
    let configs = || subjects.iter().filter_map(Subject::chosen).map(|chosen| &chosen.checkpoint.metadata.config);
    let of_run = configs().next();
    if arguments.data.is_none()
        && let Some(other) = configs().find(|config| Some(&config.data) != of_run.map(|config| &config.data))
    {
        let [one, other] = [of_run.map_or("", |config| &config.data), &other.data];
        let message = format!("the runs have other data ({one}, {other}), so their numbers cannot be compared");
        return Err(Error::usage(format!("{message}; evaluate them one by one, or name the real images with --data")));
    }
    let own = of_run.filter(|config| arguments.data.as_ref().is_none_or(|data| *data == config.data));
    let Some(spec) = arguments.data.as_deref().or(own.map(|config| config.data.as_str())) else {
        return Err(Error::usage("name the real images with --data, such as --data mnist"));
    };
    let shape = match (of_run, arguments.image) {
        (Some(config), _) => config.image,
        (None, Some(shape)) => shape,
        (None, None) => shape_of(spec, arguments.features.as_deref())?,
    };
    let data_dir = arguments.data_dir.as_deref().or(own.and_then(|config| config.data_dir.as_deref()));
    let reading = own.map_or_else(Reading::default, Config::reading);
    super::data::ensure_set(spec, data_dir, quiet)?;
    let data = DataSet::read(spec, data_dir, shape, 0, &reading)?;
    let held_out = data.read_held_out(data_dir, &reading)?;
    Ok((data, held_out))
}

/// The size of images that no run tells.
fn shape_of(spec: &str, features: Option<&Path>) -> Result<Shape> {
    if let Some(features) = features {
        return Ok(Filed::load(features)?.network.description.image);
    }
    if spec == "strokes" || sets::named(spec).is_some() {
        return Ok(sets::SIZE);
    }
    Err(Error::usage("say at which size images are compared: --image 64x64x3, say (height, width, channels)"))
}

/// `HEIGHTxWIDTHxCHANNELS`.
fn shape(text: &str) -> std::result::Result<Shape, String> {
    let numbers: Vec<u32> = text.split('x').filter_map(|number| number.parse().ok()).collect();
    match numbers[..] {
        [height @ 1..=4096, width @ 1..=4096, channels @ (1 | 3)] if text.split('x').count() == 3 => {
            Ok(Shape { height, width, channels })
        }
        _ => Err("not of the form 28x28x1: height, width (1 to 4096), channels (1 or 3)".to_string()),
    }
}

/// Keeps what was found in the run's folder, and draws the sheet that was asked for.
fn keep(
    arguments: &Arguments,
    subject: &Subject,
    evaluator: &Evaluator<'_>,
    evaluation: &Evaluation,
    sheet: &Picture,
    say: &mut dyn FnMut(&str),
) -> Result<()> {
    let mut caption = Caption { verb: "eval".to_string(), ..Caption::default() };
    if let Subject::Generator { chosen, run } = subject {
        let Metadata { step, config, .. } = &chosen.checkpoint.metadata;
        let config = if arguments.raw { &Config { average: None, ..config.clone() } } else { config };
        caption = config.caption("eval", *step, evaluator.sheet_size(), &[]);
        // Not the one that a run is known by, where it was measured otherwise than usual.
        if let Some(run) = run.as_deref().filter(|_| !arguments.raw && arguments.seed.is_none()) {
            let saved = evaluator
                .save(evaluation, &EVALUATIONS.path(run, *step))
                .and_then(|()| save_captioned(sheet, &caption, &EVALUATED.path(run, *step), Overwrite::Always));
            if let Err(error) = saved {
                say(&format!("not kept in the run's folder: {error}"));
            }
        }
    }
    match &arguments.sheet {
        Some(path) => save_captioned(sheet, &caption, path, Overwrite::forced(arguments.force)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_three_numbers() {
        assert_eq!(shape("64x48x3"), Ok(Shape { height: 64, width: 48, channels: 3 }));
        for bad in ["", "64", "64x64", "64x64x2", "0x64x1", "64x64x3x", "64x64x3x1", "axbxc", "64x5000x1"] {
            assert!(shape(bad).is_err(), "{bad}");
        }
    }
}
