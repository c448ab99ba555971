//! Operands layers with few channels on one side, such as those beside the image. A product for
//! every pair would be mostly overhead there, and reading every pixel once for every tap would be
//! limited by memory, so taps are taken together.

use std::ops::Range;

use rayon::prelude::*;

use super::Operands;
use crate::twin::{Call, Matrix, Real, dot, gemm, vectorised};

/// Whether at least half of all (input pixel, tap) combinations reach an output.
pub(super) fn most_taps_are_real<F>(linear: &Operands<'_>, x: &[F], w: &[F]) -> bool {
    let (inputs, taps) = (x.len() / (linear.batch * linear.c_in), w.len() / (linear.c_in * linear.c_out));
    2 * linear.pairs.len() >= inputs * taps
}

/// Few channels out: one product of each input pixel with all taps, then the sums of these over
/// each output's taps.
pub(super) fn forward_by_input<F: Real>(
    linear: &Operands<'_>,
    pairs_of: &[&[[u32; 2]]],
    [x, w]: [&[F]; 2],
    y: &mut [F],
    call: &mut Call<'_, F>,
) {
    let Operands { batch, c_in, c_out, .. } = *linear;
    let (inputs, columns) = (x.len() / (batch * c_in), w.len() / c_in);
    let (weights, products) = call.scratch(w.len() + inputs * batch * columns).split_at_mut(w.len());
    for (t, w) in w.chunks_exact(c_in * c_out).enumerate() {
        for (row, w) in weights.chunks_exact_mut(columns).zip(w.chunks_exact(c_out)) {
            row[t * c_out..][..c_out].copy_from_slice(w);
        }
    }
    products.par_chunks_mut(batch * columns).zip(x.par_chunks(batch * c_in)).for_each(|(products, x)| {
        gemm([batch, columns, c_in], products, false, Matrix::rows(x, c_in), Matrix::rows(weights, columns));
    });
    let products = &*products;
    y.par_chunks_mut(batch * c_out).zip(pairs_of).for_each(|(y, pairs)| {
        y.fill(F::ZERO);
        for &[p, t] in *pairs {
            let products = &products[p as usize * batch * columns..][..batch * columns];
            for (y, products) in y.chunks_exact_mut(c_out).zip(products.chunks_exact(columns)) {
                y.iter_mut().zip(&products[t as usize * c_out..]).for_each(|(y, &product)| *y += product);
            }
        }
    });
}

/// Few channels out and few taps to an input: a dot product for each output and pair.
pub(super) fn forward_by_output<F: Real>(
    linear: &Operands<'_>,
    pairs_of: &[&[[u32; 2]]],
    [x, w]: [&[F]; 2],
    y: &mut [F],
) {
    let Operands { batch, c_in, c_out, .. } = *linear;
    y.par_chunks_mut(batch * c_out).zip(pairs_of).for_each(|(y, pairs)| {
        y.fill(F::ZERO);
        let mut column = vec![F::ZERO; c_in];
        for &[p, t] in *pairs {
            for n in 0..c_out {
                let weights = linear.weights(w, t)[n..].iter().step_by(c_out);
                column.iter_mut().zip(weights).for_each(|(to, from)| *to = *from);
                let (x, y, column) = (linear.input(x, p), &mut *y, &*column);
                vectorised(
                    #[inline(always)]
                    move || {
                        for (x, y) in x.chunks_exact(c_in).zip(y[n..].iter_mut().step_by(c_out)) {
                            *y += dot(x, column);
                        }
                    },
                );
            }
        }
    });
}

/// Few channels in: all taps of an output pixel side by side make one product with a longer inner
/// dimension.
pub(super) fn forward_gathered<F: Real>(
    linear: &Operands<'_>,
    pairs_of: &[&[[u32; 2]]],
    [x, w]: [&[F]; 2],
    y: &mut [F],
    call: &mut Call<'_, F>,
) {
    let Operands { batch, c_in, c_out, .. } = *linear;
    let longest = pairs_of.iter().map(|pairs| pairs.len()).max().unwrap_or(0) * c_in;
    if longest == 0 {
        return y.fill(F::ZERO);
    }
    let scratch = call.scratch(pairs_of.len() * (batch + c_out) * longest);
    let tasks = y.par_chunks_mut(batch * c_out).zip(scratch.par_chunks_mut((batch + c_out) * longest));
    tasks.zip(pairs_of).for_each(|((y, scratch), pairs)| {
        let inner = pairs.len() * c_in;
        if inner == 0 {
            return y.fill(F::ZERO);
        }
        let (weights, columns) = scratch.split_at_mut(c_out * longest);
        let columns = &mut columns[..batch * inner];
        for (i, &[p, t]) in pairs.iter().enumerate() {
            weights[i * c_in * c_out..][..c_in * c_out].copy_from_slice(linear.weights(w, t));
            for (to, from) in columns.chunks_exact_mut(inner).zip(linear.input(x, p).chunks_exact(c_in)) {
                to[i * c_in..][..c_in].copy_from_slice(from);
            }
        }
        gemm([batch, c_out, inner], y, false, Matrix::rows(columns, inner), Matrix::rows(weights, c_out));
    });
}

