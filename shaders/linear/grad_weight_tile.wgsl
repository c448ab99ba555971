// partial[s, t, m, n] = Σ_(p, q) ∈ share s of tap t  Σ_b x[p, b, m] · dy[q, b, n]
// Dispatch: (⌈C_OUT / 32⌉·⌈C_IN / 32⌉, FOLD, ⌈SHARES / FOLD⌉) workgroups, shares folded. SHARES is SPLITS·T.
// Constants: BATCH, C_IN, C_OUT (channels multiples of 4), SHARES, FOLD.
// `reduce/add_partials` adds the shares to the gradient, always in the same order.
// Method: a workgroup of 8×8 invocations owns 32×32 weights of one tap, 4×4 each; slices of 8 samples of x and dy pass
// through workgroup memory.
@group(0) @binding(0) var<storage, read> shares: array<vec2u>;       // [SPLITS, T]: first pair, end
@group(0) @binding(1) var<storage, read> pairs: array<vec2u>;        // [pairs]: input pixel p, output pixel q
@group(0) @binding(2) var<storage, read> x: array<vec4f>;            // [P, BATCH, C_IN]
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;           // [Q, BATCH, C_OUT]
@group(0) @binding(4) var<storage, read_write> partial: array<vec4f>; // [SPLITS, T, C_IN, C_OUT]

const TILE4 = 8u; // vec4s across a tile
const STEP = 8u;
const X4 = C_IN / 4u;
const Y4 = C_OUT / 4u;
const ACROSS = (C_OUT + 31u) / 32u; // workgroups across C_OUT

var<workgroup> x_tile: array<vec4f, STEP * TILE4>;  // [sample, m / 4]
var<workgroup> dy_tile: array<vec4f, STEP * TILE4>; // [sample, n / 4]

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let listed = group.z * FOLD + group.y;
    if listed >= SHARES {
        return;
    }
    let thread = local.y * 8u + local.x;
    let x_column = group.x / ACROSS * TILE4 + local.x;
    let dy_column = group.x % ACROSS * TILE4 + local.x;
    let share = shares[listed];
    var sum: array<vec4f, 4>;
    for (var i = share.x; i < share.y; i++) {
        let pair = pairs[i];
        for (var first = 0u; first < BATCH; first += STEP) {
            let b = first + local.y;
            var from_x = vec4f();
            var from_dy = vec4f();
            if b < BATCH && x_column < X4 {
                from_x = x[(pair.x * BATCH + b) * X4 + x_column];
            }
            if b < BATCH && dy_column < Y4 {
                from_dy = dy[(pair.y * BATCH + b) * Y4 + dy_column];
            }
            workgroupBarrier();
            x_tile[thread] = from_x;
            dy_tile[thread] = from_dy;
            workgroupBarrier();
            for (var c = 0u; c < STEP; c++) {
                let left = x_tile[c * TILE4 + local.y];
                let right = dy_tile[c * TILE4 + local.x];
                for (var r = 0u; r < 4u; r++) {
                    sum[r] += left[r] * right;
                }
            }
        }
    }

    for (var r = 0u; r < 4u; r++) {
        let m = (group.x / ACROSS * TILE4 + local.y) * 4u + r;
        if m < C_IN && dy_column < Y4 {
            partial[(listed * C_IN + m) * Y4 + dy_column] = sum[r];
        }
    }
}
