// partial[s, k] = Σ over share s of the rows r = (q, c) of w[q, k, c] · u[r]: Wᵀu in shares
// Dispatch: (groups of THREADS / LANES columns, folded by GROUPS_X; SPLITS in z). Constants: BLOCKS,
// COLUMNS, CHANNELS (w is [q][k][c]), LANES (a power of 2, at most THREADS), SHARE, GROUPS_X.
// Method: LANES invocations read neighbouring c of one column; a share is SHARE runs of LANES rows.
// A fixed tree adds the lanes.
@group(0) @binding(0) var<storage, read> w: array<f32>;             // [BLOCKS, COLUMNS, CHANNELS]
@group(0) @binding(1) var<storage, read> u: array<f32>;             // [BLOCKS, CHANNELS]
@group(0) @binding(2) var<storage, read_write> partial: array<f32>; // [SPLITS, COLUMNS]

const THREADS = 64u;
const RUNS = (CHANNELS + LANES - 1u) / LANES; // of a block's rows

var<workgroup> sums: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let lane = local % LANES;
    let k = (group.y * GROUPS_X + group.x) * (THREADS / LANES) + local / LANES;
    let first = group.z * SHARE;
    var sum = 0.0;
    for (var run = first; run < min(first + SHARE, BLOCKS * RUNS); run++) {
        let q = run / RUNS;
        let c = run % RUNS * LANES + lane;
        if k < COLUMNS && c < CHANNELS {
            sum += w[(q * COLUMNS + k) * CHANNELS + c] * u[q * CHANNELS + c];
        }
    }
    sums[local] = sum;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            sums[local] += sums[local + half];
        }
    }
    if lane == 0u && k < COLUMNS {
        partial[group.z * COLUMNS + k] = sums[local];
    }
}
