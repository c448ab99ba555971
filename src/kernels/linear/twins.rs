//! The linear kernels on the host: matrix products, one for each pair of a tap list.

use rayon::prelude::*;

use crate::device::gemm::{Matrix, gemm};
use crate::device::kernel::Call;
use crate::device::real::Real;
use crate::kernels::parallel::vectorised;

/// Below this many channels a matrix product per pair would be mostly overhead; taps are gathered into one product.
const THIN: usize = 8;

/// `y[q] = Σ_(p, t) ∈ taps(q) x[p] · w[t]`
pub(super) fn forward<F: Real>(call: &mut Call<'_, F>) {
    let [batch, c_in, c_out] = ["BATCH", "C_IN", "C_OUT"].map(|name| call.size(name));
    let (rows, _) = call.words("rows").as_chunks::<3>();
    let (pairs, _) = call.words("pairs").as_chunks::<2>();
    let (x, w, y) = (call.read("x"), call.read("w"), call.write("y"));
    let x_of = |p: u32| &x[p as usize * batch * c_in..][..batch * c_in];
    let w_of = |t: u32| &w[t as usize * c_in * c_out..][..c_in * c_out];

    let mut row_of = vec![[0; 3]; rows.len()];
    rows.iter().for_each(|row| row_of[row[0] as usize] = *row);
    y.par_chunks_mut(batch * c_out).zip(row_of).for_each(|(y, [_, first, end])| {
        let pairs = &pairs[first as usize..end as usize];
        if pairs.is_empty() {
            y.fill(F::ZERO);
        } else if c_out < THIN {
            // One dot product for each output, with the weights of an output channel side by side.
            y.fill(F::ZERO);
            let mut column = vec![F::ZERO; c_in];
            for &[p, t] in pairs {
                for n in 0..c_out {
                    column.iter_mut().zip(w_of(t)[n..].iter().step_by(c_out)).for_each(|(to, from)| *to = *from);
                    vectorised(|| {
                        for (x, y) in x_of(p).chunks_exact(c_in).zip(y[n..].iter_mut().step_by(c_out)) {
                            *y += dot(x, &column);
                        }
                    });
                }
            }
        } else if c_in < THIN {
            // All taps of the pixel side by side make one product with a longer inner dimension.
            let taps = pairs.len();
            let mut columns = vec![F::ZERO; batch * taps * c_in];
            let mut weights = Vec::with_capacity(taps * c_in * c_out);
            for (i, &[p, t]) in pairs.iter().enumerate() {
                weights.extend_from_slice(w_of(t));
                for (to, from) in columns.chunks_exact_mut(taps * c_in).zip(x_of(p).chunks_exact(c_in)) {
                    to[i * c_in..][..c_in].copy_from_slice(from);
                }
            }
            let inner = taps * c_in;
            gemm([batch, c_out, inner], y, false, Matrix::rows(&columns, inner), Matrix::rows(&weights, c_out));
        } else {
            for (i, &[p, t]) in pairs.iter().enumerate() {
                let (x, w) = (Matrix::rows(x_of(p), c_in), Matrix::rows(w_of(t), c_out));
                gemm([batch, c_out, c_in], y, i > 0, x, w);
            }
        }
    });
}

/// Σ a·b in sixteen interleaved partial sums.
#[inline(always)]
fn dot<F: Real>(a: &[F], b: &[F]) -> F {
    let ((a16, a_rest), (b16, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let mut sums = [F::ZERO; 16];
    for (a, b) in a16.iter().zip(b16) {
        for i in 0..16 {
            sums[i] += a[i] * b[i];
        }
    }
    let rest: F = a_rest.iter().zip(b_rest).map(|(&a, &b)| a * b).sum();
    sums.into_iter().sum::<F>() + rest
}

/// `partial[s, t] = Σ_(p, q) ∈ share s of tap t  x[p]ᵀ · dy[q]`
pub(super) fn grad_weight<F: Real>(call: &mut Call<'_, F>) {
    let [batch, c_in, c_out] = ["BATCH", "C_IN", "C_OUT"].map(|name| call.size(name));
    let (shares, _) = call.words("shares").as_chunks::<2>();
    let (pairs, _) = call.words("pairs").as_chunks::<2>();
    let (x, dy, partial) = (call.read("x"), call.read("dy"), call.write("partial"));
    let x_of = |p: u32| &x[p as usize * batch * c_in..][..batch * c_in];
    let dy_of = |q: u32| &dy[q as usize * batch * c_out..][..batch * c_out];

    // Blocks of rows of each tap's weights: tasks of equal size that no two threads share.
    let block = c_in.clamp(1, 64);
    partial.par_chunks_mut(c_in * c_out).zip(shares).for_each(|(partial, &[first, end])| {
        let pairs = &pairs[first as usize..end as usize];
        partial.par_chunks_mut(block * c_out).enumerate().for_each(|(i, partial)| {
            let rows = partial.len() / c_out;
            if pairs.is_empty() {
                partial.fill(F::ZERO);
            }
            for (j, &[p, q]) in pairs.iter().enumerate() {
                let x = Matrix::rows(&x_of(p)[i * block..], c_in).transposed();
                gemm([rows, c_out, batch], partial, j > 0, x, Matrix::rows(dy_of(q), c_out));
            }
        });
    });
}

/// `wt[t, n, k] = w[t, k, n]`
pub(super) fn transpose<F: Real>(call: &mut Call<'_, F>) {
    let [c_in, c_out] = ["C_IN", "C_OUT"].map(|name| call.size(name));
    let (w, wt) = (call.read("w"), call.write("wt"));
    wt.par_chunks_mut(c_in * c_out).zip(w.par_chunks(c_in * c_out)).for_each(|(wt, w)| {
        // Blocks of 16 × 16 stay in the first-level cache on both sides.
        for first_n in (0..c_out).step_by(16) {
            for first_k in (0..c_in).step_by(16) {
                for n in first_n..(first_n + 16).min(c_out) {
                    for k in first_k..(first_k + 16).min(c_in) {
                        wt[n * c_in + k] = w[k * c_out + n];
                    }
                }
            }
        }
    });
}
