//! The twins' gradients, in f64: against central differences, and by the identity that ties the
//! linear kernels together.

mod common;

use common::{assert_close, wide};
use dcgan_gpu::device::host::Interpreter;
use dcgan_gpu::engine::gan::Gan;
use dcgan_gpu::engine::step;
use dcgan_gpu::kernels::loss::adversarial::{self, Logits, NON_SATURATING};
use dcgan_gpu::kernels::loss::cross_entropy::{ClassesOf, CrossEntropy, record_cross_entropy};
use dcgan_gpu::kernels::loss::{LossOf, RING_COLUMNS, RING_ROWS};
use dcgan_gpu::layers::conv::Conv;
use dcgan_gpu::layers::conv_transpose::ConvTranspose;
use dcgan_gpu::layers::dense::Dense;
use dcgan_gpu::layers::window::{Padding, PaddingRule, Pair};
use dcgan_gpu::layers::{Example, LAYERS, LayerSpec, Mode, Registered};
use dcgan_gpu::model::network::{Keep, Layout, Passes, State, Traversal, Wanted};
use dcgan_gpu::model::parameters::{Distribution, Init};
use dcgan_gpu::model::sources::preset;
use dcgan_gpu::objective::Loss;
use dcgan_gpu::plan::{Element, Profile, Program, Recorder, Role, View};
use dcgan_gpu::random::{Draws, stream};
use dcgan_gpu::selftest::layer::{BACKWARD, FORWARD, LayerProgram, SEED, parse_layers, random, step_words};
use dcgan_gpu::shape::Shape;

/// The step of central differences: their error is of order h², and rounding is divided by h.
const H: f64 = 1e-5;

