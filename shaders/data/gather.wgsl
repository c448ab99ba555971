// x[p, b, c] = images[indices[b], p, c] · SCALE + OFFSET + NOISE · N(0, 1): normalised images
// Dispatch: one invocation an element, flat. Constants: SIZE, BATCH, PIXELS, CHANNELS, SCALE,
// OFFSET, NOISE, SEED and STEP (indices in `step`), STREAM, PART, GROUPS_X.
// Method: the noise is a sum of 16 uniform 16-bit integers (central limit): exact, so every device
// draws the same bits.
@group(0) @binding(0) var<storage, read> images: array<u32>;  // [N, PIXELS, CHANNELS] bytes
@group(0) @binding(1) var<storage, read> indices: array<u32>; // [BATCH]
@group(0) @binding(2) var<storage, read> step: array<u32>;    // [..]: seed, step, …
@group(0) @binding(3) var<storage, read_write> x: array<f32>; // [PIXELS, BATCH, CHANNELS]

fn halves(words: vec4u) -> u32 {
    let sum = (words & vec4u(0xffffu)) + (words >> vec4u(16u));
    return sum.x + sum.y + sum.z + sum.w;
}

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let c = i % CHANNELS;
    let b = i / CHANNELS % BATCH;
    let p = i / (CHANNELS * BATCH);
    let byte = (indices[b] * PIXELS + p) * CHANNELS + c;
    let value = f32((images[byte / 4u] >> (byte % 4u * 8u)) & 0xffu);
    var noise = 0.0;
    if NOISE > 0.0 {
        let seed = vec2u(step[SEED], step[SEED + 1u]);
        let sum = halves(philox(seed, vec4u(2u * i, step[STEP], STREAM, PART)))
            + halves(philox(seed, vec4u(2u * i + 1u, step[STEP], STREAM, PART)));
        // Sixteen uniform integers of 0 … 65535 have mean 524280 and variance 16 · (2³² − 1) / 12.
        noise = (f32(sum) - 524280.0) * (1.0 / 75674.4545);
    }
    x[i] = value * SCALE + OFFSET + NOISE * noise;
}