/// Few channels on one side: every pixel of the wide side is read once, in blocks of channels that
/// stay in the first-level cache while all pairs of the pixel use them.
pub(super) fn grad_weight<F: Real>(
    linear: &Operands<'_>,
    shares: &[[u32; 2]],
    [x, dy]: [&[F]; 2],
    partial: &mut [F],
    call: &mut Call<'_, F>,
) {
    let Operands { batch, c_in, c_out, pairs } = *linear;
    let wide_in = c_in > c_out;
    let (wide, narrow, channels, few) = if wide_in { (x, dy, c_in, c_out) } else { (dy, x, c_out, c_in) };
    let pixels = wide.len() / (batch * channels);
    let uses = by_wide_pixel(shares, pairs, wide_in, pixels);
    let sides = Sides { batch, wide, narrow, channels, few, uses: &uses };
    let sums = call.scratch(partial.len());
    let width = match channels {
        n if n.is_multiple_of(64) => sides.products::<64>(sums),
        n if n.is_multiple_of(16) => sides.products::<16>(sums),
        n if n.is_multiple_of(4) => sides.products::<4>(sums),
        _ => sides.products::<1>(sums),
    };
    // `sums` is [channels / width, shares, few, width].
    let block = shares.len() * few * width;
    for (share, partial) in partial.chunks_exact_mut(c_in * c_out).enumerate() {
        for (k, row) in partial.chunks_exact_mut(c_out).enumerate() {
            for (n, value) in row.iter_mut().enumerate() {
                let (channel, scalar) = if wide_in { (k, n) } else { (n, k) };
                *value = sums[channel / width * block + (share * few + scalar) * width + channel % width];
            }
        }
    }
}

/// One use of a pixel of the wide side.
#[derive(Clone, Copy, Default)]
struct Use {
    wide: u32,
    narrow: u32,
    share: u32,
}

/// All pairs, ordered by the pixel of the wide side and then as the shares have them.
fn by_wide_pixel(shares: &[[u32; 2]], pairs: &[[u32; 2]], wide_in: bool, pixels: usize) -> Vec<Use> {
    let uses = (0..).zip(shares).flat_map(|(share, &[first, end])| {
        pairs[first as usize..end as usize].iter().map(move |&[p, q]| {
            let (wide, narrow) = if wide_in { (p, q) } else { (q, p) };
            Use { wide, narrow, share }
        })
    });
    let mut next = vec![0; pixels + 1];
    uses.clone().for_each(|usage| next[usage.wide as usize + 1] += 1);
    for pixel in 0..pixels {
        next[pixel + 1] += next[pixel];
    }
    let mut ordered = vec![Use::default(); pairs.len()];
    for usage in uses {
        let at = &mut next[usage.wide as usize];
        ordered[*at] = usage;
        *at += 1;
    }
    ordered
}

/// The two sides of a thin weight gradient.
struct Sides<'a, F> {
    batch: usize,
    /// `[pixels, batch, channels]`
    wide: &'a [F],
    /// `[pixels, batch, few]`
    narrow: &'a [F],
    channels: usize,
    few: usize,
    uses: &'a [Use],
}

impl<F: Real> Sides<'_, F> {
    /// Sums `wide · narrow` over samples and pairs for each block of `W` channels, which it
    /// returns.
    fn products<const W: usize>(&self, sums: &mut [F]) -> usize {
        // A block of channels of these rows stays in the first-level cache, whose sets repeat every
        // 4 KiB.
        let rows = (8192 / self.channels).clamp(1, self.batch);
        let block = sums.len() / (self.channels / W);
        sums.par_chunks_mut(block).enumerate().for_each(|(i, sums)| {
            sums.fill(F::ZERO);
            let (sums, _) = sums.as_chunks_mut::<W>();
            vectorised(
                #[inline(always)]
                move || {
                    for uses in self.uses.chunk_by(|a, b| a.wide == b.wide) {
                        for first in (0..self.batch).step_by(rows) {
                            let samples = first..(first + rows).min(self.batch);
                            for usage in uses {
                                for n in 0..self.few {
                                    let products = self.product::<W>(i * W, samples.clone(), usage, n);
                                    let sums = &mut sums[usage.share as usize * self.few + n];
                                    (0..W).for_each(|j| sums[j] += products[j]);
                                }
                            }
                        }
                    }
                },
            );
        });
        W
    }

    /// Σ over samples of the channels from `channel` times channel `n` of the narrow side, in two
    /// interleaved sums.
    #[inline(always)]
    fn product<const W: usize>(&self, channel: usize, samples: Range<usize>, usage: &Use, n: usize) -> [F; W] {
        let start = |pixel: u32, channels: usize| (pixel as usize * self.batch + samples.start) * channels;
        let wide = &self.wide[start(usage.wide, self.channels)..][..samples.len() * self.channels];
        let narrow = &self.narrow[start(usage.narrow, self.few)..][..samples.len() * self.few];
        let mut rows = wide.chunks_exact(self.channels).zip(narrow.chunks_exact(self.few));
        let mut sums = [[F::ZERO; W]; 2];
        while let Some((wide, narrow)) = rows.next() {
            let (wide, factor) = (&wide[channel..][..W], narrow[n]);
            (0..W).for_each(|j| sums[0][j] += wide[j] * factor);
            if let Some((wide, narrow)) = rows.next() {
                let (wide, factor) = (&wide[channel..][..W], narrow[n]);
                (0..W).for_each(|j| sums[1][j] += wide[j] * factor);
            }
        }
        let mut total = sums[0];
        (0..W).for_each(|j| total[j] += sums[1][j]);
        total
    }
}
