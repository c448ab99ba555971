//! Times training steps of a preset: `cargo bench --bench step -- --preset pytorch --batch-size 128 --device cpu`.
//!
//! It runs what `train` runs, on a batch that is already on the device, and waits for the end of every step. Prints one
//! line of JSON, like `benches/peers/pytorch_step.py`, so that `benches/peers/compare.py` can run both in turn.

use std::time::Instant;

use clap::Parser;
use dcgan_gpu::device::Device;
use dcgan_gpu::error::Result;
use dcgan_gpu::model::sources::preset;
use dcgan_gpu::train::engine::{Batch, Engine};

#[derive(Parser)]
struct Options {
    #[arg(long, default_value = "pytorch")]
    preset: String,
    #[arg(long, default_value_t = 128)]
    batch_size: u32,
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Steps to measure.
    #[arg(long, default_value_t = 20)]
    steps: u32,
    /// Steps before the measured ones.
    #[arg(long, default_value_t = 3)]
    warmup: u32,
    /// Passed by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let mut config = preset(&options.preset)?;
    config.training.batch_size = options.batch_size;
    let device = Device::open(&options.device)?;
    let layouts = config.layouts()?;
    let images: Vec<u8> = (0..config.image_shape().values() * options.batch_size)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut engine = Engine::new(&device, &config, &layouts, Some(&images))?;
    let indices: Vec<u32> = (0..options.batch_size).collect();
    let mut seconds = Vec::new();
    for step in 0..options.warmup + options.steps {
        let start = Instant::now();
        engine.step(step, Batch::Resident(&indices))?;
        engine.losses(step, step + 1)?;
        if step >= options.warmup {
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    let result = serde_json::json!({
        "engine": "dcgan-gpu",
        "device": device.name(),
        "preset": options.preset,
        "batch_size": options.batch_size,
        "median_s": median,
        "min_s": seconds[0],
        "images_per_s": f64::from(options.batch_size) / median,
    });
    println!("{result}");
    Ok(())
}
