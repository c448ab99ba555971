// partial[s, t, m, n] = Σ_(p, q) ∈ share s of tap t  Σ_b x[p, b, m] · dy[q, b, n]
// Dispatch: (⌈C_OUT / (COLUMNS·ACROSS)⌉·⌈C_IN / (ROWS·DOWN)⌉, FOLD, ⌈SHARES / FOLD⌉), folded.
// Constants: BATCH, C_IN, C_OUT, ROWS, COLUMNS (these four multiples of 4), ACROSS, DOWN, STEP,
// SHARES, FOLD. Method: ACROSS × DOWN invocations own a tile of the weights of one tap, ROWS ×
// COLUMNS each; slices of STEP samples of x and dy pass through workgroup memory, copied in equal
// parts by all invocations. `reduce/add_partials` adds the shares, always in the same order.
@group(0) @binding(0) var<storage, read> shares: array<vec2u>;       // [SPLITS, T]: first pair, end
@group(0) @binding(1) var<storage, read> pairs: array<vec2u>;        // [pairs]: input p, output q
@group(0) @binding(2) var<storage, read> x: array<vec4f>;            // [P, BATCH, C_IN]
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;           // [Q, BATCH, C_OUT]
@group(0) @binding(4) var<storage, read_write> partial: array<vec4f>; // [SPLITS, T, C_IN, C_OUT]

const X_TILE4 = DOWN * ROWS / 4u; // vec4s across a slice of x
const Y_TILE4 = ACROSS * COLUMNS / 4u; // vec4s across a slice of dy
const OWN_X4 = ROWS / 4u; // vec4s of an invocation's share
const OWN_Y4 = COLUMNS / 4u;
const THREADS = ACROSS * DOWN;
const X_PARTS = X_TILE4 * STEP / THREADS; // vec4s that an invocation copies
const Y_PARTS = Y_TILE4 * STEP / THREADS;
const X4 = C_IN / 4u;
const Y4 = C_OUT / 4u;
const TILES_ACROSS = (Y4 + Y_TILE4 - 1u) / Y_TILE4;

var<workgroup> x_tile: array<vec4f, STEP * X_TILE4>;  // [sample, m / 4]
var<workgroup> dy_tile: array<vec4f, STEP * Y_TILE4>; // [sample, n / 4]

@compute @workgroup_size(ACROSS, DOWN)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let listed = group.z * FOLD + group.y;
    if listed >= SHARES {
        return;
    }
    let thread = local.y * ACROSS + local.x;
    let first_x = group.x / TILES_ACROSS * X_TILE4;
    let first_dy = group.x % TILES_ACROSS * Y_TILE4;
    let share = shares[listed];
    var sum: array<vec4f, ROWS * OWN_Y4>;
    for (var i = share.x; i < share.y; i++) {
        let pair = pairs[i];
        for (var first = 0u; first < BATCH; first += STEP) {
            // Set to zero by hand: some compilers keep a variable's value from one trip of a loop
            // to the next.
            var from_x: array<vec4f, X_PARTS>;
            for (var c = 0u; c < X_PARTS; c++) {
                let part = c * THREADS + thread;
                let b = first + part / X_TILE4;
                let column = first_x + part % X_TILE4;
                from_x[c] = vec4f();
                if b < BATCH && column < X4 {
                    from_x[c] = x[(pair.x * BATCH + b) * X4 + column];
                }
            }
            var from_dy: array<vec4f, Y_PARTS>;
            for (var c = 0u; c < Y_PARTS; c++) {
                let part = c * THREADS + thread;
                let b = first + part / Y_TILE4;
                let column = first_dy + part % Y_TILE4;
                from_dy[c] = vec4f();
                if b < BATCH && column < Y4 {
                    from_dy[c] = dy[(pair.y * BATCH + b) * Y4 + column];
                }
            }
            workgroupBarrier();
            for (var c = 0u; c < X_PARTS; c++) {
                x_tile[c * THREADS + thread] = from_x[c];
            }
            for (var c = 0u; c < Y_PARTS; c++) {
                dy_tile[c * THREADS + thread] = from_dy[c];
            }
            workgroupBarrier();
            for (var j = 0u; j < STEP; j++) {
                for (var c = 0u; c < OWN_Y4; c++) {
                    let right = dy_tile[j * Y_TILE4 + c * ACROSS + local.x];
                    for (var r = 0u; r < ROWS; r++) {
                        sum[r * OWN_Y4 + c] += x_tile[j * X_TILE4 + local.y * OWN_X4 + r / 4u][r % 4u] * right;
                    }
                }
            }
        }
    }

    for (var r = 0u; r < ROWS; r++) {
        let m = (first_x + local.y * OWN_X4) * 4u + r;
        for (var c = 0u; c < OWN_Y4; c++) {
            let column = first_dy + c * ACROSS + local.x;
            if m < C_IN && column < Y4 {
                partial[(listed * C_IN + m) * Y4 + column] = sum[r * OWN_Y4 + c];
            }
        }
    }
}
