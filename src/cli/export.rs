//! `export`: what other programs take from this one.

use std::path::PathBuf;

use clap::{Subcommand, ValueHint};

use super::settings::Settings;
use super::{announce, print, print_json};
use crate::engine;
use crate::error::Result;
use crate::model::sources::Merge;
use crate::output::{Overwrite, save_text};
use crate::plan::{BUNDLE_VERSION, Profile, bundle};
use crate::run::checkpoints;
use crate::run::folder::RunFolder;

/// Write out what other programs can run
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = false,
    after_help = "Examples:
  dcgan-gpu export bundle --preset quick --out bundle.json    a training step, for another executor"
)]
pub struct Arguments {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write a training step and sampling as one JSON document, which docs/bundle.md describes
    #[command(after_help = "Examples:
  dcgan-gpu export bundle --out bundle.json              the default preset
  dcgan-gpu export bundle --preset quick --batch-size 32 --out bundle.json
  dcgan-gpu export bundle --run runs/mine --out bundle.json

Kernels are those that every WebGPU implementation runs. The document holds no weights: they are in
the run's checkpoints, under the names that it lists.")]
    Bundle(Box<BundleArguments>),
}

/// The arguments of `export bundle`.
#[derive(clap::Args, Debug)]
pub struct BundleArguments {
    /// The document
    #[arg(long, value_name = "FILE.json", value_hint = ValueHint::FilePath)]
    out: PathBuf,
    /// Take the configuration of this run
    #[arg(long, value_name = "RUN", value_hint = ValueHint::DirPath, conflicts_with_all = ["preset", "config", "from"])]
    run: Option<PathBuf>,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
    /// Print what was written as JSON
    #[arg(long)]
    json: bool,
    // Last: its heading would be that of all flags after it.
    #[command(flatten)]
    settings: Settings,
}

pub fn run(Arguments { verb: Verb::Bundle(arguments) }: &Arguments, quiet: bool) -> Result<()> {
    super::checkpoint::check_extension(&arguments.out, "json", "")?;
    let config = match &arguments.run {
        None => arguments.settings.apply(arguments.settings.base(&mut announce(quiet))?.0)?,
        Some(run) => {
            let saved = checkpoints::newest(run)?.map(|found| found.checkpoint.metadata.config);
            let config = saved.map_or_else(|| RunFolder::read_config(run), Ok)?;
            arguments.settings.apply(Merge::from_run(&config)?)?
        }
    };
    let program = engine::record(&config, &Profile::PORTABLE, config.bytes_per_step())?.program;
    let text = bundle(&program).to_string();
    let overwrite = Overwrite::forced(arguments.force);
    save_text(&format!("{text}\n"), &arguments.out, overwrite)?;
    if arguments.json {
        let (bytes, plans) = (text.len() + 1, program.plans.iter().map(|plan| &plan.name).collect::<Vec<_>>());
        let out =
            serde_json::json!({ "bundle": arguments.out, "version": BUNDLE_VERSION, "bytes": bytes, "plans": plans });
        return print_json(&out);
    }
    print(&arguments.out.display().to_string());
    Ok(())
}
