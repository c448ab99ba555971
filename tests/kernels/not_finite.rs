//! What is no number shows, wherever it is and whatever a kernel selects or clamps.

use dcgan_gpu::kernels::activation::{leaky_relu, sigmoid, silu, softplus, tanh};
use dcgan_gpu::kernels::loss::cross_entropy::{CrossEntropy, record_cross_entropy};
use dcgan_gpu::kernels::loss::{self, BceLogits, LossOf, RING_COLUMNS, RING_ROWS};
use dcgan_gpu::kernels::reduce::{self, NOT_FINITE, SHARES};
use dcgan_gpu::plan::{Program, Recorder, Role, View};

use crate::common;

/// A network that has diverged must show it: NaN passes through activations, whatever they select
/// or clamp.
#[test]
fn activations_do_not_hide_nan() {
    type Record = fn(&mut Recorder, View, View);
    let activations: [(&str, Record); 6] = [
        ("relu", |recorder, x, y| leaky_relu::record_forward(recorder, 0.0, x, y)),
        ("leaky relu", |recorder, x, y| leaky_relu::record_forward(recorder, 0.2, x, y)),
        ("tanh", tanh::record_forward),
        ("sigmoid", sigmoid::record_forward),
        ("silu", silu::record_forward),
        ("softplus", softplus::record_forward),
    ];
    for device in common::devices() {
        for (activation, record) in activations {
            let mut program = Program::default();
            let [x, y] = ["x", "y"].map(|label| program.floats(label, Role::Activations, 5));
            let mut recorder = Recorder::new(&device.profile());
            record(&mut recorder, x, y);
            program.plans.push(recorder.finish().unwrap());
            let mut session = device.load(program).unwrap();
            session.write_floats(x, &[0.5, f32::NAN, -0.5, -f32::NAN, 100.0]);
            session.run(&[0]).unwrap();
            let nan: Vec<_> = session.read_floats(y).unwrap().iter().map(|value| value.is_nan()).collect();
            assert_eq!(nan, [false, true, false, true, false], "{activation} on {}", device.name());
        }
    }
}

/// Neither may the loss: `max` in it makes a number of NaN, and a label of 1 or 0 cancels one of
/// the infinities.
#[test]
fn the_loss_does_not_hide_what_is_no_number() {
    const STEP: u32 = 67;
    for device in common::devices() {
        for target in [0.0, 0.9, 1.0] {
            let mut program = Program::default();
            let step = program.words("step", Role::StepInputs, vec![0, 0, STEP, 0, 0, 0, 0, 0]);
            let [logits, dlogits] = ["logits", "dlogits"].map(|label| program.floats(label, Role::Activations, 130));
            let ring = program.floats("ring", Role::LossRing, (RING_ROWS * RING_COLUMNS).into());
            let mut recorder = Recorder::new(&device.profile());
            loss::record_bce_logits(&mut recorder, target, LossOf::Fake, BceLogits { logits, step, dlogits, ring });
            program.plans.push(recorder.finish().unwrap());
            let mut session = device.load(program).unwrap();
            let row = (STEP % RING_ROWS * RING_COLUMNS + LossOf::Fake as u32) as usize;
            for bad in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001), f32::INFINITY, f32::NEG_INFINITY] {
                for place in [0, 63, 64, 129] {
                    let what = format!("{bad} at {place}, label {target}, on {}", device.name());
                    let mut values: Vec<_> = (0..130).map(|i| (i as f32 - 65.0) * 0.1).collect();
                    session.write_floats(logits, &values);
                    session.run(&[0]).unwrap();
                    let losses = session.read_floats(ring).unwrap();
                    assert!(losses[row].is_finite() && losses[row + 1].is_finite(), "{what}: {losses:?}");
                    values[place] = bad;
                    session.write_floats(logits, &values);
                    session.run(&[0]).unwrap();
                    let losses = session.read_floats(ring).unwrap();
                    assert!(losses[row].is_nan() && losses[row + 1].is_nan(), "{what}: {:?}", &losses[row..row + 2]);
                    let gradients = session.read_floats(dlogits).unwrap();
                    let spoilt: Vec<_> = (0..130).filter(|&i| !gradients[i].is_finite()).collect();
                    assert_eq!(spoilt, [place], "{what}");
                }
            }
        }
    }
}

