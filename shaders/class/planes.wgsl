// y[p, i] = (x[p, i], plane[p, i, k] for each class k): an image's own channels, then constant ones,
// of ON for the class of its label and 0 for the others; ON 0 gives the linear part of this map
// Dispatch: one invocation an element of y, flat. Constants: SIZE (of y), IMAGES, CHANNELS (of an
// image of x), CLASSES, ON, GROUPS_X. Method: a sample may be a pack of images, each with a label.
@group(0) @binding(0) var<storage, read> x: array<f32>;       // [P, IMAGES, CHANNELS]
@group(0) @binding(1) var<storage, read> labels: array<u32>;  // [IMAGES]
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // [P, IMAGES, CHANNELS + CLASSES]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let row = i / (CHANNELS + CLASSES);
    let j = i % (CHANNELS + CLASSES);
    if j < CHANNELS {
        y[i] = x[row * CHANNELS + j];
    } else {
        y[i] = select(0.0, ON, labels[row % IMAGES] == j - CHANNELS);
    }
}
