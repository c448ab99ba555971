// sums[0, g, s] = Σ dy[g, p], sums[1, g, s] = Σ dy[g, p]·x[g, p], over the pixels p of share s, for
// each sample and channel by itself: what `class/grad_table` adds up to the gradients of shift, gain
// Dispatch: one invocation for each of SIZE = groups·SPLITS·COLUMNS pairs of sums, flat. Constants:
// SIZE, COLUMNS (batch·channels), PIXELS (of a group), SPLITS, SHARE (pixels of a share), PITCH
// (from the first sums to the second), GROUPS_X.
@group(0) @binding(0) var<storage, read> x: array<f32>;          // [groups, PIXELS, COLUMNS]
@group(0) @binding(1) var<storage, read> dy: array<f32>;         // [groups, PIXELS, COLUMNS]
@group(0) @binding(2) var<storage, read_write> sums: array<f32>; // [2, PITCH]: [groups, SPLITS, COLUMNS]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let first = i / COLUMNS % SPLITS * SHARE;
    let start = i / (COLUMNS * SPLITS) * PIXELS * COLUMNS + i % COLUMNS;
    var sum = 0.0;
    var products = 0.0;
    for (var p = first; p < min(first + SHARE, PIXELS); p++) {
        let upstream = dy[start + p * COLUMNS];
        sum += upstream;
        products += upstream * x[start + p * COLUMNS];
    }
    sums[i] = sum;
    sums[PITCH + i] = products;
}
