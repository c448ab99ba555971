//! `selftest`: does this device compute what the twins compute?

use std::io::IsTerminal;

use crate::error::{Error, Result};
use crate::selftest;
use indicatif::ProgressBar;

use super::{DeviceChoice, answer};

/// Check every kernel, and one step of every preset, on a device against the host's twins
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Runs each kernel at awkward sizes, then a training step of every preset, and compares after every dispatch
with the f64 twin that is given the device's own inputs. `ratio` is the worst error as a part of its bound;
`unused` kernels are made for other kinds of device. Ends with exit code 6 if anything is wrong.

Examples:
  dcgan-gpu selftest                                     the device that `train` would take
  dcgan-gpu selftest --device 0 --json"
)]
pub struct Arguments {
    #[command(flatten)]
    device: DeviceChoice,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, quiet: bool) -> Result<()> {
    let device = arguments.device.open(quiet)?;
    let spinner =
        if quiet || !std::io::stderr().is_terminal() { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    let summary = selftest::run(&device, |row| {
        spinner.set_message(format!("{}: {}", row.case, row.kernel));
        spinner.tick();
    })?;
    spinner.finish_and_clear();
    answer(arguments.json, &summary, |summary| vec![summary.to_string()])?;
    match summary.failures.first() {
        None => Ok(()),
        Some(first) => Err(Error::device(format!(
            "{} computes wrong results: {first}; update its driver, or use another --device",
            summary.device
        ))),
    }
}
