// loss = mean over b of ln Σ_k e^l[b, k] − l[b, y], l = logits[b, 1..], y = labels[b]; its gradient,
// times WEIGHT: dl[b, k] += (softmax(l[b])[k] − [k = y])·WEIGHT/B. Column 0 is not touched.
// Dispatch: (1, 1, 1). Constants: BATCH, CLASSES, WEIGHT, STEP (index in `step`), COLUMN (of the
// row), RING_ROWS, RING_COLUMNS. Labels are not checked.
// Method: the largest exponent is 0. One workgroup; a fixed tree adds the losses. A class's logit that
// is NaN or infinite makes NaN of its sample's gradient and of the loss, by bits.
@group(0) @binding(0) var<storage, read> logits: array<f32>;    // [BATCH, 1 + CLASSES]
@group(0) @binding(1) var<storage, read> labels: array<u32>;    // [BATCH]
@group(0) @binding(2) var<storage, read> step: array<u32>;      // [8]: seed, step, …
@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>; // [BATCH, 1 + CLASSES]
@group(0) @binding(4) var<storage, read_write> ring: array<f32>; // [RING_ROWS, RING_COLUMNS]

const THREADS = 64u;

var<workgroup> sums: array<f32, THREADS>;
var<workgroup> spoilt: array<u32, THREADS>; // the bits of a NaN, or 0

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) local: u32) {
    var sum = 0.0;
    var bad = 0u;
    for (var b = local; b < BATCH; b += THREADS) {
        let first = b * (1u + CLASSES) + 1u;
        var bits = 0u;
        var likeliest = 0u;
        for (var k = 0u; k < CLASSES; k++) {
            bits |= nan_bits(logits[first + k]);
            likeliest = select(likeliest, k, logits[first + k] > logits[first + likeliest]);
        }
        let largest = logits[first + likeliest];
        var others = 0.0; // beside the likeliest, whose exponential is 1
        for (var k = 0u; k < CLASSES; k++) {
            others += select(exp(logits[first + k] - largest), 0.0, k == likeliest);
        }
        sum += largest - logits[first + labels[b]] + log1p(others);
        for (var k = 0u; k < CLASSES; k++) {
            let softmax = exp(logits[first + k] - largest) / (1.0 + others);
            let d = (softmax - select(0.0, 1.0, k == labels[b])) * (WEIGHT / f32(BATCH));
            dlogits[first + k] += put_over(bits, d);
        }
        bad |= bits;
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
        ring[step[STEP] % RING_ROWS * RING_COLUMNS + COLUMN] = put_over(spoilt[0], sums[0] / f32(BATCH));
    }
}
