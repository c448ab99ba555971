//! dcgan-gpu beside PyTorch: layers with their gradients, and ten training steps. `tests/golden/`
//! has PyTorch's numbers and the scripts that make them. Beside them, checkpoints of every version
//! of the format.

mod checkpoints;
#[path = "../common/mod.rs"]
mod common;
mod features;
mod objectives;
mod ten_steps;

use common::{assert_close, golden, largest, wide};
use dcgan_gpu::device::Device;
use dcgan_gpu::device::host::Interpreter;
use dcgan_gpu::engine::{self, Batch, Engine};
use dcgan_gpu::kernels::loss::adversarial::{self, Logits, NON_SATURATING};
use dcgan_gpu::kernels::loss::{LossOf, RING_COLUMNS, RING_ROWS};
use dcgan_gpu::model::columns::{D_LOSS, G_LOSS};
use dcgan_gpu::plan::{LinearFamily, Profile, Program, Recorder, Role, View};
use dcgan_gpu::selftest::layer::{BACKWARD, FORWARD, LayerProgram, parse_layers, set, step_words};
use dcgan_gpu::shape::Shape;
use safetensors::SafeTensors;
use serde_json::Value;
use ten_steps::{Double, STEPS, config, images, numbers, steps};

/// The layers' golden file: its bytes, and the description of each case.
fn layer_cases() -> (Vec<u8>, serde_json::Map<String, Value>) {
    let bytes = golden("layers.safetensors");
    let (_, header) = SafeTensors::read_metadata(&bytes).expect("a safetensors file");
    let text = &header.metadata().as_ref().expect("it has metadata")["cases"];
    let cases = serde_json::from_str(text).expect("the cases are JSON");
    (bytes, cases)
}

fn tensor(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let tensor = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// What runs a layer program's training plans and gives a view's values back.
trait Executor {
    fn run(&mut self, plan: usize);
    fn read(&mut self, view: View) -> Vec<f64>;
}

struct Doubles<'a>(Interpreter<f64>, &'a Program);

impl Executor for Doubles<'_> {
    fn run(&mut self, plan: usize) {
        self.0.run(&self.1.plans[plan]);
    }
    fn read(&mut self, view: View) -> Vec<f64> {
        self.0.floats(view).to_vec()
    }
}

impl Executor for Box<dyn dcgan_gpu::device::Session> {
    fn run(&mut self, plan: usize) {
        self.as_mut().run(&[plan]).expect("the device works");
    }
    fn read(&mut self, view: View) -> Vec<f64> {
        wide(&self.read_floats(view).expect("the device works"))
    }
}

/// Runs every layer of the file for `profile` and compares output, gradients and running
/// statistics, each within `tolerance` of its largest value.
fn check_layers(profile: &Profile, tolerance: f64, execute: impl Fn(&Program) -> Box<dyn Executor + '_>) {
    let (bytes, cases) = layer_cases();
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let mut compared = 0;
    for (name, case) in cases.iter().filter(|(name, _)| !name.starts_with("bce")) {
        let [height, width, channels] = [0, 1, 2].map(|axis| case["input"][axis].as_u64().expect("a size") as u32);
        let batch = case["batch"].as_u64().expect("a size") as u32;
        let layers = parse_layers(&[case["layer"].as_str().expect("a layer")]).expect("a valid layer");
        let mut layer = LayerProgram::new(profile, Shape { height, width, channels }, batch, &layers).expect("it fits");
        let golden = |what: &str| tensor(&file, &format!("{name}/{what}"));
        let mut parameters = vec![0.0; layer.state.parameters.len as usize];
        let mut expected = Vec::new();
        for slot in &layer.layout.parameters.slots {
            let what = match slot.variable.name {
                "weight" => "w",
                "bias" => "b",
                other => other,
            };
            let view = slot.view(layer.gradients());
            parameters[view.offset as usize..][..view.len as usize].copy_from_slice(&golden(what));
            expected.push((format!("d{what}"), view));
        }
        let words = parameters.len();
        set(&mut layer.program, layer.state.parameters, parameters);
        let gradients = layer.gradients();
        set(&mut layer.program, gradients, vec![0.0; words]);
        set(&mut layer.program, layer.x, golden("x"));
        set(&mut layer.program, layer.dy, golden("dy"));
        if let Some(slot) = layer.layout.state.slots.first() {
            let kept = layer.state.kept;
            let initial = engine::initial(&layer.program, 0).into_iter().find(|(view, _)| view.tensor == kept.tensor);
            set(&mut layer.program, kept, initial.expect("it is stored").1);
            let features = slot.variable.shape[1];
            for (what, offset) in [("running_mean", 0), ("running_var", features)] {
                expected.push((what.to_string(), View { offset, len: features, ..kept }));
            }
        }
        expected.extend([("y".to_string(), layer.y), ("dx".to_string(), layer.dx)]);
        let mut executor = execute(&layer.program);
        executor.run(FORWARD);
        executor.run(BACKWARD);
        for (what, view) in expected {
            let expected = wide(&golden(&what));
            let got = executor.read(view);
            assert_close(&format!("{name}/{what}"), &got, &expected, |_| tolerance * largest(&expected));
            compared += 1;
        }
    }
    assert!(compared > 100, "only {compared} tensors were compared");
}

