// y[q, b, n] = Σ_(p, t) ∈ taps(q) Σ_k x[p, b, k] · w[t, k, n]
// Dispatch: (⌈C_OUT / (4·LANES·COLUMNS)⌉·⌈BATCH / (LANES·BLOCKS)⌉, FOLD, ⌈Q / FOLD⌉), rows folded.
// Constants: BATCH, C_IN, C_OUT (multiples of 4), BLOCKS (1 to 4), COLUMNS (1 or 2), Q, FOLD.
// Method: one subgroup of exactly 8 (native only: software Vulkan), no barrier. A lane loads rows
// of x along the channels, owns 4·COLUMNS columns; a shuffle hands every lane the x it multiplies.
// Four channels meet in each sum before the next: the sums do not fit the registers.
@group(0) @binding(0) var<storage, read> rows: array<u32>;      // [Q, 3]: output q, first pair, end
@group(0) @binding(1) var<storage, read> pairs: array<vec2u>;   // [pairs]: input p, tap t
@group(0) @binding(2) var<storage, read> x: array<vec4f>;       // [P, BATCH, C_IN]
@group(0) @binding(3) var<storage, read> w: array<vec4f>;       // [T, C_IN, C_OUT]
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>; // [Q, BATCH, C_OUT]

const LANES = 8u;
const X4 = C_IN / 4u;
const W4 = C_OUT / 4u;
const ACROSS = (C_OUT + 4u * LANES * COLUMNS - 1u) / (4u * LANES * COLUMNS); // workgroups

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let listed = group.z * FOLD + group.y;
    if listed >= Q {
        return;
    }
    let lane = local.x;
    let first_row = group.x / ACROSS * LANES * BLOCKS;
    var row: array<u32, BLOCKS>; // rows past the end repeat the last one and are not stored
    for (var g = 0u; g < BLOCKS; g++) {
        row[g] = min(first_row + g * LANES + lane, BATCH - 1u);
    }
    var column: array<u32, COLUMNS>;
    for (var c = 0u; c < COLUMNS; c++) {
        column[c] = (group.x % ACROSS * COLUMNS + c) * LANES + lane;
    }

    let q = rows[3u * listed];
    let end = rows[3u * listed + 2u];
    var sum: array<vec4f, BLOCKS * LANES * COLUMNS>;
    for (var i = rows[3u * listed + 1u]; i < end; i++) {
        let pair = pairs[i];
        for (var k = 0u; k < X4; k++) {
            var from_x: array<vec4f, BLOCKS>;
            for (var g = 0u; g < BLOCKS; g++) {
                from_x[g] = x[(pair.x * BATCH + row[g]) * X4 + k];
            }
            var right: array<vec4f, 4u * COLUMNS>;
            for (var j = 0u; j < 4u; j++) {
                for (var c = 0u; c < COLUMNS; c++) {
                    right[j * COLUMNS + c] = w[(pair.y * C_IN + k * 4u + j) * W4 + min(column[c], W4 - 1u)];
                }
            }
            for (var g = 0u; g < BLOCKS; g++) {
                for (var r = 0u; r < LANES; r++) {
                    for (var j = 0u; j < 4u; j++) {
                        let left = subgroupShuffle(from_x[g][j], r);
                        for (var c = 0u; c < COLUMNS; c++) {
                            sum[(g * LANES + r) * COLUMNS + c] += left * right[j * COLUMNS + c];
                        }
                    }
                }
            }
        }
    }

    for (var c = 0u; c < COLUMNS; c++) {
        for (var r = 0u; r < LANES * BLOCKS; r++) {
            if first_row + r < BATCH && column[c] < W4 {
                y[(q * BATCH + first_row + r) * W4 + column[c]] = sum[r * COLUMNS + c];
            }
        }
    }
}
