//! The linear kernels on the host: matrix products, one for each pair of a tap list.

mod thin;

use rayon::prelude::*;

use crate::twin::{Call, Matrix, Real, gemm};

/// Below this many channels a matrix product per pair would be mostly overhead: see [`thin`].
const THIN: usize = 8;

/// A linear call's sizes and lists.
struct Operands<'a> {
    batch: usize,
    c_in: usize,
    c_out: usize,
    pairs: &'a [[u32; 2]],
}

impl<'a> Operands<'a> {
    fn of<F: Real>(call: &Call<'a, F>) -> Self {
        let [batch, c_in, c_out] = ["BATCH", "C_IN", "C_OUT"].map(|name| call.size(name));
        Operands { batch, c_in, c_out, pairs: call.words("pairs").as_chunks().0 }
    }

    /// Pixel `p` of the input, `[batch, c_in]`.
    fn input<'x, F>(&self, x: &'x [F], p: u32) -> &'x [F] {
        &x[p as usize * self.batch * self.c_in..][..self.batch * self.c_in]
    }

    /// Pixel `q` of the output, `[batch, c_out]`.
    fn output<'y, F>(&self, y: &'y [F], q: u32) -> &'y [F] {
        &y[q as usize * self.batch * self.c_out..][..self.batch * self.c_out]
    }

    /// Matrix `t` of the weights, `[c_in, c_out]`.
    fn weights<'w, F>(&self, w: &'w [F], t: u32) -> &'w [F] {
        &w[t as usize * self.c_in * self.c_out..][..self.c_in * self.c_out]
    }
}

/// `y[q] = Σ_(p, t) ∈ taps(q) x[p] · w[t]`
pub(super) fn forward<F: Real>(call: &mut Call<'_, F>) {
    let linear = Operands::of(call);
    let (rows, _) = call.words("rows").as_chunks::<3>();
    let (x, w, y) = (call.read("x"), call.read("w"), call.write("y"));
    let Operands { batch, c_in, c_out, pairs } = linear;
    let mut pairs_of = vec![&pairs[..0]; rows.len()];
    rows.iter().for_each(|&[q, first, end]| pairs_of[q as usize] = &pairs[first as usize..end as usize]);
    if c_out < THIN && thin::most_taps_are_real(&linear, x, w) {
        thin::forward_by_input(&linear, &pairs_of, [x, w], y, call);
    } else if c_out < THIN {
        thin::forward_by_output(&linear, &pairs_of, [x, w], y);
    } else if c_in < THIN {
        thin::forward_gathered(&linear, &pairs_of, [x, w], y, call);
    } else {
        y.par_chunks_mut(batch * c_out).zip(pairs_of).for_each(|(y, pairs)| {
            if pairs.is_empty() {
                y.fill(F::ZERO);
            }
            for (i, &[p, t]) in pairs.iter().enumerate() {
                let (x, w) = (linear.input(x, p), linear.weights(w, t));
                gemm([batch, c_out, c_in], y, i > 0, Matrix::rows(x, c_in), Matrix::rows(w, c_out));
            }
        });
    }
}

/// Tasks that a weight gradient is cut into at least. More would repeat the packing of `dy` more
/// often: whole taps of 256 channels run at 140 GFLOP/s a core where blocks of 64 channels run at
/// 109.
const TASKS: usize = 8;

/// `partial[s, t] = Σ_(p, q) ∈ share s of tap t  x[p]ᵀ · dy[q]`
pub(super) fn grad_weight<F: Real>(call: &mut Call<'_, F>) {
    let linear = Operands::of(call);
    let (shares, _) = call.words("shares").as_chunks::<2>();
    let (x, dy, partial) = (call.read("x"), call.read("dy"), call.write("partial"));
    let Operands { batch, c_in, c_out, pairs } = linear;
    if c_in.min(c_out) < THIN {
        return thin::grad_weight(&linear, shares, [x, dy], partial, call);
    }
    // Blocks of rows of each tap's weights: tasks of equal size that no two threads share.
    let block = c_in.div_ceil(TASKS.div_ceil(shares.len())).min(256);
    partial.par_chunks_mut(c_in * c_out).zip(shares).for_each(|(partial, &[first, end])| {
        let pairs = &pairs[first as usize..end as usize];
        partial.par_chunks_mut(block * c_out).enumerate().for_each(|(i, partial)| {
            let rows = partial.len() / c_out;
            if pairs.is_empty() {
                partial.fill(F::ZERO);
            }
            for (j, &[p, q]) in pairs.iter().enumerate() {
                let x = Matrix::rows(&linear.input(x, p)[i * block..], c_in).transposed();
                gemm([rows, c_out, batch], partial, j > 0, x, Matrix::rows(linear.output(dy, q), c_out));
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
