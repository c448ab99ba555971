// table[k, g, c] += Σ dy[g, r, FIRST + c] over the rows r whose label is k, r ascending: the
// gradient of a table with a row for each class. Row r belongs to sample r mod BATCH.
// Dispatch: one invocation for each of SIZE elements of the table, flat. Constants: SIZE, FEATURES
// (groups·CHANNELS), CHANNELS, ROWS, BATCH, STRIDE (columns of dy), FIRST, GROUPS_X.
// Method: every element looks at all labels, so one that is no class changes nothing.
@group(0) @binding(0) var<storage, read> labels: array<u32>;      // [BATCH]
@group(0) @binding(1) var<storage, read> dy: array<f32>;          // [groups, ROWS, STRIDE]
@group(0) @binding(2) var<storage, read_write> table: array<f32>; // [classes, groups, CHANNELS]

@compute @workgroup_size(FLAT_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = flat_index(group, local);
    if i >= SIZE {
        return;
    }
    let class_of_element = i / FEATURES;
    let start = i % FEATURES / CHANNELS * ROWS * STRIDE + FIRST + i % CHANNELS;
    var sum = 0.0;
    for (var r = 0u; r < ROWS; r++) {
        if labels[r % BATCH] == class_of_element {
            sum += dy[start + r * STRIDE];
        }
    }
    table[i] += sum;
}
