// wt[t, n, k] = w[t, k, n]: the weights that turn `forward` over the adjoint tap list into the
// input's gradient
// Dispatch: one invocation an element, flat. Constants: SIZE, C_IN, C_OUT, GROUPS_X.
@group(0) @binding(0) var<storage, read> w: array<f32>;        // [T, C_IN, C_OUT]
@group(0) @binding(1) var<storage, read_write> wt: array<f32>; // [T, C_OUT, C_IN]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let k = i % C_IN;
    let n = i / C_IN % C_OUT;
    let t = i / (C_IN * C_OUT);
    wt[i] = w[(t * C_IN + k) * C_OUT + n];
}
