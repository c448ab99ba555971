//! What is no number shows, wherever it is and whatever a kernel selects or clamps.

use dcgan_gpu::kernels::activation::{leaky_relu, sigmoid, silu, softplus, tanh};
use dcgan_gpu::kernels::augment::{Augmentation, Augmented, Images, record_adjoint, record_forward};
use dcgan_gpu::kernels::loss::adversarial::{self, Logits};
use dcgan_gpu::kernels::loss::cross_entropy::{ClassesOf, CrossEntropy, record_cross_entropy};
use dcgan_gpu::kernels::loss::{LossOf, RING_COLUMNS, RING_ROWS};
use dcgan_gpu::kernels::reduce::{self, NOT_FINITE, SHARES};
use dcgan_gpu::kernels::spectral::{self, Matrix, SIGMA_PITCH, Tensors};
use dcgan_gpu::kernels::{average, clip};
use dcgan_gpu::objective::Loss;
use dcgan_gpu::plan::{Program, Recorder, Role, View};
use dcgan_gpu::shape::Shape;

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
        for (loss, target) in Loss::ALL.into_iter().flat_map(|loss| [0.0, 0.9, 1.0].map(|target| (loss, target))) {
            let mut program = Program::default();
            let step = program.words("step", Role::StepInputs, vec![0, 0, STEP, 0, 0, 0, 0, 0]);
            let [logits, dlogits] = ["logits", "dlogits"].map(|label| program.floats(label, Role::Activations, 130));
            let ring = program.floats("ring", Role::LossRing, (RING_ROWS * RING_COLUMNS).into());
            let mut recorder = Recorder::new(&device.profile());
            let views = Logits { logits, others: logits, step, dlogits, ring };
            adversarial::record(&mut recorder, loss.kernel(), target, LossOf::Fake, 1, views);
            program.plans.push(recorder.finish().unwrap());
            let mut session = device.load(program).unwrap();
            let row = (STEP % RING_ROWS * RING_COLUMNS + LossOf::Fake as u32) as usize;
            for bad in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001), f32::INFINITY, f32::NEG_INFINITY] {
                for place in [0, 63, 64, 129] {
                    let what = format!("{bad} at {place}, {} loss, label {target}, on {}", loss.name(), device.name());
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
        record_cross_entropy(&mut recorder, ClassesOf::Discriminator(1.0), COLUMN, views);
        program.plans.push(recorder.finish().unwrap());
        let mut session = device.load(program).unwrap();
        let place_of_loss = (STEP % RING_ROWS * RING_COLUMNS + COLUMN) as usize;
        for bad in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001), f32::INFINITY, f32::NEG_INFINITY] {
            for (sample, class) in [(0, 0), (0, 2), (63, 1), (64, 1), (69, 2)] {
                let what = format!("{bad} for class {class} of sample {sample}, on {}", device.name());
                let mut values: Vec<_> = (0..words).map(|i| (i as f32 - 140.0) * 0.1).collect();
                values[sample * (1 + CLASSES) + 1 + class] = bad;
                session.write_floats(logits, &values);
                session.write_floats(dlogits, &vec![0.0; words as usize]);
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

/// Nor does augmentation, in a pixel that it keeps; through the mean it reaches all others of its
/// image, and none of another.
#[test]
fn augmentation_does_not_hide_nan() {
    const FILL: f32 = -7.0;
    const BATCH: usize = 3;
    let shape = Shape { height: 5, width: 4, channels: 1 };
    let images = Images { shape, batch: BATCH as u32, source: 3.into() };
    for device in common::devices() {
        for contrast in [0.0, 0.5] {
            let how =
                Augmentation { translation: 0.25, brightness: 0.5, mirror: true, contrast, ..Augmentation::default() };
            let mut program = Program::default();
            let step = program.words("step", Role::StepInputs, vec![0, 0, 67, 0, 0, 0, 0, 0]);
            let mut floats = |label, words: u32| program.floats(label, Role::Activations, words.into());
            let [x, y, dx] = ["x", "y", "dx"].map(|label| floats(label, shape.values() * images.batch));
            let means = floats("means", images.batch);
            let mut recorder = Recorder::new(&device.profile());
            record_forward(&mut recorder, &how, images, [FILL; 3], Augmented { x, step, means, y });
            record_adjoint(&mut recorder, &how, images, Augmented { x, step, means, y: dx });
            program.plans.push(recorder.finish().unwrap());
            let mut session = device.load(program).unwrap();
            // A shift by a pixel keeps the inner ones.
            let mut values: Vec<_> = (0..x.len).map(|i| i as f32 * 0.1).collect();
            values[9 * BATCH + 1] = f32::NAN;
            session.write_floats(x, &values);
            session.run(&[0]).unwrap();
            for (view, what) in [(y, "images"), (dx, "gradients")] {
                let values = session.read_floats(view).unwrap();
                let what = format!("{what}, contrast {contrast}, on {}: {values:?}", device.name());
                for (b, spoilt) in [(0, false), (1, true), (2, false)] {
                    let image: Vec<_> = values[b..].iter().step_by(BATCH).filter(|&&value| value != FILL).collect();
                    let expected = if !spoilt {
                        0
                    } else if contrast > 0.0 {
                        image.len()
                    } else {
                        1
                    };
                    assert_eq!(image.iter().filter(|value| value.is_nan()).count(), expected, "{what}");
                }
            }
        }
    }
}

/// Clipping leaves NaN, and puts infinity back to the limit; an average takes NaN over.
#[test]
fn clipping_and_averaging_do_not_hide_nan() {
    for device in common::devices() {
        let mut program = Program::default();
        let step = program.words("step", Role::StepInputs, vec![0.5_f32.to_bits()]);
        let [w, a] = ["w", "a"].map(|label| program.floats(label, Role::Parameters, 5));
        let mut recorder = Recorder::new(&device.profile());
        clip::record_weights(&mut recorder, 0.25, w);
        average::record_update(&mut recorder, 0, step, w, a);
        program.plans.push(recorder.finish().unwrap());
        let mut session = device.load(program).unwrap();
        session.write_floats(w, &[0.125, f32::NAN, -0.5, -f32::NAN, f32::INFINITY]);
        session.run(&[0]).unwrap();
        for (view, numbers) in [(w, [0.125, -0.25, 0.25]), (a, [0.0625, -0.125, 0.125])] {
            let values = session.read_floats(view).unwrap();
            assert!(values[1].is_nan() && values[3].is_nan(), "{values:?} on {}", device.name());
            assert_eq!([values[0], values[2], values[4]], numbers, "on {}", device.name());
        }
    }
}

/// A weight that is none makes NaN of σ, of what is recorded of it and of all normalised weights.
#[test]
fn spectral_normalisation_does_not_hide_nan() {
    let matrix = Matrix { blocks: 1, columns: 9, channels: 70 };
    let (rows, columns) = (matrix.rows(), matrix.columns);
    for device in common::devices() {
        let mut program = Program::default();
        let step = program.words("step", Role::StepInputs, vec![0, 0, 0]);
        let mut floats = |label, words: u32| program.floats(label, Role::Scratch, words.into());
        let tensors = Tensors {
            w: floats("w", rows * columns),
            u: floats("u", rows),
            v: floats("v", columns),
            sigma: floats("sigma", SIGMA_PITCH),
            w_bar: floats("w_bar", rows * columns),
            partial: floats("partial", matrix.partial_words() as u32),
        };
        let ring = floats("ring", RING_ROWS * RING_COLUMNS);
        let mut recorder = Recorder::new(&device.profile());
        let normalised = Tensors { sigma: tensors.sigma.slice(0, 1), ..tensors };
        spectral::record_normalise(&mut recorder, matrix, &normalised, true);
        spectral::record_largest(&mut recorder, 3, tensors.sigma, step, ring);
        program.plans.push(recorder.finish().unwrap());
        let mut session = device.load(program).unwrap();
        let usual: Vec<_> = (0..rows * columns).map(|i| ((i * 37 % 101) as f32 - 50.0) * 0.01).collect();
        for (place, bad) in [(0, f32::NAN), (200, f32::INFINITY), (629, -f32::NAN)] {
            for values in
                [usual.clone(), usual.iter().enumerate().map(|(i, w)| if i == place { bad } else { *w }).collect()]
            {
                let is_bad = values[place].to_bits() == bad.to_bits();
                session.write_floats(tensors.w, &values);
                session.write_floats(tensors.u, &vec![1.0; rows as usize]);
                session.run(&[0]).unwrap();
                let sigma = session.read_floats(normalised.sigma).unwrap()[0];
                let recorded = session.read_floats(ring).unwrap()[3];
                let w_bar = session.read_floats(tensors.w_bar).unwrap();
                let what = format!("{bad} at {place}: σ {sigma}, recorded {recorded}, on {}", device.name());
                assert_eq!((sigma.is_nan(), recorded.is_nan()), (is_bad, is_bad), "{what}");
                assert!(w_bar.iter().all(|w| w.is_nan() == is_bad), "{what}");
            }
        }
    }
}
