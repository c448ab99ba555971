// partial[s] = Σ over share s of g · w_bar: ⟨dL/dW̄, W̄⟩ in shares
// Dispatch: (SPLITS, 1, 1). Constants: SIZE, SHARE (elements).
// Method: a fixed tree adds each share's sums.
@group(0) @binding(0) var<storage, read> g: array<f32>;             // [SIZE]: dL/dW̄
@group(0) @binding(1) var<storage, read> w_bar: array<f32>;         // [SIZE]
@group(0) @binding(2) var<storage, read_write> partial: array<f32>; // [SPLITS]

const THREADS = 64u;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let first = group.x * SHARE;
    var sum = 0.0;
    for (var i = first + local; i < min(first + SHARE, SIZE); i += THREADS) {
        sum += g[i] * w_bar[i];
    }
    let total = add_up(local, vec2f(sum, 0.0)).x;
    if local == 0u {
        partial[group.x] = total;
    }
}
