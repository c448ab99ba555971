//! What the class of a sample adds to its logit: the product of a learned row with the sum of its
//! features over the pixels (Miyato, Koyama 2018).

use rayon::prelude::*;

use super::{FLAT_INDEX, Flat, GradTable, Rows, Shares, record_grad_table, tree_trips};
use crate::kernels::ADD_UP;
use crate::plan::{Bound, Kernel, Launch, Recorder, View};
use crate::twin::{Call, Real, chunks, vectorised};

/// Adds the products to the logits.
pub static FORWARD: Kernel = kernel!("class/projection_forward", [ADD_UP], Bound::Sum);
/// Adds their part to the features' gradient.
pub static GRAD_INPUT: Kernel = kernel!("class/projection_grad_input", [FLAT_INDEX], Bound::Sum);
/// Σ h·ds of each sample.
pub static SUMS: Kernel = kernel!("class/projection_sums", [FLAT_INDEX], Bound::Sum);

/// The table, and what chooses among its rows.
#[derive(Clone, Copy, Debug)]
pub struct ProjectionTensors {
    /// `[batch]`
    pub labels: View,
    /// `[classes, channels]`
    pub table: View,
}

/// Records `s[b] += Σ_p ⟨table[labels[b]], h[p, b]⟩`. It is linear in h: of tangents of h it gives
/// those of s.
pub fn record_forward(
    recorder: &mut Recorder,
    Shares { pixels, batch, channels, .. }: Shares,
    ProjectionTensors { labels, table }: ProjectionTensors,
    h: View,
    s: View,
) {
    let constants = &[("BATCH", batch.into()), ("PIXELS", pixels.into()), ("CHANNELS", channels.into())];
    let launch = Launch {
        constants,
        bindings: &[("h", h), ("labels", labels), ("table", table), ("s", s)],
        workgroups: [batch, 1, 1],
        loop_trips: tree_trips(&FORWARD, constants, pixels * channels),
        terms: pixels * channels + 1,
        flops: 2 * u64::from(h.len),
    };
    recorder.dispatch(&FORWARD, launch);
}

/// Records `dh[p, b] += ds[b]·table[labels[b]]`.
pub fn record_grad_input(
    recorder: &mut Recorder,
    Shares { batch, channels, .. }: Shares,
    ProjectionTensors { labels, table }: ProjectionTensors,
    ds: View,
    dh: View,
) {
    let launch = Flat {
        items: dh.len,
        constants: &[("SIZE", dh.len.into()), ("BATCH", batch.into()), ("CHANNELS", channels.into())],
        bindings: &[("ds", ds), ("labels", labels), ("table", table), ("dh", dh)],
        terms: 2,
        flops: 2 * u64::from(dh.len),
        ..Flat::default()
    };
    launch.record(recorder, &GRAD_INPUT);
}

/// What [`record_grad`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct ProjectionGrad {
    /// `[batch]`
    pub labels: View,
    /// `[pixels, batch, channels]`: the features, or their tangents.
    pub h: View,
    /// `[batch]`
    pub ds: View,
    /// Scratch; see [`partial_words`].
    pub partial: View,
    /// `[classes, channels]`
    pub dtable: View,
}

/// Words of scratch that [`record_grad`] needs.
pub fn partial_words(shares: Shares) -> u32 {
    shares.sums()
}

/// Records `dtable[k] += Σ ds[b]·Σ_p h[p, b]` over the samples b of each class k.
pub fn record_grad(recorder: &mut Recorder, shares: Shares, views: ProjectionGrad) {
    let ProjectionGrad { labels, h, ds, partial, dtable } = views;
    let sums = partial.slice(0, partial_words(shares));
    let launch = Flat {
        items: sums.len,
        constants: &[
            ("SIZE", sums.len.into()),
            ("COLUMNS", shares.columns().into()),
            ("CHANNELS", shares.channels.into()),
            ("PIXELS", shares.pixels.into()),
            ("SHARE", shares.share.into()),
        ],
        bindings: &[("h", h), ("ds", ds), ("sums", sums)],
        loop_trips: shares.share,
        terms: shares.share + 1,
        flops: h.len.into(),
    };
    launch.record(recorder, &SUMS);
    let channels = shares.channels;
    let rows = Rows { groups: 1, rows: shares.splits() * shares.batch, stride: channels, first: 0, channels };
    record_grad_table(recorder, rows, GradTable { labels, dy: sums, table: dtable });
}

pub(super) fn forward<F: Real>(call: &mut Call<'_, F>) {
    let [batch, pixels, channels] = ["BATCH", "PIXELS", "CHANNELS"].map(|name| call.size(name));
    let (h, labels, table) = (call.read("h"), call.words("labels"), call.read("table"));
    call.write("s").par_iter_mut().enumerate().for_each(|(b, s)| {
        let row = &table[labels[b] as usize * channels..][..channels];
        for p in 0..pixels {
            let h = &h[(p * batch + b) * channels..][..channels];
            *s += row.iter().zip(h).map(|(&e, &h)| e * h).sum();
        }
    });
}

pub(super) fn grad_input<F: Real>(call: &mut Call<'_, F>) {
    let [batch, channels] = ["BATCH", "CHANNELS"].map(|name| call.size(name));
    let (ds, labels, table) = (call.read("ds"), call.words("labels"), call.read("table"));
    chunks(
        call.write("dh"),
        channels,
        #[inline(always)]
        move |first, dh| {
            for (row, dh) in (first / channels..).zip(dh.chunks_exact_mut(channels)) {
                let (ds, k) = (ds[row % batch], labels[row % batch] as usize);
                dh.iter_mut().zip(&table[k * channels..][..channels]).for_each(|(dh, &e)| *dh += ds * e);
            }
        },
    );
}

pub(super) fn sums<F: Real>(call: &mut Call<'_, F>) {
    let [columns, channels, pixels, share] = ["COLUMNS", "CHANNELS", "PIXELS", "SHARE"].map(|name| call.size(name));
    let (h, ds) = (call.read("h"), call.read("ds"));
    call.write("sums").par_chunks_mut(columns).enumerate().for_each(|(s, sums)| {
        vectorised(
            #[inline(always)]
            move || {
                sums.fill(F::ZERO);
                for p in s * share..((s + 1) * share).min(pixels) {
                    sums.iter_mut().zip(&h[p * columns..][..columns]).for_each(|(sum, &h)| *sum += h);
                }
                for (sums, &ds) in sums.chunks_exact_mut(channels).zip(ds) {
                    sums.iter_mut().for_each(|sum| *sum = *sum * ds);
                }
            },
        );
    });
}
