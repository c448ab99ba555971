// y[q, b, n] = Σ_(p, t) ∈ taps(q) Σ_k x[p, b, k] · w[t, k, n]
// Dispatch: (⌈C_OUT / (COLUMNS·ACROSS)⌉·⌈BATCH / (ROWS·DOWN)⌉, FOLD, ⌈Q / FOLD⌉), rows folded.
// Constants: BATCH, C_IN, C_OUT, COLUMNS (these three multiples of 4), ACROSS, DOWN, ROWS, STEP, Q,
// FOLD. Method: ACROSS × DOWN invocations own a tile of outputs of one pixel, ROWS × COLUMNS each;
// slices of STEP channels of x (transposed) and w pass through workgroup memory, copied in equal
// parts by all invocations.
@group(0) @binding(0) var<storage, read> rows: array<u32>;      // [Q, 3]: output q, first pair, end
@group(0) @binding(1) var<storage, read> pairs: array<vec2u>;   // [pairs]: input p, tap t
@group(0) @binding(2) var<storage, read> x: array<vec4f>;       // [P, BATCH, C_IN]
@group(0) @binding(3) var<storage, read> w: array<vec4f>;       // [T, C_IN, C_OUT]
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>; // [Q, BATCH, C_OUT]

const TILE_ROWS = DOWN * ROWS;
const TILE4 = ACROSS * COLUMNS / 4u; // vec4s across a tile
const OWN4 = COLUMNS / 4u; // vec4s across an invocation's outputs
const THREADS = ACROSS * DOWN;
const PITCH = TILE_ROWS + 1u; // padding keeps transposed writes off each other's banks
const X_PARTS = TILE_ROWS * STEP / 4u / THREADS; // vec4s that an invocation copies
const W_PARTS = TILE4 * STEP / THREADS;
const X4 = C_IN / 4u;
const W4 = C_OUT / 4u;
const TILES_ACROSS = (W4 + TILE4 - 1u) / TILE4;

var<workgroup> x_tile: array<f32, STEP * PITCH>;   // [k, row]
var<workgroup> w_tile: array<vec4f, STEP * TILE4>; // [k, column / 4]

@compute @workgroup_size(ACROSS, DOWN)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let listed = group.z * FOLD + group.y;
    if listed >= Q {
        return;
    }
    let thread = local.y * ACROSS + local.x;
    let first_row = group.x / TILES_ACROSS * TILE_ROWS;
    let first_column = group.x % TILES_ACROSS * TILE4;
    let q = rows[3u * listed];
    let end = rows[3u * listed + 2u];
    var sum: array<vec4f, ROWS * OWN4>;
    for (var i = rows[3u * listed + 1u]; i < end; i++) {
        let pair = pairs[i];
        for (var k = 0u; k < C_IN; k += STEP) {
            // Set to zero by hand: some compilers keep a variable's value from one trip of a loop
            // to the next.
            var from_x: array<vec4f, X_PARTS>;
            for (var c = 0u; c < X_PARTS; c++) {
                let part = c * THREADS + thread;
                let row = first_row + part / (STEP / 4u);
                let channel4 = k / 4u + part % (STEP / 4u);
                from_x[c] = vec4f();
                if row < BATCH && channel4 < X4 {
                    from_x[c] = x[(pair.x * BATCH + row) * X4 + channel4];
                }
            }
            var from_w: array<vec4f, W_PARTS>;
            for (var c = 0u; c < W_PARTS; c++) {
                let part = c * THREADS + thread;
                let channel = k + part / TILE4;
                let column = first_column + part % TILE4;
                from_w[c] = vec4f();
                if channel < C_IN && column < W4 {
                    from_w[c] = w[(pair.y * C_IN + channel) * W4 + column];
                }
            }
            workgroupBarrier();
            for (var c = 0u; c < X_PARTS; c++) {
                let part = c * THREADS + thread;
                for (var j = 0u; j < 4u; j++) {
                    x_tile[(part % (STEP / 4u) * 4u + j) * PITCH + part / (STEP / 4u)] = from_x[c][j];
                }
            }
            for (var c = 0u; c < W_PARTS; c++) {
                w_tile[c * THREADS + thread] = from_w[c];
            }
            workgroupBarrier();
            for (var j = 0u; j < STEP; j++) {
                for (var c = 0u; c < OWN4; c++) {
                    let right = w_tile[j * TILE4 + c * ACROSS + local.x];
                    for (var r = 0u; r < ROWS; r++) {
                        sum[r * OWN4 + c] += x_tile[j * PITCH + local.y * ROWS + r] * right;
                    }
                }
            }
        }
    }

    for (var r = 0u; r < ROWS; r++) {
        let row = first_row + local.y * ROWS + r;
        for (var c = 0u; c < OWN4; c++) {
            let column = first_column + c * ACROSS + local.x;
            if row < BATCH && column < W4 {
                y[(q * BATCH + row) * W4 + column] = sum[r * OWN4 + c];
            }
        }
    }
}
