// w = min(max(w, −C), C), in place; NaN stays
// Dispatch: one invocation for four elements, flat. Constants: SIZE (of vec4s), LIMIT (C), GROUPS_X.
@group(0) @binding(0) var<storage, read_write> w: array<vec4f>; // [SIZE]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    w[i] = keep_nan(w[i], clamp(w[i], vec4f(-LIMIT), vec4f(LIMIT)));
}
