// y[q, b, n] = Σ_(p, t) ∈ taps(q) Σ_k x[p, b, k] · w[t, k, n]
// Dispatch: (⌈BATCH / (THREADS·ROWS)⌉, FOLD, ⌈Q / FOLD⌉) workgroups, rows folded.
// Constants: BATCH, C_IN (a multiple of 4), C_OUT (1 to 3), THREADS, ROWS, Q, FOLD.
// Method: for layers that lead to few channels, such as images; every x is used for C_OUT products
// alone. An invocation owns all C_OUT outputs of ROWS samples and reads vec4s along the channels.
@group(0) @binding(0) var<storage, read> rows: array<u32>;    // [Q, 3]: output q, first pair, end
@group(0) @binding(1) var<storage, read> pairs: array<vec2u>; // [pairs]: input p, tap t
@group(0) @binding(2) var<storage, read> x: array<vec4f>;     // [P, BATCH, C_IN]
@group(0) @binding(3) var<storage, read> w: array<vec4f>;     // [T, C_IN, C_OUT]
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // [Q, BATCH, C_OUT]

const X4 = C_IN / 4u;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let listed = group.z * FOLD + group.y;
    if listed >= Q {
        return;
    }
    var row: array<u32, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
        row[r] = (group.x * ROWS + r) * THREADS + local;
    }
    let q = rows[3u * listed];
    let end = rows[3u * listed + 2u];
    var sum: array<f32, ROWS * C_OUT>;
    for (var i = rows[3u * listed + 1u]; i < end; i++) {
        let pair = pairs[i];
        for (var k = 0u; k < X4; k++) {
            var right: array<vec4f, C_OUT>; // [4, C_OUT]: four channels' weights
            for (var n = 0u; n < C_OUT; n++) {
                right[n] = w[(pair.y * X4 + k) * C_OUT + n];
            }
            for (var r = 0u; r < ROWS; r++) {
                let left = x[(pair.x * BATCH + min(row[r], BATCH - 1u)) * X4 + k];
                for (var n = 0u; n < C_OUT; n++) {
                    for (var j = 0u; j < 4u; j++) {
                        sum[r * C_OUT + n] += left[j] * right[(j * C_OUT + n) / 4u][(j * C_OUT + n) % 4u];
                    }
                }
            }
        }
    }
    for (var r = 0u; r < ROWS; r++) {
        for (var n = 0u; n < C_OUT; n++) {
            if row[r] < BATCH {
                y[(q * BATCH + row[r]) * C_OUT + n] = sum[r * C_OUT + n];
            }
        }
    }
}
