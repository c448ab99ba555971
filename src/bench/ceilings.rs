//! A device's ceilings, measured with this project's own kernels as ordinary plans: how fast it
//! multiplies large matrices, and how fast it moves data.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::floor::Work;
use super::ratio;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::kernels::activation::leaky_relu;
use crate::kernels::batch_norm::Features;
use crate::kernels::bias;
use crate::kernels::linear::variants::{self, Variant};
use crate::kernels::linear::{self, Forward, RowTaps, Sizes};
use crate::layers::taps::TapList;
use crate::layers::window::Window;
use crate::plan::{Element, Plan, Profile, Program, Recorder, Role, TensorId, View};
use crate::shape::Shape;

/// Each probe runs at least this long, so that clocks rise and neighbours' load averages out.
const PATIENCE: Duration = Duration::from_millis(250);

/// The products that are tried, as (pixels a side, batch, channels in and out): dense ones, and 1×1
/// convolutions, which the host spreads over its threads.
const PRODUCTS: [(u32, u32, [u32; 2]); 4] =
    [(1, 1024, [1024, 1024]), (1, 2048, [2048, 2048]), (4, 128, [512, 512]), (8, 128, [256, 256])];

/// Bytes that the copies move, read and written together.
const COPIES: [u64; 6] = [1 << 20, 4 << 20, 16 << 20, 64 << 20, 128 << 20, 512 << 20];

/// How fast a product ran.
#[derive(Clone, Debug, Serialize)]
pub struct Product {
    /// Batch, channels in, channels out, and how many such products at once.
    pub shape: String,
    /// Floating-point operations a second.
    pub flops_per_s: f64,
}

/// How fast data moved.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rate {
    /// Bytes read and written.
    pub bytes: u64,
    /// Bytes read and written a second.
    pub bytes_per_s: f64,
}

/// What a device can do at most, as far as this project's kernels can show.
#[derive(Clone, Debug, Serialize)]
pub struct Ceilings {
    /// Floating-point operations a second of the best product.
    pub flops_per_s: f64,
    /// All products.
    pub products: Vec<Product>,
    /// The better of a copy and a change in place at each size, ascending.
    pub copies: Vec<Rate>,
}

impl Ceilings {
    /// Measures a device; takes a few seconds.
    ///
    /// # Errors
    /// When the device fails.
    pub fn measure(device: &Device) -> Result<Self> {
        let profile = device.profile();
        let mut products = Vec::new();
        for (side, batch, channels) in PRODUCTS {
            let program = dense(&profile, side, batch, channels)?;
            let flops = program.plans[0].flops();
            let Some(seconds) = fastest(device, ways(device, program))? else { continue };
            let shape = format!("{} of {batch}×{}×{}", side * side, channels[0], channels[1]);
            products.push(Product { shape, flops_per_s: ratio(flops as f64, seconds) });
        }
        let mut copies = Vec::new();
        for bytes in COPIES.into_iter().filter(|bytes| bytes / 2 <= profile.max_binding_bytes) {
            if let Some(seconds) = fastest(device, vec![copy(&profile, bytes)?, in_place(&profile, bytes)?])? {
                copies.push(Rate { bytes, bytes_per_s: ratio(bytes as f64, seconds) });
            }
        }
        if products.is_empty() || copies.is_empty() {
            let message = format!("{} has no memory left for measuring its ceilings; use --steps-only", device.name());
            return Err(Error::device(message));
        }
        let flops_per_s = products.iter().map(|product| product.flops_per_s).fold(0.0, f64::max);
        Ok(Ceilings { flops_per_s, products, copies })
    }

    /// Bytes a second that nothing of this size can pass: the best rate of the next smaller copy or
    /// of any larger one. What is small may lie in a cache, what is large cannot.
    pub fn bytes_per_s(&self, bytes: u64) -> f64 {
        let first = self.copies.iter().rposition(|rate| rate.bytes <= bytes).unwrap_or(0);
        self.copies[first..].iter().map(|rate| rate.bytes_per_s).fold(0.0, f64::max)
    }

    /// Seconds that this work takes at least.
    pub fn seconds(&self, work: Work) -> f64 {
        let computing = ratio(work.flops as f64, self.flops_per_s);
        computing.max(ratio(work.bytes as f64, self.bytes_per_s(work.bytes)))
    }

