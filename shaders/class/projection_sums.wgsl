// sums[s, b, c] = ds[b] · Σ h[p, b, c] over the pixels p of share s: what `class/grad_table` adds up
// to the gradient of the projection's table
// Dispatch: one invocation for each of SIZE = splits·COLUMNS sums, flat. Constants: SIZE, COLUMNS
// (batch·CHANNELS), CHANNELS, PIXELS, SHARE (pixels of a share), GROUPS_X.
@group(0) @binding(0) var<storage, read> h: array<f32>;          // [PIXELS, COLUMNS]
@group(0) @binding(1) var<storage, read> ds: array<f32>;         // [batch]
@group(0) @binding(2) var<storage, read_write> sums: array<f32>; // [splits, COLUMNS]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let first = i / COLUMNS * SHARE;
    let column = i % COLUMNS;
    var sum = 0.0;
    for (var p = first; p < min(first + SHARE, PIXELS); p++) {
        sum += h[p * COLUMNS + column];
    }
    sums[i] = ds[column / CHANNELS] * sum;
}
