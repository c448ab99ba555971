// dx = g + k·(g − mean(g)) for each image b; g is dy shifted and mirrored back, 0 where pixels were
// lost: the adjoint of the linear part of `apply`, and so its gradient
// Dispatch: one invocation an element, flat. Constants: SIZE, BATCH, CHANNELS, SEED and STEP
// (indices in `step`), those of the draw (common/augmentation.wgsl), GROUPS_X.
// Method: gathers, since each pixel goes to at most one place; contrast is its own adjoint.
@group(0) @binding(0) var<storage, read> dy: array<f32>;       // [PIXELS, BATCH, CHANNELS]
@group(0) @binding(1) var<storage, read> means: array<f32>;    // [BATCH]: of g, if CONTRAST
@group(0) @binding(2) var<storage, read> step: array<u32>;     // [..]: seed, step, …
@group(0) @binding(3) var<storage, read_write> dx: array<f32>; // [PIXELS, BATCH, CHANNELS]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let c = i % CHANNELS;
    let b = i / CHANNELS % BATCH;
    let d = draw(vec2u(step[SEED], step[SEED + 1u]), step[STEP], b);
    let q = destination(d, i / (CHANNELS * BATCH));
    var value = 0.0;
    if q < PIXELS {
        value = dy[(q * BATCH + b) * CHANNELS + c];
    }
    if CONTRAST > 0.0 {
        value += d.contrast * (value - means[b]);
    }
    dx[i] = value;
}
