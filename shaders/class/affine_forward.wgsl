// y[g, r, c] = leaky((1 + gain[k, f])·x[g, r, c] + shift[k, f]), k = labels[r mod BATCH], f = (g, c)
// leaky(z) = z where z > 0, SLOPE·z elsewhere: SLOPE 0 is ReLU, SLOPE 1 no activation
// Dispatch: one invocation an element, flat. Constants: SIZE, FEATURES (groups·CHANNELS), CHANNELS,
// ROWS, BATCH, SLOPE, GROUPS_X. Labels are not checked.
@group(0) @binding(0) var<storage, read> x: array<f32>;       // [groups, ROWS, CHANNELS]
@group(0) @binding(1) var<storage, read> labels: array<u32>;  // [BATCH]
@group(0) @binding(2) var<storage, read> gain: array<f32>;    // [classes, FEATURES]
@group(0) @binding(3) var<storage, read> shift: array<f32>;   // [classes, FEATURES]
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // [groups, ROWS, CHANNELS]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let k = labels[i / CHANNELS % BATCH];
    let f = k * FEATURES + i / (ROWS * CHANNELS) * CHANNELS + i % CHANNELS;
    let z = (1.0 + gain[f]) * x[i] + shift[f];
    y[i] = keep_nan(vec4f(z), vec4f(select(SLOPE * z, z, z > 0.0))).x;
}
