//! An exponential moving average of a network's weights (Yazıcı et al. 2019).

use super::case::{self, Trial};
use super::{FLAT_INDEX, Flat, Topic};
use crate::plan::{Bound, Kernel, Recorder, View};
use crate::twin::{Call, Real, chunks};
use crate::twinned;

/// One step of the average.
pub static UPDATE: Kernel = kernel!("average/update", [FLAT_INDEX], Bound::Relative(5e-7));

pub(super) const TOPIC: Topic = Topic { kernels: &[twinned!(UPDATE, update)], cases };

/// The weight 1 − β that the parameters get in the average after step number `step` (from 0) of
/// `batch` images: what the host writes into the step's input.
///
/// β halves what the average remembers every `half_life_images`, or every `ramp` · (images seen so
/// far) where that is less, so that a young average forgets how the network began; 0 is no ramp.
pub fn rest(batch: u32, half_life_images: f64, ramp: f64, step: u32) -> f32 {
    let batch = f64::from(batch);
    let seen = (f64::from(step) + 1.0) * batch;
    let half_life = if ramp > 0.0 { half_life_images.min(ramp * seen) } else { half_life_images };
    // 1 − 0.5^(B/h) without its cancellation, and by `libm`, because the platform's may differ in
    // the last bit.
    -libm::expm1(-std::f64::consts::LN_2 * batch / half_life) as f32
}

/// Records `a += (1 − β) · (w − a)`; `rest` is the index of the bits of 1 − β in `step`.
pub fn record_update(recorder: &mut Recorder, rest: u32, step: View, w: View, a: View) {
    let size = w.len.div_ceil(4);
    let launch = Flat {
        items: size,
        constants: &[("SIZE", size.into()), ("REST", rest.into())],
        bindings: &[("step", step), ("w", w), ("a", a)],
        flops: 3 * u64::from(w.len),
        ..Flat::default()
    };
    launch.record(recorder, &UPDATE);
}

fn update<F: Real>(call: &mut Call<'_, F>) {
    let rest = F::of_bits(call.words("step")[call.size("REST")]);
    let w = call.read("w");
    chunks(
        call.write("a"),
        1,
        #[inline(always)]
        move |first, a| a.iter_mut().zip(&w[first..]).for_each(|(a, &w)| *a += rest * (w - *a)),
    );
}

fn cases() -> Vec<Trial> {
    let case = |(words, step): (u32, u32)| {
        Trial::program(format!("average of {words} weights, step {step}"), |program, recorder| {
            let rest = rest(64, 10_000.0, 0.05, step);
            let words_of_step = case::step_words(program, step);
            if let Some(contents) = &mut program.tensors[words_of_step.tensor.0 as usize].contents {
                contents[7] = rest.to_bits();
            }
            let [w, a] = [("w", 0), ("a", 1)].map(|(label, number)| case::floats(program, label, number, words, |z| z));
            record_update(recorder, 7, words_of_step, w, a);
        })
    };
    [(5, 0), (64, 100), (4161, 1_000_000)].map(case).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_forgets_half_in_its_half_life() {
        let remembered = |images: u32, ramp: f64, from: u32| -> f64 {
            let steps = from..from + images / 64;
            steps.map(|step| 1.0 - f64::from(rest(64, 6400.0, ramp, step))).product()
        };
        assert!((remembered(6400, 0.0, 0) - 0.5).abs() < 1e-5);
        assert!((remembered(6400, 0.05, 1_000_000) - 0.5).abs() < 1e-5, "the ramp ends");
        assert!(remembered(6400, 0.05, 0) < 1e-6, "the ramp forgets the beginning");
    }

    /// Bits that every platform computes.
    #[test]
    fn weights_of_the_average_are_the_same_bits_everywhere() {
        let bits = [(128, 10_000.0, 0.05, 0), (128, 10_000.0, 0.05, 10_000), (5, 1e12, 0.0, 3)]
            .map(|(batch, half_life, ramp, step)| rest(batch, half_life, ramp, step).to_bits());
        assert_eq!(bits, [0x3f7f_fff0, 0x3c10_b876, 0x2c73_e126]);
        assert_eq!(rest(64, 0.0, 0.0, 0), 1.0, "no half-life: the network itself");
    }
}
