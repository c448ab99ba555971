// partial[s, t, m, n] = Σ_(p, q) ∈ share s of tap t  Σ_b x[p, b, m] · dy[q, b, n]
// Dispatch: (⌈C_IN / 32⌉, FOLD, ⌈SHARES / FOLD⌉) workgroups, shares folded. SHARES is SPLITS·T.
// Constants: BATCH, C_IN (a multiple of 4), C_OUT (1 to 3), SHARES, FOLD.
// Method: for outputs of few channels, such as images. One subgroup of exactly 8 (native only:
// software Vulkan) owns 32 × C_OUT weights; each lane loads one of 8 samples of dy, and a shuffle
// hands it to the others.
@group(0) @binding(0) var<storage, read> shares: array<vec2u>;      // [SPLITS, T]: first pair, end
@group(0) @binding(1) var<storage, read> pairs: array<vec2u>;       // [pairs]: input p, output q
@group(0) @binding(2) var<storage, read> x: array<vec4f>;           // [P, BATCH, C_IN]
@group(0) @binding(3) var<storage, read> dy: array<f32>;            // [Q, BATCH, C_OUT]
@group(0) @binding(4) var<storage, read_write> partial: array<f32>; // [SPLITS, T, C_IN, C_OUT]

const LANES = 8u;
const X4 = C_IN / 4u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let listed = group.z * FOLD + group.y;
    if listed >= SHARES {
        return;
    }
    let column = group.x * LANES + local;
    let share = shares[listed];
    var sum: array<vec4f, C_OUT>;
    for (var i = share.x; i < share.y; i++) {
        let pair = pairs[i];
        for (var first = 0u; first < BATCH; first += LANES) {
            var from_dy: array<f32, C_OUT>;
            for (var n = 0u; n < C_OUT; n++) {
                let value = dy[(pair.y * BATCH + min(first + local, BATCH - 1u)) * C_OUT + n];
                from_dy[n] = select(0.0, value, first + local < BATCH);
            }
            for (var l = 0u; l < LANES; l++) {
                let left = x[(pair.x * BATCH + min(first + l, BATCH - 1u)) * X4 + min(column, X4 - 1u)];
                for (var n = 0u; n < C_OUT; n++) {
                    sum[n] += left * subgroupShuffle(from_dy[n], l);
                }
            }
        }
    }
    for (var n = 0u; n < C_OUT; n++) {
        for (var j = 0u; j < 4u; j++) {
            if column < X4 {
                partial[(listed * C_IN + column * 4u + j) * C_OUT + n] = sum[n][j];
            }
        }
    }
}
