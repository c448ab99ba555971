// y[q, b, n] = Σ_(p, t) ∈ taps(q) Σ_k x[p, b, k] · w[t, k, n]        (convolution, transposed convolution, dense)
// Dispatch: (⌈C_OUT / 32⌉·⌈BATCH / 32⌉, FOLD, ⌈Q / FOLD⌉) workgroups, rows folded.
// Constants: BATCH, C_IN, C_OUT (channels multiples of 4), Q, FOLD.
// Method: a workgroup of 8×8 invocations owns 32×32 outputs of one pixel, 4×4 each; slices of 8 channels of x
// (transposed) and w pass through workgroup memory.
@group(0) @binding(0) var<storage, read> rows: array<u32>;           // [Q, 3]: output pixel q, first pair, end
@group(0) @binding(1) var<storage, read> pairs: array<vec2u>;        // [pairs]: input pixel p, tap t
@group(0) @binding(2) var<storage, read> x: array<vec4f>;            // [P, BATCH, C_IN]
@group(0) @binding(3) var<storage, read> w: array<vec4f>;            // [T, C_IN, C_OUT]
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;      // [Q, BATCH, C_OUT]

const TILE = 32u;
const STEP = 8u;
const PITCH = TILE + 1u; // one column of padding keeps the transposed writes off each other's banks
const X4 = C_IN / 4u;
const W4 = C_OUT / 4u;
const ACROSS = (C_OUT + 31u) / 32u; // workgroups across C_OUT

var<workgroup> x_tile: array<f32, STEP * PITCH>;       // [k, row]
var<workgroup> w_tile: array<vec4f, STEP * TILE / 4u>; // [k, column / 4]

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let listed = group.z * FOLD + group.y;
    if listed >= Q {
        return;
    }
    let thread = local.y * 8u + local.x;
    let first_row = group.x / ACROSS * TILE;
    let first_column = group.x % ACROSS * (TILE / 4u);

    // What this invocation copies: four channels of one row of x, four columns of one channel of w.
    let x_row = first_row + thread / 2u;
    let x_part = thread % 2u;
    let w_channel = thread / 8u;
    let w_column = first_column + thread % 8u;

    let q = rows[3u * listed];
    let end = rows[3u * listed + 2u];
    var sum: array<vec4f, 4>;
    for (var i = rows[3u * listed + 1u]; i < end; i++) {
        let pair = pairs[i];
        for (var k = 0u; k < C_IN; k += STEP) {
            var from_x = vec4f();
            if x_row < BATCH && k / 4u + x_part < X4 {
                from_x = x[(pair.x * BATCH + x_row) * X4 + k / 4u + x_part];
            }
            var from_w = vec4f();
            if w_column < W4 && k + w_channel < C_IN {
                from_w = w[(pair.y * C_IN + k + w_channel) * W4 + w_column];
            }
            workgroupBarrier();
            for (var c = 0u; c < 4u; c++) {
                x_tile[(x_part * 4u + c) * PITCH + thread / 2u] = from_x[c];
            }
            w_tile[thread] = from_w;
            workgroupBarrier();
            for (var c = 0u; c < STEP; c++) {
                let right = w_tile[c * 8u + local.x];
                for (var r = 0u; r < 4u; r++) {
                    sum[r] += x_tile[c * PITCH + local.y * 4u + r] * right;
                }
            }
        }
    }

    let column = first_column + local.x;
    for (var r = 0u; r < 4u; r++) {
        let row = first_row + local.y * 4u + r;
        if row < BATCH && column < W4 {
            y[(q * BATCH + row) * W4 + column] = sum[r];
        }
    }
}
