// y[g, r, c] = leaky(scale[f] · (x[g, r, c] − mean[f]) / √(variance[f] + ε) + shift[f]), f = (g, c)
// (Ioffe, Szegedy 2015) leaky(z) = z where z > 0, SLOPE·z elsewhere: SLOPE 0 is ReLU, SLOPE 1 no
// activation
// Dispatch: one invocation an element, flat. Constants: SIZE, FEATURES, CHANNELS, ROWS, SLOPE,
// GROUPS_X.
@group(0) @binding(0) var<storage, read> x: array<f32>;       // [groups, ROWS, CHANNELS]
@group(0) @binding(1) var<storage, read> stats: array<f32>;   // [2, FEATURES]: mean, 1 / deviation
@group(0) @binding(2) var<storage, read> scale: array<f32>;   // [FEATURES]
@group(0) @binding(3) var<storage, read> shift: array<f32>;   // [FEATURES]
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // [groups, ROWS, CHANNELS]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let f = i / (ROWS * CHANNELS) * CHANNELS + i % CHANNELS;
    let z = scale[f] * ((x[i] - stats[f]) * stats[FEATURES + f]) + shift[f];
    y[i] = keep_nan(vec4f(z), vec4f(select(SLOPE * z, z, z > 0.0))).x;
}
