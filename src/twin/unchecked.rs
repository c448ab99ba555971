//! The one `unsafe` function of the twins, safe to call whatever the arguments.
#![expect(unsafe_code, reason = "a fast matrix product takes pointers")]

use super::matrix::Matrix;
use super::real::Real;

/// `out[m×n] = lhs[m×k] · rhs[k×n]`, or `+=` with `accumulate`; `out` is row-major and contiguous.
///
/// Runs on the calling thread, in an order of additions that depends only on the sizes.
///
/// # Panics
/// If a slice is too short for its sizes.
pub fn gemm<F: Real>([m, n, k]: [usize; 3], out: &mut [F], accumulate: bool, lhs: Matrix<'_, F>, rhs: Matrix<'_, F>) {
    assert!(out.len() >= m * n && lhs.holds(m, k) && rhs.holds(k, n), "a matrix of the product is too short");
    let alpha = if accumulate { F::ONE } else { F::ZERO };
    // SAFETY: the assertion above proves that element (i, j) of each matrix lies inside its slice
    // for all i and j in the sizes; `out` is borrowed exclusively, so it overlaps neither input.
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
