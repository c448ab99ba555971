//! Dropout (Srivastava et al. 2014), scaled at training time so that sampling needs no kernel.

use super::case::Trial;
use super::{FLAT_INDEX, Flat, PHILOX, SEED_WORD, STEP_WORD, Topic};
use crate::plan::{Bound, Kernel, Recorder, View};
use crate::random::{Source, philox_many};
use crate::twin::{Call, Real, chunks};
use crate::twinned;

/// Keeps or clears elements by a regenerated mask; forward and backward are the same function.
pub static APPLY: Kernel = kernel!("dropout/apply", [FLAT_INDEX, PHILOX], Bound::Relative(2e-7));

pub(super) const TOPIC: Topic = Topic { kernels: &[twinned!(APPLY, apply)], cases };

/// What [`record_apply`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct Masked {
    /// What is masked: an input, or an upstream gradient.
    pub x: View,
    /// `[..]`: seed, step, …
    pub step: View,
    /// Of the same shape as `x`.
    pub y: View,
}

/// Records `y = x · mask / (1 − rate)`, the mask drawn from `source` at the step in `step`.
pub fn record_apply(recorder: &mut Recorder, rate: f32, source: Source, Masked { x, step, y }: Masked) {
    let size = y.len.div_ceil(4);
    let threshold = (f64::from(rate) * 4_294_967_296.0) as u32;
    let launch = Flat {
        items: size,
        constants: &[
            ("SIZE", size.into()),
            ("THRESHOLD", threshold.into()),
            ("KEEP_SCALE", (1.0 / (1.0 - rate)).into()),
            ("SEED", SEED_WORD.into()),
            ("STEP", STEP_WORD.into()),
            ("STREAM", source.stream.into()),
            ("PART", source.part.into()),
        ],
        bindings: &[("x", x), ("step", step), ("y", y)],
        loop_trips: 10,
        flops: y.len.into(),
        ..Flat::default()
    };
    launch.record(recorder, &APPLY);
}

/// Philox blocks that are drawn at once.
const BLOCKS: usize = 16;

fn apply<F: Real>(call: &mut Call<'_, F>) {
    let [threshold, stream, part] = ["THRESHOLD", "STREAM", "PART"].map(|name| call.size(name) as u32);
    let (scale, x, step) = (call.float("KEEP_SCALE"), call.read("x"), call.words("step"));
    let [seed, number] = [call.size("SEED"), call.size("STEP")];
    let (key, number) = ([step[seed], step[seed + 1]], step[number]);
    chunks(
        call.write("y"),
        4 * BLOCKS,
        #[inline(always)]
        move |first, y| {
            for (i, (y, x)) in y.chunks_mut(4 * BLOCKS).zip(x[first..].chunks(4 * BLOCKS)).enumerate() {
                let block = (first / 4 + i * BLOCKS) as u32;
                let blocks = std::array::from_fn(|lane| block + lane as u32);
                let words = philox_many(key, [blocks, [number; BLOCKS], [stream; BLOCKS], [part; BLOCKS]]);
                // Element 4·lane + word of a chunk belongs to that word of that lane's block.
                let mut draws = [0; 4 * BLOCKS];
                for lane in 0..BLOCKS {
                    for word in 0..4 {
                        draws[4 * lane + word] = words[word][lane];
                    }
                }
                for ((y, &x), draw) in y.iter_mut().zip(x).zip(draws) {
                    *y = if draw >= threshold { x * scale } else { F::ZERO };
                }
            }
        },
    );
}

fn cases() -> Vec<Trial> {
    vec![Trial::layers("dropout", [3, 5, 1], 37, &[r#"type = "dropout", rate = 0.3"#])]
}
