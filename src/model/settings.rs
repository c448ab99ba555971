//! Every setting once: its key, its flag, what it may be, and whether a resumed run may change it.
//!
//! The parser, help, manual and completions, the checks of ranges and the rules of `--resume` read
//! this table. Which keys there are besides, and of which type, the configuration's structs say: a
//! new setting is a field there and a line here.

use toml::Value;

use SettingKind::{Assignment, Cadence, CheckpointCadence, Count, File, Folder, Number, Range, Seed, Switch, Text};

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SettingKind {
    /// A whole number within a range.
    Count(u32, u32),
    /// A number within a range.
    Number(f64, f64),
    /// A seed: as large as TOML can tell.
    Seed,
    /// Text that the configuration checks.
    Text,
    /// A folder.
    Folder,
    /// A file.
    File,
    /// Every so many steps or epochs.
    Cadence,
    /// The same, or every so much time.
    CheckpointCadence,
    /// Two values, with a comma.
    Range,
    /// Yes or no; a flag without a value is a yes.
    Switch,
    /// A key with its value; may be repeated.
    Assignment,
}

/// A setting: a key of the configuration, a flag, or both.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The key, such as `adam.lr`; empty for flags that stand for no key of their own.
    pub key: &'static str,
    /// What it may be.
    pub kind: SettingKind,
    /// The flag, such as `--lr`; empty where only files and `--set` give it.
    pub flag: &'static str,
    /// What help calls the flag's value.
    pub value: &'static str,
    /// What help says.
    pub help: &'static str,
    /// Whether a resumed run may change it.
    pub resumable: bool,
}

