//! `config`: what a configuration resolves to, and where each value comes from.

use std::collections::BTreeMap;

use crate::error::{Error, Kind, Result};
use clap::Subcommand;

use super::settings::Settings;
use super::{announce, print, print_json};

/// Show what presets, files, environment and flags resolve to
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = false,
    after_help = "Examples:
  dcgan-gpu config show                                  what `train` would run
  dcgan-gpu config show --preset keras --lr 1e-4 --set adam.beta2=0.99
  dcgan-gpu config show --config mine.toml --json        values, and the origin of each

A flag wins over the environment (DCGAN_GPU_LR for --lr), the environment over the file, the file
over the preset; --set wins over all."
)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the resolved configuration as TOML for --config, each value with where it comes from
    ///
    /// Takes the flags of `train` that shape a run, and checks what `train` would check before it
    /// opens data or device.
    #[command(after_help = "Examples:
  dcgan-gpu config show --preset quick > mine.toml       a file to start from
  dcgan-gpu config show --config mine.toml --epochs 5    is it right, and complete?
  dcgan-gpu config show --json")]
    Show(Box<Show>),
}

/// The arguments of `config show`.
#[derive(clap::Args, Debug)]
struct Show {
    /// Print JSON: `config` with all values, `origins` with where each comes from
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

pub fn run(arguments: &Arguments, quiet: bool) -> Result<()> {
    let Verb::Show(show) = &arguments.verb;
    let (merge, _) = show.settings.resolve(&mut announce(quiet))?;
    let origins = merge.origins().clone();
    let config = merge.finish()?;
    config.layouts()?;
    let text = toml::to_string(&config).map_err(|e| Error::new(Kind::Other, format!("TOML: {e}")))?;
    if show.json {
        let origins: BTreeMap<_, _> =
            origins.list(&text).into_iter().map(|(key, origin)| (key, origin.to_string())).collect();
        return print_json(&serde_json::json!({ "config": config, "origins": origins }));
    }
    print(origins.annotate(&text).trim_end());
    Ok(())
}
