// dh[p, b, c] += ds[b]·table[labels[b], c]: what the class's part of a logit adds to the gradient of
// a linear layer's input
// Dispatch: one invocation an element, flat. Constants: SIZE, BATCH, CHANNELS, GROUPS_X. Labels are
// not checked.
@group(0) @binding(0) var<storage, read> ds: array<f32>;       // [BATCH]
@group(0) @binding(1) var<storage, read> labels: array<u32>;   // [BATCH]
@group(0) @binding(2) var<storage, read> table: array<f32>;    // [classes, CHANNELS]
@group(0) @binding(3) var<storage, read_write> dh: array<f32>; // [P, BATCH, CHANNELS]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let b = i / CHANNELS % BATCH;
    dh[i] += ds[b] * table[labels[b] * CHANNELS + i % CHANNELS];
}
