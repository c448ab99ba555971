// stats[0, f] = running mean, stats[1, f] = 1 / √(running variance + ε): the statistics that
// sampling normalises with
// Dispatch: one invocation a feature, flat. Constants: FEATURES, EPSILON, GROUPS_X.
@group(0) @binding(0) var<storage, read> running: array<f32>;     // [2, FEATURES]: mean, variance
@group(0) @binding(1) var<storage, read_write> stats: array<f32>; // [2, FEATURES]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let f = flat_index(group, local);
    if f >= FEATURES {
        return;
    }
    stats[f] = running[f];
    stats[FEATURES + f] = 1.0 / sqrt(running[FEATURES + f] + EPSILON);
}
