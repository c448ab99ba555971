// y[b] = (x[b], table[labels[b]]): a sample's own values, then the row of its class
// Dispatch: one invocation an element of y, flat. Constants: SIZE (of y), INPUT (values of a sample
// of x), WIDTH (of a row of the table), GROUPS_X. Labels are not checked.
@group(0) @binding(0) var<storage, read> x: array<f32>;       // [BATCH, INPUT]
@group(0) @binding(1) var<storage, read> labels: array<u32>;  // [BATCH]
@group(0) @binding(2) var<storage, read> table: array<f32>;   // [classes, WIDTH]
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // [BATCH, INPUT + WIDTH]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let b = i / (INPUT + WIDTH);
    let j = i % (INPUT + WIDTH);
    if j < INPUT {
        y[i] = x[b * INPUT + j];
    } else {
        y[i] = table[labels[b] * WIDTH + j - INPUT];
    }
}
