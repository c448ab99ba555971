//! Objectives in any combination that a configuration accepts: drawn at random, each is run in
//! lockstep with the twins in f64 and resumed in the middle. Those that are refused name both of
//! what does not go together.
//!
//! `DCGAN_GPU_COMBINATIONS` says how many run on adapters; the host runs all.

mod common;

use std::collections::BTreeSet;

use dcgan_gpu::device::Device;
use dcgan_gpu::engine::{Batch, Engine};
use dcgan_gpu::kernels::augment::Augmentation;
use dcgan_gpu::layers::LayerSpec;
use dcgan_gpu::model::config::{Config, Order};
use dcgan_gpu::model::learned::stored;
use dcgan_gpu::objective::{
    Average, Classes, DiscriminatorClasses, GeneratorClasses, Loss, OptimizerChanges, OptimizerKind, Penalty,
    PenaltyKind, RateSchedule, ScheduleKind,
};
use dcgan_gpu::plan::{Plan, Profile, Stored};
use dcgan_gpu::random::Draws;
use dcgan_gpu::selftest::lockstep;
use dcgan_gpu::selftest::presets::first_step;

/// Valid combinations on the host.
const ON_HOST: u32 = 200;
/// Of these, how many run on each adapter unless the environment says otherwise.
const ON_ADAPTERS: u32 = 12;
/// A stream that nothing else draws from.
const STREAM: u32 = 0x7779;

const DISCRIMINATOR: &str = r#"[
    { type = "conv", channels = 4, kernel = 4, stride = 2, padding = 1 },
    { type = "leaky_relu", slope = 0.2 },
    { type = "dropout", rate = 0.3 },
    { type = "conv", channels = 6, kernel = 3, stride = 2, padding = 1 },
    { type = "batch_norm" },
    { type = "leaky_relu", slope = 0.2 },
    { type = "dense", units = 1 },
]"#;

/// Combination number `number`, valid or not.
fn draw(number: u32) -> Config {
    let draws = Draws::new(11, STREAM, number);
    let pick = |index: u32, choices: u32| draws.below(index, choices);
    let mut config = common::tiny::config(DISCRIMINATOR);
    config.seed = number.into();
    let objective = &mut config.objective;
    objective.loss = Loss::ALL[pick(0, 6) as usize];
    objective.penalty = [None, PenaltyKind::ALL.get(pick(1, 5) as usize).copied()][pick(2, 2) as usize]
        .map(|kind| Penalty { kind, weight: Some(2.0) });
    objective.d_steps = 1 + pick(3, 3);
    objective.pack = 1 + pick(4, 3);
    objective.clip = (pick(5, 4) == 0).then_some(0.05);
    objective.lecam = if pick(6, 3) == 0 { 0.3 } else { 0.0 };
    objective.lecam_start = pick(7, 3);
    config.training.order = if pick(8, 3) == 0 { Order::Simultaneous } else { Order::Alternating };
    if pick(9, 4) == 0 {
        config.training.label_real = 0.9;
    }
    let [for_g, for_d] = [pick(10, 3) == 0, pick(11, 2) == 0];
    for (network, wanted) in [(&mut config.generator, for_g), (&mut config.discriminator, for_d)] {
        for layer in network.layers.iter_mut().filter(|_| wanted) {
            match layer {
                LayerSpec::Dense(layer) => layer.spectral_norm = true,
                LayerSpec::Conv(layer) => layer.spectral_norm = true,
                LayerSpec::ConvTranspose(layer) => layer.spectral_norm = true,
                _ => {}
            }
        }
    }
    if pick(12, 3) > 0 {
        // Most penalties need a D without batch norm.
        config.discriminator.layers.retain(|layer| !matches!(layer, LayerSpec::BatchNorm(_)));
    }
    config.average = (pick(13, 2) == 0).then_some(Average { half_life_images: 20.0, ramp: 0.5 });
    config.augment = (pick(14, 2) == 0).then(|| Augmentation {
        translation: if pick(15, 2) == 0 { 0.25 } else { 0.0 },
        cutout: if pick(16, 2) == 0 { 0.5 } else { 0.0 },
        brightness: if pick(17, 2) == 0 { 0.5 } else { 0.0 },
        contrast: if pick(18, 2) == 0 { 0.5 } else { 0.0 },
        mirror: pick(19, 2) == 0,
    });
    config.classes = (pick(20, 2) == 0).then(|| Classes {
        generator: [GeneratorClasses::BatchNorm, GeneratorClasses::Embedding][pick(21, 2) as usize],
        discriminator: [
            DiscriminatorClasses::Projection,
            DiscriminatorClasses::Planes,
            DiscriminatorClasses::Auxiliary,
        ][pick(22, 3) as usize],
        embedding: Some(2),
        names: ["a", "b", "c"].map(String::from).into(),
        ..Classes::default()
    });
    let schedule = |kind| Some(RateSchedule { kind, from: 0.25, end: Some(6) });
    config.generator.optimizer = (pick(23, 3) == 0).then(|| OptimizerChanges {
        kind: Some(OptimizerKind::Rmsprop),
        lr: Some(5e-4),
        schedule: schedule(ScheduleKind::Cosine),
        ..OptimizerChanges::default()
    });
    config.discriminator.optimizer = (pick(24, 3) == 0).then(|| OptimizerChanges {
        kind: Some([OptimizerKind::Rmsprop, OptimizerKind::Adam][pick(25, 2) as usize]),
        schedule: schedule(ScheduleKind::Linear),
        ..OptimizerChanges::default()
    });
    config
}

