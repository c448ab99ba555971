//! The ways to run one linear dispatch: all compute the same from the same bindings, and differ in
//! speed and rounding.

use super::{Along, Sizes};
use crate::plan::{Constant, Dispatch, Kernel, LinearFamily, MAX_WORKGROUPS, Profile};

/// A kernel with the constants that give it its shape.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its kernel.
    pub kernel: &'static Kernel,
    /// Constants besides the sizes.
    pub constants: Vec<(&'static str, u32)>,
    /// Workgroups in x, for one row or share of the tap list.
    pub workgroups: u32,
    /// Loop trips of an invocation for each pair of the tap list.
    pub trips: u32,
}

impl Variant {
    /// What sets it apart from the others of a dispatch, such as `forward_lane BLOCKS=4 COLUMNS=2`.
    pub fn name(&self) -> String {
        let kernel = self.kernel.name.trim_start_matches("linear/");
        self.constants.iter().fold(kernel.to_string(), |name, (constant, value)| format!("{name} {constant}={value}"))
    }

    /// The same dispatch run this way.
    pub fn apply(&self, dispatch: &Dispatch) -> Dispatch {
        let mut constants = dispatch.constants.clone();
        constants.retain(|name, _| COMMON.contains(name));
        constants.extend(self.constants.iter().map(|&(name, value)| (name, Constant::U32(value))));
        // The longest sum has `inner` terms for each pair.
        let inner = size(dispatch, if is_forward(dispatch) { "C_IN" } else { "BATCH" });
        let [_, y, z] = dispatch.workgroups;
        Dispatch {
            kernel: self.kernel,
            constants,
            workgroups: [self.workgroups, y, z],
            loop_trips: (dispatch.terms / inner.max(1)).saturating_mul(self.trips),
            ..dispatch.clone()
        }
    }
}

/// Constants that do not depend on the variant.
const COMMON: [&str; 6] = ["BATCH", "C_IN", "C_OUT", "Q", "SHARES", "FOLD"];

/// An integer constant of a linear dispatch; 0 where it has none of this name.
pub(crate) fn size(dispatch: &Dispatch, name: &str) -> u32 {
    match dispatch.constants.get(name) {
        Some(Constant::U32(value)) => *value,
        _ => 0,
    }
}

fn is_forward(dispatch: &Dispatch) -> bool {
    dispatch.constants.contains_key("Q")
}

/// The ways to run a dispatch, the default first; none where it is no product of a linear layer.
pub fn of(dispatch: &Dispatch, profile: &Profile) -> Vec<Variant> {
    let [batch, c_in, c_out] = ["BATCH", "C_IN", "C_OUT"].map(|name| size(dispatch, name));
    let sizes = Sizes { batch, c_in, c_out };
    let mut variants = match (dispatch.kernel.name.starts_with("linear/"), dispatch.constants.contains_key("SHARES")) {
        (true, true) => grad_weight(sizes, profile),
        (true, false) if is_forward(dispatch) => forward(sizes, profile),
        _ => Vec::new(),
    };
    // What the recorder checks of the default.
    variants.retain(|variant| {
        variant.workgroups <= MAX_WORKGROUPS && variant.apply(dispatch).loop_trips <= profile.max_loop_trips
    });
    variants
}

/// The most `vec4` sums of an invocation that lavapipe's compiler keeps apart; with more it runs
/// ten times slower.
const LANE_SUMS: u32 = 64;

/// The fewest blocks of equal size, at most `most` of `items` in each: how many items a block has.
fn balanced(items: u32, most: u32) -> u32 {
    items.div_ceil(items.div_ceil(most))
}

