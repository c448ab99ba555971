//! The flags that shape a configuration, the same for every verb that takes one.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::data::range::Range;
use crate::error::{Error, Result};
use crate::model::cadence::{Cadence, CheckpointCadence};
use crate::model::config::Config;
use crate::model::origins::Origin;
use crate::model::settings::{SETTINGS, Setting, SettingKind};
use crate::model::sources::{DEFAULT_PRESET, Merge, in_turns};
use clap::builder::{BoolValueParser, PathBufValueParser, StringValueParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, ValueHint, value_parser};
use serde::Serialize;
use toml::Value;

use super::checkpoint::{self, Chosen};

/// The flags of `bench` among those of [`SETTINGS`].
const OF_BENCH: [&str; 4] = ["--preset", "--config", "--batch-size", "--set"];

/// The argument of the checkpoint that `--from` means.
const BEST: &str = "best";

/// A preset or a file, and what changes in it: by the flags of [`SETTINGS`], all or those of
/// `bench`, and by the environment.
#[derive(Debug)]
pub struct Settings<const ALL: bool = true>(ArgMatches);

impl<const ALL: bool> Settings<ALL> {
    fn flags() -> impl Iterator<Item = &'static Setting> {
        SETTINGS.iter().filter(|s| if ALL { !s.flag.is_empty() } else { OF_BENCH.contains(&s.flag) })
    }

    /// What is given, in the order of help.
    fn given(&self) -> impl Iterator<Item = &'static Setting> {
        Self::flags().filter(|setting| self.0.contains_id(setting.id()))
    }

    /// Whether `flag`, or its variable, is given.
    pub fn give(&self, flag: &str) -> bool {
        self.given().any(|setting| setting.flag == flag)
    }

    /// A flag that is given, and that a resumed run cannot take.
    pub fn fixed(&self) -> Option<&'static str> {
        self.given().find(|setting| !setting.resumable).map(|setting| setting.flag)
    }

    /// The preset, the file or the other run that everything starts from; of a run also the
    /// checkpoint.
    pub fn base(&self, say: &mut dyn FnMut(&str)) -> Result<(Merge, Option<Chosen>)> {
        let preset = self.0.get_one("preset").and_then(Value::as_str);
        match (self.0.get_one::<PathBuf>("config"), preset, self.from()) {
            (Some(file), ..) => Ok((Merge::from_file(file)?, None)),
            (None, None, Some(from)) => {
                let chosen = self.choose(from, say)?;
                let mut config = chosen.checkpoint.metadata.config.clone();
                config.unsettle();
                Ok((Merge::from_checkpoint(&config, &chosen.path)?, Some(chosen)))
            }
            (None, preset, _) => Ok((Merge::new(preset.unwrap_or(DEFAULT_PRESET))?, None)),
        }
    }

    /// The configuration that all of it comes to, and the checkpoint whose weights it begins with,
    /// if any. `say` is told of newer ones that cannot be used.
    pub fn resolve(&self, say: &mut dyn FnMut(&str)) -> Result<(Merge, Option<Chosen>)> {
        let (base, chosen) = self.base(say)?;
        let mut merge = self.changed(base)?;
        let Some(from) = merge.from().map(Path::to_path_buf) else { return Ok((merge, None)) };
        let origin = merge.origins().of("from").clone();
        let mut chosen = match chosen.filter(|_| self.from() == Some(&from)) {
            Some(chosen) => chosen,
            None => self.choose(&from, say).map_err(|e| e.clone().reworded(format!("{e} ({origin})")))?,
        };
        // The file itself: a run goes on to other checkpoints.
        chosen.path = std::path::absolute(&chosen.path).map_err(|e| Error::io("find", &from, &e))?;
        let text = utf8(chosen.path.clone()).map_err(|e| Error::usage(format!("--from {}: {e}", from.display())))?;
        merge.set(&["from"], text, origin)?;
        Ok((merge, Some(chosen)))
    }

    /// What a command comes to that is given again for a run that is there, and has `stored`: the
    /// weights that it began with are not looked for again, and where its settings came with them
    /// they are its own by now, which is told too.
    pub fn again(&self, stored: &Config) -> Result<(Config, bool)> {
        let has_own_base = ["preset", "config"].iter().any(|id| self.0.contains_id(id));
        let are_its_own = self.from().is_some() && !has_own_base;
        let base = if are_its_own { Merge::from_run(stored)? } else { self.base(&mut |_| {})?.0 };
        Ok((self.apply(base)?, are_its_own))
    }

    /// What `--from` names.
    fn from(&self) -> Option<&Path> {
        let from = ALL.then(|| self.0.get_one("from")).flatten();
        from.and_then(Value::as_str).map(Path::new)
    }

    fn choose(&self, named: &Path, say: &mut dyn FnMut(&str)) -> Result<Chosen> {
        checkpoint::choose(named, ALL && self.0.get_flag(BEST), say)
    }

    /// `merge`, changed by flags and environment, then by `--set`.
    fn changed(&self, mut merge: Merge) -> Result<Merge> {
        let settings = self.given().filter(|setting| !setting.key.is_empty()).map(Change::Setting);
        let assignments = self.0.get_many::<String>("set").into_iter().flatten();
        let changes = settings.chain(assignments.map(|assignment| Change::Assignment(assignment))).collect();
        in_turns(changes, |change| match change {
            Change::Assignment(assignment) => merge.set_text(assignment),
            Change::Setting(setting) => {
                let Some(value) = self.0.get_one::<Value>(setting.id()) else { return Ok(()) };
                let path: Vec<_> = setting.key.split('.').collect();
                let (name, origin) = self.source(setting);
                merge.set(&path, value.clone(), origin).map_err(|e| Error::usage(format!("{name}: {e}")))
            }
        })?;
        self.plan(&mut merge)?;
        Ok(merge)
    }

    /// Plans the networks for `--size`, where it is given: they follow from all other values.
    fn plan(&self, merge: &mut Merge) -> Result<()> {
        let Some(setting) = self.given().find(|setting| setting.flag == "--size") else { return Ok(()) };
        let size = self.0.get_one::<Value>(setting.id()).and_then(Value::as_integer).unwrap_or_default();
        let (name, origin) = self.source(setting);
        let size = u32::try_from(size).unwrap_or_default();
        merge.plan(size, &origin).map_err(|e| Error::usage(format!("{name}: {e}")))
    }

    /// What gives a setting its value, for messages and as the value's origin.
    fn source(&self, setting: &Setting) -> (String, Origin) {
        match self.0.value_source(setting.id()) {
            Some(ValueSource::EnvVariable) => (setting.variable(), Origin::Environment(setting.variable())),
            _ => (setting.flag.to_string(), Origin::Flag(setting.flag)),
        }
    }

    /// The configuration that [`Settings::changed`] makes of `merge`.
    pub fn apply(&self, merge: Merge) -> Result<Config> {
        self.changed(merge)?.finish()
    }
}

