//! Spectral normalisation, in f64, against its definition: power iterations of the matrix that a
//! layer's weights are, the largest singular value of the map that the layer is, and passes that
//! share what is normalised. Its gradients are checked beside all others, in `gradients.rs`.

mod common;

use std::collections::BTreeSet;

use common::assert_close;
use dcgan_gpu::device::host::Interpreter;
use dcgan_gpu::engine;
use dcgan_gpu::kernels::loss::{RING_COLUMNS, RING_ROWS};
use dcgan_gpu::layers::{LayerSpec, Mode};
use dcgan_gpu::model::config::Order;
use dcgan_gpu::model::network::{Keep, Layout, Normalised, Passes, State, Traversal, Wanted};
use dcgan_gpu::model::parameters::{Distribution, Init};
use dcgan_gpu::model::sources::preset;
use dcgan_gpu::model::spectral::Spectral;
use dcgan_gpu::plan::{Begins, Plan, Profile, Program, Recorder, Role, View};
use dcgan_gpu::random::stream;
use dcgan_gpu::selftest::layer::{FORWARD, LayerProgram, parse_layers, random, step_words};
use dcgan_gpu::shape::Shape;

const PROFILE: &Profile = &Profile::HOST;

fn plan(record: impl FnOnce(&mut Recorder)) -> Plan {
    let mut recorder = Recorder::new(PROFILE);
    record(&mut recorder);
    recorder.finish().expect("it fits")
}

/// One layer on [height, width, channels], with a plan that iterates.
struct Single {
    case: LayerProgram,
    iterate: Plan,
    normalised: Normalised,
}

impl Single {
    fn new([height, width, channels]: [u32; 3], batch: u32, line: &str) -> Self {
        let layers = parse_layers(&[line]).expect("valid");
        let case = LayerProgram::new(PROFILE, Shape { height, width, channels }, batch, &layers).expect("it fits");
        let spectral = Spectral::new(&case.layout, &case.state);
        let normalised = case.state.normalised.expect("it is normalised");
        Single { iterate: plan(|recorder| spectral.record_normalise(recorder, true)), case, normalised }
    }

    fn kept(&self, name: &str) -> View {
        let slot = self.case.layout.state.slots.iter().find(|slot| slot.variable.name == name);
        slot.expect("u and v are kept").view(self.case.state.kept)
    }

    fn weights(&self) -> (View, [usize; 3]) {
        let slot = &self.case.layout.parameters.slots[0];
        let shape: Vec<_> = slot.variable.shape.iter().map(|&n| n as usize).collect();
        (slot.view(self.case.state.parameters), shape.try_into().expect("[taps, c_in, c_out]"))
    }
}

fn product(matrix: &[Vec<f64>], x: &[f64]) -> Vec<f64> {
    matrix.iter().map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum()).collect()
}

fn transposed(matrix: &[Vec<f64>]) -> Vec<Vec<f64>> {
    (0..matrix[0].len()).map(|column| matrix.iter().map(|row| row[column]).collect()).collect()
}

fn unit(x: &[f64]) -> Vec<f64> {
    let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-12);
    x.iter().map(|x| x / norm).collect()
}

/// Weights as a matrix of rows c_out and columns (tap, c_in), or where a dense layer has `outputs`
/// pixels of rows (output pixel, c_out) and columns (input pixel, c_in).
fn matrix(w: &[f64], [taps, c_in, c_out]: [usize; 3], outputs: usize) -> Vec<Vec<f64>> {
    let inputs = taps / outputs;
    let row = |q: usize, co: usize| {
        let columns = (0..inputs).flat_map(|p| (0..c_in).map(move |ci| (q * inputs + p, ci)));
        columns.map(|(t, ci)| w[(t * c_in + ci) * c_out + co]).collect()
    };
    (0..outputs).flat_map(|q| (0..c_out).map(move |co| (q, co))).map(|(q, co)| row(q, co)).collect()
}