/// The ways to run `forward`, the default first.
pub fn forward(sizes: Sizes, profile: &Profile) -> Vec<Variant> {
    let Sizes { batch, c_in, c_out } = sizes;
    let lanes = profile.family == LinearFamily::Lane;
    match (c_in.is_multiple_of(4), c_out.is_multiple_of(4)) {
        (true, true) if lanes => lane_forward(&super::FORWARD_LANE, sizes, c_in / 4 + 1),
        (true, true) => {
            tiles(batch, c_out).map(|tile| tile.variant(&super::FORWARD_TILE, batch, c_out, c_in)).collect()
        }
        (true, false) if c_out < 4 => narrow_forward(sizes, lanes),
        (false, true) if lanes => lane_forward(&super::FORWARD_SPREAD_LANE, sizes, c_in + 1),
        _ => {
            let step = [8, 4].into_iter().find(|step| c_in.is_multiple_of(*step)).unwrap_or(1);
            let (rows, columns) = (4, if c_out < 4 { 1 } else { 4 });
            let constants = vec![("ROWS", rows), ("COLUMNS", columns), ("STEP", step)];
            let [across, down, _] = size_of(&super::FORWARD_THIN, Along::Rows(1), sizes, &constants);
            let workgroups = c_out.div_ceil(across * columns) * batch.div_ceil(down * rows);
            vec![Variant { kernel: &super::FORWARD_THIN, constants, workgroups, trips: c_in / step + 1 }]
        }
    }
}

/// The ways to run `grad_weight`, the default first.
pub fn grad_weight(sizes: Sizes, profile: &Profile) -> Vec<Variant> {
    let Sizes { batch, c_in, c_out } = sizes;
    let lanes = profile.family == LinearFamily::Lane;
    let few_lane = |kernel, wide: u32| {
        let [lanes, ..] = size_of(kernel, Along::Shares(1), sizes, &[]);
        let (workgroups, trips) = (wide.div_ceil(4 * lanes), batch.div_ceil(lanes) + 1);
        vec![Variant { kernel, constants: vec![], workgroups, trips }]
    };
    match (c_in.is_multiple_of(4), c_out.is_multiple_of(4)) {
        (true, true) if lanes => lane_grad_weight(sizes),
        (true, true) => {
            tiles(c_in, c_out).map(|tile| tile.variant(&super::GRAD_WEIGHT_TILE, c_in, c_out, batch)).collect()
        }
        (true, false) if lanes && c_out < 4 => few_lane(&super::GRAD_WEIGHT_NARROW_LANE, c_in),
        (false, true) if lanes && c_in < 4 => few_lane(&super::GRAD_WEIGHT_SPREAD_LANE, c_out),
        _ => {
            let [rows, columns] = [c_in, c_out].map(|channels| if channels < 4 { 1 } else { 4 });
            let constants = vec![("ROWS", rows), ("COLUMNS", columns)];
            let [threads, ..] = size_of(&super::GRAD_WEIGHT_THIN, Along::Shares(1), sizes, &constants);
            let workgroups = (c_in.div_ceil(rows) * c_out.div_ceil(columns)).div_ceil(threads);
            vec![Variant { kernel: &super::GRAD_WEIGHT_THIN, constants, workgroups, trips: batch + 1 }]
        }
    }
}

