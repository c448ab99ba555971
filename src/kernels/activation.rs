//! Activation functions, elementwise. Their gradients need only the output, and are taken in place.
//!
//! A leaky ReLU after a bias or a batch norm is part of that kernel.

use super::parallel::chunks;
use super::{FLAT_INDEX, Flat, KEEP_NAN};
use crate::device::kernel::{Bound, Call, Kernel};
use crate::device::plan::{Constant, Recorder, View};
use crate::device::real::Real;
use crate::twin;

macro_rules! activation_kernel {
    ($name:literal, $twin:path, $bound:expr) => {
        Kernel {
            name: concat!("activation/", $name),
            source: include_str!(concat!("../../shaders/activation/", $name, ".wgsl")),
            preludes: &[FLAT_INDEX, KEEP_NAN],
            twin: twin!($twin),
            bound: $bound,
        }
    };
}

/// max(x, slope·x); slope 0 is ReLU.
pub const LEAKY_RELU: Kernel = activation_kernel!("leaky_relu", leaky_relu, Bound::Relative(2e-7));
/// Its gradient.
pub const LEAKY_RELU_GRAD: Kernel = activation_kernel!("leaky_relu_grad", leaky_relu_grad, Bound::Relative(2e-7));
/// Hyperbolic tangent.
pub const TANH: Kernel = activation_kernel!("tanh", tanh, Bound::Relative(2e-6));
/// Its gradient.
pub const TANH_GRAD: Kernel = activation_kernel!("tanh_grad", tanh_grad, Bound::Relative(1e-6));
/// Logistic function.
pub const SIGMOID: Kernel = activation_kernel!("sigmoid", sigmoid, Bound::Relative(2e-6));
/// Its gradient.
pub const SIGMOID_GRAD: Kernel = activation_kernel!("sigmoid_grad", sigmoid_grad, Bound::Relative(1e-6));

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

    fn record(self, recorder: &mut Recorder, kernel: &Kernel, bindings: &[(&'static str, View)], elements: u32) {
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
