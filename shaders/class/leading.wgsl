// y[r, c] = x[r, c], c < COLUMNS: the first columns of each row, which are the gradient of what a
// class was put behind
// Dispatch: one invocation an element of y, flat. Constants: SIZE (of y), COLUMNS (of y), STRIDE
// (columns of x), GROUPS_X.
@group(0) @binding(0) var<storage, read> x: array<f32>;       // [rows, STRIDE]
@group(0) @binding(1) var<storage, read_write> y: array<f32>; // [rows, COLUMNS]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    y[i] = x[i / COLUMNS * STRIDE + i % COLUMNS];
}
