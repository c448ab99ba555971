//! Networks of one's own: layers are lines of TOML that change a preset, checked before anything
//! runs.
//!
//! `cargo run --release --example custom_network`

use std::path::Path;

use dcgan_gpu::{Batch, DataSet, Device, Engine, Merge, Result};

const MINE: &str = r#"
preset = "quick"
image = { height = 16, width = 16, channels = 1 }

[training]
batch_size = 16

[generator]
layers = [
    { type = "dense", shape = [4, 4, 32] },
    { type = "silu" },
    { type = "conv_transpose", channels = 16, kernel = 4, stride = 2, padding = 1 },
    { type = "silu" },
    { type = "conv_transpose", channels = 1, kernel = 4, stride = 2, padding = 1 },
    { type = "tanh" },
]

[discriminator]
layers = [
    { type = "conv", channels = 16, kernel = 4, stride = 2, padding = 1 },
    { type = "leaky_relu", slope = 0.2 },
    { type = "conv", channels = 32, kernel = 4, stride = 2, padding = 1 },
    { type = "softplus" },
    { type = "dense", units = 1 },
]
"#;

fn main() -> Result<()> {
    // The path stands in messages: a mistake is named with line, column and the nearest known key.
    let config = Merge::from_text(MINE, Path::new("mine.toml"))?.finish()?;
    for layout in config.layouts()? {
        println!("{}: {} parameters", layout.name, layout.parameters.count());
        for (layer, input) in &layout.layers {
            println!("    {input} -> {}", layer.name());
        }
    }

    let data = DataSet::open("strokes", None, config.image, config.seed)?;
    let mut engine = Engine::new(&Device::open("auto")?, &config, None)?;
    let batch = config.training.batch_size;
    let mut images = vec![0; batch as usize * config.image.bytes()];
    for step in 0..50 {
        let indices: Vec<u32> = (step * batch..(step + 1) * batch).collect();
        data.fill(0, &indices, &mut images);
        engine.step(step, Batch::Bytes(&images))?;
    }
    println!("step 50: {:?}", engine.losses(49, 50)?);
    Ok(())
}
