// total[i] += Σ_s partial[s, i], s ascending: the second half of every split sum
// Dispatch: one invocation an element, flat. Constants: SIZE, SPLITS, GROUPS_X.
@group(0) @binding(0) var<storage, read> partial: array<f32>;     // [SPLITS, SIZE]
@group(0) @binding(1) var<storage, read_write> total: array<f32>; // [SIZE]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    var sum = 0.0;
    for (var s = 0u; s < SPLITS; s++) {
        sum += partial[s * SIZE + i];
    }
    total[i] += sum;
}
