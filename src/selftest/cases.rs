//! The cases: small programs of awkward shapes that together run every kernel in every family.

use super::layer::{LayerProgram, SEED, parse_layers, random, set, step_words};
use crate::error::Result;
use crate::kernels::adam::{self, Adam};
use crate::kernels::data::{self, Normalisation};
use crate::kernels::linear::variants;
use crate::kernels::loss::{self, BceLogits, Column, RING_COLUMNS, RING_ROWS};
use crate::kernels::reduce;
use crate::plan::{Dispatch, Element, Program, Recorder, Role, View};
use crate::plan::{LinearFamily, Profile};
use crate::random::{Draws, stream};
use crate::shape::Shape;

/// A program to run in lockstep.
#[derive(Debug)]
pub struct Case {
    /// What it is, such as `conv 3x5 stride 2x1 (tile)`.
    pub name: String,
    /// All its plans run, in order.
    pub program: Program,
}

impl Case {
    /// All dispatches, in order.
    pub fn dispatches(&self) -> impl Iterator<Item = &Dispatch> {
        self.program.plans.iter().flat_map(|plan| &plan.dispatches)
    }
}

/// Layers on an input `[height, width, channels]` of a batch.
struct Layers(&'static str, [u32; 3], u32, &'static [&'static str]);

/// Linear layers, in each family that the device has. Channels that are multiples of 4 take the vector kernels, one or
/// three on a side the narrow and the spread ones, others the thin ones; 33 and 37 samples, 36 and 68 channels are a little more than one tile.
const LINEAR: &[Layers] = &[
    Layers("dense vector", [1, 1, 36], 33, &[r#"type = "dense", units = 68"#]),
    Layers("dense odd", [1, 1, 5], 37, &[r#"type = "dense", units = 3"#]),
    Layers("dense to grid", [1, 1, 12], 3, &[r#"type = "dense", shape = [3, 5, 4]"#]),
    Layers("dense from grid", [3, 2, 5], 33, &[r#"type = "dense", units = 1"#]),
    Layers("dense 131000 inputs", [1, 1, 131_000], 3, &[r#"type = "dense", units = 4, bias = false"#]),
    Layers("dense 32001 inputs", [1, 1, 32_001], 1, &[r#"type = "dense", units = 3, bias = false"#]),
    Layers(
        "conv 3x5 stride 2x1",
        [7, 6, 4],
        37,
        &[r#"type = "conv", channels = 36, kernel = [3, 5], stride = [2, 1], padding = [1, 0, 2, 1]"#],
    ),
    Layers(
        "conv 3x5 stride 2x1 odd",
        [7, 6, 3],
        3,
        &[r#"type = "conv", channels = 5, kernel = [3, 5], stride = [2, 1], padding = [1, 0, 2, 1]"#],
    ),
    Layers(
        "conv 5x5 same",
        [7, 5, 12],
        33,
        &[r#"type = "conv", channels = 68, kernel = 5, stride = 2, padding = "same", bias = false"#],
    ),
    Layers(
        "conv one channel in",
        [9, 8, 1],
        37,
        &[r#"type = "conv", channels = 12, kernel = 4, stride = 2, padding = 1"#],
    ),
    Layers("conv one channel out", [6, 5, 12], 5, &[r#"type = "conv", channels = 1, kernel = 5, padding = "same""#]),
    Layers("conv three channels out", [6, 5, 36], 70, &[r#"type = "conv", channels = 3, kernel = 3, padding = 1"#]),
    Layers("conv three channels in", [5, 6, 3], 37, &[r#"type = "conv", channels = 68, kernel = 3, stride = 2"#]),
    Layers("conv upsample", [3, 4, 8], 1, &[r#"type = "conv", channels = 4, kernel = 3, padding = 1, upsample = 2"#]),
    Layers("conv batch 1", [5, 5, 4], 1, &[r#"type = "conv", channels = 4, kernel = 3"#]),
    Layers("conv 1x1 on many pixels", [37, 41, 4], 3, &[r#"type = "conv", channels = 8, kernel = 1"#]),
    Layers(
        "transposed 4x4",
        [3, 4, 12],
        33,
        &[r#"type = "conv_transpose", channels = 36, kernel = 4, stride = 2, padding = 1, bias = false"#],
    ),
    Layers(
        "transposed same",
        [4, 3, 4],
        3,
        &[r#"type = "conv_transpose", channels = 12, kernel = 5, stride = 2, padding = "same""#],
    ),
    Layers(
        "transposed output padding",
        [3, 4, 5],
        5,
        &[r#"type = "conv_transpose", channels = 3, kernel = 3, stride = 2, padding = 1, output_padding = 1"#],
    ),
    Layers(
        "transposed stride beyond kernel",
        [3, 2, 4],
        3,
        &[r#"type = "conv_transpose", channels = 4, kernel = 2, stride = 3, output_padding = 2"#],
    ),
    // More pixels than a dimension of a dispatch has workgroups.
    Layers("conv folded", [257, 256, 4], 1, &[r#"type = "conv", channels = 4, kernel = 1"#]),
    Layers("conv folded, one channel", [257, 256, 1], 1, &[r#"type = "conv", channels = 1, kernel = 1"#]),
    // Long sums, near what software Vulkan's loops allow.
    Layers("dense from very many channels", [1, 1, 131_000], 1, &[r#"type = "dense", units = 5"#]),
    Layers("conv on many pixels, thin", [96, 96, 6], 1, &[r#"type = "conv", channels = 6, kernel = 3, padding = 1"#]),
    Layers("dense from many channels", [8, 8, 512], 1, &[r#"type = "dense", units = 1"#]),
    Layers("transposed 7x7 from pixel", [1, 1, 5], 3, &[r#"type = "conv_transpose", channels = 4, kernel = 7"#]),
];

/// The other layers. A dense layer of 2053 × 2053 has more weights than 65,535 workgroups of flat kernels reach.
const OTHER: &[Layers] = &[
    Layers("dense folded", [1, 1, 2053], 1, &[r#"type = "dense", units = 2053"#]),
    Layers("batch norm per channel", [3, 5, 7], 37, &[r#"type = "batch_norm""#]),
    Layers(
        "batch norm per channel, one share",
        [1, 1, 68],
        33,
        &[r#"type = "batch_norm", epsilon = 1e-3, momentum = 0.01"#],
    ),
    Layers("batch norm per feature", [3, 2, 5], 33, &[r#"type = "batch_norm", per = "feature""#]),
    Layers("batch norm per feature, 130 rows", [2, 1, 4], 130, &[r#"type = "batch_norm", per = "feature""#]),
    Layers("batch norm of one row", [1, 1, 5], 1, &[r#"type = "batch_norm", epsilon = 1e-3"#]),
    Layers("dropout", [3, 5, 1], 37, &[r#"type = "dropout", rate = 0.3"#]),
    Layers("relu", [3, 5, 1], 3, &[r#"type = "relu""#]),
    Layers("leaky relu", [3, 5, 3], 1, &[r#"type = "leaky_relu", slope = 0.2"#]),
    Layers(
        "bias and leaky relu",
        [3, 5, 4],
        33,
        &[r#"type = "conv", channels = 5, kernel = 3, padding = 1"#, r#"type = "leaky_relu", slope = 0.3"#],
    ),
    Layers("batch norm and relu", [3, 5, 4], 33, &[r#"type = "batch_norm""#, r#"type = "relu""#]),
    Layers("tanh", [3, 37, 5], 3, &[r#"type = "tanh""#]),
    Layers("sigmoid", [3, 37, 5], 3, &[r#"type = "sigmoid""#]),
    Layers(
        "a small generator",
        [1, 1, 5],
        3,
        &[
            r#"type = "dense", shape = [2, 3, 8], bias = false"#,
            r#"type = "batch_norm", per = "feature""#,
            r#"type = "relu""#,
            r#"type = "conv_transpose", channels = 4, kernel = 4, stride = 2, padding = 1, bias = false"#,
            r#"type = "batch_norm""#,
            r#"type = "leaky_relu", slope = 0.2"#,
            r#"type = "dropout", rate = 0.5"#,
            r#"type = "conv", channels = 3, kernel = 3, padding = 1"#,
            r#"type = "tanh""#,
        ],
    ),
];

/// Inputs that activations meet seldom: large ones, where exponentials overflow, and small ones, where they cancel.
const EXTREME: [f32; 15] =
    [0.0, -0.0, 1e-30, 1e-7, -1e-7, 1e-3, 0.249, 0.251, -15.1, 15.0, 44.5, -88.8, 89.0, 100.0, -100.0];

/// Logits from certain to hopeless.
const LOGITS: [f32; 8] = [0.0, 60.0, -60.0, 120.0, -120.0, 1e-6, 17.0, -17.0];

/// All cases for a device; the linear ones in each of these families.
///
/// # Errors
/// When a case does not fit together: a mistake in this file.
pub fn all(profile: &Profile) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for family in families(profile) {
        let profile = Profile { family, ..*profile };
        for layers in LINEAR {
            // Enough splits for sums in two passes, also where a device would not need them.
            let profile = Profile { workgroups_to_fill: profile.workgroups_to_fill.max(16), ..profile };
            let mut case = layer_case(&profile, layers, |z| z)?;
            case.name = format!("{} ({})", case.name, format!("{family:?}").to_lowercase());
            cases.push(case);
        }
    }
    for family in families(profile) {
        let profile = Profile { family, ..*profile };
        cases.extend(variant_cases(&profile)?);
    }
    for layers in OTHER {
        cases.push(layer_case(profile, layers, |z| z)?);
    }
    for Layers(name, input, batch, layers) in
        OTHER.iter().filter(|layers| matches!(layers.0, "tanh" | "sigmoid" | "leaky relu"))
    {
        // With tiny inputs only, an error that is small beside 1 is large beside the largest output.
        for (range, scale) in [("tiny", 1e-6), ("small", 0.1), ("large", 30.0)] {
            let mut case = layer_case(profile, &Layers(name, *input, *batch, layers), |z| z * scale)?;
            case.name = format!("{name}, {range} inputs");
            cases.push(case);
        }
        let mut case = layer_program(profile, &Layers(name, [1, 3, 5], 1, layers))?;
        set(&mut case.program, case.x, EXTREME.to_vec());
        cases.push(Case { name: format!("{name}, extreme inputs"), program: case.program });
    }
    cases.push(shifted_batch_norm(profile)?);
    for (batch, target) in [(1, 1.0), (3, 0.0), (64, 0.9), (65, 0.1), (200, 1.0)] {
        cases.push(loss_case(batch, target)?);
    }
    for step in [0, RING_ROWS + 6, 1_000_003] {
        cases.push(stamp_case(step)?);
    }
    for words in [1, 37, 64, 4160, 131_000] {
        cases.push(largest_case(words)?);
    }
    for (pixels, batch, channels) in [(1, 64, 1), (5, 7, 3), (6, 33, 4)] {
        cases.push(scale_samples_case(pixels, batch, channels)?);
    }
    for (words, update) in [(37, 1), (64, 1), (4160, 1000)] {
        cases.push(adam_case(words, update)?);
    }
    for (channels, noise) in [(1, 0.0), (1, 0.05), (3, 0.0), (3, 0.5)] {
        cases.push(gather_case(channels, noise)?);
    }
    Ok(cases)
}

/// Layers that are larger than the largest tile, by a little.
const TUNED: &[Layers] = &[
    Layers("tuned conv", [3, 4, 68], 70, &[r#"type = "conv", channels = 132, kernel = 3, padding = 1, bias = false"#]),
    Layers("tuned conv to few", [3, 4, 68], 70, &[r#"type = "conv", channels = 3, kernel = 2, bias = false"#]),
    Layers("tuned conv from few", [3, 4, 3], 70, &[r#"type = "conv", channels = 68, kernel = 2, bias = false"#]),
];

/// Every way to run a linear dispatch besides the default: what tuning chooses from.
fn variant_cases(profile: &Profile) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for layers in TUNED {
        for number in 1.. {
            let mut case = layer_case(profile, layers, |z| z)?;
            let mut changed = false;
            for dispatch in case.program.plans.iter_mut().flat_map(|plan| &mut plan.dispatches) {
                if let Some(variant) = variants::of(dispatch, profile).get(number) {
                    *dispatch = variant.apply(dispatch);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
            case.name = format!("{}, variant {number} ({:?})", case.name, profile.family).to_lowercase();
            cases.push(case);
        }
    }
    Ok(cases)
}

/// The linear families that a device can run.
fn families(profile: &Profile) -> Vec<LinearFamily> {
    match profile.family {
        LinearFamily::Tile => vec![LinearFamily::Tile],
        LinearFamily::Lane => vec![LinearFamily::Tile, LinearFamily::Lane],
    }
}

fn layer_program(profile: &Profile, Layers(_, input, batch, layers): &Layers) -> Result<LayerProgram> {
    let [height, width, channels] = *input;
    LayerProgram::new(profile, Shape { height, width, channels }, *batch, &parse_layers(layers)?)
}

fn layer_case(profile: &Profile, layers: &Layers, input: impl Fn(f32) -> f32) -> Result<Case> {
    let mut placed = layer_program(profile, layers)?;
    random(&mut placed.program, placed.x, 0, input);
    Ok(Case { name: format!("{} of {}", layers.0, layers.2), program: placed.program })
}

/// Batch norm of values whose mean is a thousand times their deviation: squares summed without care would cancel.
fn shifted_batch_norm(profile: &Profile) -> Result<Case> {
    let layers = Layers("batch norm", [5, 7, 3], 33, &[r#"type = "batch_norm""#]);
    let mut case = layer_case(profile, &layers, |z| 1000.0 + z)?;
    case.name = "batch norm far from zero".to_string();
    Ok(case)
}

fn floats(program: &mut Program, label: &str, number: u32, words: u32, change: impl Fn(f32) -> f32) -> View {
    let view = program.floats(label, Role::Scratch, words.into());
    random(program, view, number, change);
    view
}

fn loss_case(batch: u32, target: f32) -> Result<Case> {
    let mut program = Program::default();
    let step = step_words(&mut program, RING_ROWS + 6);
    let logits = floats(&mut program, "logits", 0, batch, |z| 3.0 * z);
    if let Some(contents) = &mut program.tensors[logits.tensor.0 as usize].contents {
        contents.iter_mut().skip(1).zip(LOGITS).for_each(|(word, logit)| *word = logit.to_bits());
    }
    let dlogits = floats(&mut program, "dlogits", 1, batch, |z| z);
    let ring = floats(&mut program, "ring", 2, RING_ROWS * RING_COLUMNS, |z| z);
    let mut recorder = Recorder::new(&Profile::HOST);
    for column in [Column::Real, Column::Fake, Column::Generator] {
        recorder.scope(format!("{column:?} loss"));
        loss::record_bce_logits(&mut recorder, target, column, BceLogits { logits, step, dlogits, ring });
    }
    program.plans.push(recorder.finish()?);
    Ok(Case { name: format!("loss of {batch} logits, label {target}"), program })
}

fn stamp_case(number: u32) -> Result<Case> {
    let mut program = Program::default();
    let step = step_words(&mut program, number);
    let [g, d] = [("g", 0), ("d", 1)].map(|(label, number)| floats(&mut program, label, number, 5, |z| z));
    let ring = floats(&mut program, "ring", 2, RING_ROWS * RING_COLUMNS, |z| z);
    let mut recorder = Recorder::new(&Profile::HOST);
    loss::record_stamp(recorder.scope("stamp"), loss::Stamp { step, g, d, ring });
    program.plans.push(recorder.finish()?);
    Ok(Case { name: format!("stamp of step {number}"), program })
}

fn largest_case(words: u32) -> Result<Case> {
    let mut program = Program::default();
    // Magnitudes from the smallest that an f32 holds to nearly the largest.
    let x = floats(&mut program, "x", 0, words, |z| z * libm::exp2f(40.0 * z).clamp(1e-45, 1e37));
    let partial = floats(&mut program, "partial", 1, reduce::SHARES, |z| z);
    let mut recorder = Recorder::new(&Profile::HOST);
    reduce::record_largest(recorder.scope("largest"), x, partial);
    program.plans.push(recorder.finish()?);
    Ok(Case { name: format!("largest of {words}"), program })
}

fn scale_samples_case(pixels: u32, batch: u32, channels: u32) -> Result<Case> {
    let mut program = Program::default();
    let words = pixels * batch * channels;
    let tensors = [("x", 0, words), ("s", 1, batch), ("y", 2, words)];
    let [x, s, y] = tensors.map(|(label, number, words)| floats(&mut program, label, number, words, |z| z));
    let mut recorder = Recorder::new(&Profile::HOST);
    loss::record_scale_samples(recorder.scope("scale"), channels, loss::ScaleSamples { x, s, y });
    program.plans.push(recorder.finish()?);
    Ok(Case { name: format!("scale {batch} samples of {pixels} × {channels}"), program })
}

fn adam_case(words: u32, update: u32) -> Result<Case> {
    let adam = Adam { lr: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
    let mut program = Program::default();
    let step = step_words(&mut program, update - 1);
    if let Some(contents) = &mut program.tensors[step.tensor.0 as usize].contents {
        contents[3..5].copy_from_slice(&adam.rates(update).map(f32::to_bits));
    }
    let started = if update == 1 { 0.0 } else { 1.0 };
    let tensors = adam::AdamTensors {
        // Weights no larger than an update, so that an error of the update is not lost beside them.
        w: floats(&mut program, "w", 0, words, |z| z * 1e-4),
        g: floats(&mut program, "g", 1, words, |z| match z {
            z if z > 1.0 => 0.0,
            z if z < -1.0 => z * 1e-8, // as small as ε
            z => z * 0.01,
        }),
        m: floats(&mut program, "m", 2, words, |z| z * 0.01 * started),
        v: floats(&mut program, "v", 3, words, |z| z * z * 1e-4 * started),
    };
    let mut recorder = Recorder::new(&Profile::HOST);
    recorder.scope("update");
    adam::record_update(&mut recorder, &adam, 3, step, &tensors);
    program.plans.push(recorder.finish()?);
    Ok(Case { name: format!("adam, update {update} of {words}"), program })
}

fn gather_case(channels: u32, noise: f32) -> Result<Case> {
    const PIXELS: u32 = 7 * 5;
    const IMAGES: u32 = 11;
    const BATCH: u32 = 5;
    let mut program = Program::default();
    let step = step_words(&mut program, 9);
    let draws = Draws::new(SEED, stream::SAMPLES, 0);
    let images = (PIXELS * IMAGES * channels).div_ceil(4);
    let images = program.words("images", Role::DataSet, (0..images).map(|i| draws.word(i)).collect());
    let indices = program.words("indices", Role::StepInputs, vec![3, 0, IMAGES - 1, 3, 7]);
    let x = program.tensor("x", Role::Activations, Element::F32, (PIXELS * BATCH * channels).into());
    let mut recorder = Recorder::new(&Profile::HOST);
    recorder.scope("gather");
    let normalisation = Normalisation { low: -1.0, noise, stream: stream::DEVICE };
    data::record_gather(&mut recorder, normalisation, channels, data::Gather { images, indices, step, x });
    program.plans.push(recorder.finish()?);
    Ok(Case { name: format!("gather {channels} channels, noise {noise}"), program })
}
