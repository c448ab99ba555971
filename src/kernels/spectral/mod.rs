//! Spectral normalisation (Miyato et al. 2018): weights divided by their largest singular value,
//! which one power iteration a step follows.
//!
//! u and v are held constant where gradients are taken. σ = uᵀWv is what the weights are divided
//! by, so that a weight's gradient is exact for these u and v.

mod twins;

use super::case::{self, Trial};
use super::loss::{RING_COLUMNS, RING_ROWS};
use super::{ADD_UP, FLAT_INDEX, Flat, KEEP_NAN, STEP_WORD, Topic, tree_trips};
use crate::plan::{ALIGNMENT, Bound, Constant, Kernel, Launch, Recorder, View, flat_workgroups};
use crate::twinned;

/// Wᵀu, in shares.
pub static COLUMNS: Kernel = kernel!("spectral/columns", [], Bound::Sum);
/// Wv, in shares.
pub static ROWS: Kernel = kernel!("spectral/rows", [], Bound::Sum);
/// A vector of length 1 from the shares of its sums.
pub static NORMALISE: Kernel = kernel!("spectral/normalise", [KEEP_NAN, ADD_UP], Bound::Relative(1e-5));
/// σ = uᵀWv.
pub static SIGMA: Kernel = kernel!("spectral/sigma", [ADD_UP], Bound::Sum);
/// W̄ = W / σ.
pub static DIVIDE: Kernel = kernel!("spectral/divide", [FLAT_INDEX], Bound::Relative(4e-7));
/// ⟨dL/dW̄, W̄⟩, in shares.
pub static GRAD_SHARES: Kernel = kernel!("spectral/grad_shares", [ADD_UP], Bound::Sum);
/// The gradient of W from that of W̄.
pub static GRAD_WEIGHT: Kernel = kernel!("spectral/grad_weight", [FLAT_INDEX], Bound::Relative(1e-5));
/// The largest σ of a network's layers, for the ring.
pub static LARGEST: Kernel = kernel!("spectral/largest", [], Bound::Exact);

pub(super) const TOPIC: Topic = Topic {
    kernels: &[
        twinned!(COLUMNS, twins::columns),
        twinned!(ROWS, twins::rows),
        twinned!(NORMALISE, twins::normalise),
        twinned!(SIGMA, twins::sigma),
        twinned!(DIVIDE, twins::divide),
        twinned!(GRAD_SHARES, twins::grad_shares),
        twinned!(GRAD_WEIGHT, twins::grad_weight),
        twinned!(LARGEST, twins::largest),
    ],
    cases,
};

/// The least length of a vector that is divided by it.
const EPSILON: f32 = 1e-12;

/// Invocations of the workgroups that add up products of the weights.
const THREADS: u32 = 64;

/// Words from one layer's σ to the next one's.
pub const SIGMA_PITCH: u32 = ALIGNMENT;

/// How the weights of a layer, stored as `[blocks][columns][channels]`, are a matrix: its rows are
/// (block, channel).
///
/// A sliding kernel has one block, with the columns (tap, c_in). A dense layer has a block for each
/// output pixel, with the columns (input pixel, c_in): the order of
/// [`crate::layers::taps::TapList::dense`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// Output pixels of a dense layer, else 1.
    pub blocks: u32,
    /// Values that an output depends on.
    pub columns: u32,
    /// Channels of the output.
    pub channels: u32,
}

/// How a sum is cut: into `splits` shares, the longest of `trips` trips of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    splits: u32,
    trips: u32,
}

impl Cut {
    /// Enough shares for a GPU, and few enough to be added up by one invocation; more where one
    /// would be over-long.
    fn of(trips: u32) -> Cut {
        const FEW: u32 = 32;
        const LONGEST: u32 = 1 << 14;
        let splits = trips.div_ceil(FEW).min(FEW).max(trips.div_ceil(LONGEST));
        let trips_each = trips.div_ceil(splits);
        Cut { splits: trips.div_ceil(trips_each), trips: trips_each }
    }
}

