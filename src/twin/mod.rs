//! What the twins of kernels are written with: they compute on the host what their kernel computes
//! on a GPU.
//!
//! A twin is a function of a [`Call`], generic over [`Real`]: `f32` for `--device cpu`, `f64` as
//! the reference of tests.

mod matrix;
mod parallel;
mod real;
mod unchecked;

use crate::plan::{Constant, Constants, Kernel};
pub use matrix::Matrix;
pub use parallel::{CHUNK, chunks, dot, vector_instructions, vectorised};
pub use real::Real;
pub use unchecked::gemm;

/// A twin in both float types.
#[derive(Clone, Copy, Debug)]
pub struct Twin {
    /// The `--device cpu` executor.
    pub single: fn(&mut Call<'_, f32>),
    /// The reference of tests and `selftest`.
    pub double: fn(&mut Call<'_, f64>),
}

/// A kernel and its twin.
#[derive(Clone, Copy, Debug)]
pub struct Twinned {
    /// What devices run.
    pub kernel: &'static Kernel,
    /// The same function on the host.
    pub twin: Twin,
}

/// Pairs a kernel with its twin, a function that is generic over [`Real`].
#[macro_export]
macro_rules! twinned {
    ($kernel:path, $twin:path) => {
        $crate::twin::Twinned { kernel: &$kernel, twin: $crate::twin::Twin { single: $twin, double: $twin } }
    };
}

/// One binding's data, as a twin sees it.
#[derive(Debug)]
pub enum Slot<'a, F> {
    /// Floats to read.
    Floats(&'a [F]),
    /// Floats to write, until taken.
    FloatsMut(Option<&'a mut [F]>),
    /// Integers to read.
    Words(&'a [u32]),
}

/// The arguments of one execution of a twin: constants and bindings by name, as in the shader.
#[derive(Debug)]
pub struct Call<'a, F> {
    constants: &'a Constants,
    slots: Vec<(&'static str, Slot<'a, F>)>,
    scratch: Option<&'a mut Vec<F>>,
}

impl<'a, F: Real> Call<'a, F> {
    /// Binds data to names; `scratch` is memory that twins use and that the caller keeps for the
    /// next call.
    pub fn new(constants: &'a Constants, slots: Vec<(&'static str, Slot<'a, F>)>, scratch: &'a mut Vec<F>) -> Self {
        Call { constants, slots, scratch: Some(scratch) }
    }

    /// An integer constant, as a size.
    pub fn size(&self, name: &str) -> usize {
        match self.constants.get(name) {
            Some(Constant::U32(value)) => *value as usize,
            other => panic!("the twin needs `const {name}: u32`, not {other:?}"),
        }
    }

    /// A float constant.
    pub fn float(&self, name: &str) -> F {
        match self.constants.get(name) {
            Some(Constant::F32(value)) => F::of(f64::from(*value)),
            other => panic!("the twin needs `const {name}: f32`, not {other:?}"),
        }
    }

    /// A float binding that is read.
    pub fn read(&self, name: &str) -> &'a [F] {
        match self.slot(name) {
            Slot::Floats(data) => data,
            _ => panic!("binding `{name}` is not readable floats"),
        }
    }

    /// An integer binding.
    pub fn words(&self, name: &str) -> &'a [u32] {
        match self.slot(name) {
            Slot::Words(data) => data,
            _ => panic!("binding `{name}` is not integers"),
        }
    }

    /// A float binding that is written; can be taken once.
    pub fn write(&mut self, name: &str) -> &'a mut [F] {
        match self.slots.iter_mut().find(|(n, _)| *n == name) {
            Some((_, Slot::FloatsMut(data))) => data.take().unwrap_or_else(|| panic!("binding `{name}` is taken")),
            _ => panic!("binding `{name}` is not writable floats"),
        }
    }

    /// Scratch of this many floats with any contents; can be taken once.
    pub fn scratch(&mut self, len: usize) -> &'a mut [F] {
        let scratch = self.scratch.take().expect("a twin takes its scratch once");
        if scratch.len() < len {
            scratch.resize(len, F::ZERO);
        }
        &mut scratch[..len]
    }

    fn slot(&self, name: &str) -> &Slot<'a, F> {
        let found = self.slots.iter().find(|(n, _)| *n == name);
        &found.unwrap_or_else(|| panic!("the twin needs binding `{name}`")).1
    }
}
