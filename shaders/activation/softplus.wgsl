// y = ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|), without overflow
// Dispatch: one invocation for four elements, flat. Constants: SIZE (of vec4s), GROUPS_X.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;       // [SIZE]
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>; // [SIZE]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let e = exp(-abs(x[i])); // never exceeds 1
    let rest = vec4f(log1p(e.x), log1p(e.y), log1p(e.z), log1p(e.w));
    y[i] = keep_nan(x[i], max(x[i], vec4f()) + rest);
}
