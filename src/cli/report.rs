//! `report`: one page about a run.

use std::path::PathBuf;

use crate::error::Result;
use crate::output::Overwrite;
use crate::report::{Run, write_report};
use clap::ValueHint;

use super::answer;

/// Write one HTML file about a run: curves, sample grids, animation, settings; needs no network
#[derive(clap::Args, Debug)]
#[command(
    after_help = "The run may be finished, going on, or left behind. The page is the run's report.html, unless --out
names another; a report that is there is replaced. Prints the file's name.

Examples:
  dcgan-gpu report runs/mine                             writes runs/mine/report.html
  dcgan-gpu report runs/mine --out mine.html --json"
)]
pub struct Arguments {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    run: PathBuf,
    /// The page; by default report.html in the run folder
    #[arg(long, value_name = "FILE.html", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
    /// Replace a file that is no report
    #[arg(long)]
    force: bool,
    /// Print what was written as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    if let Some(out) = &arguments.out {
        super::checkpoint::check_extension(out, "html", "")?;
    }
    let overwrite = Overwrite::forced(arguments.force);
    let written = write_report(&Run::read(&arguments.run)?, arguments.out.as_deref(), overwrite)?;
    answer(arguments.json, written, |written| vec![written.report.display().to_string()])
}
