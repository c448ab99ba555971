// loss = mean over b of softplus(l) − TARGET·l, the cross-entropy of σ(l) with a soft label; its
// gradient dl = (σ(l) − TARGET)/B. Dispatch: (1, 1, 1).
// Constants: BATCH, TARGET, STEP (index in `step`), COLUMN (of the row), RING_ROWS, RING_COLUMNS.
// Method: softplus(l) = max(l, 0) + ln(1 + e^−|l|). One workgroup; a fixed tree adds its sums. A
// logit that is NaN or infinite makes NaN of its gradient, the loss and mean D(x), by bits: max and
// select would not.
@group(0) @binding(0) var<storage, read> logits: array<f32>;    // [BATCH]
@group(0) @binding(1) var<storage, read> step: array<u32>;      // [8]: seed, step, …
@group(0) @binding(2) var<storage, read_write> dlogits: array<f32>; // [BATCH]
@group(0) @binding(3) var<storage, read_write> ring: array<f32>; // [RING_ROWS, RING_COLUMNS]

const THREADS = 64u;

var<workgroup> sums: array<vec2f, THREADS>; // Σ loss, Σ sigmoid
var<workgroup> spoilt: array<u32, THREADS>; // the bits of a NaN, or 0

// Bits that make NaN of any float they are put over: those of a NaN where l is none or infinite,
// else 0.
fn nan_bits(l: f32) -> u32 {
    return select(0u, 0x7fc00000u, (bitcast<u32>(l) & 0x7fffffffu) >= 0x7f800000u);
}

fn put_over(bits: u32, x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) | bits);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) local: u32) {
    var sum = vec2f();
    var bad = 0u;
    for (var b = local; b < BATCH; b += THREADS) {
        let l = logits[b];
        let s = sigmoid(l);
        sum += vec2f(max(l, 0.0) - TARGET * l + log1p(exp(-abs(l))), s);
        bad |= nan_bits(l);
        dlogits[b] = put_over(nan_bits(l), (s - TARGET) / f32(BATCH));
    }
    sums[local] = sum;
    spoilt[local] = bad;
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if local < half {
            sums[local] += sums[local + half];
            spoilt[local] |= spoilt[local + half];
        }
    }
    if local == 0u {
        let row = step[STEP] % RING_ROWS * RING_COLUMNS;
        ring[row + COLUMN] = put_over(spoilt[0], sums[0].x / f32(BATCH));
        ring[row + COLUMN + 1u] = put_over(spoilt[0], sums[0].y / f32(BATCH));
    }
}
