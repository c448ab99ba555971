//! Every objective beside PyTorch: ten steps of tiny GANs, as `tests/golden/objectives.py` does
//! them. Each case of `objectives.json` has its whole configuration, so that a case more is a line
//! in Python alone.

use std::collections::BTreeMap;

use super::common::{self, assert_close, golden, largest, wide};
use super::ten_steps::numbers;
use dcgan_gpu::device::Device;
use dcgan_gpu::device::host::Interpreter;
use dcgan_gpu::engine::{self, Batch, Engine, Recording};
use dcgan_gpu::kernels::average;
use dcgan_gpu::kernels::data::pack;
use dcgan_gpu::model::config::Config;
use dcgan_gpu::plan::{Dispatch, Fill, Port, Profile, Ring};
use dcgan_gpu::random::{Draws, Source, split};
use serde_json::Value;

/// Stream of the images' bytes: image number n is those of step n.
const IMAGES: u32 = 0x7777;
/// Stream of their labels: that of image number n is block n's first word.
const LABELS: u32 = 0x7778;
const NETWORKS: [&str; 2] = ["generator", "discriminator"];

/// Columns and their values in each step.
type Columns = BTreeMap<String, Vec<f64>>;

struct Case {
    name: String,
    config: Config,
    golden: Value,
}

/// All cases.
fn cases() -> Vec<Case> {
    let all: Value = serde_json::from_slice(&golden("objectives.json")).expect("objectives.json is JSON");
    let cases = all["cases"].as_object().expect("cases by name");
    let case = |(name, golden): (&String, &Value)| {
        let config = serde_json::from_value(golden["config"].clone()).unwrap_or_else(|e| panic!("{name}: {e}"));
        Case { name: name.clone(), config, golden: golden.clone() }
    };
    cases.iter().map(case).collect()
}

impl Case {
    /// PyTorch's columns, in f64.
    fn columns(&self) -> Columns {
        let columns = self.golden["float64"].as_object().expect("columns by name");
        columns.iter().map(|(name, values)| (name.clone(), numbers(values))).collect()
    }

    /// The norms of all parameters at the end, by network, and of G's average.
    fn end(&self) -> BTreeMap<String, f64> {
        let end = self.golden["end"].as_object().expect("norms by name");
        end.iter().map(|(name, norm)| (name.clone(), norm.as_f64().expect("a number"))).collect()
    }

    /// How far PyTorch's own f32 strays from its f64, of the largest value of a column.
    fn drift(&self) -> f64 {
        self.golden["drift"].as_f64().expect("a number")
    }

    fn steps(&self) -> std::ops::Range<u32> {
        0..self.config.training.steps.expect("a length in steps")
    }

    /// Compares columns and norms at the end with PyTorch's float64, each within `tolerance` of its
    /// column's largest value.
    #[track_caller]
    fn compare(&self, what: &str, tolerance: f64, columns: &Columns, end: &BTreeMap<String, f64>) {
        for (name, expected) in self.columns() {
            let got = columns.get(&name).unwrap_or_else(|| panic!("{}: {name} is not recorded", self.name));
            let bound = tolerance * largest(&expected);
            assert_close(&format!("{} {what} {name}", self.name), got, &expected, |_| bound);
        }
        for (name, expected) in self.end() {
            let what = format!("{} {what}: norm of the {name}", self.name);
            assert_close(&what, &[end[&name]], &[expected], |_| tolerance * expected);
        }
    }

    /// The bytes of a step's real images, those of each of D's updates in turn.
    fn images(&self, step: u32) -> Vec<u8> {
        let words = self.config.image.bytes().div_ceil(4);
        let count = self.config.images_per_step();
        let image = |number| {
            let draws = Draws::new(self.config.seed, IMAGES, number);
            (0..words as u32).map(move |index| draws.word(index))
        };
        (step * count..(step + 1) * count).flat_map(image).flat_map(u32::to_le_bytes).collect()
    }

