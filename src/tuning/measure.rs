//! Times the variants of each shape on random data, and takes the fastest that its twin confirms.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Choices, key};
use crate::device::plan::{Dispatch, Plan, Program, TensorId, TensorSpec, View};
use crate::device::{Device, Profile};
use crate::error::Result;
use crate::kernels::linear::variants::{self, Variant};
use crate::random::{Draws, stream};
use crate::selftest::lockstep::Lockstep;

/// A variant replaces the default only if it takes less than this part of its time.
const WORTHWHILE: f64 = 0.97;

/// Arithmetic of one timed dispatch on software Vulkan: about 10 ms; on hardware whole dispatches are timed.
const SOFTWARE_FLOPS: u64 = 200_000_000;

/// A shape that has several variants and no choice yet.
pub(super) struct Open {
    dispatch: Dispatch,
    variants: Vec<Variant>,
}

/// The shapes of a plan that are to be measured, those with most arithmetic first.
pub(super) fn open_shapes(plan: &Plan, profile: &Profile, known: &Choices) -> Vec<Open> {
    let mut open: BTreeMap<String, Open> = BTreeMap::new();
    for dispatch in &plan.dispatches {
        let shape = key(dispatch);
        let mut variants = variants::of(dispatch, profile);
        let runs = |variant: &Variant| variant.apply(dispatch).loop_trips <= profile.max_loop_trips;
        variants.retain(runs);
        let chosen = known.0.get(&shape).is_some_and(|name| variants.iter().any(|variant| variant.name() == *name));
        if variants.len() > 1 && !chosen {
            open.entry(shape).or_insert_with(|| Open { dispatch: dispatch.clone(), variants });
        }
    }
    let mut open: Vec<_> = open.into_values().collect();
    open.sort_by_key(|shape| std::cmp::Reverse(shape.dispatch.flops));
    open
}

/// A choice for each shape: its fastest variant, or its default where time has run out.
pub(super) fn measure(device: &Device, program: &Program, open: &[Open], patience: Duration) -> Result<Choices> {
    let start = Instant::now();
    let choose = |shape: &Open| {
        let in_time = start.elapsed() < patience;
        let chosen = if in_time { fastest(device, program, shape)? } else { 0 };
        Ok((key(&shape.dispatch), shape.variants[chosen].name()))
    };
    open.iter().map(choose).collect()
}

/// The index of the fastest variant that computes what the twin computes.
fn fastest(device: &Device, program: &Program, shape: &Open) -> Result<usize> {
    let (tensors, alone) = isolated(&shape.dispatch, program);
    let whole: Vec<_> = shape.variants.iter().map(|variant| variant.apply(&alone)).collect();
    let software = device.profile().max_loop_trips != u32::MAX;
    let timed = whole.iter().map(|dispatch| if software { shortened(dispatch) } else { dispatch.clone() });
    let plan = Plan { dispatches: timed.chain(whole.clone()).collect() };
    let mut lockstep = Lockstep::new(device, &tensors, &plan)?;
    let mut order = Vec::new();
    for index in 0..whole.len() {
        lockstep.time(index)?; // compiles
        let time = lockstep.time(index)?.min(lockstep.time(index)?).as_secs_f64();
        order.push((if index == 0 { time * WORTHWHILE } else { time }, index));
        log::debug!("{}: {} takes {time:.2e} s", key(&shape.dispatch), shape.variants[index].name());
    }
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    for &(_, index) in &order {
        match lockstep.step(whole.len() + index, &whole[index])?.failure {
            None => return Ok(index),
            Some(failure) => log::warn!("not used, since it computes wrong results here: {failure}"),
        }
    }
    Ok(0)
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
