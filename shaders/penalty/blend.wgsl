// y[p, b, c] = s[b] · x[p, b, c] + t[p, b, c]: a layer's input, weighted by dL/dlogit, and a
// direction of it, whose weight gradients have the same upstream gradient
// Dispatch: one invocation an element, flat. Constants: SIZE, BATCH, CHANNELS, GROUPS_X.
@group(0) @binding(0) var<storage, read> x: array<f32>;       // [P, BATCH, CHANNELS]
@group(0) @binding(1) var<storage, read> s: array<f32>;       // [BATCH]
@group(0) @binding(2) var<storage, read> t: array<f32>;       // [P, BATCH, CHANNELS]
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // [P, BATCH, CHANNELS]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    y[i] = s[i / CHANNELS % BATCH] * x[i] + t[i];
}
