// partial[s, 0, f] = mean, partial[s, 1, f] = Σ (x − mean)², over the rows r of share s, for each
// feature f = (g, c)
// Dispatch: one invocation for each of SPLITS·FEATURES shares, flat. Constants: FEATURES
// (groups·CHANNELS), CHANNELS, ROWS, SPLITS, SHARE (rows of a share), GROUPS_X.
// Method: one pass over values shifted by the share's first row, so that squares do not cancel.
@group(0) @binding(0) var<storage, read> x: array<f32>;             // [groups, ROWS, CHANNELS]
@group(0) @binding(1) var<storage, read_write> partial: array<f32>; // [SPLITS, 2, FEATURES]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SPLITS * FEATURES {
        return;
    }
    let feature = i % FEATURES;
    let share = i / FEATURES;
    let first = share * SHARE;
    let end = min(first + SHARE, ROWS);
    let start = feature / CHANNELS * ROWS * CHANNELS + feature % CHANNELS;
    let shift = x[start + first * CHANNELS];
    var sum = 0.0;
    var squares = 0.0;
    for (var r = first; r < end; r++) {
        let d = x[start + r * CHANNELS] - shift;
        sum += d;
        squares += d * d;
    }
    let mean = sum / f32(end - first);
    partial[share * 2u * FEATURES + feature] = shift + mean;
    partial[(share * 2u + 1u) * FEATURES + feature] = max(squares - sum * mean, 0.0);
}
