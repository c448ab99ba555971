//! Draws a grid of digits from the newest checkpoint of a run, such as the one that the example
//! `train` left.
//!
//! `cargo run --release --example sample -- runs/example grid.png`

use std::path::PathBuf;

use dcgan_gpu::{Choice, Device, Error, Generator, Overwrite, Result, checkpoints, fixed_latents, grid, save_png};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let run = arguments.next().unwrap_or_else(|| "runs/example".into());
    let out = arguments.next().unwrap_or_else(|| "grid.png".into());

    let found = checkpoints::newest(&run)?;
    let checkpoint = found.ok_or_else(|| Error::checkpoint("the run has no checkpoint"))?.checkpoint;
    let config = &checkpoint.metadata.config;

    let mut generator = Generator::new(&Device::open("auto")?, config, &checkpoint.tensors, Choice::Best)?;
    // The same seed gives the same latents, and a latent the same image, whatever is drawn beside
    // it.
    let images = generator.generate(&fixed_latents(config, 7, 64), &config.classes_in_turn(64, 8))?;
    save_png(&grid(&images, 8, 8), &out, Overwrite::Always)?;
    println!("{} images of step {}: {}", images.count, checkpoint.metadata.step, out.display());
    Ok(())
}