/// Settings from lines `key: kind, whether a resumed run may change it, flag and its value`; the
/// comment is the flag's help.
macro_rules! settings {
    ($($(#[doc = $help:literal])* $key:literal: $kind:expr, $resumable:ident $(, $flag:literal $value:literal)?;)*) => {
        &[$(Setting {
            key: $key,
            kind: $kind,
            flag: concat!($($flag)?),
            value: concat!($($value)?),
            help: concat!($($help),*).trim_ascii_start(),
            resumable: $resumable,
        }),*]
    };
}

const FIXED: bool = false;
const RESUMABLE: bool = true;

/// All settings, those with flags in the order of help.
pub const SETTINGS: &[Setting] = settings! {
    /// The name of a preset, pytorch unless it is given; see `presets`
    "": Text, FIXED, "--preset" "PRESET";
    /// A TOML file with the keys of a preset; `preset = "…"` names the one that it changes
    "": File, FIXED, "--config" "FILE";
    /// Begin with the weights of another run (its newest checkpoint) or of a checkpoint file;
    /// without --preset and --config, also with its settings
    "from": Folder, FIXED, "--from" "RUN|FILE";
    /// strokes (built in), mnist, fashion-mnist or kmnist (downloaded when absent), or a folder or
    /// file with images. A resumed run takes another place or form of the same images
    "data": Text, RESUMABLE, "--data" "SET";
    /// Where mnist, fashion-mnist and kmnist are looked for first, and downloaded to
    "data_dir": Folder, RESUMABLE, "--data-dir" "DIR";
    /// The values in files that are black and white, such as 0,4095 or -1,1
    "data_range": Range, RESUMABLE, "--data-range" "BLACK,WHITE";
    /// What lies behind transparent pictures: black (the default), white or a colour such as
    /// #20c0ff
    "data_background": Text, RESUMABLE, "--background" "COLOUR";
    /// Leave pictures that cannot be read out, instead of refusing the folder; skipped.txt in the
    /// run's folder lists them
    "skip_broken": Switch, RESUMABLE, "--skip-broken" "BOOL";
    /// Square images of N×N pixels, with both networks planned for them: 16 to 256, divisible by 4
    "": Count(16, 256), FIXED, "--size" "N";
    /// Length in epochs
    "training.epochs": Count(1, 1_000_000), RESUMABLE, "--epochs" "N";
    /// Length in steps
    "training.steps": Count(1, 1_000_000_000), RESUMABLE, "--steps" "N";
    /// Real images, and generated ones, of a step
    "training.batch_size": Count(1, 16_384), FIXED, "--batch-size" "N";
    /// Values of a latent vector
    "latent.dim": Count(1, 65_536), FIXED, "--latent-dim" "N";
    /// Adam's learning rate
    "adam.lr": Number(0.0, 10.0), FIXED, "--lr" "X";
    /// Adam's decay of the first moment
    "adam.beta1": Number(0.0, 0.999_999), FIXED, "--beta1" "X";
    /// Adam's decay of the second moment
    "adam.beta2": Number(0.0, 0.999_999_9), FIXED, "--beta2" "X";
    /// Order of updates: alternating or simultaneous
    "training.order": Text, FIXED, "--order" "ORDER";
    /// Label of real images in D's loss; below 1 it is smoothed
    "training.label_real": Number(0.0, 1.0), FIXED, "--label-real" "X";
    /// Label of generated images in D's loss
    "training.label_fake": Number(0.0, 1.0), FIXED, "--label-fake" "X";
    /// Standard deviation of the noise on real images
    "training.instance_noise": Number(0.0, 10.0), FIXED, "--instance-noise" "X";
    /// The adversarial loss: non-saturating, minimax, least-squares, hinge, wasserstein or
    /// relativistic-pairing
    "objective.loss": Text, FIXED, "--loss" "LOSS";
    /// Penalise D's gradients: r1, r2, r1+r2, wgan-gp or dragan
    "objective.penalty.kind": Text, FIXED, "--penalty" "KIND";
    /// Weight of the penalty: γ of r1 and r2, λ of the others
    "objective.penalty.weight": Number(0.0, 1e6), FIXED, "--penalty-weight" "X";
    /// Updates of D for each of G
    "objective.d_steps": Count(1, 100), FIXED, "--d-steps" "N";
    /// Images that D sees together, as channels
    "objective.pack": Count(1, 64), FIXED, "--pack" "N";
    /// Sample from an average of G over this half-life
    "average.half_life_images": Number(1.0, 1e9), FIXED, "--average" "IMAGES";
    /// What judges samples: pixels, or features, which `data get` and `eval` make when asked; by
    /// default features where there are some of the data
    "judge.by": Text, FIXED, "--judge" "WHAT";
    /// Seed of everything random
    "seed": Seed, FIXED, "--seed" "S";
    /// The step at which G's schedule ends, with a rate of 0; moving it makes another run
    "generator.optimizer.schedule.end": Count(1, 1_000_000_000), RESUMABLE, "--g-schedule-end" "STEP";
    /// The same of D's schedule
    "discriminator.optimizer.schedule.end": Count(1, 1_000_000_000), RESUMABLE, "--d-schedule-end" "STEP";
    /// Any key of the configuration, such as adam.epsilon=1e-7; may be repeated
    "": Assignment, FIXED, "--set" "KEY=VALUE";
    /// When a sample grid, and a frame of the GIF, is made
    "output.sample_every": Cadence, RESUMABLE, "--sample-every" "CADENCE";
    /// When a checkpoint is saved: a cadence, or a time such as 10minutes, which changes nothing
    /// but the moments of checkpoints
    "output.checkpoint_every": CheckpointCadence, RESUMABLE, "--checkpoint-every" "CADENCE";
    /// When a loss or a tensor is no number: stop, or rollback to the last checkpoint with half the
    /// learning rate
    "training.on_nan": Text, RESUMABLE, "--on-nan" "WHAT";
    /// End the run at the first estimate of quality that passes a bound, such as fd<20,
    /// distance<0.05 or diversity>0.9; an empty one takes it away
    "training.stop_when": Text, RESUMABLE, "--stop-when" "CONDITION";
    /// End the run after N estimates of quality in a row without a better one; 0 for never
    "training.patience": Count(0, 1_000_000), RESUMABLE, "--patience" "N";
    /// Write an event file for TensorBoard to the run's folder `tensorboard` too, or, with =false,
    /// no longer
    "output.tensorboard": Switch, RESUMABLE, "--tensorboard" "BOOL";
    /// Newest checkpoints that are kept, at least 2; the best is kept besides
    "output.keep": Count(2, 1_000_000), RESUMABLE, "--keep" "N";
    /// Steps between lines of metrics.jsonl
    "output.log_every": Count(1, 1_000_000), RESUMABLE, "--log-every" "N";
    /// Rows of the sample grid
    "output.rows": Count(1, 64), FIXED, "--rows" "R";
    /// Columns of the sample grid
    "output.cols": Count(1, 64), FIXED, "--cols" "C";
    /// File name of the animation
    "output.gif": Text, FIXED, "--gif" "NAME";
    "name": Text, RESUMABLE;
    "about": Text, RESUMABLE;
    "image.height": Count(1, 4096), FIXED;
    "image.width": Count(1, 4096), FIXED;
    "image.channels": Count(1, 3), FIXED;
    "adam.epsilon": Number(1e-20, 1.0), FIXED;
    "judge.features": Text, FIXED;
    "judge.samples": Count(2, 1_000_000), FIXED;
    "init.std": Number(0.0, 10.0), FIXED;
    "objective.clip": Number(1e-6, 1e6), FIXED;
    "objective.lecam": Number(0.0, 1e6), FIXED;
    "objective.lecam_start": Count(0, 1_000_000_000), FIXED;
    "average.ramp": Number(0.0, 1.0), FIXED;
    "augment.translation": Number(0.0, 1.0), FIXED;
    "augment.cutout": Number(0.0, 1.0), FIXED;
    "augment.brightness": Number(0.0, 2.0), FIXED;
    "augment.contrast": Number(0.0, 1.0), FIXED;
    "classes.embedding": Count(1, 65_536), FIXED;
    "classes.weight": Number(0.0, 1e6), FIXED;
    "generator.optimizer.lr": Number(0.0, 10.0), FIXED;
    "generator.optimizer.beta1": Number(0.0, 0.999_999), FIXED;
    "generator.optimizer.beta2": Number(0.0, 0.999_999_9), FIXED;
    "generator.optimizer.epsilon": Number(1e-20, 1.0), FIXED;
    "discriminator.optimizer.lr": Number(0.0, 10.0), FIXED;
    "discriminator.optimizer.beta1": Number(0.0, 0.999_999), FIXED;
    "discriminator.optimizer.beta2": Number(0.0, 0.999_999_9), FIXED;
    "discriminator.optimizer.epsilon": Number(1e-20, 1.0), FIXED;
};

impl Setting {
    /// The environment variable that stands for the flag.
    pub fn variable(&self) -> String {
        format!("DCGAN_GPU_{}", self.id().to_uppercase().replace('-', "_"))
    }

    /// The flag without its hyphens.
    pub fn id(&self) -> &'static str {
        self.flag.trim_start_matches('-')
    }

    /// The value in a configuration.
    fn of<'a>(&self, config: &'a Value) -> Option<&'a Value> {
        self.key.split('.').try_fold(config, |table, name| table.get(name))
    }

    /// What is wrong with a value that lies out of range.
    fn problem(&self, value: &Value) -> Option<String> {
        let (value, low, high) = match (self.kind, value) {
            (Count(low, high), &Value::Integer(n)) => (n as f64, low.into(), high.into()),
            (Number(low, high), &Value::Float(x)) => (x, low, high),
            _ => return None,
        };
        let why = if self.key == "output.keep" { ": the newest may be broken when it is needed" } else { "" };
        (!(low..=high).contains(&value)).then(|| format!("{} = {value} is outside {low} to {high}{why}", self.key))
    }
}

/// The first value of a configuration that lies out of range: its key, and what is wrong in words.
pub(super) fn out_of_range(config: &Value) -> Option<(&'static str, String)> {
    SETTINGS.iter().find_map(|setting| Some((setting.key, setting.problem(setting.of(config)?)?)))
}

/// Changes `stored` as `newer` says, in all that a resumed run may change.
pub(super) fn update(stored: &mut Value, newer: &Value) {
    for setting in SETTINGS.iter().filter(|setting| setting.resumable) {
        let (tables, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
        let mut path = tables.split('.').filter(|table| !table.is_empty());
        let table = path.try_fold(&mut *stored, |value, table| value.get_mut(table));
        let Some(Value::Table(table)) = table else { continue };
        table.remove(name);
        setting.of(newer).and_then(|value| table.insert(name.to_string(), value.clone()));
    }
}

/// Whether a resumed run may change the value at `key`, such as `adam.lr`.
pub(super) fn is_resumable(key: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.resumable && setting.key == key)
}
