// y[i] = x[i] / (1 − RATE) where a random word says keep, 0 elsewhere; the same for the gradient
// Dispatch: one invocation for four elements, flat. Constants: SIZE (of vec4s), THRESHOLD (RATE ·
// 2³²), KEEP_SCALE (1 / (1 − RATE)), SEED and STEP (indices in `step`), STREAM, PART, GROUPS_X.
// Method: Philox counters make the mask; the backward pass remakes it (Srivastava et al. 2014).
@group(0) @binding(0) var<storage, read> x: array<vec4f>;       // [SIZE]
@group(0) @binding(1) var<storage, read> step: array<u32>;      // [..]: seed, step, …
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [SIZE]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let random = philox(vec2u(step[SEED], step[SEED + 1u]), vec4u(i, step[STEP], STREAM, PART));
    y[i] = select(vec4f(), x[i] * KEEP_SCALE, random >= vec4u(THRESHOLD));
}
