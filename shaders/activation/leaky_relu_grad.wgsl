// dy = dy where y > 0, SLOPE·dy elsewhere, in place: y has the sign of x, or is 0 where x ≤ 0
// Dispatch: one invocation for four elements, flat. Constants: SIZE (of vec4s), SLOPE, GROUPS_X.
@group(0) @binding(0) var<storage, read> y: array<vec4f>;        // [SIZE]: what forward gave
@group(0) @binding(1) var<storage, read_write> dy: array<vec4f>; // [SIZE]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    dy[i] = select(SLOPE * dy[i], dy[i], y[i] > vec4f());
}
