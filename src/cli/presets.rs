//! `presets`: the built-in configurations.

use crate::error::Result;
use crate::model::config::Config;
use crate::model::sources::{PRESETS, preset, preset_text};
use clap::Subcommand;

use super::{answer, print, print_json, table};

/// List the presets, or show one as TOML to start a configuration of your own from
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dcgan-gpu presets                                      their names, and what they are
  dcgan-gpu presets show stabilized > mine.toml          a configuration to change
  dcgan-gpu presets --json")]
pub struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print a preset as TOML, comments and all
    #[command(after_help = "Examples:
  dcgan-gpu presets show stabilized > mine.toml          a configuration to change
  dcgan-gpu presets show keras --json")]
    Show {
        /// The preset's name
        #[arg(value_name = "PRESET")]
        name: String,
    },
}

pub fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.verb {
        Some(Verb::Show { name }) if arguments.json => print_json(&preset(name)?),
        Some(Verb::Show { name }) => {
            print(preset_text(name)?.trim_end());
            Ok(())
        }
        None => {
            let presets = PRESETS.iter().map(|(name, _)| preset(name)).collect::<Result<Vec<_>>>()?;
            let row = |preset: Config| vec![preset.name, preset.about];
            answer(arguments.json, presets, |all| table::lines(&all.into_iter().map(row).collect::<Vec<_>>()))
        }
    }
}
