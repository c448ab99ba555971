// dx = scale / √(variance + ε) · (dy − Σdy / ROWS − x̂ · Σ(dy·x̂) / ROWS), with the sums of this
// pass
// Dispatch: one invocation an element, flat. Constants: SIZE, FEATURES, CHANNELS, ROWS, GROUPS_X.
@group(0) @binding(0) var<storage, read> x: array<f32>;        // [groups, ROWS, CHANNELS]
@group(0) @binding(1) var<storage, read> dy: array<f32>;       // [groups, ROWS, CHANNELS]
@group(0) @binding(2) var<storage, read> stats: array<f32>;    // [2, FEATURES]: mean, 1 / deviation
@group(0) @binding(3) var<storage, read> scale: array<f32>;    // [FEATURES]
@group(0) @binding(4) var<storage, read> sums: array<f32>;     // [2, FEATURES]: Σ dy, Σ dy · x̂
@group(0) @binding(5) var<storage, read_write> dx: array<f32>; // [groups, ROWS, CHANNELS]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let f = i / (ROWS * CHANNELS) * CHANNELS + i % CHANNELS;
    let normalised = (x[i] - stats[f]) * stats[FEATURES + f];
    let centred = dy[i] - sums[f] / f32(ROWS) - normalised * (sums[FEATURES + f] / f32(ROWS));
    dx[i] = scale[f] * stats[FEATURES + f] * centred;
}
