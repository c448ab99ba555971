//! The flags that shape a configuration, the same for every verb that takes one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::model::config::{Cadence, Config};
use crate::model::origins::Origin;
use crate::model::sources::{DEFAULT_PRESET, Merge};
use clap::parser::ValueSource;
use clap::{ArgMatches, ValueHint};
use toml::Value;

/// A preset or a file, and what changes in it.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Configuration")]
pub struct Settings {
    /// pytorch (the default), tf-tutorial, stabilized, keras or quick; see `presets`
    #[arg(long, value_name = "PRESET", env = "DCGAN_GPU_PRESET", conflicts_with = "config")]
    pub preset: Option<String>,
    /// A TOML file with the keys of a preset; `preset = "…"` names the one that it changes
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, env = "DCGAN_GPU_CONFIG")]
    pub config: Option<PathBuf>,
    /// strokes (built in), mnist, fashion-mnist or kmnist (downloaded when absent), or a folder with images
    #[arg(long, value_name = "SET", value_hint = ValueHint::DirPath, env = "DCGAN_GPU_DATA")]
    pub data: Option<String>,
    /// Where mnist, fashion-mnist and kmnist are looked for first, and downloaded to
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "DCGAN_GPU_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Length in epochs
    #[arg(long, value_name = "N", env = "DCGAN_GPU_EPOCHS", conflicts_with = "steps")]
    pub epochs: Option<u32>,
    /// Length in steps
    #[arg(long, value_name = "N", env = "DCGAN_GPU_STEPS")]
    pub steps: Option<u32>,
    /// Real images, and generated ones, of a step
    #[arg(long, value_name = "N", env = "DCGAN_GPU_BATCH_SIZE")]
    pub batch_size: Option<u32>,
    /// Values of a latent vector
    #[arg(long, value_name = "N", env = "DCGAN_GPU_LATENT_DIM")]
    pub latent_dim: Option<u32>,
    /// Adam's learning rate
    #[arg(long, value_name = "X", env = "DCGAN_GPU_LR")]
    pub lr: Option<f64>,
    /// Adam's decay of the first moment
    #[arg(long, value_name = "X", env = "DCGAN_GPU_BETA1")]
    pub beta1: Option<f64>,
    /// Adam's decay of the second moment
    #[arg(long, value_name = "X", env = "DCGAN_GPU_BETA2")]
    pub beta2: Option<f64>,
    /// Order of updates: alternating or simultaneous
    #[arg(long, value_name = "ORDER", env = "DCGAN_GPU_ORDER")]
    pub order: Option<String>,
    /// Label of real images in D's loss; below 1 it is smoothed
    #[arg(long, value_name = "X", env = "DCGAN_GPU_LABEL_REAL")]
    pub label_real: Option<f64>,
    /// Label of generated images in D's loss
    #[arg(long, value_name = "X", env = "DCGAN_GPU_LABEL_FAKE")]
    pub label_fake: Option<f64>,
    /// Standard deviation of the noise on real images
    #[arg(long, value_name = "X", env = "DCGAN_GPU_INSTANCE_NOISE")]
    pub instance_noise: Option<f64>,
    /// Seed of everything random
    #[arg(long, value_name = "S", env = "DCGAN_GPU_SEED", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub seed: Option<u64>,
    /// Any key of the configuration, such as adam.epsilon=1e-7; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub assignments: Vec<String>,
    /// When a sample grid, and a frame of the GIF, is made
    #[arg(long, value_name = "CADENCE", env = "DCGAN_GPU_SAMPLE_EVERY")]
    pub sample_every: Option<Cadence>,
    /// When a checkpoint is saved
    #[arg(long, value_name = "CADENCE", env = "DCGAN_GPU_CHECKPOINT_EVERY")]
    pub checkpoint_every: Option<Cadence>,
    /// When a loss or a tensor is no number: stop, or rollback to the last checkpoint with half the learning rate
    #[arg(long, value_name = "WHAT", env = "DCGAN_GPU_ON_NAN")]
    pub on_nan: Option<String>,
    /// Write an event file for TensorBoard to the run's folder `tensorboard` too, or, with =false, no longer
    #[arg(long, value_name = "BOOL", env = "DCGAN_GPU_TENSORBOARD", num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    pub tensorboard: Option<bool>,
    /// Newest checkpoints that are kept, at least 2; the best is kept besides
    #[arg(long, value_name = "N", env = "DCGAN_GPU_KEEP")]
    pub keep: Option<u32>,
    /// Steps between lines of metrics.jsonl
    #[arg(long, value_name = "N", env = "DCGAN_GPU_LOG_EVERY")]
    pub log_every: Option<u32>,
    /// Rows of the sample grid
    #[arg(long, value_name = "R", env = "DCGAN_GPU_ROWS")]
    pub rows: Option<u32>,
    /// Columns of the sample grid
    #[arg(long, value_name = "C", env = "DCGAN_GPU_COLS")]
    pub cols: Option<u32>,
    /// File name of the animation
    #[arg(long, value_name = "NAME", env = "DCGAN_GPU_GIF")]
    pub gif: Option<String>,
    /// The environment variables that gave values, by the flags that they stand for.
    #[arg(skip)]
    variables: BTreeMap<String, String>,
}

/// A configuration key that a flag, or its environment variable, sets.
pub struct Override {
    pub flag: &'static str,
    path: &'static [&'static str],
    value: Value,
    /// Whether a resumed run may change it.
    pub resumable: bool,
}