/// The first valid combinations, and what the others are refused with.
fn drawn(count: u32) -> (Vec<Config>, Vec<String>) {
    let (mut valid, mut refused) = (Vec::new(), Vec::new());
    for number in 0.. {
        let config = draw(number);
        match config.layouts() {
            Ok(_) => valid.push(config),
            Err(error) => refused.push(error.to_string()),
        }
        if valid.len() as u32 == count {
            return (valid, refused);
        }
    }
    unreachable!("numbers do not end")
}

/// What a combination has, in a line.
fn name(config: &Config) -> String {
    let Config { objective, training, average, augment, classes, .. } = config;
    format!("{} {objective:?} {:?} {average:?} {augment:?} {classes:?}", config.seed, training.order)
}

/// Every dispatch of the first step agrees with its twin in f64.
fn check_lockstep(device: &Device, config: &Config) {
    let (program, _) = first_step(config, &device.profile()).unwrap_or_else(|e| panic!("{}: {e}", name(config)));
    let plans = program.step.iter().copied().chain((0..program.plans.len()).filter(|p| !program.step.contains(p)));
    let dispatches = plans.flat_map(|plan| program.plans[plan].dispatches.clone()).collect();
    let plan = Plan { dispatches, ..Plan::default() };
    let mut failures = Vec::new();
    lockstep::run(device, &program.tensors, &plan, &plan, &[], |row| failures.extend(row.failure))
        .unwrap_or_else(|e| panic!("{}: {e}", name(config)));
    assert!(failures.is_empty(), "{} on {}: {failures:?}", name(config), device.name());
}

/// A checkpoint of the run holds what its configuration says that it holds.
fn check_stored(config: &Config) {
    let program = dcgan_gpu::engine::record(config, &Profile::HOST, config.bytes_per_step()).expect("valid").program;
    let names =
        |stored: Vec<Stored>| stored.into_iter().map(|stored| (stored.name, stored.shape)).collect::<BTreeSet<_>>();
    let expected = names(stored(config).expect("valid"));
    assert_eq!(names(program.stored), expected, "{}", name(config));
}

/// Four steps, and two steps that go on in another engine for two more, leave the same bits.
fn check_resume(device: &Device, config: &Config) {
    let (images, size) = (config.images_per_step(), config.image.bytes());
    let draws = Draws::new(5, STREAM, 0);
    let step = |engine: &mut Engine, number: u32| {
        let byte = |i: usize| draws.word(number * 10_000 + i as u32 / 4).to_le_bytes()[i % 4];
        let bytes: Vec<u8> = (0..images as usize * size).map(byte).collect();
        let labels: Vec<u32> = (0..images).map(|image| (image + number) % 3).collect();
        let labels = if config.classes.is_some() { &labels[..] } else { &[] };
        engine.labelled_step(number, Batch::Bytes(&bytes), labels).expect("the device works");
    };
    let begin = || Engine::new(device, config, None).unwrap_or_else(|e| panic!("{}: {e}", name(config)));
    let mut whole = begin();
    (0..2).for_each(|number| step(&mut whole, number));
    let half = whole.state().expect("the device works");
    (2..4).for_each(|number| step(&mut whole, number));
    let losses = whole.losses(0, 4).expect("the device works");
    assert!(losses.iter().all(|values| values.are_finite()), "{}: {losses:?}", name(config));
    let end = whole.state().expect("the device works");
    drop(whole);
    let mut resumed = begin();
    resumed.restore(&half).expect("they are its own");
    (2..4).for_each(|number| step(&mut resumed, number));
    let other = resumed.state().expect("the device works");
    assert_eq!(end.first_difference(&other), None, "{} on {}", name(config), device.name());
    assert!(end.first_difference(&half).is_some(), "{}: nothing has changed", name(config));
}

#[test]
fn any_combination_trains_and_resumes_on_the_host() {
    let (valid, _) = drawn(ON_HOST);
    for config in &valid {
        check_stored(config);
        check_lockstep(&Device::Host, config);
        check_resume(&Device::Host, config);
    }
}

#[test]
fn any_combination_trains_and_resumes_on_every_adapter() {
    let wanted = std::env::var("DCGAN_GPU_COMBINATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(ON_ADAPTERS);
    let (valid, _) = drawn(wanted);
    for device in common::adapters() {
        for config in &valid {
            check_lockstep(&device, config);
            check_resume(&device, config);
        }
    }
}

/// What is refused names two settings, or a setting and a layer, and what to do.
#[test]
fn what_does_not_go_together_is_named() {
    let (_, refused) = drawn(ON_HOST);
    let mut kinds: Vec<_> =
        refused.iter().map(|message| message.split([';', ',']).next().unwrap_or_default()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert!(kinds.len() >= 6, "{kinds:#?}");
    for message in &refused {
        let names = ["objective.", "training.", "classes.", "layer", "wasserstein", "spectral_norm"];
        let named = names.iter().map(|name| message.matches(name).count()).sum::<usize>();
        assert!(named >= 2 && message.contains(';'), "{message}");
    }
}
