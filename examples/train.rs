//! Trains the preset `quick` on built-in digits into the folder `runs/example`: what `dcgan-gpu
//! train` does, from Rust.
//!
//! `cargo run --release --example train -- 100`, the number being that of steps.

use std::path::Path;

use dcgan_gpu::{Claim, DataSet, Device, Observer, Progress, Result, Stop, Trainer, Tune, preset};

/// Prints what a run tells.
struct Printer;

impl Observer for Printer {
    fn progress(&mut self, progress: &Progress) {
        println!("step {} of {}: {:?}", progress.record.step, progress.total_steps, progress.record.values);
    }

    fn sample(&mut self, path: &Path) {
        println!("samples: {}", path.display());
    }

    fn checkpoint(&mut self, path: &Path) {
        println!("checkpoint: {}", path.display());
    }

    fn notice(&mut self, line: &str) {
        println!("{line}");
    }
}

fn main() -> Result<()> {
    let mut config = preset("quick")?;
    config.training.steps = Some(std::env::args().nth(1).and_then(|steps| steps.parse().ok()).unwrap_or(400));

    let data = DataSet::open(&config.data, None, config.image, config.seed)?;
    let device = Device::open("auto")?;
    // `true` replaces a run that is there; nothing is touched before the device is ready.
    let claim = Claim::new_run(Path::new("runs/example"), true)?;
    let tune = Tune { wanted: true, announce: &mut |line| println!("{line}") };

    // A `Stop` can be set from anywhere, such as a signal's handler: the run then saves and ends.
    let outcome = Trainer::start(config, data, device, claim, tune)?.run(&mut Printer, &Stop::default())?;
    println!("{} steps in {:.1} s: {}", outcome.steps, outcome.seconds, outcome.run.display());
    Ok(())
}