    /// Seconds that a plan takes at least: for every dispatch the longer of computing and moving.
    pub fn floor_seconds(&self, plan: &Plan) -> f64 {
        plan.dispatches.iter().map(|dispatch| self.seconds(Work::of(dispatch))).sum()
    }
}

/// The program with each of the kernels that tuning could choose for its only dispatch.
fn ways(device: &Device, program: Program) -> Vec<Program> {
    let dispatch = &program.plans[0].dispatches[0];
    let variants = if matches!(device, Device::Host) { Vec::new() } else { variants::of(dispatch, &device.profile()) };
    if variants.is_empty() {
        return vec![program];
    }
    let with = |variant: &Variant| {
        let mut program = program.clone();
        program.plans[0].dispatches[0] = variant.apply(dispatch);
        program
    };
    variants.iter().map(with).collect()
}

/// The shortest time of the only dispatches of programs; nothing where none fits the device.
fn fastest(device: &Device, programs: Vec<Program>) -> Result<Option<f64>> {
    let times = programs.into_iter().map(|program| time(device, program)).collect::<Result<Vec<_>>>()?;
    Ok(times.into_iter().flatten().reduce(f64::min))
}

/// The shortest time of a program's only dispatch; nothing where it does not fit the device.
fn time(device: &Device, program: Program) -> Result<Option<f64>> {
    let floats = (0..).zip(&program.tensors).filter(|(_, spec)| spec.element == Element::F32);
    let floats: Vec<_> = floats.map(|(id, spec)| View { tensor: TensorId(id), offset: 0, len: spec.words }).collect();
    let Ok(mut session) = device.load(program) else { return Ok(None) };
    for view in floats {
        // Ones: nothing overflows however often it is added, and nothing is denormal.
        session.write_floats(view, &vec![1.0; view.len as usize]);
    }
    session.time_dispatches(0)?;
    let (start, mut best) = (Instant::now(), f64::INFINITY);
    let mut rounds = 0;
    while rounds < 3 || start.elapsed() < PATIENCE {
        best = session.time_dispatches(0)?.into_iter().sum::<f64>().min(best);
        rounds += 1;
    }
    Ok(Some(best))
}

/// `side`² products `[batch × c_in] · [c_in × c_out]` with the same right factor: a 1×1
/// convolution, or a dense layer.
fn dense(profile: &Profile, side: u32, batch: u32, [c_in, c_out]: [u32; 2]) -> Result<Program> {
    let mut program = Program::default();
    let pixels = Shape { height: side, width: side, channels: 1 };
    let window = Window { kernel: [1, 1], stride: [1, 1], padding: [[0, 0], [0, 0]] };
    let list = TapList::convolution(pixels, pixels, &window, 1);
    let (rows, pairs) = list.by_output();
    let taps = RowTaps {
        rows: program.words("rows", Role::TapLists, rows),
        pairs: program.words("pairs", Role::TapLists, pairs),
        longest: list.longest_row(),
        nominal: list.nominal(),
    };
    let sizes = Sizes { batch, c_in, c_out };
    let mut floats =
        |name, words: [u32; 3]| program.floats(name, Role::Activations, words.into_iter().map(u64::from).product());
    let views = Forward {
        x: floats("x", [pixels.pixels(), batch, c_in]),
        w: floats("w", [1, c_in, c_out]),
        y: floats("y", [pixels.pixels(), batch, c_out]),
    };
    recorded(program, profile, "product", |recorder| linear::record_forward(recorder, sizes, taps, views))
}

/// A copy: the leaky ReLU of slope 1.
fn copy(profile: &Profile, bytes: u64) -> Result<Program> {
    let mut program = Program::default();
    let [x, y] = ["x", "y"].map(|name| program.floats(name, Role::Activations, bytes / 8));
    recorded(program, profile, "copy", |recorder| leaky_relu::record_forward(recorder, 1.0, x, y))
}

