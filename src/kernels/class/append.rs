//! A class beside the values of a sample: a learned row behind a vector, or constant planes behind
//! an image's channels.

use super::{FLAT_INDEX, Flat};
use crate::plan::{Bound, Kernel, Recorder, View};
use crate::twin::{Call, Real, chunks};

/// A learned row behind a vector.
pub static EMBED: Kernel = kernel!("class/embed", [FLAT_INDEX], Bound::Exact);
/// Constant planes behind an image's channels.
pub static PLANES: Kernel = kernel!("class/planes", [FLAT_INDEX], Bound::Exact);
/// What is left of a gradient without either.
pub static LEADING: Kernel = kernel!("class/leading", [FLAT_INDEX], Bound::Exact);

/// What [`record_embed`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct Embed {
    /// `[batch, input]`
    pub x: View,
    /// `[batch]`
    pub labels: View,
    /// `[classes, width]`
    pub table: View,
    /// `[batch, input + width]`
    pub y: View,
}

/// Records `y[b] = (x[b], table[labels[b]])`.
pub fn record_embed(recorder: &mut Recorder, width: u32, Embed { x, labels, table, y }: Embed) {
    let launch = Flat {
        items: y.len,
        constants: &[("SIZE", y.len.into()), ("INPUT", (x.len / labels.len).into()), ("WIDTH", width.into())],
        bindings: &[("x", x), ("labels", labels), ("table", table), ("y", y)],
        ..Flat::default()
    };
    launch.record(recorder, &EMBED);
}

/// What [`record_planes`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct Planes {
    /// `[pixels, images, channels]`
    pub x: View,
    /// `[images]`
    pub labels: View,
    /// `[pixels, images, channels + classes]`
    pub y: View,
}

/// Records `y[p, i] = (x[p, i], plane of each class)`, with the value `on` in the plane of the
/// image's label and 0 in the others; with `on` 0 it is this map's linear part.
pub fn record_planes(recorder: &mut Recorder, [channels, classes]: [u32; 2], on: f32, views: Planes) {
    let Planes { x, labels, y } = views;
    let launch = Flat {
        items: y.len,
        constants: &[
            ("SIZE", y.len.into()),
            ("IMAGES", labels.len.into()),
            ("CHANNELS", channels.into()),
            ("CLASSES", classes.into()),
            ("ON", on.into()),
        ],
        bindings: &[("x", x), ("labels", labels), ("y", y)],
        ..Flat::default()
    };
    launch.record(recorder, &PLANES);
}

/// Records `y[r] = x[r, ..columns]` for every row of `stride` columns.
pub fn record_leading(recorder: &mut Recorder, [columns, stride]: [u32; 2], x: View, y: View) {
    let launch = Flat {
        items: y.len,
        constants: &[("SIZE", y.len.into()), ("COLUMNS", columns.into()), ("STRIDE", stride.into())],
        bindings: &[("x", x), ("y", y)],
        ..Flat::default()
    };
    launch.record(recorder, &LEADING);
}

pub(super) fn embed<F: Real>(call: &mut Call<'_, F>) {
    let [input, width] = ["INPUT", "WIDTH"].map(|name| call.size(name));
    let (x, labels, table) = (call.read("x"), call.words("labels"), call.read("table"));
    chunks(
        call.write("y"),
        input + width,
        #[inline(always)]
        move |first, y| {
            for (b, y) in (first / (input + width)..).zip(y.chunks_exact_mut(input + width)) {
                let (own, row) = y.split_at_mut(input);
                own.copy_from_slice(&x[b * input..][..input]);
                row.copy_from_slice(&table[labels[b] as usize * width..][..width]);
            }
        },
    );
}

pub(super) fn planes<F: Real>(call: &mut Call<'_, F>) {
    let [images, channels, classes] = ["IMAGES", "CHANNELS", "CLASSES"].map(|name| call.size(name));
    let (on, x, labels) = (call.float("ON"), call.read("x"), call.words("labels"));
    chunks(
        call.write("y"),
        channels + classes,
        #[inline(always)]
        move |first, y| {
            for (row, y) in (first / (channels + classes)..).zip(y.chunks_exact_mut(channels + classes)) {
                let (own, planes) = y.split_at_mut(channels);
                own.copy_from_slice(&x[row * channels..][..channels]);
                planes.fill(F::ZERO);
                planes[labels[row % images] as usize] = on;
            }
        },
    );
}

pub(super) fn leading<F: Real>(call: &mut Call<'_, F>) {
    let ([columns, stride], x) = (["COLUMNS", "STRIDE"].map(|name| call.size(name)), call.read("x"));
    chunks(
        call.write("y"),
        columns,
        #[inline(always)]
        move |first, y| {
            for (row, y) in (first / columns..).zip(y.chunks_exact_mut(columns)) {
                y.copy_from_slice(&x[row * stride..][..columns]);
            }
        },
    );
}
