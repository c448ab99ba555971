//! What the browser is given: every specialised shader in use, and one small program with the result that it must give.

use std::collections::BTreeMap;

use crate::common::profiles;
use dcgan_gpu::device::host::Interpreter;
use dcgan_gpu::engine;
use dcgan_gpu::layers::spec::LayerSpec;
use dcgan_gpu::layers::window::{Padding, Pair};
use dcgan_gpu::layers::{self, Mode, Pass, Place};
use dcgan_gpu::model::sources::{self, PRESETS};
use dcgan_gpu::plan::Profile;
use dcgan_gpu::plan::{Constant, Dispatch, Program, Recorder, Role, View};
use dcgan_gpu::random::Draws;
use dcgan_gpu::shape::Shape;
use naga::valid::{Capabilities, ValidationFlags, Validator};
use serde_json::{Value, json};

/// Plans for a GPU and for software Vulkan, as `device::gpu` chooses them.
const PROFILES: [Profile; 2] = [profiles::GPU, profiles::LANES];

/// One specialised shader.
pub struct Module {
    /// The kernel, its constants and the first place that uses it: how a failure names it.
    pub name: String,
    /// The WGSL.
    pub text: String,
    /// Needs the WebGPU feature `subgroups`, and the line `enable subgroups;`, which naga does not know.
    pub subgroups: bool,
}

impl Module {
    fn new(dispatch: &Dispatch, user: &str) -> Self {
        let kernel = dispatch.kernel;
        let constants = dispatch.constants.iter().map(|(name, value)| match value {
            Constant::U32(value) => format!("{name} {value}"),
            Constant::F32(value) => format!("{name} {value}"),
        });
        let constants: Vec<_> = constants.collect();
        let name = format!("{} ({}; {user} {})", kernel.name, constants.join(", "), dispatch.scope);
        let (module, _) = kernel.module(&dispatch.constants);
        let without_subgroups = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module);
        Module { name, text: kernel.specialise(&dispatch.constants), subgroups: without_subgroups.is_err() }
    }

    fn json(&self) -> Value {
        json!({ "text": self.text, "subgroups": self.subgroups })
    }
}

/// The distinct shaders that train and sample the presets.
pub fn modules() -> Vec<Module> {
    let mut modules = BTreeMap::new();
    for (preset, _) in PRESETS {
        let config = sources::preset(preset).expect("a built-in preset");
        let layouts = config.layouts().expect("a built-in preset");
        let image_bytes = u64::from(config.image.values()) * u64::from(config.training.batch_size);
        for profile in &PROFILES {
            let recorded = engine::record(&config, &layouts, profile, image_bytes).unwrap();
            for dispatch in recorded.program.plans.iter().flat_map(|plan| &plan.dispatches) {
                let key = (dispatch.kernel.name, dispatch.kernel.specialise(&dispatch.constants));
                modules.entry(key).or_insert_with(|| Module::new(dispatch, preset));
            }
        }
    }
    modules.into_values().collect()
}

/// A convolution whose sizes are multiples of nothing: the program, and where its output lies.
pub struct Convolution {
    program: Program,
    x: View,
    w: View,
    y: View,
}