impl Settings {
    /// Notes which values the environment gave.
    pub fn note_variables(&mut self, command: &clap::Command, matches: &ArgMatches) {
        let given = command.get_arguments().filter(|arg| {
            matches.try_contains_id(arg.get_id().as_str()).is_ok()
                && matches.value_source(arg.get_id().as_str()) == Some(ValueSource::EnvVariable)
        });
        let variables = given.filter_map(|arg| {
            let variable = arg.get_env()?.to_string_lossy().into_owned();
            Some((format!("--{}", arg.get_long()?), variable))
        });
        self.variables = variables.collect();
    }

    fn origin(&self, flag: &'static str) -> Origin {
        self.variables.get(flag).map_or(Origin::Flag(flag), |variable| Origin::Environment(variable.clone()))
    }

    /// What flags and environment set, in the order of the help.
    pub fn overrides(&self) -> Result<Vec<Override>> {
        let integer = |n: &Option<u32>| n.map(|n| Value::Integer(n.into()));
        let float = |x: &Option<f64>| x.map(Value::Float);
        let text = |s: &Option<String>| s.clone().map(Value::String);
        let cadence = |c: &Option<Cadence>| c.map(Value::try_from).transpose();
        let cadences = [cadence(&self.sample_every), cadence(&self.checkpoint_every)];
        let [sample_every, checkpoint_every] = cadences.map(|c| c.map_err(|e| Error::usage(e.to_string())));
        let data_dir = self.data_dir.as_ref().map(|dir| match dir.to_str() {
            Some(dir) => Ok(Value::String(dir.to_string())),
            None => Err(Error::usage(format!(
                "--data-dir {}: its name is not UTF-8, which the run's configuration has to be; rename the folder",
                dir.display()
            ))),
        });
        let seed = self.seed.map(|seed| Value::Integer(seed as i64));
        type Row = (&'static str, &'static [&'static str], Option<Value>, bool);
        let rows: [Row; 23] = [
            ("--data", &["data"], text(&self.data), false),
            ("--data-dir", &["data_dir"], data_dir.transpose()?, true),
            ("--epochs", &["training", "epochs"], integer(&self.epochs), true),
            ("--steps", &["training", "steps"], integer(&self.steps), true),
            ("--batch-size", &["training", "batch_size"], integer(&self.batch_size), false),
            ("--latent-dim", &["latent", "dim"], integer(&self.latent_dim), false),
            ("--lr", &["adam", "lr"], float(&self.lr), false),
            ("--beta1", &["adam", "beta1"], float(&self.beta1), false),
            ("--beta2", &["adam", "beta2"], float(&self.beta2), false),
            ("--order", &["training", "order"], text(&self.order), false),
            ("--label-real", &["training", "label_real"], float(&self.label_real), false),
            ("--label-fake", &["training", "label_fake"], float(&self.label_fake), false),
            ("--instance-noise", &["training", "instance_noise"], float(&self.instance_noise), false),
            ("--seed", &["seed"], seed, false),
            ("--sample-every", &["output", "sample_every"], sample_every?, true),
            ("--checkpoint-every", &["output", "checkpoint_every"], checkpoint_every?, true),
            ("--on-nan", &["training", "on_nan"], text(&self.on_nan), true),
            ("--tensorboard", &["output", "tensorboard"], self.tensorboard.map(Value::Boolean), true),
            ("--keep", &["output", "keep"], integer(&self.keep), true),
            ("--log-every", &["output", "log_every"], integer(&self.log_every), true),
            ("--rows", &["output", "rows"], integer(&self.rows), false),
            ("--cols", &["output", "cols"], integer(&self.cols), false),
            ("--gif", &["output", "gif"], text(&self.gif), false),
        ];
        let given = rows
            .into_iter()
            .filter_map(|(flag, path, value, resumable)| value.map(|value| Override { flag, path, value, resumable }));
        Ok(given.collect())
    }

    /// The preset or the file that everything starts from.
    pub fn base(&self) -> Result<Merge> {
        match (&self.config, &self.preset) {
            (Some(file), _) => Merge::from_file(file),
            (None, preset) => Merge::new(preset.as_deref().unwrap_or(DEFAULT_PRESET)),
        }
    }

    /// `merge`, changed by flags and environment, then by `--set`.
    pub fn changed(&self, mut merge: Merge) -> Result<Merge> {
        for Override { flag, path, value, .. } in self.overrides()? {
            let name = self.variables.get(flag).map_or(flag, String::as_str);
            merge.set(path, value, self.origin(flag)).map_err(|e| Error::usage(format!("{name}: {e}")))?;
        }
        self.assignments.iter().try_for_each(|assignment| merge.set_text(assignment))?;
        Ok(merge)
    }

    /// The configuration that [`Settings::changed`] makes of `merge`.
    pub fn apply(&self, merge: Merge) -> Result<Config> {
        self.changed(merge)?.finish()
    }
}

/// Whether the environment's value for argument `id` does not count, given the flags on the command line: a length in one
/// unit overrules one in the other, and a resumed run keeps what it has.
pub fn overruled(id: &str, given: &dyn Fn(&str) -> bool) -> bool {
    match id {
        "epochs" => given("steps"),
        "steps" => given("epochs"),
        "data_dir" | "device" | "device_timeout" | "sample_every" | "checkpoint_every" | "on_nan" | "tensorboard"
        | "keep" | "log_every" => false,
        "preset" => given("config") || given("resume"),
        "config" => given("preset") || given("resume"),
        _ => given("resume"),
    }
}
