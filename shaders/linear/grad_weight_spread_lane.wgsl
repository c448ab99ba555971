// partial[s, t, m, n] = Σ_(p, q) ∈ share s of tap t  Σ_b x[p, b, m] · dy[q, b, n]
// Dispatch: (⌈C_OUT / 32⌉, FOLD, ⌈SHARES / FOLD⌉) workgroups, shares folded. SHARES is SPLITS·T.
// Constants: BATCH, C_IN (1 to 3), C_OUT (a multiple of 4), SHARES, FOLD.
// Method: for inputs of few channels, such as images. One subgroup of exactly 8 (native only:
// software Vulkan) owns C_IN × 32 weights; each lane loads one of 8 samples of x, and a shuffle
// hands it to the others.
@group(0) @binding(0) var<storage, read> shares: array<vec2u>;       // [SPLITS, T]: first pair, end
@group(0) @binding(1) var<storage, read> pairs: array<vec2u>;        // [pairs]: input p, output q
@group(0) @binding(2) var<storage, read> x: array<f32>;              // [P, BATCH, C_IN]
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;           // [Q, BATCH, C_OUT]
@group(0) @binding(4) var<storage, read_write> partial: array<vec4f>; // [SPLITS, T, C_IN, C_OUT]

const LANES = 8u;
const Y4 = C_OUT / 4u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let listed = group.z * FOLD + group.y;
    if listed >= SHARES {
        return;
    }
    let column = group.x * LANES + local;
    let share = shares[listed];
    var sum: array<vec4f, C_IN>;
    for (var i = share.x; i < share.y; i++) {
        let pair = pairs[i];
        for (var first = 0u; first < BATCH; first += LANES) {
            var from_x: array<f32, C_IN>;
            for (var m = 0u; m < C_IN; m++) {
                let value = x[(pair.x * BATCH + min(first + local, BATCH - 1u)) * C_IN + m];
                from_x[m] = select(0.0, value, first + local < BATCH);
            }
            for (var l = 0u; l < LANES; l++) {
                let right = dy[(pair.y * BATCH + min(first + l, BATCH - 1u)) * Y4 + min(column, Y4 - 1u)];
                for (var m = 0u; m < C_IN; m++) {
                    sum[m] += subgroupShuffle(from_x[m], l) * right;
                }
            }
        }
    }
    for (var m = 0u; m < C_IN; m++) {
        if column < Y4 {
            partial[(listed * C_IN + m) * Y4 + column] = sum[m];
        }
    }
}