impl Matrix {
    /// Rows.
    pub fn rows(self) -> u32 {
        self.blocks * self.channels
    }

    /// Elements: weights.
    fn size(self) -> u32 {
        self.rows() * self.columns
    }

    /// Invocations that read neighbouring channels.
    fn lanes(self) -> u32 {
        self.channels.next_power_of_two().min(THREADS)
    }

    /// Groups of so many rows, of all blocks.
    fn runs(self) -> u32 {
        self.blocks * self.channels.div_ceil(self.lanes())
    }

    /// Columns that a workgroup reads at once.
    fn abreast(self) -> u32 {
        THREADS / self.lanes()
    }

    /// The shares of Wᵀu, in runs of rows.
    fn row_shares(self) -> Cut {
        Cut::of(self.runs())
    }

    /// The shares of Wv, in steps of columns that are read at once.
    fn column_shares(self) -> Cut {
        Cut::of(self.columns.div_ceil(self.abreast()))
    }

    /// The shares of a sum over all elements, in steps of a workgroup.
    fn element_shares(self) -> Cut {
        Cut::of(self.size().div_ceil(THREADS))
    }

    /// Words that [`Tensors::partial`] has at least.
    pub fn partial_words(self) -> u64 {
        let words = |cut: Cut, each: u32| u64::from(cut.splits) * u64::from(each);
        let sums = words(self.row_shares(), self.columns).max(words(self.column_shares(), self.rows()));
        sums.max(words(self.element_shares(), 1))
    }

