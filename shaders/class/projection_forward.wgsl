// s[b] += Σ_(p, c) table[labels[b], c]·h[p, b, c]: what its class adds to a sample's logit (Miyato,
// Koyama 2018)
// Dispatch: (BATCH, 1, 1), a workgroup a sample. Constants: BATCH, PIXELS, CHANNELS. Labels are not
// checked.
// Method: each invocation adds every so many products; a fixed tree adds those sums.
@group(0) @binding(0) var<storage, read> h: array<f32>;       // [PIXELS, BATCH, CHANNELS]
@group(0) @binding(1) var<storage, read> labels: array<u32>;  // [BATCH]
@group(0) @binding(2) var<storage, read> table: array<f32>;   // [classes, CHANNELS]
@group(0) @binding(3) var<storage, read_write> s: array<f32>; // [BATCH]

const THREADS = 64u;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let b = group.x;
    let k = labels[b];
    var sum = 0.0;
    for (var i = local; i < PIXELS * CHANNELS; i += THREADS) {
        let c = i % CHANNELS;
        sum += table[k * CHANNELS + c] * h[(i / CHANNELS * BATCH + b) * CHANNELS + c];
    }
    let total = add_up(local, vec2f(sum, 0.0)).x;
    if local == 0u {
        s[b] += total;
    }
}
