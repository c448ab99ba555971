// deviation = √(Σ x²/n − (Σ x/n)²) over all n values of a batch of images, from the sums of each
// Dispatch: (1, 1, 1). Constants: BATCH, VALUES (of a sample).
// Method: images lie in [−1, 1] and vary, so the difference of squares loses little; NaN stays NaN.
@group(0) @binding(0) var<storage, read> sums: array<f32>;           // [2, BATCH]
@group(0) @binding(1) var<storage, read_write> deviation: array<f32>; // [1]

const THREADS = 64u;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) local: u32) {
    var sum = vec2f();
    for (var b = local; b < BATCH; b += THREADS) {
        sum += vec2f(sums[b], sums[BATCH + b]);
    }
    let total = add_up(local, sum);
    if local == 0u {
        let means = total / (f32(BATCH) * f32(VALUES));
        let variance = means.y - means.x * means.x;
        deviation[0] = sqrt(put_over(nan_bits(variance), max(variance, 0.0)));
    }
}
