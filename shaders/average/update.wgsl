// a += (1 − β) · (w − a): the moving average of the weights
// Dispatch: one invocation for four elements, flat. Constants: SIZE (of vec4s), REST (index in
// `step` of the bits of 1 − β), GROUPS_X.
@group(0) @binding(0) var<storage, read> step: array<u32>;      // [..]: …, 1 − β at REST
@group(0) @binding(1) var<storage, read> w: array<vec4f>;       // [SIZE]
@group(0) @binding(2) var<storage, read_write> a: array<vec4f>; // [SIZE]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    a[i] += bitcast<f32>(step[REST]) * (w[i] - a[i]);
}
