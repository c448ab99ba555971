//! Batches of normalised images from the bytes of a data set.

use super::case::{self, Trial};
use super::{FLAT_INDEX, Flat, PHILOX, SEED_WORD, STEP_WORD, Topic};
use crate::plan::{Bound, Kernel, Recorder, Role, View};
use crate::random::{Draws, Source, philox, stream};
use crate::twin::{Call, Real, chunks};
use crate::twinned;

/// Gathers, normalises, and adds instance noise.
pub static GATHER: Kernel = kernel!("data/gather", [FLAT_INDEX, PHILOX], Bound::Relative(1e-6));

pub(super) const TOPIC: Topic = Topic { kernels: &[twinned!(GATHER, gather)], cases };

/// The mean of a sum of sixteen uniform 16-bit integers.
const SUM_MEAN: f64 = 524_280.0;
/// One over its standard deviation.
const SUM_INVERSE_DEVIATION: f64 = 1.0 / 75_674.454_5;

/// What becomes of a byte.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalisation {
    /// The value of byte 0; byte 255 becomes 1.
    pub low: f32,
    /// Standard deviation of the Gaussian instance noise (Sønderby et al. 2017).
    pub noise: f32,
    /// Where the noise is drawn from.
    pub source: Source,
}

/// What [`record_gather`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct Gather {
    /// `[N, pixels, channels]` bytes; see [`pack`].
    pub images: View,
    /// `[batch]`
    pub indices: View,
    /// `[..]`: seed, step, …
    pub step: View,
    /// `[pixels, batch, channels]`
    pub x: View,
}

/// Records `x[p, b, c] = normalise(images[indices[b], p, c])`.
pub fn record_gather(recorder: &mut Recorder, normalisation: Normalisation, channels: u32, views: Gather) {
    let Gather { images, indices, step, x } = views;
    let batch = indices.len;
    let launch = Flat {
        items: x.len,
        constants: &[
            ("SIZE", x.len.into()),
            ("BATCH", batch.into()),
            ("PIXELS", (x.len / (batch * channels)).into()),
            ("CHANNELS", channels.into()),
            ("SCALE", ((1.0 - normalisation.low) / 255.0).into()),
            ("OFFSET", normalisation.low.into()),
            ("NOISE", normalisation.noise.into()),
            ("SEED", SEED_WORD.into()),
            ("STEP", STEP_WORD.into()),
            ("STREAM", normalisation.source.stream.into()),
            ("PART", normalisation.source.part.into()),
        ],
        bindings: &[("images", images), ("indices", indices), ("step", step), ("x", x)],
        loop_trips: if normalisation.noise > 0.0 { 20 } else { 0 },
        flops: 2 * u64::from(x.len),
        ..Flat::default()
    };
    launch.record(recorder, &GATHER);
}

/// Packs bytes into the words that the kernel reads, the first byte lowest.
pub fn pack(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks(4).map(|chunk| chunk.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte))).collect()
}

fn gather<F: Real>(call: &mut Call<'_, F>) {
    let [batch, pixels, channels] = ["BATCH", "PIXELS", "CHANNELS"].map(|name| call.size(name));
    let [scale, offset, noise] = ["SCALE", "OFFSET", "NOISE"].map(|name| call.float(name));
    let [stream, part] = ["STREAM", "PART"].map(|name| call.size(name) as u32);
    let [images, indices, words] = ["images", "indices", "step"].map(|name| call.words(name));
    let [seed, step] = [call.size("SEED"), call.size("STEP")];
    let halves = |block: u32| {
        let words = philox([words[seed], words[seed + 1]], [block, words[step], stream, part]);
        words.iter().map(|w| (w & 0xffff) + (w >> 16)).sum::<u32>()
    };
    chunks(
        call.write("x"),
        1,
        #[inline(always)]
        move |first, x| {
            for (i, x) in (first..).zip(x) {
                let (p, b, c) = (i / (channels * batch), i / channels % batch, i % channels);
                let byte = (indices[b] as usize * pixels + p) * channels + c;
                let value = images[byte / 4] >> (byte % 4 * 8) & 0xff;
                *x = F::of(f64::from(value)) * scale + offset;
                if noise > F::ZERO {
                    let sum = f64::from(halves(2 * i as u32) + halves(2 * i as u32 + 1));
                    *x += noise * F::of((sum - SUM_MEAN) * SUM_INVERSE_DEVIATION);
                }
            }
        },
    );
}

fn cases() -> Vec<Trial> {
    const PIXELS: u32 = 7 * 5;
    const IMAGES: u32 = 11;
    const BATCH: u32 = 5;
    let case = |(channels, noise, part): (u32, f32, u32)| {
        Trial::program(format!("gather {channels} channels, noise {noise}"), |program, recorder| {
            let draws = Draws::new(case::SEED, stream::SAMPLES, 0);
            let words = (PIXELS * IMAGES * channels).div_ceil(4);
            let views = Gather {
                step: case::step_words(program, 9),
                images: program.words("images", Role::DataSet, (0..words).map(|i| draws.word(i)).collect()),
                indices: program.words("indices", Role::StepInputs, vec![3, 0, IMAGES - 1, 3, 7]),
                x: program.floats("x", Role::Activations, (PIXELS * BATCH * channels).into()),
            };
            record_gather(
                recorder,
                Normalisation { low: -1.0, noise, source: Source { stream: stream::DEVICE, part } },
                channels,
                views,
            );
        })
    };
    [(1, 0.0, 0), (1, 0.05, 0), (3, 0.0, 1), (3, 0.5, 2)].map(case).into()
}
