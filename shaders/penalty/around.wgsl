// y[p, b, c] = r[p, b, c] + ½ · α[b] · d · u[p, b, c], α and u uniform in [0, 1), d the deviation of
// all values of r: points around real images (DRAGAN: Kodali et al. 2017)
// Dispatch: one invocation for four elements, flat. Constants: SIZE (of values), BATCH, CHANNELS,
// SEED and STEP (indices in `step`), STREAM (of α; that of u is the next), PART, GROUPS_X.
@group(0) @binding(0) var<storage, read> r: array<f32>;         // [P, BATCH, CHANNELS]
@group(0) @binding(1) var<storage, read> deviation: array<f32>; // [1]
@group(0) @binding(2) var<storage, read> step: array<u32>;      // [..]: seed, step, …
@group(0) @binding(3) var<storage, read_write> y: array<f32>;   // [P, BATCH, CHANNELS]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let block = flat_index(group, local);
    let seed = vec2u(step[SEED], step[SEED + 1u]);
    let words = philox(seed, vec4u(block, step[STEP], STREAM + 1u, PART));
    for (var lane = 0u; lane < 4u; lane++) {
        let i = 4u * block + lane;
        if i < SIZE {
            let alpha = unit(philox(seed, vec4u(i / CHANNELS % BATCH, step[STEP], STREAM, PART)).x);
            y[i] = r[i] + 0.5 * alpha * deviation[0] * unit(words[lane]);
        }
    }
}
