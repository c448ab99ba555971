//! Activation functions, elementwise. Their gradients need only the output, and are taken in place.
//!
//! A leaky ReLU after a bias or a batch norm is part of that kernel.

use super::{FLAT_INDEX, Flat, KEEP_NAN};
use crate::plan::{Bound, Kernel};
use crate::plan::{Constant, Recorder, View};
use crate::twin::Real;
use crate::twin::chunks;
use crate::twin::{Call, Twinned};
use crate::twinned;

/// max(x, slope·x); slope 0 is ReLU.
pub static LEAKY_RELU: Kernel = kernel!("activation/leaky_relu", [FLAT_INDEX, KEEP_NAN], Bound::Relative(2e-7));
/// Its gradient.
pub static LEAKY_RELU_GRAD: Kernel =
    kernel!("activation/leaky_relu_grad", [FLAT_INDEX, KEEP_NAN], Bound::Relative(2e-7));
/// Hyperbolic tangent.
pub static TANH: Kernel = kernel!("activation/tanh", [FLAT_INDEX, KEEP_NAN], Bound::Relative(2e-6));
/// Its gradient.
pub static TANH_GRAD: Kernel = kernel!("activation/tanh_grad", [FLAT_INDEX, KEEP_NAN], Bound::Relative(1e-6));
/// Logistic function.
pub static SIGMOID: Kernel = kernel!("activation/sigmoid", [FLAT_INDEX, KEEP_NAN], Bound::Relative(2e-6));
/// Its gradient.
pub static SIGMOID_GRAD: Kernel = kernel!("activation/sigmoid_grad", [FLAT_INDEX, KEEP_NAN], Bound::Relative(1e-6));

/// The kernels of this file with their twins.
pub(super) const KERNELS: &[Twinned] = &[
    twinned!(LEAKY_RELU, leaky_relu),
    twinned!(LEAKY_RELU_GRAD, leaky_relu_grad),
    twinned!(TANH, tanh),
    twinned!(TANH_GRAD, tanh_grad),
    twinned!(SIGMOID, sigmoid),
    twinned!(SIGMOID_GRAD, sigmoid_grad),
];

/// An activation function.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Activation {
    LeakyRelu { slope: f32 },
    Tanh,
    Sigmoid,
}

impl Activation {
    /// Records `y = f(x)`.
    pub fn record_forward(self, recorder: &mut Recorder, x: View, y: View) {
        let kernel = match self {
            Activation::LeakyRelu { .. } => &LEAKY_RELU,
            Activation::Tanh => &TANH,
            Activation::Sigmoid => &SIGMOID,
        };
        self.record(recorder, kernel, &[("x", x), ("y", y)], y.len);
    }

    /// Records `dy *= f'(x)`, from `y`.
    pub fn record_grad(self, recorder: &mut Recorder, y: View, dy: View) {
        let kernel = match self {
            Activation::LeakyRelu { .. } => &LEAKY_RELU_GRAD,
            Activation::Tanh => &TANH_GRAD,
            Activation::Sigmoid => &SIGMOID_GRAD,
        };
        self.record(recorder, kernel, &[("y", y), ("dy", dy)], dy.len);
    }

    fn record(
        self,
        recorder: &mut Recorder,
        kernel: &'static Kernel,
        bindings: &[(&'static str, View)],
        elements: u32,
    ) {
        let items = elements.div_ceil(4);
        let mut constants: Vec<(&'static str, Constant)> = vec![("SIZE", items.into())];
        if let Activation::LeakyRelu { slope } = self {
            constants.push(("SLOPE", slope.into()));
        }
        let launch = Flat { items, constants: &constants, bindings, flops: elements.into(), ..Flat::default() };
        launch.record(recorder, kernel);
    }
}

fn map<F: Real>(call: &mut Call<'_, F>, f: impl Fn(F) -> F + Copy + Sync + Send) {
    let x = call.read("x");
    chunks(
        call.write("y"),
        1,
        #[inline(always)]
        move |first, y| y.iter_mut().zip(&x[first..]).for_each(|(y, &x)| *y = f(x)),
    );
}

fn map_grad<F: Real>(call: &mut Call<'_, F>, f: impl Fn(F, F) -> F + Copy + Sync + Send) {
    let y = call.read("y");
    chunks(
        call.write("dy"),
        1,
        #[inline(always)]
        move |first, dy| dy.iter_mut().zip(&y[first..]).for_each(|(dy, &y)| *dy = f(y, *dy)),
    );
}

fn leaky_relu<F: Real>(call: &mut Call<'_, F>) {
    let slope = call.float("SLOPE");
    map(call, move |x| x.leaky(slope));
}

fn leaky_relu_grad<F: Real>(call: &mut Call<'_, F>) {
    let slope = call.float("SLOPE");
    map_grad(call, move |y, dy| if y > F::ZERO { dy } else { slope * dy });
}

fn tanh<F: Real>(call: &mut Call<'_, F>) {
    map(call, F::tanh);
}

fn tanh_grad<F: Real>(call: &mut Call<'_, F>) {
    map_grad(call, |y, dy| dy * (F::ONE - y * y));
}

fn sigmoid<F: Real>(call: &mut Call<'_, F>) {
    map(call, F::sigmoid);
}

fn sigmoid_grad<F: Real>(call: &mut Call<'_, F>) {
    map_grad(call, |y, dy| dy * y * (F::ONE - y));
}