    /// Their labels, where there are classes.
    fn labels(&self, step: u32) -> Vec<u32> {
        let count = self.config.images_per_step();
        let draws = Draws::new(self.config.seed, LABELS, 0);
        let classes = self.config.classes.as_ref().map_or(0, |classes| classes.names.len()) as u32;
        let numbers = (step * count..(step + 1) * count).filter(|_| classes > 0);
        numbers.map(|number| draws.block(number)[0] % classes).collect()
    }
}

/// The stored tensors that hold a network's parameters, or G's average, by their names' beginning.
fn norms<'a>(tensors: impl Iterator<Item = (&'a str, Vec<f64>)>) -> BTreeMap<String, f64> {
    let mut squares = BTreeMap::new();
    for (name, values) in tensors {
        let whose = match name.split('/').collect::<Vec<_>>()[..] {
            [network, "parameter", _] => network,
            ["generator", "average", _] => "average",
            _ => continue,
        };
        *squares.entry(whose.to_string()).or_insert(0.0) += values.iter().map(|value| value * value).sum::<f64>();
    }
    squares.into_iter().map(|(name, square)| (name, f64::sqrt(square))).collect()
}

/// The f64 twins in training.
struct Twins<'a> {
    case: &'a Case,
    recorded: Recording,
    cpu: Interpreter<f64>,
    columns: Columns,
}

impl<'a> Twins<'a> {
    fn new(case: &'a Case) -> Self {
        let config = &case.config;
        let bytes = u64::from(config.image.values() * config.images_per_step());
        let recorded = engine::record(config, &Profile::HOST, bytes).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let mut cpu = Interpreter::new(&recorded.program);
        for (view, values) in engine::initial(&recorded.program, config.seed) {
            cpu.floats_mut(view).copy_from_slice(&wide(&values));
        }
        Twins { case, recorded, cpu, columns: Columns::new() }
    }

    /// Runs a step; `before` sees each dispatch first.
    fn step(&mut self, step: u32, mut before: impl FnMut(&Interpreter<f64>, &Dispatch)) {
        let program = &self.recorded.program;
        // Ports share tensors, of which the host writes whole ones.
        for (view, ports) in program.by_tensor(program.ports.iter().cloned(), |port: &Port| port.view) {
            let mut words = vec![0; view.len as usize];
            let mut is_filled = false;
            for Port { view, fill, .. } in &ports {
                is_filled |= self.fill(fill, step, &mut words[view.offset as usize..][..view.len as usize]);
            }
            match ports[0].fill {
                Fill::Normal { .. } if is_filled => {
                    let values = words.iter().map(|&bits| f64::from(f32::from_bits(bits)));
                    self.cpu.floats_mut(view).copy_from_slice(&values.collect::<Vec<_>>());
                }
                _ if is_filled => self.cpu.write(view, &words),
                _ => {}
            }
        }
        for dispatch in program.step_dispatches() {
            before(&self.cpu, dispatch);
            self.cpu.dispatch(dispatch);
        }
        let Ring { view, rows, width, columns, .. } = program.ring.as_ref().expect("a step records");
        let row = &self.cpu.floats(*view)[(step % rows * width) as usize..];
        for column in columns {
            let value = column.words.iter().map(|&word| row[word as usize]).sum();
            self.columns.entry(column.name.to_string()).or_default().push(value);
        }
    }

    fn fill(&self, fill: &Fill, step: u32, words: &mut [u32]) -> bool {
        let config = &self.case.config;
        match fill {
            Fill::Seed => words.copy_from_slice(&split(config.seed)),
            Fill::Step => words[0] = step,
            &Fill::Rate { network, part, updates, .. } => {
                let optimizer = &config.optimizers()[usize::from(network == NETWORKS[1])];
                words.copy_from_slice(&optimizer.rates(step, step * updates + part + 1).map(f32::to_bits));
            }
            &Fill::Normal { stream, part } => {
                let mut values = vec![0.0; words.len()];
                Draws::new(config.seed, Source { stream, part }, step).fill_normal(&mut values);
                words.iter_mut().zip(values).for_each(|(word, value)| *word = value.to_bits());
            }
            Fill::Shuffled { part } => (part * words.len() as u32..).zip(words).for_each(|(index, word)| *word = index),
            Fill::Labels { part } => {
                let len = words.len();
                words.copy_from_slice(&self.case.labels(step)[*part as usize * len..][..len]);
            }
            &Fill::Average { batch, half_life_images, ramp } => {
                words[0] = average::rest(batch, half_life_images, ramp, step).to_bits();
            }
            Fill::Images => words.copy_from_slice(&pack(&self.case.images(step))),
            Fill::Given => return false,
        }
        true
    }

