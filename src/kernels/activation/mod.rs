//! Activation functions, elementwise, each in a file with its gradient, which is taken in place.
//!
//! A leaky ReLU after a bias or a batch norm is part of that kernel.

topics! { leaky_relu, tanh, sigmoid, silu, softplus }

use super::case::{self, Trial};
use super::{FLAT_INDEX, Flat, KEEP_NAN, LOG1P, SIGMOID4, Topic};
use crate::plan::{Constant, Kernel, Recorder, Role, View};
use crate::twin::{Call, Real, chunks};

/// Records an elementwise kernel; the last of `bindings` is what it writes.
fn record(
    recorder: &mut Recorder,
    kernel: &'static Kernel,
    constants: &[(&'static str, Constant)],
    bindings: [(&'static str, View); 2],
) {
    let elements = bindings[1].1.len;
    let items = elements.div_ceil(4);
    let constants = &[constants, &[("SIZE", items.into())]].concat();
    Flat { items, constants, bindings: &bindings, flops: elements.into(), ..Flat::default() }.record(recorder, kernel);
}

/// `y = f(x)`
fn map<F: Real>(call: &mut Call<'_, F>, f: impl Fn(F) -> F + Copy + Sync + Send) {
    let x = call.read("x");
    chunks(
        call.write("y"),
        1,
        #[inline(always)]
        move |first, y| y.iter_mut().zip(&x[first..]).for_each(|(y, &x)| *y = f(x)),
    );
}

/// `dy = f(z, dy)`, from the binding `z`: the output, or the input.
fn map_grad<F: Real>(call: &mut Call<'_, F>, z: &str, f: impl Fn(F, F) -> F + Copy + Sync + Send) {
    let z = call.read(z);
    chunks(
        call.write("dy"),
        1,
        #[inline(always)]
        move |first, dy| dy.iter_mut().zip(&z[first..]).for_each(|(dy, &z)| *dy = f(z, *dy)),
    );
}

/// What an activation function and its gradient are recorded over.
#[derive(Clone, Copy, Debug)]
pub struct Views {
    /// The input.
    pub x: View,
    /// The output.
    pub y: View,
    /// The upstream gradient, to be overwritten.
    pub dy: View,
}

/// Inputs that activations meet seldom: large ones, where exponentials overflow, and small ones,
/// where they cancel.
const EXTREME: [f32; 15] =
    [0.0, -0.0, 1e-30, 1e-7, -1e-7, 1e-3, 0.249, 0.251, -15.1, 15.0, 44.5, -88.8, 89.0, 100.0, -100.0];

/// Trials of an activation, forward and backward, on `batch` samples of `values` numbers, and on
/// seldom ones.
fn trials(name: &str, batch: u32, values: u32, record: impl Fn(&mut Recorder, Views)) -> Vec<Trial> {
    let trial = |name: String, words: u32, change: &dyn Fn(f32) -> f32| {
        Trial::program(name, |program, recorder| {
            let x = case::floats(program, "x", 0, words, change);
            let dy = case::floats(program, "dy", 1, words, |z| z);
            record(recorder, Views { x, y: program.floats("y", Role::Activations, words.into()), dy });
            if words == EXTREME.len() as u32 {
                case::set(program, x, EXTREME.to_vec());
            }
        })
    };
    // With tiny inputs only, an error that is small beside 1 is large beside the largest output.
    let ranges = [("tiny", 1e-6), ("small", 0.1), ("large", 30.0)]
        .map(|(range, scale)| trial(format!("{name}, {range} inputs"), batch * values, &|z| z * scale));
    let usual = trial(format!("{name} of {batch}"), batch * values, &|z| z);
    let extreme = trial(format!("{name}, extreme inputs"), EXTREME.len() as u32, &|z| z);
    [usual, extreme].into_iter().chain(ranges).collect()
}
