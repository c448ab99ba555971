//! The one place with `unsafe` code: two functions, each safe to call whatever the arguments.
//!
//! The rest of the crate denies it, and `tests/sources.rs` looks that nobody makes an exception.
#![expect(unsafe_code, reason = "a fast matrix product takes pointers, and fast shaders have no checks of their own")]

use super::gemm::Matrix;
use super::kernel::Constants;
use super::real::Real;
use crate::kernels;

/// `out[m×n] = lhs[m×k] · rhs[k×n]`, or `+=` with `accumulate`; `out` is row-major and contiguous.
///
/// Runs on the calling thread, in an order of additions that depends only on the sizes.
///
/// # Panics
/// If a slice is too short for its sizes.
pub fn gemm<F: Real>([m, n, k]: [usize; 3], out: &mut [F], accumulate: bool, lhs: Matrix<'_, F>, rhs: Matrix<'_, F>) {
    assert!(out.len() >= m * n && lhs.holds(m, k) && rhs.holds(k, n), "a matrix of the product is too short");
    let alpha = if accumulate { F::ONE } else { F::ZERO };
    // SAFETY: the assertion above proves that element (i, j) of each matrix lies inside its slice for all i and j in
    // the sizes; `out` is borrowed exclusively, so it overlaps neither input.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            accumulate,
            lhs.data.as_ptr(),
            lhs.column_stride as isize,
            lhs.row_stride as isize,
            rhs.data.as_ptr(),
            rhs.column_stride as isize,
            rhs.row_stride as isize,
            alpha,
            F::ONE,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// Compiles a kernel of the registry without the index clamps and loop counters that naga would add: they would slow the
/// inner loops.
///
/// # Panics
/// If there is no such kernel.
pub(super) fn shader_module(device: &wgpu::Device, kernel: &str, constants: &Constants) -> wgpu::ShaderModule {
    let kernel = kernels::find(kernel);
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(kernel.name),
        source: wgpu::ShaderSource::Wgsl(kernel.specialise(constants).into()),
    };
    // SAFETY: only this crate's own shaders come here. Their indices stay inside their bindings and their loops end: the
    // registry's test cases run every kernel between guard bands at sizes that are not multiples of its tiles, and
    // `Recorder::dispatch` and `variants::of` bound the loop trips.
    unsafe { device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
}
