//! Times the variants of each shape on random data, and takes the fastest that its twin confirms.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Choices, key};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::kernels::linear::variants::{self, Variant};
use crate::plan::{Dispatch, Plan, Profile, Program, TensorId, TensorSpec, View};
use crate::random::{Draws, stream};
use crate::selftest::lockstep::Lockstep;

/// A variant replaces the default only if it takes less than this part of its time.
const WORTHWHILE: f64 = 0.97;

/// Arithmetic of one timed dispatch on software Vulkan: about 10 ms; on hardware whole dispatches
/// are timed.
const SOFTWARE_FLOPS: u64 = 200_000_000;

/// A shape that has several variants and no choice yet.
pub(super) struct Open {
    dispatch: Dispatch,
    variants: Vec<Variant>,
}

/// The shapes of a step that are to be measured, those with most arithmetic first.
pub(super) fn open_shapes(program: &Program, profile: &Profile, known: &Choices) -> Vec<Open> {
    let mut open: BTreeMap<String, Open> = BTreeMap::new();
    for dispatch in program.step_dispatches() {
        let shape = key(dispatch);
        let variants = variants::of(dispatch, profile);
        let chosen = known.0.get(&shape).is_some_and(|name| variants.iter().any(|variant| variant.name() == *name));
        if variants.len() > 1 && !chosen {
            open.entry(shape).or_insert_with(|| Open { dispatch: dispatch.clone(), variants });
        }
    }
    let mut open: Vec<_> = open.into_values().collect();
    open.sort_by_key(|shape| std::cmp::Reverse(shape.dispatch.flops));
    open
}

/// The fastest variant of each shape that is reached before time runs out; the others keep their
/// default, and are measured by the next run.
pub(super) fn measure(device: &Device, program: &Program, open: &[Open], patience: Duration) -> Result<Choices> {
    let start = Instant::now();
    let mut chosen = Vec::new();
    for shape in open.iter().take_while(|_| start.elapsed() < patience) {
        let (tensors, alone) = isolated(&shape.dispatch, program);
        let whole: Vec<_> = shape.variants.iter().map(|variant| variant.apply(&alone)).collect();
        let timed = if is_software(device) { whole.iter().map(shortened).collect() } else { whole.clone() };
        let plan = Plan { dispatches: [timed, whole.clone()].concat(), ..Plan::default() };
        // Its guards and copies can take more memory than the step itself.
        match Lockstep::new(device, &tensors, &plan, &[]) {
            Ok(mut lockstep) => {
                let fastest = fastest(&mut lockstep, shape, &whole)?;
                chosen.push((key(&shape.dispatch), shape.variants[fastest].name()));
            }
            Err(error) => log::debug!("{}: not measured: {error}", key(&shape.dispatch)),
        }
    }
    Ok(chosen.into_iter().collect())
}

/// The index of the fastest variant that computes what the twin computes. `lockstep` holds the
/// variants to be timed, and then the `whole` ones.
fn fastest(lockstep: &mut Lockstep, shape: &Open, whole: &[Dispatch]) -> Result<usize> {
    let mut times = Vec::new();
    for index in 0..whole.len() {
        times.push(lockstep.time(index)?);
        log::debug!("{}: {} takes {:.2e} s", key(&shape.dispatch), shape.variants[index].name(), times[index]);
    }
    for index in by_time(&times) {
        match lockstep.step(whole.len() + index, &whole[index])?.failure {
            None => return Ok(index),
            Some(failure) => log::warn!("not used, since it computes wrong results here: {failure}"),
        }
    }
    let shape = key(&shape.dispatch);
    Err(Error::device(format!("{shape}: no kernel computes what its twin does on this device; run dcgan-gpu selftest")))
}

/// The order in which variants are tried: by time, the default (the first) with an advantage.
fn by_time(seconds: &[f64]) -> Vec<usize> {
    let time = |index: usize| if index == 0 { seconds[0] * WORTHWHILE } else { seconds[index] };
    let mut order: Vec<usize> = (0..seconds.len()).collect();
    order.sort_by(|&a, &b| time(a).total_cmp(&time(b)));
    order
}

fn is_software(device: &Device) -> bool {
    device.profile().max_loop_trips != u32::MAX
}

/// A dispatch with tensors of its own: its tap lists, and random numbers.
fn isolated(dispatch: &Dispatch, program: &Program) -> (Vec<TensorSpec>, Dispatch) {
    let mut alone = dispatch.clone();
    let mut tensors = Vec::new();
    for (number, (name, view)) in (0..).zip(&mut alone.bindings) {
        let spec = program.spec(view.tensor);
        let range = view.offset as usize..(view.offset + view.len) as usize;
        let contents = match &spec.contents {
            Some(words) => Some(words[range].to_vec()),
            None if dispatch.writes.contains(name) => None,
            None => {
                let draws = Draws::new(0, stream::SAMPLES, number);
                Some((0..view.len).map(|i| (draws.word(i) as i32 as f32 / (1_u32 << 31) as f32).to_bits()).collect())
            }
        };
        tensors.push(TensorSpec { label: (*name).to_string(), words: view.len, contents, ..spec.clone() });
        *view = View { tensor: TensorId(number), offset: 0, len: view.len };
    }
    (tensors, alone)
}

/// Fewer rows or shares of the same dispatch, enough for a measurement.
fn shortened(dispatch: &Dispatch) -> Dispatch {
    let [x, y, _] = dispatch.workgroups;
    let rows = (u64::from(y) * SOFTWARE_FLOPS / dispatch.flops.max(1)).clamp(1, u64::from(y)) as u32;
    Dispatch { workgroups: [x, rows, 1], ..dispatch.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_left_only_for_what_is_clearly_faster() {
        assert_eq!(by_time(&[1.0, 0.98, 2.0]), [0, 1, 2]);
        assert_eq!(by_time(&[1.0, 0.9, 0.8]), [2, 1, 0]);
    }
}
