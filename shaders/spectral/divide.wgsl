// w_bar = w / sigma
// Dispatch: one invocation for four elements, flat. Constants: SIZE (of vec4s), GROUPS_X.
@group(0) @binding(0) var<storage, read> w: array<vec4f>;           // [SIZE]
@group(0) @binding(1) var<storage, read> sigma: array<f32>;         // [1]
@group(0) @binding(2) var<storage, read_write> w_bar: array<vec4f>; // [SIZE]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    w_bar[i] = w[i] / sigma[0];
}
