// y[g, r, c] = leaky(y[g, r, c] + b[g, c]): a bias for each channel (one group) or for each feature
// (a group for each pixel), and leaky(z) = z where z > 0, SLOPE·z elsewhere: SLOPE 0 is ReLU, SLOPE
// 1 no activation
// Dispatch: one invocation an element, flat. Constants: SIZE, ROWS, CHANNELS, SLOPE, GROUPS_X.
@group(0) @binding(0) var<storage, read> b: array<f32>;       // [groups, CHANNELS]
@group(0) @binding(1) var<storage, read_write> y: array<f32>; // [groups, ROWS, CHANNELS]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let z = y[i] + b[i / (ROWS * CHANNELS) * CHANNELS + i % CHANNELS];
    y[i] = keep_nan(vec4f(z), vec4f(select(SLOPE * z, z, z > 0.0))).x;
}
