//! What the browser is given: every specialised shader in use, and bundles to replay with the
//! results that they must give.

use std::collections::BTreeMap;

use crate::common::profiles;
use dcgan_gpu::device::host::Interpreter;
use dcgan_gpu::engine;
use dcgan_gpu::model::sources::{self, PRESETS};
use dcgan_gpu::plan::{Profile, Program, View, bundle};
use dcgan_gpu::selftest::layer::{FORWARD, LayerProgram, parse_layers, set};
use dcgan_gpu::selftest::presets;
use dcgan_gpu::shape::Shape;
use serde_json::{Value, json};

/// Plans for a browser, and for software Vulkan as `device::gpu` chooses them.
const PROFILES: [Profile; 2] = [Profile::PORTABLE, profiles::LANES];

/// One specialised shader.
pub struct Module {
    /// The kernel and the first preset that uses it: how a failure names it.
    pub name: String,
    /// Needs the WebGPU feature `subgroups`.
    pub subgroups: bool,
    json: Value,
}

/// The distinct shaders that train and sample the presets.
pub fn modules() -> Vec<Module> {
    let mut modules = BTreeMap::new();
    for (preset, _) in PRESETS {
        let config = sources::preset(preset).expect("a built-in preset");
        let image_bytes = u64::from(config.image.values()) * u64::from(config.training.batch_size);
        for profile in &PROFILES {
            let recorded = engine::record(&config, profile, image_bytes).expect("it fits");
            for json in bundle(&recorded.program)["modules"].as_array().expect("a list") {
                let text = |key: &str| json[key].as_str().expect("a text").to_string();
                modules.entry(text("wgsl")).or_insert_with(|| Module {
                    name: format!("{} ({preset})", text("kernel")),
                    subgroups: json["subgroups"].as_bool().expect("yes or no"),
                    json: json.clone(),
                });
            }
        }
    }
    modules.into_values().collect()
}

/// A bundle of which some plans are replayed, and what a view must hold afterwards.
pub struct Replay {
    name: &'static str,
    program: Program,
    plans: Vec<usize>,
    output: View,
    /// The words of the view that are compared, with the value and the error that is allowed.
    expected: Vec<(usize, f64, f64)>,
}

impl Replay {
    /// A convolution whose sizes are multiples of nothing, 4×4, stride 2, padding 1, over 7×5
    /// pixels: two tiles across, two down, and a remainder in every direction.
    ///
    /// The bound is 2·K·2⁻²⁴·Σ|ab| (Higham, "Accuracy and Stability of Numerical Algorithms",
    /// §3.1).
    pub fn convolution() -> Self {
        let input = Shape { height: 7, width: 5, channels: 12 };
        let line = r#"type = "conv", channels = 36, kernel = 4, stride = 2, padding = 1, bias = false"#;
        let layers = parse_layers(&[line]).expect("a layer");
        let LayerProgram { mut program, x, y, state, .. } =
            LayerProgram::new(&Profile::PORTABLE, input, 35, &layers).expect("a layer that fits its input");
        // An output that the kernel misses stays NaN.
        set(&mut program, y, vec![f32::NAN; y.len as usize]);
        let plan = &program.plans[FORWARD];
        let mut reference = Interpreter::<f64>::new(&program);
        reference.run(plan);
        let mut magnitude = Interpreter::<f64>::new(&program);
        for view in [x, state.parameters] {
            magnitude.floats_mut(view).iter_mut().for_each(|value| *value = value.abs());
        }
        magnitude.run(plan);
        let unit = 2.0 * f64::from(plan.dispatches[0].terms) * 2.0_f64.powi(-24);
        let values = reference.floats(y).iter().zip(magnitude.floats(y)).enumerate();
        let expected = values.map(|(i, (&value, magnitude))| (i, value, unit * magnitude)).collect();
        Replay { name: "convolution", program, plans: vec![FORWARD], output: y, expected }
    }

    /// The phases of a training step of `quick`, whose losses and mean D(x) are those of the host
    /// to 10⁻⁴.
    pub fn training_step() -> Self {
        let cases = presets::all(&Profile::PORTABLE).expect("the presets are valid");
        let case = cases.into_iter().find(|case| case.name == "preset quick").expect("there is a quick preset");
        let (program, plans) = (case.program.clone(), case.program.step.clone());
        let mut reference = Interpreter::<f64>::new(&program);
        reference.run(program.step_dispatches().collect::<Vec<_>>());
        let ring = program.ring.clone().expect("a step records");
        let row = &reference.floats(ring.view)[..ring.width as usize];
        let words = ring.columns.iter().flat_map(|column| &column.words).map(|&word| word as usize);
        let expected = words.map(|word| (word, row[word], 1e-4 * (1.0 + row[word].abs()))).collect();
        Replay { name: "training step", program, plans, output: ring.view, expected }
    }

    fn json(&self) -> Value {
        json!({ "bundle": bundle(&self.program), "plans": self.plans, "output": self.output })
    }

    /// What is wrong with these outputs, and the largest error as a fraction of its bound.
    pub fn compare(&self, words: &[u32]) -> (Option<String>, f64) {
        if words.len() != self.output.len as usize {
            return (Some(format!("{}: {} outputs came back, not {}", self.name, words.len(), self.output.len)), 0.0);
        }
        let (mut wrong, mut worst) = (0, (0.0, String::new()));
        for &(i, expected, bound) in &self.expected {
            let value = f32::from_bits(words[i]);
            let share = match (f64::from(value) - expected).abs() {
                0.0 => 0.0,
                error => error / bound,
            };
            wrong += usize::from(share.is_nan() || share > 1.0);
            if share > worst.0 || share.is_nan() {
                worst = (share, format!("output {i} is {value} instead of {expected} ± {bound:e}"));
            }
        }
        let count = self.expected.len();
        (((wrong > 0).then(|| format!("{}: {wrong} of {count} outputs are wrong; {}", self.name, worst.1))), worst.0)
    }
}

/// The document that the page fetches.
pub fn document(modules: &[Module], replays: &[Replay]) -> String {
    let modules: Vec<_> = modules.iter().map(|module| &module.json).collect();
    let replays: Vec<_> = replays.iter().map(Replay::json).collect();
    json!({ "modules": modules, "replays": replays }).to_string()
}
