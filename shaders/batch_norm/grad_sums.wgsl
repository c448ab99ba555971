// partial[s, 0, f] = Σ dy, partial[s, 1, f] = Σ dy · x̂, over the rows of share s; x̂ = (x − mean)
// / √(variance + ε)
// Dispatch: one invocation for each of SPLITS·FEATURES shares, flat. Constants: FEATURES, CHANNELS,
// ROWS, SPLITS, SHARE, GROUPS_X.
@group(0) @binding(0) var<storage, read> x: array<f32>;        // [groups, ROWS, CHANNELS]
@group(0) @binding(1) var<storage, read> dy: array<f32>;       // [groups, ROWS, CHANNELS]
@group(0) @binding(2) var<storage, read> stats: array<f32>;    // [2, FEATURES]: mean, 1 / deviation
@group(0) @binding(3) var<storage, read_write> partial: array<f32>; // [SPLITS, 2, FEATURES]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SPLITS * FEATURES {
        return;
    }
    let f = i % FEATURES;
    let share = i / FEATURES;
    let first = share * SHARE;
    let start = f / CHANNELS * ROWS * CHANNELS + f % CHANNELS;
    let mean = stats[f];
    let inverse_deviation = stats[FEATURES + f];
    var sum = 0.0;
    var products = 0.0;
    for (var r = first; r < min(first + SHARE, ROWS); r++) {
        let upstream = dy[start + r * CHANNELS];
        sum += upstream;
        products += upstream * ((x[start + r * CHANNELS] - mean) * inverse_deviation);
    }
    partial[share * 2u * FEATURES + f] = sum;
    partial[(share * 2u + 1u) * FEATURES + f] = products;
}
