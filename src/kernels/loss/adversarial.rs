//! The adversarial losses: each a file of `shaders/loss/`, and a function here, that judge one
//! logit; `common/adversarial.wgsl` and its twin do the rest for all of them.

use super::{LossOf, RING_COLUMNS, RING_ROWS};
use crate::kernels::{ADD_UP, ADVERSARIAL, LOG1P, NAN_BITS, SIGMOID, SOFTPLUS, STEP_WORD};
use crate::plan::{Bound, Kernel, Launch, Recorder, View};
use crate::twin::{Call, Real};

/// A kernel of the family.
macro_rules! adversarial {
    ($name:literal) => {
        kernel!($name, [SIGMOID, LOG1P, SOFTPLUS, NAN_BITS, ADD_UP, ADVERSARIAL], Bound::Relative(1e-5))
    };
}

/// Cross-entropy with soft labels (Goodfellow et al. 2014, with G's loss of section 3).
pub static NON_SATURATING: Kernel = adversarial!("loss/non_saturating");
/// What D gains, G loses (Goodfellow et al. 2014, equation 1).
pub static MINIMAX: Kernel = adversarial!("loss/minimax");
/// Squares (Mao et al. 2017).
pub static LEAST_SQUARES: Kernel = adversarial!("loss/least_squares");
/// Margins (Miyato et al. 2018).
pub static HINGE: Kernel = adversarial!("loss/hinge");
/// The difference of means (Arjovsky et al. 2017).
pub static WASSERSTEIN: Kernel = adversarial!("loss/wasserstein");
/// Pairs of a real and a generated image (Huang et al. 2024).
pub static RELATIVISTIC_PAIRING: Kernel = adversarial!("loss/relativistic_pairing");

/// What [`record`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct Logits {
    /// `[batch, stride]`: the first of each row is a sample's logit.
    pub logits: View,
    /// `[batch, stride]`: what each is paired with, for losses of pairs; else the logits again.
    pub others: View,
    /// `[..]`: seed, step, …
    pub step: View,
    /// `[batch, stride]`: 0 but for the first of each row.
    pub dlogits: View,
    /// `[RING_ROWS, RING_COLUMNS]`
    pub ring: View,
}

/// Records the mean loss of `logits`, with its gradient and the mean of what stands for D(x).
/// `target` is the label, where the loss has labels.
pub fn record(
    recorder: &mut Recorder,
    kernel: &'static Kernel,
    target: f32,
    of: LossOf,
    stride: u32,
    Logits { logits, others, step, dlogits, ring }: Logits,
) {
    let batch = logits.len / stride;
    let constants = &[
        ("BATCH", batch.into()),
        ("STRIDE", stride.into()),
        ("ROLE", of.role().into()),
        ("TARGET", target.into()),
        ("STEP", STEP_WORD.into()),
        ("COLUMN", (of as u32).into()),
        ("RING_ROWS", RING_ROWS.into()),
        ("RING_COLUMNS", RING_COLUMNS.into()),
    ];
    let threads = kernel.workgroup_size(constants)[0];
    recorder.dispatch(
        kernel,
        Launch {
            constants,
            bindings: &[("logits", logits), ("others", others), ("step", step), ("dlogits", dlogits), ("ring", ring)],
            workgroups: [1, 1, 1],
            loop_trips: batch.div_ceil(threads) * stride + threads.ilog2(),
            terms: batch,
            flops: 10 * u64::from(batch),
        },
    );
}

/// A logit, what it is paired with, and its label.
struct Logit<F> {
    of: LossOf,
    l: F,
    other: F,
    target: F,
}

/// A logit's loss, the derivative, and what is reported as D(x).
type Judged<F> = [F; 3];

pub(super) fn non_saturating<F: Real>(call: &mut Call<'_, F>) {
    reduce(call, |Logit { l, target, .. }| [cross_entropy(l, target), l.sigmoid() - target, l.sigmoid()]);
}

/// Of σ(l) with a soft label.
fn cross_entropy<F: Real>(l: F, target: F) -> F {
    l.max(F::ZERO) - target * l + (-l.abs()).exp().ln_1p()
}

pub(super) fn minimax<F: Real>(call: &mut Call<'_, F>) {
    reduce(call, |Logit { of, l, target, .. }| match of {
        LossOf::Generator => [-l.softplus(), -l.sigmoid(), l.sigmoid()],
        LossOf::Real | LossOf::Fake => [cross_entropy(l, target), l.sigmoid() - target, l.sigmoid()],
    });
}

pub(super) fn least_squares<F: Real>(call: &mut Call<'_, F>) {
    reduce(call, |Logit { l, target, .. }| [F::of(0.5) * (l - target) * (l - target), l - target, l]);
}

pub(super) fn hinge<F: Real>(call: &mut Call<'_, F>) {
    let inside = |margin: F, slope: F| if margin > F::ZERO { slope } else { F::ZERO };
    reduce(call, |Logit { of, l, .. }| match of {
        LossOf::Real => [(F::ONE - l).max(F::ZERO), inside(F::ONE - l, -F::ONE), l],
        LossOf::Fake => [(F::ONE + l).max(F::ZERO), inside(F::ONE + l, F::ONE), l],
        LossOf::Generator => [-l, -F::ONE, l],
    });
}

pub(super) fn wasserstein<F: Real>(call: &mut Call<'_, F>) {
    reduce(call, |Logit { of, l, .. }| match of {
        LossOf::Fake => [l, F::ONE, l],
        LossOf::Real | LossOf::Generator => [-l, -F::ONE, l],
    });
}

pub(super) fn relativistic_pairing<F: Real>(call: &mut Call<'_, F>) {
    let half = F::of(0.5);
    reduce(call, |Logit { of, l, other, .. }| match of {
        LossOf::Real => [half * (other - l).softplus(), -(other - l).sigmoid(), l],
        LossOf::Fake => [half * (l - other).softplus(), (l - other).sigmoid(), l],
        LossOf::Generator => [(other - l).softplus(), -(other - l).sigmoid(), l],
    });
}

/// Means over the batch.
fn reduce<F: Real>(call: &mut Call<'_, F>, judge: impl Fn(Logit<F>) -> Judged<F>) {
    let [batch, stride, column, role] = ["BATCH", "STRIDE", "COLUMN", "ROLE"].map(|name| call.size(name));
    let [rows, columns] = ["RING_ROWS", "RING_COLUMNS"].map(|name| call.size(name));
    let (target, logits, others) = (call.float("TARGET"), call.read("logits"), call.read("others"));
    let (step, of) = (call.words("step"), LossOf::ALL[role]);
    let (mut loss, mut belief) = (F::ZERO, F::ZERO);
    let samples = logits.iter().step_by(stride).zip(others.iter().step_by(stride));
    for (dlogits, (&l, &other)) in call.write("dlogits").chunks_exact_mut(stride).zip(samples) {
        // NaN where a logit is none or infinite: `max` would make a number of it.
        let is_finite = l.wide().is_finite() && other.wide().is_finite();
        let spoil = if is_finite { F::ZERO } else { F::of(f64::NAN) };
        let [value, derivative, d] = judge(Logit { of, l, other, target });
        loss += value + spoil;
        belief += d + spoil;
        dlogits.fill(F::ZERO);
        dlogits[0] = (derivative + spoil) / F::count(batch);
    }
    let row = step[call.size("STEP")] as usize % rows * columns + column;
    call.write("ring")[row..row + 2].copy_from_slice(&[loss / F::count(batch), belief / F::count(batch)]);
}