/// What the command line or the environment changes.
enum Change<'a> {
    /// A flag, or a variable.
    Setting(&'static Setting),
    /// A `--set`.
    Assignment(&'a str),
}

impl<const ALL: bool> clap::Args for Settings<ALL> {
    fn augment_args(command: Command) -> Command {
        let heading = ALL.then_some("Configuration");
        let arguments = Self::flags().flat_map(|setting| {
            let best = (setting.flag == "--from").then(best);
            std::iter::once(argument(setting)).chain(best)
        });
        command.args(arguments.map(|argument| argument.help_heading(heading)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const ALL: bool> FromArgMatches for Settings<ALL> {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        Ok(Settings(matches.clone()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        Self::from_arg_matches(matches).map(|settings| *self = settings)
    }
}

/// The flag that chooses among the checkpoints of `--from`.
fn best() -> Arg {
    let help = "With --from RUN, the checkpoint whose samples are nearest to real images, instead of the newest";
    Arg::new(BEST).long(BEST).action(ArgAction::SetTrue).requires("from").help(help)
}

/// The flag of a setting; its value is read as what the configuration holds.
fn argument(setting: &'static Setting) -> Arg {
    let arg = Arg::new(setting.id()).long(setting.id()).value_name(setting.value).help(setting.help);
    let arg = match setting.kind {
        SettingKind::Assignment => return arg.action(ArgAction::Append),
        SettingKind::Count(..) => arg.value_parser(value_parser!(u32).map(Value::from)),
        // The parser of negative numbers knows no -1e-4.
        SettingKind::Number(..) => {
            arg.allow_hyphen_values(true).value_parser(|text: &str| text.parse().map(Value::Float))
        }
        SettingKind::Seed => {
            let seeds = value_parser!(u64).range(..=i64::MAX as u64);
            arg.value_parser(seeds.map(|seed| Value::Integer(seed as i64)))
        }
        SettingKind::Text => arg.value_parser(StringValueParser::new().map(Value::String)),
        SettingKind::Folder => arg.value_hint(ValueHint::DirPath).value_parser(PathBufValueParser::new().try_map(utf8)),
        SettingKind::File => arg.value_hint(ValueHint::FilePath).value_parser(value_parser!(PathBuf)),
        SettingKind::Cadence => arg.value_parser(parsed::<Cadence>),
        SettingKind::CheckpointCadence => arg.value_parser(parsed::<CheckpointCadence>),
        // The parser of negative numbers knows no -1,1.
        SettingKind::Range => arg.allow_hyphen_values(true).value_parser(parsed::<Range>),
        SettingKind::Switch => {
            let arg = arg.num_args(0..=1).require_equals(true).default_missing_value("true");
            arg.value_parser(BoolValueParser::new().map(Value::Boolean))
        }
    };
    let arg = arg.env(setting.variable());
    match setting.flag {
        "--data" => arg.value_hint(ValueHint::DirPath),
        "--from" => arg.value_hint(ValueHint::AnyPath),
        "--preset" => arg.conflicts_with("config"),
        "--epochs" => arg.conflicts_with("steps"),
        _ => arg,
    }
}

/// A value of a type of its own, such as a cadence, as the configuration holds it.
fn parsed<T: FromStr<Err = String> + Serialize>(text: &str) -> std::result::Result<Value, String> {
    let value: T = text.parse()?;
    Value::try_from(value).map_err(|e| e.to_string())
}

fn utf8(path: PathBuf) -> std::result::Result<Value, &'static str> {
    let text = path.into_os_string().into_string().map(Value::String);
    text.map_err(|_| "its name is not UTF-8, which the run's configuration has to be; rename the folder")
}
