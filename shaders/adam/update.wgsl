// m = β₁m + (1 − β₁)g; v = β₂v + (1 − β₂)g²; w −= η̂ · m / (√v · v̂ + ε); g = 0
// Dispatch: one invocation for four elements, flat. Constants: SIZE (of vec4s), BETA1, BETA2,
// REST1, REST2 (1 − β, from f64), EPSILON, RATE (index in `step` of the bits of η̂ = η / (1 − β₁ᵗ)
// and v̂ = 1 / √(1 − β₂ᵗ)), GROUPS_X.
@group(0) @binding(0) var<storage, read> step: array<u32>;      // [8]: …, η̂ and v̂ from RATE on
@group(0) @binding(1) var<storage, read_write> w: array<vec4f>; // [SIZE]
@group(0) @binding(2) var<storage, read_write> g: array<vec4f>; // [SIZE]: cleared
@group(0) @binding(3) var<storage, read_write> m: array<vec4f>; // [SIZE]
@group(0) @binding(4) var<storage, read_write> v: array<vec4f>; // [SIZE]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let rate = bitcast<f32>(step[RATE]);
    let correction = bitcast<f32>(step[RATE + 1u]);
    let gradient = g[i];
    let first = BETA1 * m[i] + REST1 * gradient;
    let second = BETA2 * v[i] + REST2 * gradient * gradient;
    w[i] -= rate * first / (sqrt(second) * correction + EPSILON);
    m[i] = first;
    v[i] = second;
    g[i] = vec4f();
}
