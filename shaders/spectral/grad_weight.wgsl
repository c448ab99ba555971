// dw += (g − d · u vᵀ) / sigma with d = ⟨g, W̄⟩ = Σ_s partial[s]; g = 0
// Dispatch: one invocation an element, flat. Constants: SIZE, COLUMNS, CHANNELS (w is [q][k][c]),
// SPLITS, GROUPS_X.
// Method: W̄ = W / uᵀWv with u and v held, so that dσ/dW = u vᵀ (Miyato et al. 2018, eq. 12).
@group(0) @binding(0) var<storage, read> partial: array<f32>;  // [SPLITS]
@group(0) @binding(1) var<storage, read> u: array<f32>;        // [SIZE / COLUMNS]
@group(0) @binding(2) var<storage, read> v: array<f32>;        // [COLUMNS]
@group(0) @binding(3) var<storage, read> sigma: array<f32>;    // [1]
@group(0) @binding(4) var<storage, read_write> g: array<f32>;  // [SIZE]: dL/dW̄, cleared
@group(0) @binding(5) var<storage, read_write> dw: array<f32>; // [SIZE]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    var d = 0.0;
    for (var s = 0u; s < SPLITS; s++) {
        d += partial[s];
    }
    let row = i / (CHANNELS * COLUMNS) * CHANNELS + i % CHANNELS;
    let column = i / CHANNELS % COLUMNS;
    dw[i] += (g[i] - d * u[row] * v[column]) / sigma[0];
    g[i] = 0.0;
}