impl Convolution {
    /// 4×4, stride 2, padding 1, over 7×5 pixels: two tiles across, two down, and a remainder in every direction.
    pub fn new() -> Self {
        const BATCH: u32 = 35;
        let input = Shape { height: 7, width: 5, channels: 12 };
        let spec = LayerSpec::Conv {
            channels: 36,
            kernel: Pair::Both(4),
            stride: Pair::Both(2),
            padding: Padding::All(1),
            upsample: 1,
            bias: false,
        };
        let output = spec.output(input).expect("a layer that fits its input");
        let weights = spec.parameters(input)[0].len();
        let mut program = Program::default();
        let x = program.floats("x", Role::Activations, u64::from(input.values() * BATCH));
        let w = program.floats("w", Role::Parameters, weights);
        let none = program.floats("unused", Role::Scratch, 1);
        for (number, view) in (0..).zip([x, w]) {
            let mut values = vec![0.0_f32; view.len as usize];
            Draws::new(1, number, 0).fill_normal(&mut values);
            fill(&mut program, view, values);
        }
        let layer = layers::place(
            &spec,
            Place {
                program: &mut program,
                profile: &PROFILES[0],
                label: "convolution".to_string(),
                index: 0,
                batch: BATCH,
                input,
                output,
                parameters: vec![w],
                gradients: Vec::new(),
                running: None,
                slope: 1.0,
                scratch_words: &mut 0,
                transposed_words: &mut 0,
            },
        );
        let mut recorder = Recorder::new(&PROFILES[0]);
        recorder.scope("convolution forward");
        let mut pass = Pass {
            recorder: &mut recorder,
            profile: &PROFILES[0],
            mode: Mode::Sample,
            step: none,
            stream: 0,
            scratch: none,
            transposed: none,
        };
        let y = layer.forward(&mut pass, x);
        // An output that the kernel misses stays NaN.
        fill(&mut program, y, vec![f32::NAN; y.len as usize]);
        program.plans.push(recorder.finish().unwrap());
        Convolution { program, x, w, y }
    }

    fn json(&self) -> Value {
        let dispatches = &self.program.plans[0].dispatches;
        let modules: Vec<_> = dispatches.iter().map(|dispatch| Module::new(dispatch, "check").json()).collect();
        let indices: Vec<BTreeMap<_, _>> = dispatches
            .iter()
            .map(|dispatch| {
                let reflection = dispatch.kernel.reflection(&dispatch.constants);
                reflection.bindings.iter().map(|binding| (binding.name.clone(), binding.index)).collect()
            })
            .collect();
        json!({ "program": self.program, "modules": modules, "indices": indices, "output": self.y })
    }

    /// What is wrong with these outputs, and the largest error as a fraction of its bound.
    ///
    /// The bound is 2·K·2⁻²⁴·Σ|ab| (Higham, "Accuracy and Stability of Numerical Algorithms", §3.1).
    pub fn compare(&self, words: &[u32]) -> (Vec<String>, f64) {
        let plan = &self.program.plans[0];
        let mut reference = Interpreter::<f64>::new(&self.program);
        reference.run(plan);
        let mut magnitude = Interpreter::<f64>::new(&self.program);
        for view in [self.x, self.w] {
            magnitude.floats_mut(view).iter_mut().for_each(|value| *value = value.abs());
        }
        magnitude.run(plan);
        let (reference, magnitude) = (reference.floats(self.y), magnitude.floats(self.y));
        if words.len() != reference.len() {
            return (vec![format!("{} outputs came back; expected {}", words.len(), reference.len())], 0.0);
        }
        let unit = 2.0 * f64::from(plan.dispatches[0].terms) * 2.0_f64.powi(-24);
        let (mut wrong, mut worst) = (Vec::new(), (0.0, 0));
        for (i, word) in words.iter().enumerate() {
            let error = (f64::from(f32::from_bits(*word)) - reference[i]).abs();
            let share = if error == 0.0 { 0.0 } else { error / (unit * magnitude[i]) };
            if share.is_nan() || share > 1.0 {
                wrong.push(i);
            }
            if share > worst.0 || share.is_nan() {
                worst = (share, i);
            }
        }
        if wrong.is_empty() {
            return (Vec::new(), worst.0);
        }
        let i = worst.1;
        let message = format!(
            "{}: {} of {} outputs are wrong; output {i} is {} instead of {} ± {:e}",
            plan.dispatches[0].kernel,
            wrong.len(),
            words.len(),
            f32::from_bits(words[i]),
            reference[i],
            unit * magnitude[i]
        );
        (vec![message], worst.0)
    }
}

fn fill(program: &mut Program, view: View, values: Vec<f32>) {
    program.tensors[view.tensor.0 as usize].contents = Some(values.into_iter().map(f32::to_bits).collect());
}

/// The document that the page fetches.
pub fn document(modules: &[Module], convolution: &Convolution) -> String {
    let modules: Vec<_> = modules.iter().map(Module::json).collect();
    json!({ "modules": modules, "replay": convolution.json() }).to_string()
}
