// y[q, b, n] = Σ_(p, t) ∈ taps(q) Σ_k x[p, b, k] · w[t, k, n]
// Dispatch: (⌈C_OUT / (SIDE·COLUMNS)⌉·⌈BATCH / (SIDE·ROWS)⌉, FOLD, ⌈Q / FOLD⌉), rows folded.
// Constants: BATCH, C_IN, C_OUT, ROWS, COLUMNS (1 or 4), STEP (a divisor of C_IN), Q, FOLD.
// Method: for layers with any channel counts, and one channel above all: an invocation owns ROWS ×
// COLUMNS outputs in registers and loads scalars; memory binds such layers, not arithmetic.
@group(0) @binding(0) var<storage, read> rows: array<u32>;    // [Q, 3]: output q, first pair, end
@group(0) @binding(1) var<storage, read> pairs: array<vec2u>; // [pairs]: input p, tap t
@group(0) @binding(2) var<storage, read> x: array<f32>;       // [P, BATCH, C_IN]
@group(0) @binding(3) var<storage, read> w: array<f32>;       // [T, C_IN, C_OUT]
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // [Q, BATCH, C_OUT]

const SIDE = 8u;
const ACROSS = (C_OUT + SIDE * COLUMNS - 1u) / (SIDE * COLUMNS); // workgroups

@compute @workgroup_size(SIDE, SIDE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let listed = group.z * FOLD + group.y;
    if listed >= Q {
        return;
    }
    let first_row = (group.x / ACROSS * SIDE + local.y) * ROWS;
    let first_column = (group.x % ACROSS * SIDE + local.x) * COLUMNS;
    let q = rows[3u * listed];
    let end = rows[3u * listed + 2u];
    var sum: array<f32, ROWS * COLUMNS>;
    for (var i = rows[3u * listed + 1u]; i < end; i++) {
        let pair = pairs[i];
        for (var first = 0u; first < C_IN; first += STEP) {
            for (var j = 0u; j < STEP; j++) { // unrolled
                let k = first + j;
                var right: array<f32, COLUMNS>;
                for (var c = 0u; c < COLUMNS; c++) {
                    right[c] = w[(pair.y * C_IN + k) * C_OUT + min(first_column + c, C_OUT - 1u)];
                }
                for (var r = 0u; r < ROWS; r++) {
                    let left = x[(pair.x * BATCH + min(first_row + r, BATCH - 1u)) * C_IN + k];
                    for (var c = 0u; c < COLUMNS; c++) {
                        sum[r * COLUMNS + c] += left * right[c];
                    }
                }
            }
        }
    }
    for (var r = 0u; r < ROWS; r++) {
        for (var c = 0u; c < COLUMNS; c++) {
            if first_row + r < BATCH && first_column + c < C_OUT {
                y[(q * BATCH + first_row + r) * C_OUT + first_column + c] = sum[r * COLUMNS + c];
            }
        }
    }
}
