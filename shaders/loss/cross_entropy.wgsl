// loss = mean over b of ln Σ_k e^l[b, k] − l[b, y], l = logits[b, FIRST..], y = labels[b]; gradient,
// times WEIGHT: dl[b, k] = (softmax(l[b])[k] − [k = y])·WEIGHT/B, added if ADDS is 1. What is before
// FIRST stays. Dispatch: (1, 1, 1). Constants: BATCH, CLASSES, FIRST, ADDS, WEIGHT, STEP (index
// in `step`), COLUMN (of the row), RING_ROWS, RING_COLUMNS. Labels are not checked.
// Method: the largest exponent is 0. One workgroup; a fixed tree adds the losses. A class's logit
// that is NaN or infinite makes NaN of its sample's gradient and of the loss, by bits.
@group(0) @binding(0) var<storage, read> logits: array<f32>;    // [BATCH, FIRST + CLASSES]
@group(0) @binding(1) var<storage, read> labels: array<u32>;    // [BATCH]
@group(0) @binding(2) var<storage, read> step: array<u32>;      // [..]: seed, step, …
@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>; // [BATCH, FIRST + CLASSES]
@group(0) @binding(4) var<storage, read_write> ring: array<f32>; // [RING_ROWS, RING_COLUMNS]

const THREADS = 64u;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) local: u32) {
    var sum = 0.0;
    for (var b = local; b < BATCH; b += THREADS) {
        let first = b * (FIRST + CLASSES) + FIRST;
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
        sum += put_over(bits, largest - logits[first + labels[b]] + log1p(others));
        for (var k = 0u; k < CLASSES; k++) {
            let softmax = exp(logits[first + k] - largest) / (1.0 + others);
            let d = (softmax - select(0.0, 1.0, k == labels[b])) * (WEIGHT / f32(BATCH));
            dlogits[first + k] = select(0.0, dlogits[first + k], ADDS == 1u) + put_over(bits, d);
        }
    }
    let total = add_up(local, vec2f(sum, 0.0)).x;
    if local == 0u {
        ring[step[STEP] % RING_ROWS * RING_COLUMNS + COLUMN] = total / f32(BATCH);
    }
}
