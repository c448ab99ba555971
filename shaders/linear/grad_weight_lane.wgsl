// partial[s, t, m, n] = Σ_(p, q) ∈ share s of tap t  Σ_b x[p, b, m] · dy[q, b, n]
// Dispatch: (⌈C_OUT / (4·LANES·COLUMNS)⌉·⌈C_IN / (4·BLOCKS)⌉, FOLD, ⌈SHARES / FOLD⌉), folded.
// Constants: BATCH, C_IN, C_OUT (multiples of 4), BLOCKS (to 8), COLUMNS (1 or 2), SHARES, FOLD.
// Method: one subgroup of exactly 8 (native only: software Vulkan), no barrier. A lane loads one
// of 8 samples of x and owns 4·COLUMNS columns; a shuffle hands every lane the x it multiplies.
// Eight samples meet in each sum before the next: the sums do not fit the registers.
@group(0) @binding(0) var<storage, read> shares: array<vec2u>;       // [SPLITS, T]: first pair, end
@group(0) @binding(1) var<storage, read> pairs: array<vec2u>;        // [pairs]: input p, output q
@group(0) @binding(2) var<storage, read> x: array<vec4f>;            // [P, BATCH, C_IN]
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;           // [Q, BATCH, C_OUT]
@group(0) @binding(4) var<storage, read_write> partial: array<vec4f>; // [SPLITS, T, C_IN, C_OUT]

const LANES = 8u;
const X4 = C_IN / 4u;
const Y4 = C_OUT / 4u;
const ACROSS = (C_OUT + 4u * LANES * COLUMNS - 1u) / (4u * LANES * COLUMNS); // workgroups

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let listed = group.z * FOLD + group.y;
    if listed >= SHARES {
        return;
    }
    let lane = local.x;
    var column: array<u32, COLUMNS>;
    for (var c = 0u; c < COLUMNS; c++) {
        column[c] = (group.x % ACROSS * COLUMNS + c) * LANES + lane;
    }
    let share = shares[listed];
    var sum: array<vec4f, BLOCKS * 4u * COLUMNS>;
    for (var i = share.x; i < share.y; i++) {
        let pair = pairs[i];
        for (var first = 0u; first < BATCH; first += LANES) {
            let b = first + lane;
            var from_x: array<vec4f, BLOCKS>;
            for (var g = 0u; g < BLOCKS; g++) {
                let address = (pair.x * BATCH + min(b, BATCH - 1u)) * X4 + min(group.x / ACROSS * BLOCKS + g, X4 - 1u);
                from_x[g] = select(vec4f(), x[address], b < BATCH);
            }
            var right: array<vec4f, LANES * COLUMNS>;
            for (var l = 0u; l < LANES; l++) {
                for (var c = 0u; c < COLUMNS; c++) {
                    let address = (pair.y * BATCH + min(first + l, BATCH - 1u)) * Y4 + min(column[c], Y4 - 1u);
                    right[l * COLUMNS + c] = dy[address];
                }
            }
            for (var g = 0u; g < BLOCKS; g++) {
                for (var j = 0u; j < 4u; j++) {
                    for (var l = 0u; l < LANES; l++) {
                        let left = subgroupShuffle(from_x[g][j], l);
                        for (var c = 0u; c < COLUMNS; c++) {
                            sum[(g * 4u + j) * COLUMNS + c] += left * right[l * COLUMNS + c];
                        }
                    }
                }
            }
        }
    }

    for (var c = 0u; c < COLUMNS; c++) {
        for (var r = 0u; r < BLOCKS * 4u; r++) {
            let m = group.x / ACROSS * BLOCKS * 4u + r;
            if m < C_IN && column[c] < Y4 {
                partial[(listed * C_IN + m) * Y4 + column[c]] = sum[r * COLUMNS + c];
            }
        }
    }
}