/// PyTorch computed in f64 and stored f32: 6e-8 of each value; our constants (ε, slopes) are f32
/// too.
#[test]
fn layers_in_f64() {
    check_layers(&Profile::HOST, 2e-7, |program| Box::new(Doubles(Interpreter::new(program), program)));
}

#[test]
fn layers_on_every_device() {
    for device in common::devices() {
        let mut families = vec![device.profile().family, LinearFamily::Tile];
        families.dedup();
        for family in families {
            let profile = Profile { family, ..device.profile() };
            check_layers(&profile, 2e-6, |program| Box::new(device.load(program.clone()).expect("it loads")));
        }
    }
}

/// The golden case has a label for each logit, the kernel one for a batch: so each logit is a batch
/// of its own.
#[test]
fn binary_cross_entropy() {
    let (bytes, _) = layer_cases();
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let [logits, targets, dlogits] =
        ["logits", "targets", "dlogits"].map(|what| tensor(&file, &format!("bce_soft/{what}")));
    let count = logits.len() as f64;
    let (mut loss, mut gradient) = (0.0, Vec::new());
    for (&logit, &target) in logits.iter().zip(&targets) {
        let mut program = Program::default();
        let step = step_words(&mut program, 0);
        let [l, dl] = ["logits", "dlogits"].map(|label| program.floats(label, Role::Scratch, 1));
        let ring = program.floats("ring", Role::LossRing, (RING_ROWS * RING_COLUMNS).into());
        set(&mut program, l, vec![logit]);
        let mut recorder = Recorder::new(&Profile::HOST);
        let views = Logits { logits: l, others: l, step, dlogits: dl, ring };
        adversarial::record(&mut recorder, &NON_SATURATING, target, LossOf::Real, 1, views);
        let mut cpu = Interpreter::<f64>::new(&program);
        cpu.run(&recorder.finish().unwrap());
        loss += cpu.floats(ring)[0] / count;
        gradient.push(cpu.floats(dl)[0] / count);
    }
    let expected = wide(&tensor(&file, "bce_soft/loss"));
    assert_close("bce_soft/loss", &[loss], &expected, |_| 1e-7 * expected[0]);
    assert_close("bce_soft/dlogits", &gradient, &wide(&dlogits), |_| 1e-8);
}

const PRESETS: [&str; 2] = ["tf-tutorial", "pytorch"];

/// The first values of every parameter are those that the golden file's training starts from.
#[test]
fn initial_parameters() {
    for preset in PRESETS {
        let double = Double::new(preset);
        for row in steps(preset)["parameters"].as_array().expect("an array") {
            let (network, slot, flat) = parameter(&double, row);
            let own = &double.parameters(network)[slot.clone()];
            let expected = numbers(&row["first"]);
            // `numpy` and `libm` differ in the last bit of f64 at most, which f32 rounding passes
            // on now and then.
            assert_close(&format!("{preset} {flat}"), &own[..expected.len()], &expected, |_| 1e-8);
            let sum = row["sum"].as_f64().expect("a number");
            assert_close(&format!("{preset} {flat}: sum"), &[own.iter().sum()], &[sum], |_| 1e-6 * (1.0 + sum.abs()));
        }
    }
}

