// y = tanh x, written out because built-in tanh overflows on some drivers
// Dispatch: one invocation for four elements, flat. Constants: SIZE (of vec4s), GROUPS_X.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;       // [SIZE]
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>; // [SIZE]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let a = min(abs(x[i]), vec4f(15.0)); // tanh 15 rounds to 1
    let e = exp(-2.0 * a);
    let far = (1.0 - e) / (1.0 + e);
    let a2 = a * a;
    // Taylor, where e cancels.
    let near = a * (1.0 - a2 * (1.0 / 3.0 - a2 * (2.0 / 15.0 - a2 * (17.0 / 315.0))));
    y[i] = keep_nan(x[i], sign(x[i]) * select(far, near, a < vec4f(0.25)));
}
