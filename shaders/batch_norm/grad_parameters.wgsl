// sums = Σ_s partial[s] of this pass alone; where ACCUMULATE is 1, dshift += sums[0] and dscale +=
// sums[1]
// Dispatch: one invocation a feature, flat. Constants: FEATURES, SPLITS, PITCH, ACCUMULATE,
// GROUPS_X.
@group(0) @binding(0) var<storage, read> partial: array<f32>;      // [SPLITS, 2, FEATURES]
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;   // [2, FEATURES]: Σ dy, Σ dy · x̂
@group(0) @binding(2) var<storage, read_write> gradient: array<f32>; // [2, PITCH]: dscale, dshift

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let f = flat_index(group, local);
    if f >= FEATURES {
        return;
    }
    var sum = 0.0;
    var products = 0.0;
    for (var s = 0u; s < SPLITS; s++) {
        sum += partial[s * 2u * FEATURES + f];
        products += partial[(s * 2u + 1u) * FEATURES + f];
    }
    sums[f] = sum;
    sums[FEATURES + f] = products;
    if ACCUMULATE == 1u {
        gradient[f] += products;
        gradient[PITCH + f] += sum;
    }
}
