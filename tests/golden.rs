//! Ten training steps beside PyTorch's: the losses of `tests/golden/steps.json`, made by `tests/golden/steps.py`.

use dcgan_gpu::device::cpu::{Cpu, Memory};
use dcgan_gpu::device::{Device, Profile};
use dcgan_gpu::kernels::data::pack;
use dcgan_gpu::layers::spec::LayerSpec;
use dcgan_gpu::model::config::Config;
use dcgan_gpu::model::sources;
use dcgan_gpu::random::{Draws, split, stream};
use dcgan_gpu::train::engine::{self, Batch, Engine, STEP_PLAN};
use serde_json::Value;

const BATCH: u32 = 16;
const SEED: u64 = 42;
const IMAGES: u32 = 0x7777;

fn config(preset: &str) -> Config {
    let mut config = sources::preset(preset).unwrap();
    config.seed = SEED;
    config.training.batch_size = BATCH;
    config.discriminator.layers.retain(|layer| !matches!(layer, LayerSpec::Dropout { .. }));
    config
}

fn images(step: u32) -> Vec<u8> {
    let image = |number| (0..49).flat_map(move |block| Draws::new(SEED, IMAGES, number).block(block));
    (step * BATCH..(step + 1) * BATCH).flat_map(image).flat_map(u32::to_le_bytes).collect()
}

fn golden(preset: &str) -> Value {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/steps.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    all["presets"][preset].clone()
}

fn run(device: &Device, preset: &str) {
    let config = config(preset);
    let layouts = config.layouts().unwrap();
    let mut engine = Engine::new(device, &config, &layouts, None).unwrap();
    let golden = golden(preset);
    for step in 0..10 {
        engine.step(step, Batch::Bytes(&images(step))).unwrap();
        let l = engine.losses(step, step + 1).unwrap()[0];
        let g = &golden["float64"][step as usize];
        let f = &golden["float32"][step as usize];
        println!(
            "{step} {:?} rel {:.1e} {:.1e} torch {:.1e} {:.1e}",
            l,
            (l.d_loss as f64 / g["d_loss"].as_f64().unwrap() - 1.0),
            (l.g_loss as f64 / g["g_loss"].as_f64().unwrap() - 1.0),
            (f["d_loss"].as_f64().unwrap() / g["d_loss"].as_f64().unwrap() - 1.0),
            (f["g_loss"].as_f64().unwrap() as f64 / g["g_loss"].as_f64().unwrap() - 1.0)
        );
    }
}

#[test]
fn host() {
    for p in ["tf-tutorial", "pytorch"] {
        run(&Device::Cpu, p);
    }
}
#[test]
fn lavapipe() {
    let d = Device::open("llvmpipe").unwrap();
    for p in ["tf-tutorial", "pytorch"] {
        let t = std::time::Instant::now();
        run(&d, p);
        println!("{:?}", t.elapsed());
    }
}

#[test]
fn double() {
    for preset in ["tf-tutorial", "pytorch"] {
        let config = config(preset);
        let layouts = config.layouts().unwrap();
        let bytes = u64::from(config.image_shape().values() * BATCH);
        let recorded = engine::record(&config, &layouts, &Profile::CPU, bytes).unwrap();
        let mut cpu = Cpu::<f64>::new(&recorded.program);
        let (gan, inputs) = (&recorded.gan, recorded.gan.inputs);
        for (n, state) in (0..).zip([&gan.g_state, &gan.d_state]) {
            let initial = layouts[n as usize].parameters.initial(&config.init, SEED, n);
            for (to, from) in cpu.floats_mut(state.parameters).iter_mut().zip(initial) {
                *to = from.into();
            }
        }
        let golden = golden(preset);
        for step in 0..10_u32 {
            let mut latents = vec![0.0_f32; inputs.latents.len as usize];
            Draws::new(SEED, stream::LATENTS, step).fill_normal(&mut latents);
            for (to, from) in cpu.floats_mut(inputs.latents).iter_mut().zip(latents) {
                *to = from.into();
            }
            let [r, c] = config.adam.rates(step + 1).map(f32::to_bits);
            let [lo, hi] = split(SEED);
            *cpu.memory_mut(inputs.step.tensor) = Memory::Words(vec![lo, hi, step, r, c, r, c, 0]);
            *cpu.memory_mut(inputs.indices.tensor) = Memory::Words((0..BATCH).collect());
            *cpu.memory_mut(inputs.images.tensor) = Memory::Words(pack(&images(step)));
            cpu.run(&recorded.program.plans[STEP_PLAN]);
            let ring = &cpu.floats(inputs.ring)[step as usize * 8..][..6];
            let g = &golden["float64"][step as usize];
            println!(
                "{step} {:.2e} {:.2e}",
                (ring[0] + ring[2]) / g["d_loss"].as_f64().unwrap() - 1.0,
                ring[4] / g["g_loss"].as_f64().unwrap() - 1.0
            );
        }
    }
}
