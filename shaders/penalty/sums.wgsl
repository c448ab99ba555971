// sums[0, b] = Σ x[p, b, c], sums[1, b] = Σ x[p, b, c]² over pixels p and channels c of sample b
// Dispatch: one workgroup a sample. Constants: BATCH, CHANNELS, VALUES (of a sample).
// Method: each invocation adds every 64th value, a fixed tree the rest.
@group(0) @binding(0) var<storage, read> x: array<f32>;         // [P, BATCH, CHANNELS]
@group(0) @binding(1) var<storage, read_write> sums: array<f32>; // [2, BATCH]

const THREADS = 64u;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let b = group.x;
    var sum = vec2f();
    for (var i = local; i < VALUES; i += THREADS) {
        let value = x[(i / CHANNELS * BATCH + b) * CHANNELS + i % CHANNELS];
        sum += vec2f(value, value * value);
    }
    let total = add_up(local, sum);
    if local == 0u {
        sums[b] = total.x;
        sums[BATCH + b] = total.y;
    }
}
