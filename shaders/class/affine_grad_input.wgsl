// dx[g, r, c] = (1 + gain[k, f])·dy[g, r, c], k = labels[r mod BATCH], f = (g, c): the linear part of
// `class/affine_forward`, which is its own adjoint
// Dispatch: one invocation an element, flat. Constants: SIZE, FEATURES (groups·CHANNELS), CHANNELS,
// ROWS, BATCH, GROUPS_X. Labels are not checked.
@group(0) @binding(0) var<storage, read> dy: array<f32>;       // [groups, ROWS, CHANNELS]
@group(0) @binding(1) var<storage, read> labels: array<u32>;   // [BATCH]
@group(0) @binding(2) var<storage, read> gain: array<f32>;     // [classes, FEATURES]
@group(0) @binding(3) var<storage, read_write> dx: array<f32>; // [groups, ROWS, CHANNELS]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let k = labels[i / CHANNELS % BATCH];
    let f = k * FEATURES + i / (ROWS * CHANNELS) * CHANNELS + i % CHANNELS;
    dx[i] = (1.0 + gain[f]) * dy[i];
}
