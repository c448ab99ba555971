// v = αv + (1 − α)g²; w −= η · g / (√v + ε); g = 0
// Dispatch: one invocation for four elements, flat. Constants: SIZE (of vec4s), ALPHA, REST (1 − α,
// from f64), EPSILON, RATE (index in `step` of the bits of η), GROUPS_X.
@group(0) @binding(0) var<storage, read> step: array<u32>;      // [..]: …, η at RATE
@group(0) @binding(1) var<storage, read_write> w: array<vec4f>; // [SIZE]
@group(0) @binding(2) var<storage, read_write> g: array<vec4f>; // [SIZE]: cleared
@group(0) @binding(3) var<storage, read_write> v: array<vec4f>; // [SIZE]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let gradient = g[i];
    let second = ALPHA * v[i] + REST * gradient * gradient;
    w[i] -= bitcast<f32>(step[RATE]) * gradient / (sqrt(second) + EPSILON);
    v[i] = second;
    g[i] = vec4f();
}
