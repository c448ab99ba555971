// stats[0, f] = mean, stats[1, f] = 1 / √(variance + ε), and running += MOMENTUM · ([mean, unbiased
// variance] − running)
// Dispatch: one invocation a feature, flat. Constants: FEATURES, ROWS, SPLITS, SHARE, EPSILON,
// MOMENTUM, GROUPS_X.
// Method: the shares' moments are merged in ascending order (Chan, Golub, LeVeque 1979).
@group(0) @binding(0) var<storage, read> partial: array<f32>;      // [SPLITS, 2, FEATURES]: moments
@group(0) @binding(1) var<storage, read_write> stats: array<f32>;  // [2, FEATURES]
@group(0) @binding(2) var<storage, read_write> running: array<f32>; // [2, FEATURES]: mean, variance

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let f = flat_index(group, local);
    if f >= FEATURES {
        return;
    }
    var mean = 0.0;
    var squares = 0.0;
    for (var s = 0u; s < SPLITS; s++) {
        let before = f32(s * SHARE);
        let rows = f32(min(SHARE, ROWS - s * SHARE));
        let delta = partial[s * 2u * FEATURES + f] - mean;
        mean += delta * (rows / (before + rows));
        squares += partial[(s * 2u + 1u) * FEATURES + f] + delta * delta * (before * rows / (before + rows));
    }
    let variance = squares / f32(ROWS);
    let unbiased = squares / f32(max(ROWS, 2u) - 1u);
    stats[f] = mean;
    stats[FEATURES + f] = 1.0 / sqrt(variance + EPSILON);
    running[f] += MOMENTUM * (mean - running[f]);
    running[FEATURES + f] += MOMENTUM * (unbiased - running[FEATURES + f]);
}