/// A change in place, which spares a processor the reading of what it overwrites: the bias of a
/// layer of 64 channels.
fn in_place(profile: &Profile, bytes: u64) -> Result<Program> {
    let mut program = Program::default();
    let y = program.floats("y", Role::Activations, bytes / 8);
    let features = Features::per_channel(1, y.len / 64, 64);
    let b = program.floats("b", Role::Parameters, features.count().into());
    recorded(program, profile, "in place", |recorder| bias::record_forward(recorder, features, 1.0, b, y))
}

/// The program with what `add` records as its only plan.
fn recorded(mut program: Program, profile: &Profile, scope: &str, add: impl FnOnce(&mut Recorder)) -> Result<Program> {
    let mut recorder = Recorder::new(profile);
    add(recorder.scope(scope));
    program.plans.push(recorder.finish()?);
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_a_size_is_that_of_the_best_copy_at_least_nearly_as_large() {
        let copies = [(100, 5.0), (200, 9.0), (400, 7.0)].map(|(bytes, bytes_per_s)| Rate { bytes, bytes_per_s });
        let ceilings = Ceilings { flops_per_s: 1.0, products: Vec::new(), copies: copies.to_vec() };
        assert_eq!(
            [50, 100, 250, 399, 400, 9999].map(|bytes| ceilings.bytes_per_s(bytes)),
            [9.0, 9.0, 9.0, 9.0, 7.0, 7.0]
        );
    }

    #[test]
    fn probes_move_and_multiply_what_they_say() {
        for bytes in COPIES {
            for program in [copy(&Profile::HOST, bytes).unwrap(), in_place(&Profile::HOST, bytes).unwrap()] {
                let moved = Work::of(&program.plans[0].dispatches[0]).bytes;
                assert!((bytes..bytes + 1024).contains(&moved), "{moved} of {bytes}");
            }
        }
        for (side, batch, [c_in, c_out]) in PRODUCTS {
            let program = dense(&Profile::HOST, side, batch, [c_in, c_out]).unwrap();
            let products = 2 * u64::from(side * side * batch) * u64::from(c_in) * u64::from(c_out);
            assert_eq!(program.plans[0].flops(), products);
        }
    }

    #[test]
    fn the_longer_of_computing_and_moving_counts() {
        let rate = |bytes, bytes_per_s| Rate { bytes, bytes_per_s };
        let ceilings =
            Ceilings { flops_per_s: 1e9, products: Vec::new(), copies: vec![rate(1000, 4e9), rate(2000, 1e9)] };
        let seconds = |flops, bytes| ceilings.seconds(Work { flops, nominal_flops: flops, bytes });
        assert_eq!(seconds(5_000, 1_000), 5e-6, "computing takes 5 µs, moving 0.25 µs");
        assert_eq!(seconds(1_000, 20_000), 2e-5, "far from the cache a byte takes a nanosecond");
        assert_eq!(seconds(0, 400), 1e-7, "what is small may stay in the cache");

        let mut program = Program::default();
        let [x, y] = ["x", "y"].map(|name| program.floats(name, Role::Activations, 2500));
        let mut recorder = Recorder::new(&Profile::HOST);
        for _ in 0..2 {
            crate::kernels::activation::tanh::record_forward(&mut recorder, x, y);
        }
        let plan = recorder.finish().unwrap();
        assert_eq!(Work::of_plan(&plan).bytes, 40_000);
        assert!((ceilings.floor_seconds(&plan) - 4e-5).abs() < 1e-18);
    }

    #[test]
    fn a_product_reads_both_factors_and_writes_one() {
        let program = dense(&Profile::HOST, 1, 8, [16, 32]).unwrap();
        let work = Work::of(&program.plans[0].dispatches[0]);
        // 8×16 by 16×32, and a tap list of one row of three words and one pair of two.
        let bytes = 4 * (8 * 16 + 16 * 32 + 8 * 32 + 3 + 2);
        assert_eq!(work, Work { flops: 2 * 8 * 16 * 32, nominal_flops: 2 * 8 * 16 * 32, bytes });
        assert!((work.intensity() - 8192.0 / 3604.0).abs() < 1e-12);
    }

    #[test]
    fn probes_give_their_results() {
        let program = in_place(&Profile::HOST, 1 << 10).unwrap();
        let seconds = time(&Device::Host, program).unwrap().unwrap();
        assert!(seconds > 0.0 && seconds < 1.0, "{seconds}");
    }
}
