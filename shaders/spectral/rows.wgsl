// partial[s, r] = Σ over share s of the columns k of w[q, k, c] · v[k], for row r = (q, c): Wv in
// shares
// Dispatch: (runs of LANES rows, folded by GROUPS_X; SPLITS in z). Constants: BLOCKS, COLUMNS,
// CHANNELS (w is [q][k][c]), LANES (a power of 2, at most THREADS), SHARE (columns), GROUPS_X.
// Method: LANES invocations read neighbouring c, and THREADS / LANES such groups neighbouring
// columns, whose sums a fixed tree adds.
@group(0) @binding(0) var<storage, read> w: array<f32>;             // [BLOCKS, COLUMNS, CHANNELS]
@group(0) @binding(1) var<storage, read> v: array<f32>;             // [COLUMNS]
@group(0) @binding(2) var<storage, read_write> partial: array<f32>; // [SPLITS, BLOCKS, CHANNELS]

const THREADS = 64u;
const RUNS = (CHANNELS + LANES - 1u) / LANES; // of a block's rows

var<workgroup> sums: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let run = group.y * GROUPS_X + group.x;
    let q = run / RUNS;
    let c = run % RUNS * LANES + local % LANES;
    let real = q < BLOCKS && c < CHANNELS;
    let part = local / LANES;
    let first = group.z * SHARE;
    var sum = 0.0;
    for (var k = first + part; k < min(first + SHARE, COLUMNS); k += THREADS / LANES) {
        if real {
            sum += w[(q * COLUMNS + k) * CHANNELS + c] * v[k];
        }
    }
    sums[local] = sum;
    for (var half = THREADS / LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if part < half {
            sums[local] += sums[local + half * LANES];
        }
    }
    if part == 0u && real {
        partial[(group.z * BLOCKS + q) * CHANNELS + c] = sums[local];
    }
}