/// Nor may that of the classes: a sample with such a logit has no gradient that is a number, and
/// the others keep theirs.
#[test]
fn the_loss_of_classes_does_not_hide_what_is_no_number() {
    const STEP: u32 = 67;
    const COLUMN: u32 = 5;
    const CLASSES: usize = 3;
    const BATCH: usize = 70;
    for device in common::devices() {
        let mut program = Program::default();
        let step = program.words("step", Role::StepInputs, vec![0, 0, STEP, 0, 0, 0, 0, 0]);
        let labels = (0..BATCH).map(|b| (b % CLASSES) as u32).collect();
        let labels = program.words("labels", Role::StepInputs, labels);
        let words = (BATCH * (1 + CLASSES)) as u64;
        let [logits, dlogits] = ["logits", "dlogits"].map(|label| program.floats(label, Role::Activations, words));
        let ring = program.floats("ring", Role::LossRing, (RING_ROWS * RING_COLUMNS).into());
        let mut recorder = Recorder::new(&device.profile());
        let views = CrossEntropy { logits, labels, step, dlogits, ring };
        record_cross_entropy(&mut recorder, 1.0, COLUMN, views);
        program.plans.push(recorder.finish().unwrap());
        let mut session = device.load(program).unwrap();
        let place_of_loss = (STEP % RING_ROWS * RING_COLUMNS + COLUMN) as usize;
        for bad in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001), f32::INFINITY, f32::NEG_INFINITY] {
            for (sample, class) in [(0, 0), (0, 2), (63, 1), (64, 1), (69, 2)] {
                let what = format!("{bad} for class {class} of sample {sample}, on {}", device.name());
                let mut values: Vec<_> = (0..words).map(|i| (i as f32 - 140.0) * 0.1).collect();
                values[sample * (1 + CLASSES) + 1 + class] = bad;
                session.write_floats(logits, &values);
                session.run(&[0]).unwrap();
                assert!(session.read_floats(ring).unwrap()[place_of_loss].is_nan(), "{what}");
                for (b, gradients) in session.read_floats(dlogits).unwrap().chunks(1 + CLASSES).enumerate() {
                    let is_spoilt = gradients[1..].iter().map(|d| !d.is_finite()).collect::<Vec<_>>();
                    assert_eq!(is_spoilt, [b == sample; CLASSES], "{what}: {gradients:?} of sample {b}");
                }
            }
        }
    }
}

/// The check for divergence finds a single bad word, wherever it is.
#[test]
fn the_largest_magnitude_shows_what_is_no_number() {
    const WORDS: u32 = 4133;
    for device in common::devices() {
        let mut program = Program::default();
        let x = program.floats("x", Role::Parameters, WORDS.into());
        let partial = program.floats("partial", Role::Scratch, SHARES.into());
        let mut recorder = Recorder::new(&device.profile());
        reduce::record_largest(&mut recorder, x, partial);
        program.plans.push(recorder.finish().unwrap());
        let mut session = device.load(program).unwrap();
        let mut largest = |values: &[f32]| {
            session.write_floats(x, values);
            session.run(&[0]).unwrap();
            session.read(partial).unwrap().into_iter().max().unwrap()
        };
        let usual: Vec<_> = (0..WORDS).map(|i| (i as f32 - 2000.0) * 1e-3).collect();
        assert_eq!(f32::from_bits(largest(&usual)), usual[4132], "on {}", device.name());
        for bad in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001), f32::INFINITY, f32::NEG_INFINITY] {
            for place in [0, 64, 1000, WORDS as usize - 1] {
                let mut values = usual.clone();
                values[place] = bad;
                let bits = largest(&values);
                assert!(bits >= NOT_FINITE, "{bad} at {place} on {}: {bits:#x}", device.name());
            }
        }
        assert_eq!(f32::from_bits(largest(&vec![f32::MAX; WORDS as usize])), f32::MAX, "on {}", device.name());
    }
}