#[test]
fn power_iterations_are_those_of_the_matrix() {
    let layers: [([u32; 3], usize, &str); 5] = [
        ([5, 4, 3], 1, r#"type = "conv", channels = 7, kernel = [3, 2], padding = 1"#),
        ([5, 4, 5], 1, r#"type = "conv", channels = 70, kernel = 3, bias = false"#),
        ([2, 3, 5], 1, r#"type = "conv_transpose", channels = 3, kernel = 4, stride = 2, padding = 1"#),
        ([3, 2, 4], 1, r#"type = "dense", units = 1"#),
        ([2, 2, 3], 6, r#"type = "dense", shape = [2, 3, 5]"#),
    ];
    for (input, outputs, line) in layers {
        let single = Single::new(input, 2, &format!("{line}, spectral_norm = true"));
        let mut cpu = Interpreter::<f64>::new(&single.case.program);
        let (weights, shape) = single.weights();
        let w = cpu.floats(weights).to_vec();
        let rows = matrix(&w, shape, outputs);
        let columns = transposed(&rows);
        let (mut u, mut v) = (cpu.floats(single.kept("u")).to_vec(), Vec::new());
        for _ in 0..4 {
            cpu.run(&single.iterate);
            v = unit(&product(&columns, &u));
            u = unit(&product(&rows, &v));
        }
        let sigma: f64 = product(&rows, &v).iter().zip(&u).map(|(x, u)| x * u).sum();
        let close = |what: &str, view: View, expected: &[f64]| {
            assert_close(&format!("{line}: {what}"), cpu.floats(view), expected, |_| 1e-12 * (1.0 + sigma));
        };
        close("u", single.kept("u"), &u);
        close("v", single.kept("v"), &v);
        close("sigma", View { len: 1, ..single.normalised.sigma }, &[sigma]);
        let divided: Vec<_> = w.iter().map(|w| w / sigma).collect();
        close("weights", View { len: weights.len, ..single.normalised.weights }, &divided);
    }
}

/// After many iterations the layer, given the right singular vector, answers with the left one: the
/// map's largest singular value is 1, in the order that the layer itself has.
#[test]
fn the_map_of_an_iterated_layer_has_norm_one() {
    let layers: [([u32; 3], &str); 3] = [
        ([1, 1, 6], r#"type = "dense", units = 5"#),
        ([2, 3, 4], r#"type = "dense", shape = [3, 1, 2]"#),
        // A kernel as large as its input: one output pixel, which sees all of it.
        ([3, 2, 4], r#"type = "conv", channels = 5, kernel = [3, 2]"#),
    ];
    for (input, line) in layers {
        let single = Single::new(input, 1, &format!("{line}, bias = false, spectral_norm = true"));
        let mut cpu = Interpreter::<f64>::new(&single.case.program);
        (0..2000).for_each(|_| cpu.run(&single.iterate));
        let [u, v] = ["u", "v"].map(|name| cpu.floats(single.kept(name)).to_vec());
        cpu.floats_mut(single.case.x).copy_from_slice(&v);
        cpu.run(&single.case.program.plans[FORWARD]);
        assert_close(line, cpu.floats(single.case.y), &u, |_| 1e-9);
    }
}

const NETWORK: &[&str] = &[
    r#"type = "conv", channels = 4, kernel = 3, padding = 1, spectral_norm = true"#,
    r#"type = "leaky_relu", slope = 0.2"#,
    r#"type = "conv", channels = 4, kernel = 2, stride = 2"#,
    r#"type = "dense", units = 1, spectral_norm = true"#,
];

fn network(program: &mut Program, training: bool) -> (Layout, State, View) {
    let input = Shape { height: 4, width: 4, channels: 1 };
    let layout = Layout::new("discriminator", input, &parse_layers(NETWORK).expect("valid")).expect("they fit");
    let step = step_words(program, 3);
    let init = Init { weights: Distribution::Normal, std: 0.3 };
    let state = State::new(program, &layout, &init, training);
    (layout, state, step)
}

/// Random streams are those of no other variable, and before the first iteration weights are as
/// they are learned: pictures can be drawn of a network that has not begun.
#[test]
fn vectors_begin_with_streams_of_their_own_and_leave_weights_as_they_are() {
    let mut program = Program::default();
    let (layout, state, _) = network(&mut program, false);
    let mut streams = BTreeSet::new();
    for stored in &program.stored {
        match (&stored.begins, stored.name.rsplit_once('.')) {
            (Begins::Normal { stream, std, .. }, _) => {
                assert!(streams.insert(*stream), "{} has the stream of another", stored.name);
                assert_eq!(*std, if stored.name.ends_with(".u") { 1.0 } else { 0.3 }, "{}", stored.name);
            }
            (Begins::Constant { value: 0.0 }, Some((_, "v" | "bias"))) => {}
            other => panic!("{} begins as {other:?}", stored.name),
        }
    }
    assert_eq!(streams.len(), 5, "three weights and two vectors");
    let names: Vec<_> = program.stored.iter().map(|stored| stored.name.as_str()).collect();
    for name in ["0.u", "0.v", "3.u", "3.v"] {
        assert!(names.contains(&format!("discriminator/state/{name}").as_str()), "{names:?}");
    }

    random(&mut program, state.parameters, 0, |z| z);
    let spectral = Spectral::new(&layout, &state);
    let normalise = plan(|recorder| spectral.record_normalise(recorder, false));
    let mut cpu = Interpreter::<f64>::new(&program);
    cpu.run(&normalise);
    let normalised = state.normalised.expect("it is normalised");
    assert!(normalised.gradients.is_none() && state.optimizer.is_none(), "it only samples");
    for layer in [0, 3] {
        let [learned] = layout.parameters.views(layer, state.parameters)[..1] else { panic!("weights first") };
        let [used] = layout.normalised.views(layer, normalised.weights)[..] else { panic!("one tensor") };
        assert_eq!(cpu.floats(used), cpu.floats(learned));
    }
    assert!(layout.normalised.views(2, normalised.weights).is_empty(), "layer 2 is not normalised");
}

/// Passes in several traversals use the same normalised weights, and their gradients add up before
/// they become those of the learned ones.
#[test]
fn traversals_share_normalised_weights_and_their_gradients() {
    let gradients = |passes: usize| -> Vec<f64> {
        let mut program = Program::default();
        let (layout, state, step) = network(&mut program, true);
        let [images, upstream] = [("x", 48), ("dy", 3)].map(|(label, n)| program.floats(label, Role::Activations, n));
        for (number, view) in (0..).zip([state.parameters, images, upstream, state.kept]) {
            random(&mut program, view, number, |z| z);
        }
        let spectral = Spectral::new(&layout, &state);
        let traversals: Vec<_> = (0..passes)
            .map(|number| {
                let label = &format!("pass {number}");
                let passes = Passes { batch: 3, label, keep: Keep::Nothing };
                Traversal::place(&mut program, PROFILE, &layout, &state, step, passes)
            })
            .collect();
        let all = plan(|recorder| {
            spectral.record_normalise(recorder, true);
            let forward = |traversal: &Traversal| traversal.forward(recorder, Mode::Train, images, stream::DEVICE);
            let tapes: Vec<_> = traversals.iter().map(forward).collect();
            for (traversal, tape) in traversals.iter().zip(&tapes) {
                traversal.backward(recorder, tape, upstream, Wanted::Parameters);
            }
            spectral.record_gradients(recorder);
        });
        let mut cpu = Interpreter::<f64>::new(&program);
        cpu.run(&all);
        let accumulated = state.normalised.and_then(|normalised| normalised.gradients).expect("it trains");
        assert!(cpu.floats(accumulated).iter().all(|g| *g == 0.0), "gradients of normalised weights are cleared");
        cpu.floats(state.optimizer.expect("it trains").g).to_vec()
    };
    let (one, two) = (gradients(1), gradients(2));
    assert!(one.iter().any(|g| *g != 0.0));
    let twice: Vec<_> = one.iter().map(|g| 2.0 * g).collect();
    assert_close("gradients of two passes", &two, &twice, |index| 1e-12 * (1.0 + twice[index].abs()));
}

#[test]
fn the_largest_sigma_is_in_the_row_of_its_step() {
    let mut program = Program::default();
    let (layout, state, step) = network(&mut program, true);
    let ring = program.floats("ring", Role::LossRing, (RING_ROWS * RING_COLUMNS).into());
    for (number, view) in (0..).zip([state.parameters, state.kept]) {
        random(&mut program, view, number, |z| z);
    }
    let spectral = Spectral::new(&layout, &state);
    let record = plan(|recorder| {
        spectral.record_normalise(recorder, true);
        spectral.record_largest_sigma(recorder, 5, step, ring);
    });
    let mut cpu = Interpreter::<f64>::new(&program);
    cpu.run(&record);
    let sigmas: Vec<_> = state.normalised.map(|n| cpu.floats(n.sigma)).expect("normalised").to_vec();
    let largest = sigmas[0].max(sigmas[64]);
    let found = cpu.floats(ring)[(3 * RING_COLUMNS + 5) as usize];
    assert!(largest > 0.0 && found == f64::from(largest as f32), "{sigmas:?}: {found}");
}

/// The key is written where it is set, and nowhere else.
#[test]
fn layers_that_are_not_normalised_are_written_as_before() {
    let written = |line: &str| toml::to_string(&parse_layers(&[line]).expect("valid")[0]).expect("it is TOML");
    for line in [
        r#"type = "dense", units = 1"#,
        r#"type = "conv", channels = 1, kernel = 3"#,
        r#"type = "conv_transpose", channels = 1, kernel = 3"#,
    ] {
        assert!(!written(line).contains("spectral_norm"), "{}", written(line));
        assert!(!written(&format!("{line}, spectral_norm = false")).contains("spectral_norm"));
        let text = written(&format!("{line}, spectral_norm = true"));
        assert!(text.contains("spectral_norm = true"), "{text}");
    }
}

/// A step iterates once for each layer, divides D's weights anew after their update, and turns
/// gradients into those of the learned weights before it; the presets have none of it.
#[test]
fn a_step_iterates_once() {
    let counts = |normalised: bool, order: Order| {
        let mut config = preset("quick").expect("a preset");
        (config.training.batch_size, config.training.order) = (2, order);
        for layer in config.discriminator.layers.iter_mut().chain(&mut config.generator.layers) {
            match layer {
                LayerSpec::Conv(conv) => conv.spectral_norm = normalised,
                LayerSpec::ConvTranspose(conv) => conv.spectral_norm = normalised,
                LayerSpec::Dense(dense) => dense.spectral_norm = normalised,
                _ => {}
            }
        }
        let program = engine::record(&config, PROFILE, 4 * 784).expect("it fits").program;
        let count = |plan: &str, kernel: &str| {
            let dispatches = program.plans.iter().filter(|p| p.name == plan).flat_map(|p| &p.dispatches);
            dispatches.filter(|dispatch| dispatch.kernel.name == kernel).count()
        };
        let phases = program.step.iter().map(|&phase| program.plans[phase].name.as_str()).chain(["sample"]);
        let kernels = ["spectral/columns", "spectral/divide", "spectral/grad_weight"];
        phases.map(|phase| kernels.map(|kernel| count(phase, kernel))).collect::<Vec<_>>()
    };
    let [g, d] = preset("quick").expect("a preset").layouts().expect("they fit").map(|layout| {
        let linear = layout.layers.iter().filter(|(layer, _)| layer.is_linear());
        linear.count()
    });
    let both = g + d;
    let expected = vec![[both, both, 0], [0, 0, d], [0, d, 0], [0, 0, g], [0, g, 0]];
    assert_eq!(counts(true, Order::Alternating), expected);
    assert_eq!(counts(true, Order::Simultaneous), [[both, both, 0], [0, 0, d], [0, 0, g], [0, g, 0]]);
    assert_eq!(counts(false, Order::Alternating), [[0; 3]; 5]);
}
