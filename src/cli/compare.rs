//! `compare`: runs side by side.

use std::path::PathBuf;

use crate::error::Result;
use crate::report::{Run, compare};
use clap::ValueHint;

use super::{answer, table};

/// Show runs side by side: how they went, and the settings in which they differ
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Losses and D(x) are those of the last record, and the means of the last 100 records. The best sample
grid is the one whose sliced Wasserstein distance to real images is least; beside it its diversity,
1 being that of the data. Where features judged the runs, so is that of the least Fréchet distance,
unless they are not the same features or not as many samples: then it cannot be compared.

Examples:
  dcgan-gpu compare runs/mine runs/other
  dcgan-gpu compare runs/* --json"
)]
pub struct Arguments {
    /// Run folders
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath, required = true, num_args = 2..)]
    runs: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let runs = arguments.runs.iter().map(|run| Run::read(run)).collect::<Result<Vec<_>>>()?;
    answer(arguments.json, compare::compare(&runs), |comparison| table::lines_to_the_left(&comparison.table()))
}
