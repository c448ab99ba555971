// dy *= σ(x), in place
// Dispatch: one invocation for four elements, flat. Constants: SIZE (of vec4s), GROUPS_X.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;        // [SIZE]: what forward got
@group(0) @binding(1) var<storage, read_write> dy: array<vec4f>; // [SIZE]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    dy[i] = dy[i] * sigmoid4(x[i]);
}
