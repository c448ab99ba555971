//! Objectives as a step computes them, in f64: D's gradients of its loss with its penalties against
//! central differences.

mod common;

use common::{assert_close, largest};
use dcgan_gpu::device::host::Interpreter;
use dcgan_gpu::engine::gan::Gan;
use dcgan_gpu::kernels::loss::RING_COLUMNS;
use dcgan_gpu::model::config::{Config, Order};
use dcgan_gpu::objective::{Loss, Penalty, PenaltyKind};
use dcgan_gpu::plan::{Plan, Profile, Program};
use dcgan_gpu::selftest::presets::first_step;

/// The step of central differences: their error is of order h², and rounding is divided by h.
const H: f64 = 1e-6;

/// Every kind of layer that a penalty takes.
const DISCRIMINATOR: &str = r#"[
    { type = "conv", channels = 4, kernel = 4, stride = 2, padding = 1 },
    { type = "leaky_relu", slope = 0.2 },
    { type = "dropout", rate = 0.3 },
    { type = "conv_transpose", channels = 3, kernel = 3 },
    { type = "dropout", rate = 0.2 },
    { type = "leaky_relu", slope = 0.3 },
    { type = "dense", units = 6 },
    { type = "relu" },
    { type = "dense", units = 1 },
]"#;

/// The tiny networks with an objective.
fn tiny(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = common::tiny::config(DISCRIMINATOR);
    config.seed = 3;
    change(&mut config);
    config
}

/// D's loss with its penalties, as the ring has it after the phases of D's gradients.
fn d_objective(config: &Config, gan: &Gan, cpu: &Interpreter<f64>) -> f64 {
    let row = &cpu.floats(gan.inputs.ring)[..RING_COLUMNS as usize];
    row[0] + row[2] + config.objective.penalised().iter().map(|place| row[place.column() as usize]).sum::<f64>()
}

/// Checks D's gradients of a configuration's first phase: those of every `stride`-th parameter.
fn check_d(what: &str, config: &Config, stride: usize) {
    let (program, gan): (Program, Gan) = first_step(config, &Profile::HOST).unwrap_or_else(|e| panic!("{what}: {e}"));
    let plan: &Plan = &program.plans[program.step[0]];
    let optimizer = gan.discriminator.optimizer;
    let mut cpu = Interpreter::<f64>::new(&program);
    let parameters = gan.discriminator.state.parameters;
    // Behind dropout, a bias of 0 is where an activation has its kink.
    (0_u32..).zip(cpu.floats_mut(parameters)).for_each(|(index, value)| *value += 0.05 * f64::from(index).sin());
    cpu.run(plan);
    let gradient = cpu.floats(optimizer.g).to_vec();
    let used: Vec<usize> = (0..gradient.len()).filter(|&index| gradient[index] != 0.0).step_by(stride).collect();
    assert!(used.len() > 100 / stride, "{what}: {} parameters", used.len());
    let mut at = |index: usize, change: f64| {
        cpu.floats_mut(parameters)[index] += change;
        cpu.run(plan);
        cpu.floats_mut(parameters)[index] -= change;
        d_objective(config, &gan, &cpu)
    };
    let mut difference = |index, h| (at(index, h) - at(index, -h)) / (2.0 * h);
    let differences: Vec<_> = used.iter().map(|&index| [difference(index, H), difference(index, H / 4.0)]).collect();
    let bound = 1e-7 * largest(differences.as_flattened()).max(1.0);
    // Where both steps do not agree, a kink lies between: a penalty jumps there.
    let smooth: Vec<_> = used.iter().zip(&differences).filter(|(_, [a, b])| (a - b).abs() < bound).collect();
    assert!(smooth.len() > used.len() * 98 / 100, "{what}: {} of {} away from kinks", smooth.len(), used.len());
    let gradient: Vec<_> = smooth.iter().map(|(index, _)| gradient[**index]).collect();
    let differences: Vec<_> = smooth.iter().map(|(_, [_, b])| *b).collect();
    assert_close(what, &gradient, &differences, |_| bound);
}

#[test]
fn every_penalty_with_every_loss() {
    for loss in Loss::ALL {
        for kind in PenaltyKind::ALL {
            let config = tiny(|config| {
                config.objective.loss = loss;
                config.objective.penalty = Some(Penalty { kind, weight: Some(3.0) });
            });
            check_d(
                &format!("{} with {}", loss.name(), kind.name()),
                &config,
                if loss == Loss::default() { 1 } else { 7 },
            );
        }
    }
}

#[test]
fn a_penalty_in_the_simultaneous_order() {
    for kind in PenaltyKind::ALL {
        let config = tiny(|config| {
            config.training.order = Order::Simultaneous;
            config.objective.penalty = Some(Penalty { kind, weight: Some(3.0) });
        });
        check_d(&format!("simultaneous with {}", kind.name()), &config, 3);
    }
}

/// A pack is one sample of D: its images share a norm.
#[test]
fn a_penalty_on_packs() {
    let config = tiny(|config| {
        config.objective.pack = 3;
        config.objective.penalty = Some(Penalty { kind: PenaltyKind::WganGp, weight: None });
    });
    check_d("packs", &config, 1);
}