/// Invocations of a workgroup, as the shader has them; the kernel is one where no size or shape
/// changes them.
fn size_of(kernel: &Kernel, along: Along, sizes: Sizes, constants: &[(&'static str, u32)]) -> [u32; 3] {
    kernel.workgroup_size(&along.folded(sizes, constants).0)
}

fn lane_forward(kernel: &'static Kernel, sizes: Sizes, trips: u32) -> Vec<Variant> {
    let [lanes, ..] = size_of(kernel, Along::Rows(1), sizes, &[("BLOCKS", 1), ("COLUMNS", 1)]);
    let blocks = balanced(sizes.batch.div_ceil(lanes), 4);
    lane_variants(kernel, sizes, lanes, [blocks, lanes], sizes.batch, trips)
}

fn lane_grad_weight(sizes: Sizes) -> Vec<Variant> {
    let kernel = &super::GRAD_WEIGHT_LANE;
    let [lanes, ..] = size_of(kernel, Along::Shares(1), sizes, &[("BLOCKS", 1), ("COLUMNS", 1)]);
    let blocks = balanced(sizes.c_in / 4, 8);
    lane_variants(kernel, sizes, lanes, [blocks, 4], sizes.c_in, sizes.batch.div_ceil(lanes) + 1)
}

/// The shapes of a lane kernel that has `block` rows of `rows` in each of at most `blocks` blocks.
fn lane_variants(
    kernel: &'static Kernel,
    sizes: Sizes,
    lanes: u32,
    [blocks, block]: [u32; 2],
    rows: u32,
    trips: u32,
) -> Vec<Variant> {
    let width = 4 * lanes;
    shapes(blocks, if sizes.c_out > width { 2 } else { 1 })
        .filter(|[blocks, columns]| blocks * block * columns <= LANE_SUMS)
        .map(|[blocks, columns]| Variant {
            kernel,
            constants: vec![("BLOCKS", blocks), ("COLUMNS", columns)],
            workgroups: sizes.c_out.div_ceil(width * columns) * rows.div_ceil(block * blocks),
            trips,
        })
        .collect()
}

/// The largest shape first; then those with half the columns, and half the blocks.
fn shapes(blocks: u32, columns: u32) -> impl Iterator<Item = [u32; 2]> {
    let narrower = (columns > 1).then_some([blocks, columns / 2]);
    let lower = (blocks > 1).then_some([blocks.div_ceil(2), columns]);
    [[blocks, columns]].into_iter().chain(narrower).chain(lower)
}

fn narrow_forward(sizes: Sizes, lanes: bool) -> Vec<Variant> {
    let choices: &[[u32; 2]] = if lanes { &[[8, 8], [8, 4]] } else { &[[64, 1], [32, 1], [32, 2]] };
    // No more invocations than samples, beyond one subgroup.
    let fits = |[threads, rows]: &&[u32; 2]| threads * rows <= sizes.batch.next_multiple_of(8).max(8);
    let variant = |&[threads, rows]: &[u32; 2]| Variant {
        kernel: &super::FORWARD_NARROW,
        constants: vec![("THREADS", threads), ("ROWS", rows)],
        workgroups: sizes.batch.div_ceil(threads * rows),
        trips: sizes.c_in / 4 + 1,
    };
    let fitting: Vec<_> = choices.iter().filter(fits).map(variant).collect();
    if fitting.is_empty() { vec![variant(&[8, 1])] } else { fitting }
}

/// A shape of the tile kernels: ACROSS × DOWN invocations, ROWS × COLUMNS outputs each, and the
/// step along the sum.
struct Tile {
    across: u32,
    down: u32,
    rows: u32,
    columns: u32,
    step: u32,
}

/// At most 256 invocations and 16 KiB of workgroup memory; slices divide into a whole number of
/// `vec4`s an invocation.
const TILES: [Tile; 5] = [
    Tile { across: 8, down: 8, rows: 4, columns: 4, step: 8 }, // 32 × 32
    Tile { across: 8, down: 8, rows: 4, columns: 8, step: 8 }, // 32 × 64
    Tile { across: 8, down: 8, rows: 8, columns: 4, step: 8 }, // 64 × 32
    Tile { across: 8, down: 8, rows: 8, columns: 8, step: 8 }, // 64 × 64, few invocations
    Tile { across: 16, down: 16, rows: 4, columns: 4, step: 16 }, // 64 × 64, many invocations
];

/// The tiles that are no larger than the outputs, and the smallest.
fn tiles(rows: u32, columns: u32) -> impl Iterator<Item = &'static Tile> {
    let fits = move |tile: &Tile| tile.down * tile.rows <= rows && tile.across * tile.columns <= columns;
    TILES.iter().enumerate().filter(move |(index, tile)| *index == 0 || fits(tile)).map(|(_, tile)| tile)
}

impl Tile {
    fn variant(&self, kernel: &'static Kernel, rows: u32, columns: u32, inner: u32) -> Variant {
        Variant {
            kernel,
            constants: vec![
                ("ACROSS", self.across),
                ("DOWN", self.down),
                ("ROWS", self.rows),
                ("COLUMNS", self.columns),
                ("STEP", self.step),
            ],
            workgroups: columns.div_ceil(self.across * self.columns) * rows.div_ceil(self.down * self.rows),
            trips: inner.div_ceil(self.step) + 1,
        }
    }
}
