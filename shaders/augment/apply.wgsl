// y = cut(shift(contrast(brighten(mirror(x))))) for each image b; contrast(x) = x + k·(x − mean);
// what is cut or vacated takes its channel's FILL. Where BRIGHTNESS and FILL are 0: the linear part
// Dispatch: one invocation an element, flat. Constants: SIZE, BATCH, CHANNELS, FILL0, FILL1, FILL2,
// SEED and STEP (indices in `step`), those of the draw (common/augmentation.wgsl), GROUPS_X.
// Method: gathers (DiffAugment, Zhao et al. 2020). Brightness is added last: it moves the mean too,
// so that contrast leaves it as it is.
@group(0) @binding(0) var<storage, read> x: array<f32>;       // [PIXELS, BATCH, CHANNELS]
@group(0) @binding(1) var<storage, read> means: array<f32>;   // [BATCH]: of x, if CONTRAST
@group(0) @binding(2) var<storage, read> step: array<u32>;    // [..]: seed, step, …
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // [PIXELS, BATCH, CHANNELS]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let c = i % CHANNELS;
    let b = i / CHANNELS % BATCH;
    let d = draw(vec2u(step[SEED], step[SEED + 1u]), step[STEP], b);
    let p = source(d, i / (CHANNELS * BATCH));
    var value = select(select(FILL2, FILL1, c == 1u), FILL0, c == 0u);
    if p < PIXELS {
        value = x[(p * BATCH + b) * CHANNELS + c];
        if CONTRAST > 0.0 {
            value += d.contrast * (value - means[b]);
        }
        if BRIGHTNESS > 0.0 {
            value += d.brightness;
        }
    }
    y[i] = value;
}
