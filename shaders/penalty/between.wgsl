// y[p, b, c] = α[b] · r[p, b, c] + (1 − α[b]) · f[p, b, c], α uniform in [0, 1): points between real
// and generated images (Gulrajani et al. 2017)
// Dispatch: one invocation an element, flat. Constants: SIZE, BATCH, CHANNELS, SEED and STEP
// (indices in `step`), STREAM, PART, GROUPS_X.
@group(0) @binding(0) var<storage, read> r: array<f32>;       // [P, BATCH, CHANNELS]
@group(0) @binding(1) var<storage, read> f: array<f32>;       // [P, BATCH, CHANNELS]
@group(0) @binding(2) var<storage, read> step: array<u32>;    // [..]: seed, step, …
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // [P, BATCH, CHANNELS]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let b = i / CHANNELS % BATCH;
    let words = philox(vec2u(step[SEED], step[SEED + 1u]), vec4u(b, step[STEP], STREAM, PART));
    let alpha = unit(words.x);
    y[i] = alpha * r[i] + (1.0 - alpha) * f[i];
}
