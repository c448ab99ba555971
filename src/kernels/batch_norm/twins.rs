//! The batch-norm kernels on the host.

use rayon::prelude::*;

use crate::twin::{Call, Real, chunks, vectorised};

pub(super) fn moments<F: Real>(call: &mut Call<'_, F>) {
    let [features, channels, rows, share] = ["FEATURES", "CHANNELS", "ROWS", "SHARE"].map(|name| call.size(name));
    let (x, partial) = (call.read("x"), call.write("partial"));
    partial.par_chunks_mut(2 * features).enumerate().for_each(|(s, partial)| {
        let (first, end) = (s * share, ((s + 1) * share).min(rows));
        let (means, squares) = partial.split_at_mut(features);
        let groups = means.chunks_exact_mut(channels).zip(squares.chunks_exact_mut(channels));
        vectorised(
            #[inline(always)]
            move || {
                for (g, (sum, squares)) in groups.enumerate() {
                    let row = |r: usize| &x[(g * rows + r) * channels..][..channels];
                    let shift = row(first);
                    sum.fill(F::ZERO);
                    squares.fill(F::ZERO);
                    for r in first..end {
                        for (((sum, square), &x), &shift) in sum.iter_mut().zip(&mut *squares).zip(row(r)).zip(shift) {
                            let d = x - shift;
                            *sum += d;
                            *square += d * d;
                        }
                    }
                    for ((sum, square), &shift) in sum.iter_mut().zip(squares).zip(shift) {
                        let mean = *sum / F::count(end - first);
                        *square = (*square - *sum * mean).max(F::ZERO);
                        *sum = shift + mean;
                    }
                }
            },
        );
    });
}

pub(super) fn statistics<F: Real>(call: &mut Call<'_, F>) {
    let [features, rows, splits, share] = ["FEATURES", "ROWS", "SPLITS", "SHARE"].map(|name| call.size(name));
    let (epsilon, momentum) = (call.float("EPSILON"), call.float("MOMENTUM"));
    let (partial, stats, running) = (call.read("partial"), call.write("stats"), call.write("running"));
    for f in 0..features {
        let (mut mean, mut squares) = (F::ZERO, F::ZERO);
        for s in 0..splits {
            let (before, here) = (F::count(s * share), F::count(share.min(rows - s * share)));
            let delta = partial[s * 2 * features + f] - mean;
            mean += delta * (here / (before + here));
            squares += partial[(s * 2 + 1) * features + f] + delta * delta * (before * here / (before + here));
        }
        let unbiased = squares / F::count(rows.max(2) - 1);
        stats[f] = mean;
        stats[features + f] = F::ONE / (squares / F::count(rows) + epsilon).sqrt();
        running[f] += momentum * (mean - running[f]);
        running[features + f] += momentum * (unbiased - running[features + f]);
    }
}

pub(super) fn running<F: Real>(call: &mut Call<'_, F>) {
    let (features, epsilon) = (call.size("FEATURES"), call.float("EPSILON"));
    let (running, stats) = (call.read("running"), call.write("stats"));
    for f in 0..features {
        stats[f] = running[f];
        stats[features + f] = F::ONE / (running[features + f] + epsilon).sqrt();
    }
}

pub(super) fn forward<F: Real>(call: &mut Call<'_, F>) {
    let [features, channels, rows] = ["FEATURES", "CHANNELS", "ROWS"].map(|name| call.size(name));
    let slope = call.float("SLOPE");
    let [x, stats, scale, shift] = ["x", "stats", "scale", "shift"].map(|name| call.read(name));
    chunks(
        call.write("y"),
        channels,
        #[inline(always)]
        move |first, y| {
            for (i, y) in y.chunks_exact_mut(channels).enumerate() {
                let row = first / channels + i;
                let f = row / rows * channels;
                let x = &x[row * channels..][..channels];
                let (mean, inverse) = (&stats[f..][..channels], &stats[features + f..][..channels]);
                let (scale, shift) = (&scale[f..][..channels], &shift[f..][..channels]);
                let parameters = mean.iter().zip(inverse).zip(scale.iter().zip(shift));
                for ((y, &x), ((&mean, &inverse), (&scale, &shift))) in y.iter_mut().zip(x).zip(parameters) {
                    *y = (scale * ((x - mean) * inverse) + shift).leaky(slope);
                }
            }
        },
    );
}

pub(super) fn grad_sums<F: Real>(call: &mut Call<'_, F>) {
    let [features, channels, rows, share] = ["FEATURES", "CHANNELS", "ROWS", "SHARE"].map(|name| call.size(name));
    let [x, dy, stats] = ["x", "dy", "stats"].map(|name| call.read(name));
    call.write("partial").par_chunks_mut(2 * features).enumerate().for_each(|(s, partial)| {
        let (sums, products) = partial.split_at_mut(features);
        sums.fill(F::ZERO);
        products.fill(F::ZERO);
        let groups = sums.chunks_exact_mut(channels).zip(products.chunks_exact_mut(channels));
        vectorised(
            #[inline(always)]
            move || {
                for (g, (sum, product)) in groups.enumerate() {
                    let f = g * channels;
                    let (mean, inverse) = (&stats[f..][..channels], &stats[features + f..][..channels]);
                    for r in s * share..((s + 1) * share).min(rows) {
                        let start = (g * rows + r) * channels;
                        let (x, dy) = (&x[start..][..channels], &dy[start..][..channels]);
                        for c in 0..channels {
                            sum[c] += dy[c];
                            product[c] += dy[c] * ((x[c] - mean[c]) * inverse[c]);
                        }
                    }
                }
            },
        );
    });
}

pub(super) fn grad_parameters<F: Real>(call: &mut Call<'_, F>) {
    let [features, splits, pitch] = ["FEATURES", "SPLITS", "PITCH"].map(|name| call.size(name));
    let (partial, sums, gradient) = (call.read("partial"), call.write("sums"), call.write("gradient"));
    sums[..2 * features].copy_from_slice(&partial[..2 * features]);
    for s in 1..splits {
        let part = &partial[s * 2 * features..][..2 * features];
        sums.iter_mut().zip(part).for_each(|(sum, &part)| *sum += part);
    }
    if call.size("ACCUMULATE") == 1 {
        for f in 0..features {
            gradient[f] += sums[features + f];
            gradient[pitch + f] += sums[f];
        }
    }
}

pub(super) fn grad_input<F: Real>(call: &mut Call<'_, F>) {
    let [features, channels, rows] = ["FEATURES", "CHANNELS", "ROWS"].map(|name| call.size(name));
    let [x, dy, stats, scale, sums] = ["x", "dy", "stats", "scale", "sums"].map(|name| call.read(name));
    let per_row = F::ONE / F::count(rows);
    chunks(
        call.write("dx"),
        channels,
        #[inline(always)]
        move |first, dx| {
            for (i, dx) in dx.chunks_exact_mut(channels).enumerate() {
                let row = first / channels + i;
                let f = row / rows * channels;
                let (x, dy) = (&x[row * channels..][..channels], &dy[row * channels..][..channels]);
                let (mean, inverse) = (&stats[f..][..channels], &stats[features + f..][..channels]);
                let (sum, product) = (&sums[f..][..channels], &sums[features + f..][..channels]);
                let scale = &scale[f..][..channels];
                for c in 0..channels {
                    let normalised = (x[c] - mean[c]) * inverse[c];
                    let centred = dy[c] - sum[c] * per_row - normalised * (product[c] * per_row);
                    dx[c] = scale[c] * inverse[c] * centred;
                }
            }
        },
    );
}
