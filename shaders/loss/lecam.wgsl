// l real: dl += 2·WEIGHT/B · relu(l − a_f), value WEIGHT · mean relu(l − a_f)²; l generated: dl −=
// 2·WEIGHT/B · relu(a_r − l), value likewise; a: running means of both kinds (Tseng et al. 2021).
// Dispatch: (1, 1, 1). Constants: BATCH, STRIDE, IS_REAL, WEIGHT, START (step from which it counts),
// KEPT and NEW (decay, 1 − decay), STEP (index in `step`), COLUMN, RING_ROWS, RING_COLUMNS.
// Method: both kinds meet the means of the update before: real images put theirs aside, in means[2],
// and generated ones, which come second, make both new. NaN stays NaN by bits.
@group(0) @binding(0) var<storage, read> logits: array<f32>;    // [BATCH, STRIDE]: the first of each
@group(0) @binding(1) var<storage, read> step: array<u32>;      // [..]: seed, step, …
@group(0) @binding(2) var<storage, read_write> means: array<f32>; // [3]: a_r, a_f, the next a_r
@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>; // [BATCH, STRIDE]
@group(0) @binding(4) var<storage, read_write> ring: array<f32>; // [RING_ROWS, RING_COLUMNS]

const THREADS = 64u;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) local: u32) {
    let weight = select(0.0, WEIGHT, step[STEP] >= START);
    let sign = select(-1.0, 1.0, IS_REAL == 1u);
    let anchor = means[IS_REAL];
    var sum = vec2f();
    for (var b = local; b < BATCH; b += THREADS) {
        let l = logits[b * STRIDE];
        let far = max(sign * (l - anchor), 0.0);
        sum += vec2f(l, put_over(nan_bits(l), far * far));
        dlogits[b * STRIDE] += 2.0 * weight / f32(BATCH) * sign * far;
    }
    let total = add_up(local, sum);
    if local == 0u {
        let mean = total.x / f32(BATCH);
        ring[step[STEP] % RING_ROWS * RING_COLUMNS + COLUMN] = weight * total.y / f32(BATCH);
        if IS_REAL == 1u {
            means[2] = KEPT * means[0] + NEW * mean;
        } else {
            means[0] = means[2];
            means[1] = KEPT * means[1] + NEW * mean;
        }
    }
}
