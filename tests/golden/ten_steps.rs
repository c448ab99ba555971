//! Ten training steps as `tests/golden/steps.py` does them: the same parameters, images and
//! latents.

use dcgan_gpu::device::host::Interpreter;
use dcgan_gpu::engine::{self, Recording};
use dcgan_gpu::kernels::data::pack;
use dcgan_gpu::kernels::loss::RING_COLUMNS;
use dcgan_gpu::layers::LayerSpec;
use dcgan_gpu::model::checkpoint::Tensors;
use dcgan_gpu::model::config::Config;
use dcgan_gpu::model::network::Layout;
use dcgan_gpu::model::sources;
use dcgan_gpu::plan::Profile;
use dcgan_gpu::random::{Draws, split, stream};
use serde_json::Value;

/// Real images of a step.
pub const BATCH: u32 = 16;
/// Steps that were recorded.
pub const STEPS: u32 = 10;
/// Seed of parameters and latents.
const SEED: u64 = 42;
/// Stream of the images' bytes.
const IMAGES: u32 = 0x7777;

/// A preset as the golden file has it: without dropout.
pub fn config(preset: &str) -> Config {
    let mut config = sources::preset(preset).expect("there is such a preset");
    config.seed = SEED;
    config.training.batch_size = BATCH;
    config.discriminator.layers.retain(|layer| !matches!(layer, LayerSpec::Dropout(_)));
    (config.output.rows, config.output.cols) = (1, 1);
    config
}

/// The bytes of a step's real images.
pub fn images(step: u32) -> Vec<u8> {
    let image = |number| (0..49).flat_map(move |block| Draws::new(SEED, IMAGES, number).block(block));
    (step * BATCH..(step + 1) * BATCH).flat_map(image).flat_map(u32::to_le_bytes).collect()
}

/// What PyTorch recorded for a preset.
pub fn steps(preset: &str) -> Value {
    let all: Value = serde_json::from_slice(&crate::common::golden("steps.json")).expect("steps.json is JSON");
    assert_eq!((&all["seed"], &all["batch"], &all["steps"]), (&SEED.into(), &BATCH.into(), &STEPS.into()));
    all["presets"][preset].clone()
}

/// Numbers of a JSON array.
pub fn numbers(value: &Value) -> Vec<f64> {
    let array = value.as_array().expect("an array");
    array.iter().map(|number| number.as_f64().expect("a number")).collect()
}

/// The f64 twins in training.
pub struct Double {
    /// The preset.
    pub config: Config,
    /// Its networks.
    pub layouts: [Layout; 2],
    recorded: Recording,
    cpu: Interpreter<f64>,
}

impl Double {
    /// Places a preset with its initial parameters.
    pub fn new(preset: &str) -> Self {
        let config = config(preset);
        let layouts = config.layouts().expect("the preset is valid");
        let bytes = u64::from(config.image.values() * BATCH);
        let recorded = engine::record(&config, &Profile::HOST, bytes).unwrap();
        let mut cpu = Interpreter::new(&recorded.program);
        for (view, values) in engine::initial(&recorded.program, SEED) {
            cpu.floats_mut(view).copy_from_slice(&crate::common::wide(&values));
        }
        Double { config, layouts, recorded, cpu }
    }

    /// The flat parameters of the generator, 0, or the discriminator, 1.
    pub fn parameters(&self, network: usize) -> &[f64] {
        let gan = &self.recorded.gan;
        self.cpu.floats([&gan.generator, &gan.discriminator][network].state.parameters)
    }

    /// Runs a step and returns both losses, and the flat gradients of [generator, discriminator] as
    /// Adam gets them.
    pub fn step(&mut self, step: u32) -> ([f64; 2], [Vec<f64>; 2]) {
        let inputs = self.recorded.gan.inputs.clone();
        let part = inputs.parts[0];
        let mut latents = vec![0.0; part.latents.len as usize];
        Draws::new(SEED, stream::LATENTS, step).fill_normal(&mut latents);
        self.cpu.floats_mut(part.latents).copy_from_slice(&crate::common::wide(&latents));
        let [rate, correction] = self.config.adam.rates(step + 1).map(f32::to_bits);
        let [low, high] = split(SEED);
        let words = vec![low, high, step, rate, correction, rate, correction, 0];
        self.cpu.write(inputs.step, &words);
        self.cpu.write(part.indices, &(0..BATCH).collect::<Vec<_>>());
        self.cpu.write(inputs.images, &pack(&images(step)));
        let gan = &self.recorded.gan;
        let [g, d] = [&gan.generator.optimizer, &gan.discriminator.optimizer];
        let mut gradients = [Vec::new(), Vec::new()];
        for dispatch in self.recorded.program.step_dispatches() {
            for (gradient, optimizer) in gradients.iter_mut().zip([g, d]) {
                if dispatch.kernel.name == "adam/update" && dispatch.bindings["g"] == optimizer.g {
                    *gradient = self.cpu.floats(optimizer.g).to_vec();
                }
            }
            self.cpu.dispatch(dispatch);
        }
        let row = &self.cpu.floats(inputs.ring)[(step * RING_COLUMNS) as usize..];
        ([row[0] + row[2], row[4]], gradients)
    }

    /// Everything that carries over to the next step, rounded to f32.
    pub fn state(&self) -> Tensors {
        let mut tensors = Tensors::default();
        for stored in &self.recorded.program.stored {
            let rounded: Vec<_> = self.cpu.floats(stored.view).iter().map(|&value| value as f32).collect();
            tensors.insert(stored, &rounded);
        }
        tensors
    }
}