/// Asserts that `gradient` of `objective` with respect to each value of `view` is its central
/// difference.
fn check_gradient(
    what: &str,
    cpu: &mut Interpreter<f64>,
    view: View,
    gradient: &[f64],
    objective: impl Fn(&mut Interpreter<f64>) -> f64,
) {
    let differences: Vec<f64> = (0..view.len as usize)
        .map(|index| {
            let value = cpu.floats(view)[index];
            let mut at = |value: f64| {
                cpu.floats_mut(view)[index] = value;
                objective(cpu)
            };
            let difference = (at(value + H) - at(value - H)) / (2.0 * H);
            at(value);
            difference
        })
        .collect();
    assert_close(what, gradient, &differences, |index| 1e-8 + 1e-6 * differences[index].abs());
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Checks the gradients of layers on [height, width, channels]: of the input, and of every
/// parameter.
fn check_layers(input: [u32; 3], batch: u32, lines: &[&str]) {
    let [height, width, channels] = input;
    let layers = parse_layers(lines).expect("valid layers");
    let case = LayerProgram::new(&Profile::HOST, Shape { height, width, channels }, batch, &layers).expect("they fit");
    let mut cpu = Interpreter::<f64>::new(&case.program);
    let plans = &case.program.plans;
    cpu.floats_mut(case.gradients()).fill(0.0);
    let dy = cpu.floats(case.dy).to_vec(); // the backward pass may overwrite it
    cpu.run(&plans[FORWARD]);
    cpu.run(&plans[BACKWARD]);
    let (dx, gradients) = (cpu.floats(case.dx).to_vec(), cpu.floats(case.gradients()).to_vec());
    let objective = |cpu: &mut Interpreter<f64>| {
        cpu.run(&plans[FORWARD]);
        dot(cpu.floats(case.y), &dy)
    };
    let what = lines.join("; ");
    check_gradient(&format!("{what}: input"), &mut cpu, case.x, &dx, objective);
    for slot in &case.layout.parameters.slots {
        let view = slot.view(case.state.parameters);
        let own = &gradients[view.offset as usize..][..view.len as usize];
        check_gradient(&format!("{what}: {}", slot.name), &mut cpu, view, own, objective);
    }
}

/// Every layer of the registry, in the networks that its file gives.
#[test]
fn every_layer() {
    for Registered { name, examples, .. } in LAYERS {
        assert!(!examples.is_empty(), "src/layers/{name}.rs has no example");
        for Example { input, batch, layers } in *examples {
            let line = format!("type = \"{name}\"");
            assert!(layers.iter().any(|layer| layer.contains(&line)), "an example of {name} lacks it");
            check_layers(*input, *batch, layers);
        }
    }
}

/// A leaky ReLU that runs inside the kernel before it.
#[test]
fn fused_activations() {
    let leaky = r#"type = "leaky_relu", slope = 0.3"#;
    check_layers([3, 5, 3], 2, &[r#"type = "conv", channels = 4, kernel = 3"#, leaky]);
    check_layers([1, 1, 7], 5, &[r#"type = "dense", units = 6"#, r#"type = "relu""#]);
    check_layers([3, 5, 3], 3, &[r#"type = "batch_norm""#, leaky]);
}

/// The loss of `logits` in its column, as a device would report it.
fn ring_loss(cpu: &Interpreter<f64>, ring: View, step: u32, column: LossOf) -> f64 {
    cpu.floats(ring)[(step % RING_ROWS * RING_COLUMNS) as usize + column as usize]
}

/// Every loss, of each kind of logits: real, generated, and generated for G.
#[test]
fn every_loss() {
    for loss in Loss::ALL {
        for (of, (batch, target)) in LossOf::ALL.into_iter().flat_map(|of| {
            let labels = if loss.has_probabilities() { [0.9, 0.1] } else { [1.0, 0.0] };
            let target = loss.target(of, labels);
            [(1, target), (7, target), (65, target)].map(|case| (of, case))
        }) {
            let mut program = Program::default();
            let step = step_words(&mut program, 3);
            let [logits, others, dlogits] =
                ["logits", "others", "dlogits"].map(|label| program.floats(label, Role::Scratch, batch));
            let ring = program.floats("ring", Role::LossRing, (RING_ROWS * RING_COLUMNS).into());
            random(&mut program, logits, 0, |z| 5.0 * z);
            random(&mut program, others, 1, |z| 5.0 * z);
            let mut recorder = Recorder::new(&Profile::HOST);
            let views = Logits { logits, others, step, dlogits, ring };
            adversarial::record(&mut recorder, loss.kernel(), target, of, 1, views);
            let plan = recorder.finish().unwrap();
            let mut cpu = Interpreter::<f64>::new(&program);
            cpu.run(&plan);
            let mut gradient = cpu.floats(dlogits).to_vec();
            if loss.pairs() && of != LossOf::Generator {
                // The other half of the loss is told with the partner.
                gradient.iter_mut().for_each(|g| *g *= 0.5);
            }
            check_gradient(&format!("{} loss of {batch}, {of:?}", loss.name()), &mut cpu, logits, &gradient, |cpu| {
                cpu.run(&plan);
                ring_loss(cpu, ring, 3, of)
            });
        }
    }
}

/// Of a classifier's logits, and of the classes' part of a discriminator's: the GAN's logit, the
/// first of each sample, has none.
#[test]
fn cross_entropy_of_classes() {
    const WEIGHT: f64 = 0.5;
    const COLUMN: u32 = 5;
    let weighted = ClassesOf::Discriminator(WEIGHT as f32);
    for (batch, classes, of, first, weight) in [
        (1, 1, weighted, 1, WEIGHT),
        (7, 3, weighted, 1, WEIGHT),
        (65, 10, weighted, 1, WEIGHT),
        (7, 3, ClassesOf::Classifier, 0, 1.0),
        (65, 10, ClassesOf::Classifier, 0, 1.0),
    ] {
        let words = u64::from(batch * (first + classes));
        let mut program = Program::default();
        let step = step_words(&mut program, 3);
        let [logits, dlogits] = ["logits", "dlogits"].map(|label| program.floats(label, Role::Scratch, words));
        let draws = Draws::new(SEED, stream::SAMPLES, 1);
        let labels = (0..batch).map(|b| draws.below(b, classes)).collect();
        let labels = program.words("labels", Role::StepInputs, labels);
        let ring = program.floats("ring", Role::LossRing, (RING_ROWS * RING_COLUMNS).into());
        random(&mut program, logits, 0, |z| 3.0 * z);
        if of == ClassesOf::Classifier {
            // What was there before is not added to.
            random(&mut program, dlogits, 1, |z| z);
        }
        let mut recorder = Recorder::new(&Profile::HOST);
        let views = CrossEntropy { logits, labels, step, dlogits, ring };
        record_cross_entropy(&mut recorder, of, COLUMN, views);
        let plan = recorder.finish().unwrap();
        let mut cpu = Interpreter::<f64>::new(&program);
        cpu.run(&plan);
        let gradient: Vec<_> = cpu.floats(dlogits).to_vec();
        if first == 1 {
            assert!(
                gradient.iter().step_by(1 + classes as usize).all(|d| *d == 0.0),
                "the GAN's logits are left alone"
            );
        }
        check_gradient(&format!("{batch} in {classes} classes"), &mut cpu, logits, &gradient, |cpu| {
            cpu.run(&plan);
            weight * cpu.floats(ring)[(3 * RING_COLUMNS + COLUMN) as usize]
        });
    }
}

const GENERATOR: &[&str] = &[
    r#"type = "dense", shape = [2, 2, 4], bias = false"#,
    r#"type = "batch_norm", per = "feature""#,
    r#"type = "leaky_relu", slope = 0.3"#,
    r#"type = "conv_transpose", channels = 3, kernel = 5, stride = 2, padding = "same", bias = false"#,
    r#"type = "batch_norm""#,
    r#"type = "relu""#,
    r#"type = "conv_transpose", channels = 1, kernel = 4, stride = 2, padding = 1"#,
    r#"type = "tanh""#,
];

const DISCRIMINATOR: &[&str] = &[
    r#"type = "conv", channels = 4, kernel = 4, stride = 2, padding = 1"#,
    r#"type = "leaky_relu", slope = 0.2"#,
    r#"type = "dropout", rate = 0.3"#,
    r#"type = "conv", channels = 3, kernel = 3, stride = 2, padding = "same""#,
    r#"type = "batch_norm""#,
    r#"type = "sigmoid""#,
    r#"type = "dense", units = 1"#,
];

/// From latents through both networks to the loss, and all the way back: the gradients of both
/// networks' parameters.
#[test]
fn a_whole_gan() {
    let (batch, profile) = (3, &Profile::HOST);
    let layout = |name, input, lines| Layout::new(name, input, &parse_layers(lines).expect("valid")).expect("they fit");
    let g_layout = layout("generator", Shape::vector(5), GENERATOR);
    let d_layout = layout("discriminator", g_layout.output, DISCRIMINATOR);
    let mut program = Program::default();
    let step = step_words(&mut program, 3);
    let latents = program.floats("latents", Role::StepInputs, 5 * u64::from(batch));
    let dlogits = program.floats("dlogits", Role::ActivationGradients, batch.into());
    let ring = program.tensor("ring", Role::LossRing, Element::F32, (RING_ROWS * RING_COLUMNS).into());
    let init = Init { weights: Distribution::Normal, std: 1.0 };
    let states = [&g_layout, &d_layout].map(|layout| State::new(&mut program, layout, &init, true));
    let place = |program: &mut Program, layout: &Layout, state| {
        let passes = Passes { batch, label: layout.name, keep: Keep::Nothing };
        Traversal::place(program, profile, layout, state, step, passes)
    };
    let generator = place(&mut program, &g_layout, &states[0]);
    let discriminator = place(&mut program, &d_layout, &states[1]);
    for (number, view) in (0..).zip([latents, states[0].parameters, states[1].parameters]) {
        random(&mut program, view, number, |z| 0.7 * z);
    }

    let mut recorder = Recorder::new(&Profile::HOST);
    let generated = generator.forward(&mut recorder, Mode::Train, latents, stream::DEVICE);
    let discriminated = discriminator.forward(&mut recorder, Mode::Train, generated.output, stream::DEVICE + 99);
    let logits = discriminated.output;
    let views = Logits { logits, others: logits, step, dlogits, ring };
    adversarial::record(&mut recorder, &NON_SATURATING, 0.9, LossOf::Generator, 1, views);
    let forward = recorder.finish().unwrap();
    let mut recorder = Recorder::new(&Profile::HOST);
    let dimages = discriminator.backward(&mut recorder, &discriminated, dlogits, Wanted::All);
    let dlatents = generator.backward(&mut recorder, &generated, dimages, Wanted::All);
    let backward = recorder.finish().unwrap();

    let mut cpu = Interpreter::<f64>::new(&program);
    cpu.run(&forward);
    cpu.run(&backward);
    let objective = |cpu: &mut Interpreter<f64>| {
        cpu.run(&forward);
        ring_loss(cpu, ring, 3, LossOf::Generator)
    };
    let gradient = cpu.floats(dlatents).to_vec();
    check_gradient("latents", &mut cpu, latents, &gradient, objective);
    for (layout, state) in [&g_layout, &d_layout].into_iter().zip(&states) {
        let flat = cpu.floats(state.optimizer.expect("it trains").g).to_vec();
        for slot in &layout.parameters.slots {
            let view = slot.view(state.parameters);
            let gradient = &flat[view.offset as usize..][..view.len as usize];
            check_gradient(&format!("{} {}", layout.name, slot.name), &mut cpu, view, gradient, objective);
        }
    }
}

/// Where D has no batch norm, one backward pass from ones gives the gradients that two passes give,
/// one for each loss.
#[test]
fn one_backward_pass_serves_both_losses() {
    let mut config = preset("tf-tutorial").expect("a preset");
    config.training.batch_size = 3;
    config.training.label_fake = 0.1;
    let layouts = config.layouts().expect("they fit");
    let first_moments = |shared: bool| -> Vec<f64> {
        let mut program = Program::default();
        let mut gan = Gan::place(&mut program, &Profile::HOST, &config, &layouts, 3 * 784);
        assert!(gan.shared_pass.is_some(), "tf-tutorial's D serves both losses");
        gan.shared_pass = gan.shared_pass.filter(|_| shared);
        let phases = step::record(&gan, &Profile::HOST, &config).expect("it fits");
        let networks = [&gan.generator, &gan.discriminator];
        for (number, view) in
            (0..).zip([gan.inputs.parts[0].latents].into_iter().chain(networks.map(|n| n.state.parameters)))
        {
            random(&mut program, view, number, |z| 0.05 * z);
        }
        let mut cpu = Interpreter::<f64>::new(&program);
        cpu.run(phases.iter().flatten().collect::<Vec<_>>());
        networks.iter().flat_map(|network| cpu.floats(network.optimizer.m.expect("Adam has them")).to_vec()).collect()
    };
    let (one, two) = (first_moments(true), first_moments(false));
    let largest = two.iter().fold(0.0_f64, |largest, g| largest.max(g.abs()));
    assert!(largest > 0.0, "there are gradients");
    assert_close("gradients of one pass", &one, &two, |_| 1e-12 * largest);
}

/// Two passes of one network, alive at once in traversals of their own, give the gradients that
/// they give one after the other in the same one, and all activation gradients stay where they are
/// asked for.
#[test]
fn traversals_of_one_network_do_not_disturb_each_other() {
    let (batch, profile) = (3, &Profile::HOST);
    let input = Shape { height: 8, width: 8, channels: 1 };
    let layout = Layout::new("discriminator", input, &parse_layers(DISCRIMINATOR).expect("valid")).expect("they fit");
    let gradients = |interleaved: bool| -> (Vec<f64>, Vec<Vec<f64>>) {
        let mut program = Program::default();
        let step = step_words(&mut program, 3);
        let init = Init { weights: Distribution::Normal, std: 0.3 };
        let state = State::new(&mut program, &layout, &init, true);
        let images =
            ["a", "b"].map(|label| program.floats(label, Role::Activations, u64::from(input.values() * batch)));
        let upstream = program.floats("dy", Role::ActivationGradients, batch.into());
        for (number, view) in (0..).zip([state.parameters, upstream, images[0], images[1]]) {
            random(&mut program, view, number, |z| 0.5 * z);
        }
        let mut traversal =
            |label, keep| Traversal::place(&mut program, profile, &layout, &state, step, Passes { batch, label, keep });
        let rooms = [traversal("first", Keep::Gradients), traversal("second", Keep::Nothing)];
        let mut recorder = Recorder::new(profile);
        if interleaved {
            let tapes = [0, 1].map(|n| rooms[n].forward(&mut recorder, Mode::Train, images[n], stream::DEVICE));
            for n in [0, 1] {
                rooms[n].backward(&mut recorder, &tapes[n], upstream, Wanted::All);
            }
        } else {
            for n in [0, 1] {
                let tape = rooms[0].forward(&mut recorder, Mode::Train, images[n], stream::DEVICE);
                rooms[0].backward(&mut recorder, &tape, upstream, Wanted::All);
            }
        }
        let plan = recorder.finish().expect("it fits");
        let mut cpu = Interpreter::<f64>::new(&program);
        cpu.run(&plan);
        // The sigmoid, the last but one, takes its gradient in place: it lies where that of the
        // layer behind it does.
        let [kept @ .., _, last] = rooms[0].gradients() else { panic!("few layers") };
        let kept = kept.iter().chain([last]).map(|&view| cpu.floats(view).to_vec()).collect();
        (cpu.floats(state.optimizer.expect("it trains").g).to_vec(), kept)
    };
    let ((together, kept), (apart, _)) = (gradients(true), gradients(false));
    assert!(together.iter().any(|g| *g != 0.0));
    assert_eq!(together, apart, "the second pass changes what the first one left");
    assert_eq!(kept.len(), 5, "a gradient for each layer but the fused one and the one in place");
    assert!(kept.iter().all(|gradient| gradient.iter().any(|g| *g != 0.0)), "a gradient is not kept");
}

/// A backward pass for the image alone leaves the parameters' gradients as they are.
#[test]
fn gradients_accumulate_only_where_wanted() {
    let layers = parse_layers(DISCRIMINATOR).expect("valid");
    let input = Shape { height: 8, width: 8, channels: 1 };
    let case = LayerProgram::new(&Profile::HOST, input, 3, &layers).expect("they fit");
    let mut cpu = Interpreter::<f64>::new(&case.program);
    let plans = &case.program.plans;
    let mut gradients = || {
        cpu.run(&plans[FORWARD]);
        cpu.run(&plans[BACKWARD]);
        cpu.floats(case.gradients()).to_vec()
    };
    let (once, twice) = (gradients(), gradients());
    let start: Vec<f32> = {
        let contents = case.program.spec(case.gradients().tensor).contents.as_ref().expect("random");
        contents.iter().map(|&bits| f32::from_bits(bits)).collect()
    };
    let expected: Vec<_> = once.iter().zip(wide(&start)).map(|(once, start)| 2.0 * once - start).collect();
    assert_close("gradients of two passes", &twice, &expected, |index| 1e-12 * (1.0 + expected[index].abs()));
}

/// Random geometry: any kind, kernel, stride and padding, on a few channels. Not all fit.
fn random_layer(draws: &Draws) -> (Shape, u32, LayerSpec) {
    let pick = |index: u32, low: u32, high: u32| low + draws.below(index, high - low + 1);
    let shape = Shape { height: pick(0, 1, 7), width: pick(1, 1, 7), channels: pick(2, 1, 9) };
    let (batch, channels) = (pick(3, 1, 5), pick(4, 1, 9));
    let kernel = Pair::Each([pick(5, 1, 5), pick(6, 1, 5)]);
    let stride = Pair::Each([pick(7, 1, 3), pick(8, 1, 3)]);
    let padding = match pick(9, 0, 3) {
        0 => Padding::Rule(PaddingRule::Same),
        1 => Padding::Rule(PaddingRule::Valid),
        2 => Padding::All(pick(10, 0, 3)),
        _ => Padding::Sides([11, 12, 13, 14].map(|index| pick(index, 0, 3))),
    };
    let layer = match pick(15, 0, 4) {
        0 => LayerSpec::Dense(Dense {
            units: None,
            shape: Some([pick(16, 1, 3), pick(17, 1, 3), channels]),
            bias: false,
            spectral_norm: false,
        }),
        1 | 2 => LayerSpec::Conv(Conv {
            channels,
            kernel,
            stride,
            padding,
            upsample: pick(16, 1, 2),
            bias: false,
            spectral_norm: false,
        }),
        _ => {
            let output_padding = Pair::Each([pick(16, 0, 1), pick(17, 0, 1)]);
            LayerSpec::ConvTranspose(ConvTranspose {
                channels,
                kernel,
                stride,
                padding,
                output_padding,
                bias: false,
                spectral_norm: false,
            })
        }
    };
    (shape, batch, layer)
}

/// ⟨forward(x, w), dy⟩ = ⟨x, grad_input(dy, w)⟩ = ⟨w, grad_weight(x, dy)⟩, for hundreds of random
/// geometries.
#[test]
fn forward_and_gradients_are_adjoint() {
    let mut fitting = 0;
    for trial in 0..600 {
        let (shape, batch, layer) = random_layer(&Draws::new(SEED, stream::SHUFFLE, trial));
        let profile = Profile { workgroups_to_fill: 1 + trial % 40, ..Profile::HOST };
        let Ok(case) = LayerProgram::new(&profile, shape, batch, std::slice::from_ref(&layer)) else { continue };
        fitting += 1;
        let mut cpu = Interpreter::<f64>::new(&case.program);
        cpu.floats_mut(case.gradients()).fill(0.0);
        cpu.run(&case.program.plans[FORWARD]);
        cpu.run(&case.program.plans[BACKWARD]);
        let weights = case.layout.parameters.slots[0].view(case.state.parameters);
        let gradient = View { tensor: case.gradients().tensor, ..weights };
        let [by_output, by_input, by_weight] =
            [(case.y, case.dy), (case.x, case.dx), (weights, gradient)].map(|(a, b)| dot(cpu.floats(a), cpu.floats(b)));
        let magnitude: f64 = cpu.floats(case.y).iter().zip(cpu.floats(case.dy)).map(|(y, dy)| (y * dy).abs()).sum();
        let what = format!("{layer:?} on {shape} of {batch}: y·dy beside x·dx and w·dw");
        assert_close(&what, &[by_input, by_weight], &[by_output; 2], |_| 1e-12 * (1.0 + magnitude));
    }
    assert!(fitting > 300, "only {fitting} geometries fit");
}
