//! Softmax cross-entropy: of a classifier, or of the classes that a discriminator finds beside its
//! logit (Odena et al. 2017).

use super::{RING_COLUMNS, RING_ROWS};
use crate::kernels::case::{self, Trial};
use crate::kernels::{ADD_UP, LOG1P, NAN_BITS, STEP_WORD};
use crate::plan::{Bound, Kernel, Launch, Recorder, Role, View};
use crate::random::{Draws, stream};
use crate::twin::{Call, Real};

/// Loss and the classes' gradient.
pub static CROSS_ENTROPY: Kernel = kernel!("loss/cross_entropy", [LOG1P, NAN_BITS, ADD_UP], Bound::Relative(1e-5));

/// What [`record_cross_entropy`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropy {
    /// `[batch, first + classes]`: what is no class, then a logit for each class.
    pub logits: View,
    /// `[batch]`
    pub labels: View,
    /// `[..]`: seed, step, …
    pub step: View,
    /// `[batch, first + classes]`: the first columns stay as they are.
    pub dlogits: View,
    /// `[RING_ROWS, RING_COLUMNS]`
    pub ring: View,
}

/// Whose classes they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClassesOf {
    /// A classifier's, which has nothing else to tell: the gradient is assigned.
    Classifier,
    /// A discriminator's, behind its logit: the gradient, times this weight, is added.
    Discriminator(f32),
}

/// Records the mean cross-entropy of the classes' logits into `column` of the ring, and its
/// gradient.
pub fn record_cross_entropy(recorder: &mut Recorder, of: ClassesOf, column: u32, views: CrossEntropy) {
    let CrossEntropy { logits, labels, step, dlogits, ring } = views;
    let batch = labels.len;
    let (first, adds, weight) = match of {
        ClassesOf::Classifier => (0_u32, 0_u32, 1.0),
        ClassesOf::Discriminator(weight) => (1, 1, weight),
    };
    let classes = logits.len / batch - first;
    let constants = &[
        ("BATCH", batch.into()),
        ("CLASSES", classes.into()),
        ("FIRST", first.into()),
        ("ADDS", adds.into()),
        ("WEIGHT", weight.into()),
        ("STEP", STEP_WORD.into()),
        ("COLUMN", column.into()),
        ("RING_ROWS", RING_ROWS.into()),
        ("RING_COLUMNS", RING_COLUMNS.into()),
    ];
    let threads = CROSS_ENTROPY.workgroup_size(constants)[0];
    let launch = Launch {
        constants,
        bindings: &[("logits", logits), ("labels", labels), ("step", step), ("dlogits", dlogits), ("ring", ring)],
        workgroups: [1, 1, 1],
        loop_trips: batch.div_ceil(threads) * (1 + 3 * classes) + threads.ilog2(),
        terms: batch,
        flops: 10 * u64::from(logits.len),
    };
    recorder.dispatch(&CROSS_ENTROPY, launch);
}

pub(super) fn cross_entropy<F: Real>(call: &mut Call<'_, F>) {
    let [batch, classes, column] = ["BATCH", "CLASSES", "COLUMN"].map(|name| call.size(name));
    let [first, adds] = ["FIRST", "ADDS"].map(|name| call.size(name));
    let [rows, columns] = ["RING_ROWS", "RING_COLUMNS"].map(|name| call.size(name));
    let (weight, logits, step) = (call.float("WEIGHT"), call.read("logits"), call.words("step"));
    let lines = logits.chunks_exact(first + classes).zip(call.write("dlogits").chunks_exact_mut(first + classes));
    let mut loss = F::ZERO;
    for ((line, dline), &label) in lines.zip(call.words("labels")) {
        let (logits, dlogits, label) = (&line[first..], &mut dline[first..], label as usize);
        // NaN where a logit is none or infinite: `max` would make a number of it.
        let spoil = if logits.iter().all(|l| l.wide().is_finite()) { F::ZERO } else { F::of(f64::NAN) };
        let likeliest = (1..classes).fold(0, |best, k| if logits[k] > logits[best] { k } else { best });
        let largest = logits[likeliest];
        let others = (0..classes).filter(|&k| k != likeliest).map(|k| (logits[k] - largest).exp()).sum::<F>();
        loss += largest - logits[label] + others.ln_1p() + spoil;
        for (k, (dlogit, &l)) in dlogits.iter_mut().zip(logits).enumerate() {
            let target = if k == label { F::ONE } else { F::ZERO };
            let softmax = (l - largest).exp() / (F::ONE + others);
            let before = if adds == 1 { *dlogit } else { F::ZERO };
            *dlogit = before + ((softmax - target) * (weight / F::count(batch)) + spoil);
        }
    }
    call.write("ring")[step[call.size("STEP")] as usize % rows * columns + column] = loss / F::count(batch);
}

pub(super) fn cases() -> impl Iterator<Item = Trial> {
    let case = |(batch, classes, scale, of): (u32, u32, f32, ClassesOf)| {
        let whose = if of == ClassesOf::Classifier { " of a classifier" } else { "" };
        Trial::program(format!("cross-entropy of {batch} in {classes} classes{whose}"), |program, recorder| {
            let draws = Draws::new(case::SEED, stream::SAMPLES, 9);
            let labels = (0..batch).map(|b| draws.below(b, classes)).collect();
            let words = batch * (classes + u32::from(of != ClassesOf::Classifier));
            let views = CrossEntropy {
                logits: case::floats(program, "logits", 0, words, |z| scale * z),
                labels: program.words("labels", Role::StepInputs, labels),
                step: case::step_words(program, RING_ROWS + 6),
                dlogits: case::floats(program, "dlogits", 1, words, |z| z),
                ring: case::floats(program, "ring", 2, RING_ROWS * RING_COLUMNS, |z| z),
            };
            record_cross_entropy(recorder.scope("class loss"), of, 5, views);
        })
    };
    let weighted = ClassesOf::Discriminator(0.7);
    let alone = ClassesOf::Classifier;
    [
        (1, 1, 1.0, weighted),
        (3, 2, 100.0, weighted),
        (64, 10, 1.0, weighted),
        (65, 33, 10.0, weighted),
        (200, 3, 0.1, weighted),
        (1, 2, 10.0, alone),
        (65, 10, 1.0, alone),
    ]
    .map(case)
    .into_iter()
}
