// partial[s, g, c] = Σ_(r in share s) dy[g, r, c]: the gradient of a bias, before
// `reduce/add_partials`
// Dispatch: one invocation for each of SPLITS·FEATURES sums, flat. Constants: FEATURES
// (groups·CHANNELS), CHANNELS, ROWS, SPLITS, SHARE (rows of a share), GROUPS_X.
@group(0) @binding(0) var<storage, read> dy: array<f32>;            // [groups, ROWS, CHANNELS]
@group(0) @binding(1) var<storage, read_write> partial: array<f32>; // [SPLITS, FEATURES]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SPLITS * FEATURES {
        return;
    }
    let feature = i % FEATURES;
    let first = i / FEATURES * SHARE;
    let start = feature / CHANNELS * ROWS * CHANNELS + feature % CHANNELS;
    var sum = 0.0;
    for (var r = first; r < min(first + SHARE, ROWS); r++) {
        sum += dy[start + r * CHANNELS];
    }
    partial[i] = sum;
}
