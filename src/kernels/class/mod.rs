//! What depends on the class of a sample: its label, an integer below the number of classes, which
//! no shader checks.

pub mod affine;
pub mod append;
pub mod projection;

use rayon::prelude::*;

use super::case::Trial;
use super::{FLAT_INDEX, Flat, KEEP_NAN, Topic, tree_trips};
use crate::plan::{ALIGNMENT, Bound, Kernel, MAX_LOOP_TRIPS, Recorder, View};
use crate::twin::{Call, Real, vectorised};
use crate::twinned;

/// Rows of a gradient, added up by class.
pub static GRAD_TABLE: Kernel = kernel!("class/grad_table", [FLAT_INDEX], Bound::Sum);

pub(super) const TOPIC: Topic = Topic {
    kernels: &[
        twinned!(GRAD_TABLE, grad_table),
        twinned!(append::EMBED, append::embed),
        twinned!(append::PLANES, append::planes),
        twinned!(append::LEADING, append::leading),
        twinned!(affine::FORWARD, affine::forward),
        twinned!(affine::GRAD_INPUT, affine::grad_input),
        twinned!(affine::SUMS, affine::sums),
        twinned!(projection::FORWARD, projection::forward),
        twinned!(projection::GRAD_INPUT, projection::grad_input),
        twinned!(projection::SUMS, projection::sums),
    ],
    cases,
};

/// Pixels that one invocation adds up.
const SHARE: u32 = 128;

/// How the pixels of every sample are cut into shares, whose sums [`record_grad_table`] adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Pixels.
    pub pixels: u32,
    /// Pixels of a share.
    pub share: u32,
    /// Samples.
    pub batch: u32,
    /// Values of a pixel.
    pub channels: u32,
}

impl Shares {
    /// Shares of `[pixels, batch, channels]`: so many that both passes have short loops.
    pub fn new(pixels: u32, batch: u32, channels: u32) -> Self {
        let splits = pixels.div_ceil(SHARE).min(MAX_LOOP_TRIPS / batch).max(1);
        Shares { pixels, share: pixels.div_ceil(splits), batch, channels }
    }

    /// Shares of a sample.
    pub fn splits(self) -> u32 {
        self.pixels.div_ceil(self.share)
    }

    /// Values of a pixel of all samples.
    pub fn columns(self) -> u32 {
        self.batch * self.channels
    }

    /// The sums that the shares give, with a view of their own: `[splits, batch, channels]`.
    fn sums(self) -> u32 {
        self.splits() * self.columns()
    }
}

/// Words from one list of `len` words to the next, so that each can be bound.
fn pitch(len: u32) -> u32 {
    len.next_multiple_of(ALIGNMENT)
}

/// Which part of the rows of a gradient belongs to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Groups of rows.
    pub groups: u32,
    /// Rows of a group: samples, once or more often.
    pub rows: u32,
    /// Columns of a row.
    pub stride: u32,
    /// The first column that belongs to the table.
    pub first: u32,
    /// How many do.
    pub channels: u32,
}

/// What [`record_grad_table`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct GradTable {
    /// `[batch]`
    pub labels: View,
    /// `[groups, rows, stride]`
    pub dy: View,
    /// `[classes, groups, channels]`
    pub table: View,
}

/// Records `table[k, g] += Σ dy[g, r]` over the rows r of class k, each row r being one of sample
/// r mod batch.
pub fn record_grad_table(recorder: &mut Recorder, rows: Rows, GradTable { labels, dy, table }: GradTable) {
    let Rows { groups, rows, stride, first, channels } = rows;
    let launch = Flat {
        items: table.len,
        constants: &[
            ("SIZE", table.len.into()),
            ("FEATURES", (groups * channels).into()),
            ("CHANNELS", channels.into()),
            ("ROWS", rows.into()),
            ("BATCH", labels.len.into()),
            ("STRIDE", stride.into()),
            ("FIRST", first.into()),
        ],
        bindings: &[("labels", labels), ("dy", dy), ("table", table)],
        loop_trips: rows,
        terms: rows + 1,
        flops: u64::from(groups) * u64::from(rows) * u64::from(channels),
    };
    launch.record(recorder, &GRAD_TABLE);
}

fn grad_table<F: Real>(call: &mut Call<'_, F>) {
    let [features, channels, rows, batch] = ["FEATURES", "CHANNELS", "ROWS", "BATCH"].map(|name| call.size(name));
    let [stride, first] = ["STRIDE", "FIRST"].map(|name| call.size(name));
    let (labels, dy, table) = (call.words("labels"), call.read("dy"), call.write("table"));
    table.par_chunks_mut(features).enumerate().for_each(|(k, table)| {
        vectorised(
            #[inline(always)]
            move || {
                for (g, sums) in table.chunks_exact_mut(channels).enumerate() {
                    for r in (0..rows).filter(|r| labels[r % batch] as usize == k) {
                        let row = &dy[(g * rows + r) * stride + first..][..channels];
                        sums.iter_mut().zip(row).for_each(|(sum, &dy)| *sum += dy);
                    }
                }
            },
        );
    });
}

fn cases() -> Vec<Trial> {
    const LEAKY: &str = r#"type = "leaky_relu", slope = 0.3"#;
    const CONV: &str = r#"type = "projection", classes = 5, layer = { type = "conv", channels = 1, kernel = [5, 7] }"#;
    const DENSE: &str = r#"type = "projection", classes = 3, layer = { type = "dense", units = 1, bias = false }"#;
    vec![
        Trial::layers("embedding", [1, 1, 7], 37, &[r#"type = "embedding", classes = 5, size = 6"#]),
        Trial::layers("embedding of one class", [1, 1, 1], 65, &[r#"type = "embedding", classes = 1, size = 70"#]),
        Trial::layers("label planes", [5, 3, 3], 33, &[r#"type = "label_planes", classes = 4"#]),
        Trial::layers("label planes, packs", [3, 5, 6], 5, &[r#"type = "label_planes", classes = 3, pack = 3"#]),
        Trial::layers("class affine", [17, 9, 5], 37, &[r#"type = "class_affine", classes = 3"#, LEAKY]),
        Trial::layers("class affine of one sample", [1, 1, 1], 1, &[r#"type = "class_affine", classes = 10"#]),
        Trial::layers(
            "class affine per feature",
            [3, 2, 5],
            33,
            &[r#"type = "class_affine", classes = 4, per = "feature""#],
        ),
        // Many samples: few shares, whose sums are many rows.
        Trial::layers("class affine", [16, 17, 1], 4000, &[r#"type = "class_affine", classes = 2"#]),
        Trial::layers("projection of a conv", [5, 7, 3], 37, &[CONV]),
        Trial::layers("projection of a dense layer", [1, 1, 130], 33, &[DENSE]),
        Trial::layers("projection of many pixels", [16, 17, 2], 3, &[DENSE]),
    ]
}
