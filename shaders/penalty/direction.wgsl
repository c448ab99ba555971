// n = ‖g[b]‖ = √sums[1, b]; value = WEIGHT · mean (n − CENTRE)²; factors[b] = its derivative with
// respect to g[b], divided by g[b]: 2·WEIGHT/B · (n − CENTRE)/n. R1 and R2: WEIGHT = γ/2, CENTRE = 0
// (Mescheder et al. 2018); WGAN-GP and DRAGAN: WEIGHT = λ, CENTRE = 1 (Gulrajani et al. 2017).
// Dispatch: (1, 1, 1). Constants: BATCH, WEIGHT, CENTRE, STEP (index in `step`), COLUMN (of the
// row), RING_ROWS, RING_COLUMNS.
@group(0) @binding(0) var<storage, read> sums: array<f32>;      // [2, BATCH]
@group(0) @binding(1) var<storage, read> step: array<u32>;      // [..]: seed, step, …
@group(0) @binding(2) var<storage, read_write> factors: array<f32>; // [BATCH]
@group(0) @binding(3) var<storage, read_write> ring: array<f32>; // [RING_ROWS, RING_COLUMNS]

const THREADS = 64u;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) local: u32) {
    var sum = 0.0;
    for (var b = local; b < BATCH; b += THREADS) {
        let square = sums[BATCH + b];
        // A gradient that vanishes, or is none, must neither divide by 0 nor become a number.
        let n = put_over(nan_bits(square), max(sqrt(square), 1e-12));
        let far = n - CENTRE;
        sum += far * far;
        factors[b] = 2.0 * WEIGHT / f32(BATCH) * (far / n);
    }
    let total = add_up(local, vec2f(sum, 0.0)).x;
    if local == 0u {
        ring[step[STEP] % RING_ROWS * RING_COLUMNS + COLUMN] = WEIGHT * total / f32(BATCH);
    }
}