    /// The constants of the products with a vector.
    fn constants(self, share: u32) -> [(&'static str, Constant); 5] {
        [
            ("BLOCKS", self.blocks.into()),
            ("COLUMNS", self.columns.into()),
            ("CHANNELS", self.channels.into()),
            ("LANES", self.lanes().into()),
            ("SHARE", share.into()),
        ]
    }
}

/// The tensors of a layer's normalisation.
#[derive(Clone, Copy, Debug)]
pub struct Tensors {
    /// `[blocks, columns, channels]`: the weights that are learned.
    pub w: View,
    /// `[blocks, channels]`: what approaches the left singular vector.
    pub u: View,
    /// `[columns]`: what approaches the right one.
    pub v: View,
    /// `[1]`
    pub sigma: View,
    /// `[blocks, columns, channels]`: the weights that the layer computes with.
    pub w_bar: View,
    /// Scratch for [`Matrix::partial_words`].
    pub partial: View,
}

/// Records a power iteration where `iterate`, and σ and W̄ from the u and v at hand.
pub fn record_normalise(recorder: &mut Recorder, matrix: Matrix, tensors: &Tensors, iterate: bool) {
    let Tensors { w, u, v, sigma, w_bar, partial } = *tensors;
    if iterate {
        let Cut { splits, trips } = matrix.row_shares();
        let partial = partial.slice(0, splits * matrix.columns);
        let product = Product {
            items: matrix.columns.div_ceil(matrix.abreast()),
            splits,
            share: trips,
            trips: trips + matrix.lanes().ilog2(),
            terms: trips * matrix.lanes(),
        };
        product.record(recorder, &COLUMNS, matrix, &[("w", w), ("u", u), ("partial", partial)]);
        record_unit(recorder, splits, partial, v);
    }
    let Cut { splits, trips } = matrix.column_shares();
    let partial = partial.slice(0, splits * matrix.rows());
    let share = trips * matrix.abreast();
    let product =
        Product { items: matrix.runs(), splits, share, trips: trips + matrix.abreast().ilog2(), terms: share };
    product.record(recorder, &ROWS, matrix, &[("w", w), ("v", v), ("partial", partial)]);
    if iterate {
        record_unit(recorder, splits, partial, u);
    }
    record_sigma(recorder, splits, u, partial, sigma);
    let size = w.len.div_ceil(4);
    let launch = Flat {
        items: size,
        constants: &[("SIZE", size.into())],
        bindings: &[("w", w), ("sigma", sigma), ("w_bar", w_bar)],
        flops: w.len.into(),
        ..Flat::default()
    };
    launch.record(recorder, &DIVIDE);
}

/// A product of the matrix with a vector.
struct Product {
    /// Workgroups of a share.
    items: u32,
    splits: u32,
    share: u32,
    trips: u32,
    terms: u32,
}

impl Product {
    fn record(
        self,
        recorder: &mut Recorder,
        kernel: &'static Kernel,
        matrix: Matrix,
        bindings: &[(&'static str, View)],
    ) {
        let Product { items, splits, share, trips, terms } = self;
        let [x, y, _] = flat_workgroups(items, 1);
        let constants = &[&matrix.constants(share)[..], &[("GROUPS_X", x.into())]].concat();
        let (workgroups, flops) = ([x, y, splits], 2 * u64::from(matrix.size()));
        recorder.dispatch(kernel, Launch { constants, bindings, workgroups, loop_trips: trips, terms, flops });
    }
}

/// Loop trips of a workgroup that adds up the shares of `items` sums, and then those in a tree.
fn shared_tree_trips(kernel: &Kernel, constants: &[(&'static str, Constant)], items: u32, splits: u32) -> u32 {
    let each = items.div_ceil(kernel.workgroup_size(constants)[0]);
    tree_trips(kernel, constants, items).saturating_add(each.saturating_mul(splits))
}

/// Records `y = x / max(‖x‖, ε)` for the x that `partial` has the shares of.
fn record_unit(recorder: &mut Recorder, splits: u32, partial: View, y: View) {
    let constants = &[("SIZE", y.len.into()), ("SPLITS", splits.into()), ("EPSILON", EPSILON.into())];
    let again = y.len.div_ceil(NORMALISE.workgroup_size(constants)[0]);
    recorder.dispatch(
        &NORMALISE,
        Launch {
            constants,
            bindings: &[("partial", partial), ("y", y)],
            workgroups: [1, 1, 1],
            loop_trips: shared_tree_trips(&NORMALISE, constants, y.len, splits).saturating_add(again),
            terms: y.len,
            flops: 3 * u64::from(y.len),
        },
    );
}

fn record_sigma(recorder: &mut Recorder, splits: u32, u: View, partial: View, sigma: View) {
    let constants = &[("SIZE", u.len.into()), ("SPLITS", splits.into())];
    recorder.dispatch(
        &SIGMA,
        Launch {
            constants,
            bindings: &[("u", u), ("partial", partial), ("sigma", sigma)],
            workgroups: [1, 1, 1],
            loop_trips: shared_tree_trips(&SIGMA, constants, u.len, splits),
            terms: partial.len,
            flops: 2 * u64::from(u.len),
        },
    );
}

/// Records `dw += (g − ⟨g, W̄⟩ u vᵀ) / σ` and `g = 0`, with the u, v, σ and W̄ that gave `g` =
/// dL/dW̄.
pub fn record_gradient(recorder: &mut Recorder, matrix: Matrix, tensors: &Tensors, g: View, dw: View) {
    let Tensors { u, v, sigma, w_bar, partial, .. } = *tensors;
    let Cut { splits, trips } = matrix.element_shares();
    let partial = partial.slice(0, splits);
    let share = trips * THREADS;
    let constants = &[("SIZE", g.len.into()), ("SHARE", share.into())];
    recorder.dispatch(
        &GRAD_SHARES,
        Launch {
            constants,
            bindings: &[("g", g), ("w_bar", w_bar), ("partial", partial)],
            workgroups: [splits, 1, 1],
            loop_trips: tree_trips(&GRAD_SHARES, constants, share),
            terms: share,
            flops: 2 * u64::from(g.len),
        },
    );
    let launch = Flat {
        items: g.len,
        constants: &[
            ("SIZE", g.len.into()),
            ("COLUMNS", matrix.columns.into()),
            ("CHANNELS", matrix.channels.into()),
            ("SPLITS", splits.into()),
        ],
        bindings: &[("partial", partial), ("u", u), ("v", v), ("sigma", sigma), ("g", g), ("dw", dw)],
        loop_trips: splits,
        terms: splits + 2,
        flops: 5 * u64::from(g.len),
    };
    launch.record(recorder, &GRAD_WEIGHT);
}

/// Records the largest σ of `sigma`, `[layers, SIGMA_PITCH]`, into `column` of the step's row of
/// `ring`.
pub fn record_largest(recorder: &mut Recorder, column: u32, sigma: View, step: View, ring: View) {
    let layers = sigma.len / SIGMA_PITCH;
    recorder.dispatch(
        &LARGEST,
        Launch {
            constants: &[
                ("LAYERS", layers.into()),
                ("PITCH", SIGMA_PITCH.into()),
                ("STEP", STEP_WORD.into()),
                ("COLUMN", column.into()),
                ("RING_ROWS", RING_ROWS.into()),
                ("RING_COLUMNS", RING_COLUMNS.into()),
            ],
            bindings: &[("sigma", sigma), ("step", step), ("ring", ring)],
            workgroups: [1, 1, 1],
            loop_trips: layers,
            ..Launch::default()
        },
    );
}

fn cases() -> Vec<Trial> {
    let matrices = [
        [1, 1, 1],
        [1, 16, 64],
        [1, 37, 5],
        [6, 7, 3],
        [3, 10, 130],
        [1, 6272, 1],
        [1, 256, 128],
        [2300, 3, 1],
        // Runs of rows and steps of columns in many shares, and workgroups in two dimensions.
        [70_000, 1, 1],
        [1, 70_000, 33],
    ];
    let case = |[blocks, columns, channels]: [u32; 3]| {
        let matrix = Matrix { blocks, columns, channels };
        Trial::program(format!("spectral norm of {blocks} × {columns} × {channels}"), |program, recorder| {
            let (rows, size) = (matrix.rows(), matrix.size());
            let step = case::step_words(program, 67);
            // u and v lie in one tensor, as in a network.
            let kept = case::floats(program, "kept", 0, rows.next_multiple_of(ALIGNMENT) + columns, |z| z);
            let mut floats = |label, number, words| case::floats(program, label, number, words, |z| z);
            let sigma = floats("sigma", 1, 3 * SIGMA_PITCH);
            let tensors = Tensors {
                w: floats("w", 2, size),
                u: kept.slice(0, rows),
                v: kept.slice(rows.next_multiple_of(ALIGNMENT), columns),
                sigma: sigma.slice(SIGMA_PITCH, 1),
                w_bar: floats("w_bar", 3, size),
                partial: floats("partial", 4, matrix.partial_words() as u32),
            };
            let (g, dw) = (floats("g", 5, size), floats("dw", 6, size));
            let ring = floats("ring", 7, RING_ROWS * RING_COLUMNS);
            record_normalise(recorder, matrix, &tensors, true);
            record_gradient(recorder, matrix, &tensors, g, dw);
            record_normalise(recorder, matrix, &tensors, false);
            record_largest(recorder, RING_COLUMNS - 1, sigma, step, ring);
        })
    };
    let layers = &[
        r#"type = "conv", channels = 5, kernel = 3, padding = 1, spectral_norm = true"#,
        r#"type = "leaky_relu", slope = 0.3"#,
        r#"type = "conv_transpose", channels = 4, kernel = 2, stride = 2, bias = false, spectral_norm = true"#,
        r#"type = "dense", shape = [1, 2, 3], spectral_norm = true"#,
    ];
    let network = Trial::layers("spectral norm", [3, 5, 4], 6, layers);
    matrices.into_iter().map(case).chain([network]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::MAX_LOOP_TRIPS;

    #[test]
    fn sums_are_cut_into_shares_that_cover_them() {
        for trips in (1..5000).chain([1 << 20, (1 << 24) + 1, 1 << 28]) {
            let Cut { splits, trips: each } = Cut::of(trips);
            assert!(each <= MAX_LOOP_TRIPS / 2 && (splits - 1) * each < trips && trips <= splits * each, "{trips}");
            assert!(splits <= 32 || each > MAX_LOOP_TRIPS / 4, "{trips} in {splits}");
        }
    }
}