/// A row's network, the range of its parameter in the flat tensor, and its name.
fn parameter(double: &Double, row: &Value) -> (usize, std::ops::Range<usize>, String) {
    let network = usize::from(row["network"] == "discriminator");
    let number = row["number"].as_u64().expect("a number") as usize;
    let layout = &double.layouts[network];
    let slot = &layout.parameters.slots[number];
    let shape: u64 = numbers(&row["shape"]).iter().map(|&n| n as u64).product();
    assert_eq!(shape, slot.variable.count(), "{} {}", layout.name, slot.name);
    let offset = slot.offset as usize;
    (network, offset..offset + shape as usize, format!("{} {}", layout.name, slot.name))
}

/// The gradients that each Adam gets in step 0.
#[test]
fn first_gradients_in_f64() {
    for preset in PRESETS {
        let mut double = Double::new(preset);
        let (_, gradients) = double.step(0);
        for row in steps(preset)["parameters"].as_array().expect("an array") {
            let (network, slot, name) = parameter(&double, row);
            let own = &gradients[network][slot];
            let norm = own.iter().map(|g| g * g).sum::<f64>().sqrt();
            let expected = row["gradient_norm"].as_f64().expect("a number");
            assert_close(&format!("{preset} {name}: norm"), &[norm], &[expected], |_| 1e-6 * expected);
            let first = numbers(&row["gradient_first"]);
            assert_close(&format!("{preset} {name}"), &own[..first.len()], &first, |_| 1e-6 * largest(&first));
        }
    }
}

/// PyTorch's float64 losses of a step.
fn losses(golden: &Value, step: u32) -> [f64; 2] {
    ["d_loss", "g_loss"].map(|name| golden["float64"][step as usize][name].as_f64().expect("a number"))
}

/// Free-running in f64, where rounding has no time to grow: what remains is Adam's constants, which
/// are f32 here.
#[test]
fn ten_steps_in_f64() {
    for preset in PRESETS {
        let (mut double, golden) = (Double::new(preset), steps(preset));
        for step in 0..STEPS {
            let expected = losses(&golden, step);
            let (got, _) = double.step(step);
            assert_close(&format!("{preset} step {step}"), &got, &expected, |i| 1e-6 * expected[i]);
        }
    }
}

fn engine_step(engine: &mut Engine, step: u32) -> [f64; 2] {
    engine.step(step, Batch::Bytes(&images(step))).expect("the device works");
    let losses = &engine.losses(step, step + 1).expect("the device works")[0];
    [D_LOSS, G_LOSS].map(|name| losses.get(name))
}

fn engine(device: &Device, preset: &str) -> Engine {
    let config = config(preset);
    Engine::new(device, &config, None).expect("it loads")
}

/// `tf-tutorial` free-running in f32: ten steps stay within 1e-4 of PyTorch's float64.
#[test]
fn ten_steps_of_tf_tutorial() {
    for device in common::devices() {
        let (mut engine, golden) = (engine(&device, "tf-tutorial"), steps("tf-tutorial"));
        for step in 0..STEPS {
            let (got, expected) = (engine_step(&mut engine, step), losses(&golden, step));
            assert_close(&format!("{} step {step}", device.name()), &got, &expected, |i| 1e-4 * expected[i]);
        }
    }
}

/// `pytorch` in f32, each step from the state that the f64 twins have reached, rounded to f32.
///
/// This preset's dynamics amplify rounding: ReLU and batch norm on small batches, and an Adam whose
/// first updates are ±η whatever the gradient's size, so that a gradient within rounding of zero
/// moves a weight by 2η one way or the other. PyTorch's own float32 leaves 1e-4 of its float64
/// losses at step 3 and 1e-2 at step 9. A free-running f32 run could therefore prove nothing within
/// a tight bound, or pass within a loose one whatever it computed. Started from the reference's
/// state, each step shows its own error and no other: 1e-4, at all ten points of the trajectory.
/// The f64 twins in turn run freely ([`ten_steps_in_f64`]), so the chain to PyTorch has no gap.
#[test]
fn ten_steps_of_pytorch() {
    let golden = steps("pytorch");
    let mut double = Double::new("pytorch");
    let mut engines: Vec<_> = common::devices().iter().map(|d| (d.name(), engine(d, "pytorch"))).collect();
    for step in 0..STEPS {
        let (state, expected) = (double.state(), losses(&golden, step));
        for (device, engine) in &mut engines {
            engine.restore(&state).expect("the tensors fit");
            let got = engine_step(engine, step);
            assert_close(&format!("{device} step {step}"), &got, &expected, |i| 1e-4 * expected[i]);
        }
        double.step(step);
    }
}
