//! `verify-resume`: does a run that is killed go on to the same bits on this device?

use std::path::PathBuf;

use crate::error::{Error, Kind, Result};
use crate::model::origins::Origin;
use crate::model::sources::Merge;
use crate::selftest::resume::Verification;
use clap::ValueHint;

use super::{DeviceChoice, announce, answer, data};

/// Kill a training run, resume it, and compare every bit with a run that was left in peace
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Works in a temporary folder; nothing else is touched. Compares tensors, metrics, sample grids and
the animation. Ends with exit code 6 if anything differs.

Examples:
  dcgan-gpu verify-resume                                on the device that `train` would take
  dcgan-gpu verify-resume --device 0 --preset pytorch --steps 100
  dcgan-gpu verify-resume --config mine.toml             with the file's data, if it names some
  dcgan-gpu verify-resume --config mine.toml --data path/to/images --json"
)]
pub struct Arguments {
    /// The name of a preset; see `presets`
    #[arg(long, value_name = "PRESET", default_value = "quick", conflicts_with = "config")]
    preset: String,
    /// A TOML file with the keys of a preset
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// The images: a data set or a folder; by default those that the file of --config names, else
    /// strokes
    #[arg(long, value_name = "SET", value_hint = ValueHint::DirPath)]
    data: Option<String>,
    /// Where mnist, fashion-mnist and kmnist are looked for first, and downloaded to
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "DCGAN_GPU_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Steps of a run, at least 20
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
    steps: u32,
    #[command(flatten)]
    device: DeviceChoice,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, quiet: bool) -> Result<()> {
    let (merge, flag, value) = match &arguments.config {
        Some(file) => (Merge::from_file(file)?, "--config", file.display().to_string()),
        None => (Merge::new(&arguments.preset)?, "--preset", arguments.preset.clone()),
    };
    // A preset's data would be a download that nobody asked for.
    let names_data = matches!(merge.origins().of("data"), Origin::File(..));
    let mut config = merge.finish()?;
    config.layouts()?;
    match &arguments.data {
        Some(data) => config.data.clone_from(data),
        None if !names_data => config.data = "strokes".to_string(),
        None => {}
    }
    if let Some(folder) = &arguments.data_dir {
        config.data_dir = Some(folder.clone());
    }
    // Finds a mistake in the choice, and says what `auto` means, before anything is trained.
    drop(arguments.device.open(quiet)?);
    let program =
        std::env::current_exe().map_err(|e| Error::new(Kind::Io, format!("cannot find this program: {e}")))?;
    let folder = tempfile::tempdir().map_err(|e| Error::io("create a folder in", &std::env::temp_dir(), &e))?;
    // Here, where it is told of; the runs are quiet.
    data::ensure(&config, quiet)?;
    // Said in any case, so that no environment variable says otherwise.
    let mut settings = [flag, &value, "--data", &config.data].map(str::to_string).to_vec();
    if let Some(folder) = &config.data_dir {
        settings.extend(["--data-dir".to_string(), folder.display().to_string()]);
    }
    let verification = Verification {
        program: &program,
        folder: folder.path(),
        settings: &settings,
        device: &arguments.device.device,
        patience: arguments.device.patience(),
        steps: arguments.steps,
    };
    let verdict = verification.run(&mut announce(quiet))?;
    if arguments.json || verdict.differences.is_empty() {
        answer(arguments.json, &verdict, |verdict| {
            let (steps, from, compared) = (verdict.steps, verdict.resumed_from, verdict.compared);
            vec![format!(
                "{}: a run of {steps} steps, killed and resumed from step {from}, left the same bits as one in peace ({compared} \
                 files compared)",
                verdict.device
            )]
        })?;
    }
    if let Some(first) = verdict.differences.first() {
        return Err(Error::device(format!(
            "{} of {} files differ after a run was killed and resumed on {}, the first is {first}; please report it",
            verdict.differences.len(),
            verdict.compared,
            verdict.device
        )));
    }
    Ok(())
}
