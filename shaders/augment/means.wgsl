// means[b] = mean of image b of x over pixels and channels; with MASKED = 1, pixels of x that the
// draw fills count as 0, as the adjoint needs it
// Dispatch: (BATCH, 1, 1). Constants: BATCH, CHANNELS, MASKED (0 or 1), SEED and STEP (indices in
// `step`), those of the draw (common/augmentation.wgsl).
// Method: each invocation adds every 64th value; a fixed tree adds their sums.
@group(0) @binding(0) var<storage, read> x: array<f32>;           // [PIXELS, BATCH, CHANNELS]
@group(0) @binding(1) var<storage, read> step: array<u32>;        // [..]: seed, step, …
@group(0) @binding(2) var<storage, read_write> means: array<f32>; // [BATCH]

const THREADS = 64u;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let b = group.x;
    var d: Draw;
    if MASKED == 1u {
        d = draw(vec2u(step[SEED], step[SEED + 1u]), step[STEP], b);
    }
    var sum = 0.0;
    for (var i = local; i < PIXELS * CHANNELS; i += THREADS) {
        let p = i / CHANNELS;
        if MASKED == 0u || source(d, p) < PIXELS {
            sum += x[(p * BATCH + b) * CHANNELS + i % CHANNELS];
        }
    }
    let total = add_up(local, vec2f(sum, 0.0)).x;
    if local == 0u {
        means[b] = total / f32(PIXELS * CHANNELS);
    }
}
