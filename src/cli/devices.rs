//! `devices`: what can compute.

use crate::device;
use crate::error::Result;

use super::{print, print_json, table};

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
    let devices = device::list();
    if arguments.json {
        return print_json(&devices);
    }
    let header = ["--device", "name", "kind", "API", "largest binding", "driver"];
    let rows = devices.into_iter().map(|d| {
        let binding = format!("{} MiB", d.max_binding_bytes >> 20);
        vec![d.choose, d.name, d.kind.to_string(), d.api, binding, d.driver]
    });
    table::with_header(&header, rows).iter().for_each(|line| print(line));
    Ok(())
}