    fn norms(&self) -> BTreeMap<String, f64> {
        let stored = &self.recorded.program.stored;
        norms(stored.iter().map(|stored| (stored.name.as_str(), self.cpu.floats(stored.view).to_vec())))
    }
}

/// Parameters begin as in PyTorch, and the first update of each network gets PyTorch's gradients.
#[test]
fn first_gradients() {
    for case in cases() {
        let mut twins = Twins::new(&case);
        let layouts = case.config.layouts().expect("it is valid");
        let gan = &twins.recorded.gan;
        let flat = [&gan.generator, &gan.discriminator].map(|network| network.optimizer);
        let initial = flat.map(|tensors| twins.cpu.floats(tensors.w).to_vec());
        let mut gradients = [Vec::new(), Vec::new()];
        twins.step(0, |cpu, dispatch| {
            for (gradient, tensors) in gradients.iter_mut().zip(flat) {
                let is_update = dispatch.kernel.name.ends_with("/update");
                if is_update && gradient.is_empty() && dispatch.bindings.iter().any(|(_, view)| *view == tensors.g) {
                    *gradient = cpu.floats(tensors.g).to_vec();
                }
            }
        });
        let mut slots = [0, 1].map(|network| layouts[network].parameters.slots.iter());
        for row in case.golden["parameters"].as_array().expect("an array") {
            let network = usize::from(row["network"] == NETWORKS[1]);
            let slot = slots[network].next().expect("as many parameters");
            let name = format!("{}: {} {}", case.name, NETWORKS[network], slot.name);
            assert_eq!(row["name"], slot.name.as_str(), "{name}");
            let shape = numbers(&row["shape"]).iter().map(|&size| size as u32).collect::<Vec<_>>();
            assert_eq!(shape.iter().product::<u32>(), slot.variable.count() as u32, "{name}: {shape:?}");
            let range = slot.offset as usize..slot.offset as usize + slot.variable.count() as usize;
            let number = |key: &str| row[key].as_f64().expect("a number");
            let sum = initial[network][range.clone()].iter().sum::<f64>();
            assert_close(&format!("{name}: sum"), &[sum], &[number("sum")], |_| 1e-6 * (1.0 + sum.abs()));
            let norm = gradients[network][range].iter().map(|g| g * g).sum::<f64>().sqrt();
            let expected = number("gradient_norm");
            assert_close(&format!("{name}: gradient"), &[norm], &[expected], |_| 1e-6 * expected);
        }
        assert!(slots.iter_mut().all(|slots| slots.next().is_none()), "{}: more parameters", case.name);
    }
}

#[test]
fn ten_steps_in_f64() {
    for case in cases() {
        let mut twins = Twins::new(&case);
        case.steps().for_each(|step| twins.step(step, |_, _| {}));
        case.compare("in f64", 1e-6, &twins.columns, &twins.norms());
    }
}

/// Four times what rounding does to PyTorch itself.
#[test]
fn ten_steps_on_every_device() {
    let devices = common::devices();
    for case in cases() {
        for device in &devices {
            let (columns, end) = run(device, &case);
            case.compare(&device.name(), 4.0 * case.drift(), &columns, &end);
        }
    }
}

fn run(device: &Device, case: &Case) -> (Columns, BTreeMap<String, f64>) {
    let mut engine = Engine::new(device, &case.config, None).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    let mut columns = Columns::new();
    for step in case.steps() {
        let (images, labels) = (case.images(step), case.labels(step));
        engine.labelled_step(step, Batch::Bytes(&images), &labels).expect("the device works");
        for (name, value) in engine.losses(step, step + 1).expect("the device works")[0].iter() {
            columns.entry(name.to_string()).or_default().push(value);
        }
    }
    let state = engine.state().expect("the device works");
    (columns, norms(state.iter().map(|(name, values)| (name, wide(values)))))
}
