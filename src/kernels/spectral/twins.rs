//! The twins of spectral normalisation.

use rayon::prelude::*;

use crate::twin::{CHUNK, Call, Real, chunks, dot, vectorised};

pub(super) fn columns<F: Real>(call: &mut Call<'_, F>) {
    let [blocks, columns, channels, lanes, share] =
        ["BLOCKS", "COLUMNS", "CHANNELS", "LANES", "SHARE"].map(|name| call.size(name));
    let (w, u, partial) = (call.read("w"), call.read("u"), call.write("partial"));
    let runs = channels.div_ceil(lanes);
    let task = (CHUNK / (share * lanes)).clamp(1, columns);
    for (s, sums) in partial.chunks_exact_mut(columns).enumerate() {
        sums.par_chunks_mut(task).enumerate().for_each(|(i, sums)| {
            vectorised(
                #[inline(always)]
                move || {
                    sums.fill(F::ZERO);
                    for run in s * share..((s + 1) * share).min(blocks * runs) {
                        let (q, c) = (run / runs, run % runs * lanes);
                        let lanes = lanes.min(channels - c);
                        let u = &u[q * channels + c..][..lanes];
                        let w = &w[(q * columns + i * task) * channels + c..];
                        sums.iter_mut().zip(w.chunks(channels)).for_each(|(sum, w)| *sum += dot(&w[..lanes], u));
                    }
                },
            );
        });
    }
}

pub(super) fn rows<F: Real>(call: &mut Call<'_, F>) {
    let [blocks, columns, channels, share] = ["BLOCKS", "COLUMNS", "CHANNELS", "SHARE"].map(|name| call.size(name));
    let (w, v, partial) = (call.read("w"), call.read("v"), call.write("partial"));
    partial.par_chunks_mut(channels).enumerate().for_each(|(i, sums)| {
        let (s, q) = (i / blocks, i % blocks);
        let share = s * share..((s + 1) * share).min(columns);
        vectorised(
            #[inline(always)]
            move || {
                if channels == 1 {
                    sums[0] = dot(&w[q * columns..][share.clone()], &v[share]);
                    return;
                }
                sums.fill(F::ZERO);
                for k in share {
                    let w = &w[(q * columns + k) * channels..][..channels];
                    sums.iter_mut().zip(w).for_each(|(sum, &w)| *sum += w * v[k]);
                }
            },
        );
    });
}

/// `x[i] = Σ_s partial[s, i]`.
fn add_shares<F: Real>(partial: &[F], x: &mut [F]) {
    x.fill(F::ZERO);
    for partial in partial.chunks_exact(x.len()) {
        x.iter_mut().zip(partial).for_each(|(x, &part)| *x += part);
    }
}

pub(super) fn normalise<F: Real>(call: &mut Call<'_, F>) {
    let (epsilon, partial, y) = (call.float("EPSILON"), call.read("partial"), call.write("y"));
    add_shares(partial, y);
    let norm = dot(y, y).sqrt();
    let divisor = if norm < epsilon { epsilon } else { norm }; // NaN stays
    y.iter_mut().for_each(|y| *y = *y / divisor);
}

pub(super) fn sigma<F: Real>(call: &mut Call<'_, F>) {
    let (u, partial, sigma) = (call.read("u"), call.read("partial"), call.write("sigma"));
    let x = call.scratch(u.len());
    add_shares(partial, x);
    let sum = dot(u, x);
    sigma[0] = if sum == F::ZERO { F::ONE } else { sum };
}

pub(super) fn divide<F: Real>(call: &mut Call<'_, F>) {
    let (w, sigma) = (call.read("w"), call.read("sigma")[0]);
    chunks(
        call.write("w_bar"),
        1,
        #[inline(always)]
        move |first, w_bar| w_bar.iter_mut().zip(&w[first..]).for_each(|(w_bar, &w)| *w_bar = w / sigma),
    );
}

pub(super) fn grad_shares<F: Real>(call: &mut Call<'_, F>) {
    let share = call.size("SHARE");
    let (g, w_bar, partial) = (call.read("g"), call.read("w_bar"), call.write("partial"));
    let shares = g.par_chunks(share).zip(w_bar.par_chunks(share));
    partial.par_iter_mut().zip(shares).for_each(|(partial, (g, w_bar))| {
        *partial = vectorised(
            #[inline(always)]
            move || dot(g, w_bar),
        );
    });
}

pub(super) fn grad_weight<F: Real>(call: &mut Call<'_, F>) {
    let [columns, channels] = ["COLUMNS", "CHANNELS"].map(|name| call.size(name));
    let [partial, u, v] = ["partial", "u", "v"].map(|name| call.read(name));
    let (d, sigma) = (partial.iter().copied().sum::<F>(), call.read("sigma")[0]);
    let [g, dw] = ["g", "dw"].map(|name| call.write(name));
    let task = (CHUNK / channels).max(1);
    let tasks = g.par_chunks_mut(task * channels).zip(dw.par_chunks_mut(task * channels)).enumerate();
    tasks.for_each(|(i, (g, dw))| {
        vectorised(
            #[inline(always)]
            move || {
                let column_vectors = g.chunks_exact_mut(channels).zip(dw.chunks_exact_mut(channels));
                for (at, (g, dw)) in (i * task..).zip(column_vectors) {
                    let (q, k) = (at / columns, at % columns);
                    let (u, part) = (&u[q * channels..], d * v[k]);
                    for ((g, dw), &u) in g.iter_mut().zip(dw).zip(u) {
                        *dw += (*g - part * u) / sigma;
                        *g = F::ZERO;
                    }
                }
            },
        );
    });
}

pub(super) fn largest<F: Real>(call: &mut Call<'_, F>) {
    let [pitch, column, rows, columns] = ["PITCH", "COLUMN", "RING_ROWS", "RING_COLUMNS"].map(|name| call.size(name));
    let sigmas = call.read("sigma").iter().step_by(pitch);
    let largest = sigmas.fold(0, |largest: u32, sigma| largest.max(sigma.bits() & 0x7fff_ffff));
    let row = call.words("step")[call.size("STEP")] as usize % rows * columns;
    call.write("ring")[row + column] = F::of_bits(largest);
}
