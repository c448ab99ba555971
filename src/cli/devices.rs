//! `devices`: what can compute.

use crate::device::{self, Description};
use crate::error::Result;

use super::{answer, table};

/// List what can compute: adapters, and the processor
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dcgan-gpu devices                                      the first column is what --device takes
  dcgan-gpu devices --json")]
pub struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let row = |d: Description| {
        let binding = format!("{} MiB", d.max_binding_bytes >> 20);
        vec![d.choose, d.name, d.kind.to_string(), d.api, binding, d.driver]
    };
    let header = ["--device", "name", "kind", "API", "largest binding", "driver"];
    answer(arguments.json, device::list(), |devices| table::with_header(&header, devices.into_iter().map(row)))
}
