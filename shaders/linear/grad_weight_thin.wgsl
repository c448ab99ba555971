// partial[s, t, m, n] = Σ_(p, q) ∈ share s of tap t  Σ_b x[p, b, m] · dy[q, b, n]
// Dispatch: (⌈⌈C_IN / ROWS⌉·⌈C_OUT / COLUMNS⌉ / THREADS⌉, FOLD, ⌈SHARES / FOLD⌉) workgroups, shares
// folded. SHARES is SPLITS·T.
// Constants: BATCH, C_IN, C_OUT, ROWS and COLUMNS (1 or 4) of an invocation, SHARES, FOLD.
// Method: for layers with any channel counts, and one channel above all; scalars straight from
// memory.
@group(0) @binding(0) var<storage, read> shares: array<vec2u>;      // [SPLITS, T]: first pair, end
@group(0) @binding(1) var<storage, read> pairs: array<vec2u>;       // [pairs]: input p, output q
@group(0) @binding(2) var<storage, read> x: array<f32>;             // [P, BATCH, C_IN]
@group(0) @binding(3) var<storage, read> dy: array<f32>;            // [Q, BATCH, C_OUT]
@group(0) @binding(4) var<storage, read_write> partial: array<f32>; // [SPLITS, T, C_IN, C_OUT]

const THREADS = 64u;
const ACROSS = (C_OUT + COLUMNS - 1u) / COLUMNS;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let listed = group.z * FOLD + group.y;
    let index = group.x * THREADS + local;
    let first_m = index / ACROSS * ROWS;
    let first_n = index % ACROSS * COLUMNS;
    if first_m >= C_IN || listed >= SHARES {
        return;
    }
    let share = shares[listed];
    var sum: array<f32, ROWS * COLUMNS>;
    for (var i = share.x; i < share.y; i++) {
        let pair = pairs[i];
        for (var b = 0u; b < BATCH; b++) {
            var right: array<f32, COLUMNS>;
            for (var c = 0u; c < COLUMNS; c++) {
                right[c] = dy[(pair.y * BATCH + b) * C_OUT + min(first_n + c, C_OUT - 1u)];
            }
            for (var r = 0u; r < ROWS; r++) {
                let left = x[(pair.x * BATCH + b) * C_IN + min(first_m + r, C_IN - 1u)];
                for (var c = 0u; c < COLUMNS; c++) {
                    sum[r * COLUMNS + c] += left * right[c];
                }
            }
        }
    }
    for (var r = 0u; r < ROWS; r++) {
        for (var c = 0u; c < COLUMNS; c++) {
            if first_m + r < C_IN && first_n + c < C_OUT {
                partial[(listed * C_IN + first_m + r) * C_OUT + first_n + c] = sum[r * COLUMNS + c];
            }
        }
    }
}
